"""Traffic that does not pass through the proxy: `serve ADDRESS`, and `talk ADDRESS FROM`, which goes on when a line comes in."""

import socket
import struct
import sys
import threading


def answer(question):
    """One address for any name."""
    asked = question[12:]
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton("198.51.100.7")
    return question[:2] + struct.pack(">HHHHH", 0x8580, 1, 1, 0, 0) + asked + record


def serve(address):
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((address, 53))
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((address, 7000))
    raw = socket.create_server((address, 6000))

    def datagrams(udp, reply):
        while True:
            data, client = udp.recvfrom(9000)
            udp.sendto(reply(data), client)

    def bytes_back(client):
        while data := client.recv(65536):
            client.sendall(data)
        client.close()

    threading.Thread(target=datagrams, args=(names, answer), daemon=True).start()
    threading.Thread(target=datagrams, args=(echo, lambda data: b"back:" + data), daemon=True).start()
    print("ready", flush=True)
    while True:
        client, _ = raw.accept()
        threading.Thread(target=bytes_back, args=(client,), daemon=True).start()


def talk(address, own):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((own, 0))
    udp.settimeout(60)
    labels = b"".join(bytes([len(label)]) + label for label in [b"beside", b"example"]) + b"\0"
    question = struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1)
    udp.sendto(question, (address, 53))
    udp.recv(2000)
    udp.sendto(b"ping", (address, 7000))
    udp.recv(2000)
    # nobody listens: an ICMP error
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.bind((own, 0))
    closed.connect((address, 7001))
    closed.send(b"anybody?")
    raw = socket.create_connection((address, 6000), source_address=(own, 0))
    raw.settimeout(60)
    raw.sendall(b"hello from beside")
    raw.recv(65536)
    print("said", flush=True)
    sys.stdin.readline()
    raw.sendall(b"and goodbye")
    raw.recv(65536)
    raw.close()
    print("over", flush=True)
    sys.stdin.readline()


def flood(address, own, count=None):
    """Datagrams of 8 KiB, in order, none lost, each answered: so many, or as many as each line of the input says."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((own, 0))
    udp.settimeout(60)
    number = 0
    for line in [count] if count else sys.stdin:
        for _ in range(int(line)):
            udp.sendto(struct.pack(">I", number) + bytes(8188), (address, 7000))
            udp.recv(9000)
            number += 1


def stall(address, own):
    """A connection that nobody answers, because the server has no room for it."""
    full = socket.create_server((address, 6001), backlog=0)
    first = socket.create_connection((address, 6001), source_address=(own, 0))
    second = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    second.bind((own, 0))
    second.setblocking(False)
    second.connect_ex((address, 6001))
    print(second.getsockname()[1], flush=True)
    sys.stdin.readline()


{"serve": serve, "talk": talk, "flood": flood, "stall": stall}[sys.argv[1]](*sys.argv[2:])
