"""Traffic between two hosts, for captures: `serve` on the second, `talk` on the first, `tick` for as long as it lives."""

import socket
import struct
import sys
import threading
import time

FOUR, SIX = "192.0.2.2", "fd00::2"


def answer(question):
    """An answer for each name that is asked for."""
    identity, labels = question[:2], question[12:]
    end = 0
    while labels[end]:
        end += labels[end] + 1
    name, kind = labels[: end + 1], struct.unpack(">H", labels[end + 1 : end + 3])[0]
    asked = labels[: end + 5]
    if name.startswith(b"\x06nobody"):
        return identity + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + asked
    record = lambda kind, data: b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(data)) + data
    records = {
        1: [record(5, b"\x05other\xc0\x0c"), record(1, socket.inet_aton("198.51.100.7"))],
        28: [record(28, socket.inet_pton(socket.AF_INET6, "2001:db8::7"))],
        15: [record(15, b"\x00\x0a\x04mail\xc0\x0c")],
        16: [record(16, b"\x05hello\x05world")],
    }[kind]
    return identity + struct.pack(">HHHHH", 0x8580, 1, len(records), 0, 0) + asked + b"".join(records)


def serve():
    def names():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("", 53))
        ready.release()
        while True:
            question, client = udp.recvfrom(2000)
            udp.sendto(answer(question), client)

    def pages(family, address, port):
        server = socket.create_server((address, port), family=family)
        ready.release()
        while True:
            client, _ = server.accept()
            if port == 25:
                client.sendall(b"220 mail.example ESMTP\r\n")
            while data := client.recv(65536):
                if b"\r\n\r\n" in data or port == 25:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n" + b"x" * 150000)
                    break
            client.close()

    def swallow():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("", 9))
        ready.release()
        while True:
            udp.recv(2000)

    ready = threading.Semaphore(0)
    servers = [
        (names, ()),
        (swallow, ()),
        (pages, (socket.AF_INET, FOUR, 80)),
        (pages, (socket.AF_INET6, SIX, 80)),
        (pages, (socket.AF_INET, FOUR, 25)),
    ]
    for target, arguments in servers:
        threading.Thread(target=target, args=arguments, daemon=True).start()
    for _ in servers:
        ready.acquire()
    print("ready", flush=True)
    threading.Event().wait()


def question(name, kind):
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b".")) + b"\0"
    return struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)


def talk():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(60)
    udp.sendto(b"the-first-packet", (FOUR, 9))
    for name, kind in [(b"a.example", 1), (b"a.example", 28), (b"a.example", 15), (b"a.example", 16), (b"nobody", 1)]:
        udp.sendto(question(name, kind), (FOUR, 53))
        udp.recv(2000)
    for address, family, port in [(FOUR, socket.AF_INET, 80), (SIX, socket.AF_INET6, 80), (FOUR, socket.AF_INET, 25)]:
        client = socket.socket(family, socket.SOCK_STREAM)
        client.connect((address, port))
        client.sendall(b"GET /page HTTP/1.1\r\nHost: example\r\nAccept: */*\r\n\r\n")
        while client.recv(65536):
            pass
        client.close()
    # nobody listens: a reset, and an ICMP error
    try:
        socket.create_connection((FOUR, 7777))
    except ConnectionRefusedError:
        pass
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.connect((FOUR, 7778))
    closed.send(b"anybody?")
    # an echo, with its checksum
    ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ping.settimeout(60)
    ping.sendto(struct.pack(">BBHHH", 8, 0, 0xFFFF - 0x0800 - 3 - 7, 3, 7), (FOUR, 0))
    udp.sendto(b"the-last-packet", (FOUR, 9))


def tick():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        udp.sendto(b"tick", (FOUR, 9))
        time.sleep(0.01)


{"serve": serve, "talk": talk, "tick": tick}[sys.argv[1]]()
