"""A server that greets as MySQL does, turns to TLS when the client does (real TLS), takes any login and answers each query with
one row: what was asked. Arguments: certificate and key. Prints its port, then the queries. It is no database."""

import socket
import ssl
import struct
import sys
import threading

PLUGIN = b"mysql_native_password\0"
# protocol 4.1, secure connection, plugins, TLS, connect with a database, transactions
ABLE = 0x0200 | 0x8000 | 0x80000 | 0x0800 | 0x0008 | 0x2000

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(*sys.argv[1:3])


def packet(number, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def exactly(stream, size):
    got = b""
    while len(got) < size:
        more = stream.recv(size - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def read(stream):
    head = exactly(stream, 4)
    return head[3], exactly(stream, int.from_bytes(head[:3], "little"))


def text(value):
    return bytes([len(value)]) + value


def column():
    names = b"".join(map(text, [b"def", b"", b"", b"", b"asked", b"asked"]))
    return names + b"\x0c" + struct.pack("<HIBHB2x", 45, 1000, 0xFD, 0, 0)


def serve(client):
    greeting = b"\x0a8.4.2-tests\0" + struct.pack("<I", 7) + b"abcdefgh\0" + struct.pack("<H", ABLE & 0xFFFF)
    greeting += b"\x2d\x02\0" + struct.pack("<H", ABLE >> 16) + bytes([21]) + bytes(10) + b"ijklmnopqrst\0" + PLUGIN
    client.sendall(packet(0, greeting))
    number, payload = read(client)
    if len(payload) == 32 and int.from_bytes(payload[:4], "little") & 0x0800:
        client = context.wrap_socket(client, server_side=True)
        number, payload = read(client)
    fine = b"\0\0\0" + struct.pack("<HH", 2, 0)
    client.sendall(packet(number + 1, fine))
    while True:
        _, payload = read(client)
        if payload[:1] == b"\x01":
            return client.close()
        if payload[:1] != b"\x03":
            client.sendall(packet(1, fine))
            continue
        query = payload[1:]
        if query.upper().startswith(b"SET "):
            client.sendall(packet(1, fine))
            continue
        print(query.decode(), flush=True)
        end = b"\xfe\0\0\2\0"
        rows = [b"\x01", column(), end, text(query), end]
        client.sendall(b"".join(packet(1 + i, row) for i, row in enumerate(rows)))


def answer(client):
    try:
        serve(client)
    except (EOFError, OSError):
        client.close()


server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
