"""Servers that behave badly, and clients that meet them: faults.py serve | meet WHAT."""

import select
import socket
import ssl
import struct
import sys

SERVER = "192.0.2.2"
ECHO, RESETS, DEAF, SINK, CLOSED = 9000, 9001, 9002, 9999, 9


def answer(question):
    """A, NXDOMAIN, SERVFAIL, or nothing, by the first label of the name."""
    end = question.index(b"\0", 12)
    name = question[13 : 13 + question[12]]
    asked = question[12 : end + 5]
    if name == b"silent":
        return None
    code = {b"unknown": 3, b"broken": 2}.get(name, 0)
    records = b"" if code else b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 9])
    flags = 0x8180 | code
    return question[:2] + struct.pack(">HHHHH", flags, 1, 0 if code else 1, 0, 0) + asked + records


def question(name, number=0x1234):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def listen(port, buffer=None):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if buffer:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    server.bind(("0.0.0.0", port))
    server.listen()
    return server


def serve():
    listeners = {listen(ECHO): ECHO, listen(RESETS): RESETS, listen(DEAF, 1 << 17): DEAF, listen(53): 53}
    datagrams = {}
    for port in (53, SINK):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("0.0.0.0", port))
        datagrams[bound] = port
    talks, deaf = {}, []
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([*listeners, *datagrams, *talks], [], [])
        for ready in readable:
            if ready in listeners:
                talk, _ = ready.accept()
                if listeners[ready] == DEAF:
                    deaf.append(talk)
                else:
                    talks[talk] = listeners[ready]
            elif ready in datagrams:
                data, sender = ready.recvfrom(65536)
                said = answer(data) if datagrams[ready] == 53 else None
                if said:
                    ready.sendto(said, sender)
            else:
                data, port = ready.recv(65536), talks[ready]
                if port == RESETS and data:
                    ready.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif port == 53 and data:
                    said = answer(data[2:])
                    ready.sendall(struct.pack(">H", len(said)) + said)
                    continue
                elif data:
                    ready.sendall(data)
                    continue
                del talks[ready]
                ready.close()


def connect(address, port, patience=30):
    return socket.create_connection((address, port), patience)


def fails(kind, action):
    try:
        action()
    except kind:
        return
    raise SystemExit(f"{kind} was expected")


def ask(name, patience=30):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(patience)
    client.sendto(question(name), (SERVER, 53))
    return client.recv(65536)


def healthy():
    client = connect(SERVER, ECHO)
    for _ in range(3):
        client.sendall(b"how are you?")
        client.recv(100)
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""
    assert ask("fine.test")


def bulk(address=SERVER):
    """As much as makes many full segments, and back again."""
    client = connect(address, ECHO)
    sent, received = b"x" * 200_000, 0
    client.setblocking(False)
    while received < 200_000:
        _, writable, _ = select.select([client], [client] if sent else [], [], 30)
        if writable:
            sent = sent[client.send(sent) :]
        try:
            received += len(client.recv(65536))
        except BlockingIOError:
            pass
    client.setblocking(True)
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""


def seen_twice():
    bulk()
    ask("unknown.test")


def closed_port():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((SERVER, CLOSED))
    client.settimeout(30)
    client.send(b"is anybody there?")
    fails(ConnectionRefusedError, lambda: client.recv(100))


def warned():
    """TLS with a server that does not know the name, warns of it and goes on."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(connect(SERVER, 4433), server_hostname="another.test") as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(65536):
            pass


def over_tcp():
    client = connect(SERVER, 53)
    for number, name in enumerate(["fine.test", "unknown.test"]):
        asked = question(name, number)
        client.sendall(struct.pack(">H", len(asked)) + asked)
        assert client.recv(65536)
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""


def reset():
    client = connect(SERVER, RESETS)
    client.sendall(b"hello")
    fails(ConnectionResetError, lambda: client.recv(100))


def deaf():
    client = connect(SERVER, DEAF)
    client.settimeout(2)

    def send():
        while True:
            client.sendall(b"x" * 65536)

    fails(TimeoutError, send)


def too_big():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
    client.connect(("198.51.100.7", SINK))
    client.settimeout(30)
    client.send(b"x" * 1200)
    # what the error on the way says comes back as one of the socket's
    fails(OSError, lambda: client.recv(100))


MEETS = {
    "healthy": healthy,
    "no_answer": lambda: fails(TimeoutError, lambda: connect("192.0.2.3", 80, 2.5)),
    "refused": lambda: fails(ConnectionRefusedError, lambda: connect(SERVER, CLOSED)),
    "reset": reset,
    "zero_window": deaf,
    "unreachable": lambda: fails(OSError, lambda: connect("203.0.113.7", 80)),
    "packet_too_big": too_big,
    "unknown": lambda: ask("unknown.test"),
    "broken": lambda: ask("broken.test"),
    "silent": lambda: fails(TimeoutError, lambda: ask("silent.test", 2.5)),
    "dns_over_tcp": over_tcp,
    "seen_twice": seen_twice,
    "narrow_link": lambda: bulk("198.51.100.7"),
    "closed_port": closed_port,
    "warned": warned,
}

if sys.argv[1] == "serve":
    serve()
else:
    MEETS[sys.argv[2]]()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"the-last-packet", (SERVER, SINK))
