"""Connects to a server as slow and silent clients do; prints what came back to one that said everything, byte by byte."""

import socket
import ssl
import sys

HOST, ROOT = sys.argv[1], sys.argv[2]
REQUEST = b"GET /hello.txt?slow HTTP/1.0\r\nHost: shop.test\r\n\r\n"


def dial(port):
    connection = socket.create_connection((HOST, port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def trickle(connection, data):
    for byte in data:
        connection.sendall(bytes([byte]))


# gone at once, finished, silent, and stuck after a byte: in nobody's way
held = []
dial(80).close()
held += [dial(80), dial(80), dial(80)]
held[-1].shutdown(socket.SHUT_WR)
held[-2].sendall(b"\x16")

plain = dial(80)
trickle(plain, REQUEST)
print(plain.makefile("rb").read().decode())

# TLS, whose hello goes out byte by byte too
secure = dial(443)
come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
session = ssl.create_default_context(cafile=ROOT).wrap_bio(come, go, server_hostname="shop.test")
while True:
    try:
        session.do_handshake()
        break
    except ssl.SSLWantReadError:
        trickle(secure, go.read())
        come.write(secure.recv(65536))
session.write(REQUEST.replace(b"?slow", b""))
trickle(secure, go.read())
answer = b""
while b"hello, world" not in answer:
    try:
        answer += session.read(65536)
    except ssl.SSLWantReadError:
        more = secure.recv(65536)
        if not more:
            sys.exit(f"it ended with {answer}")
        come.write(more)
print(answer.decode())
