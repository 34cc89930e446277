"""Servers that behave badly, and clients that meet them: faults.py serve | tls CERTIFICATE KEY | meet WHAT [SERVER]."""

import select
import socket
import ssl
import struct
import sys
import threading

from segments import ACK, RST, SYN, Air

SERVER = sys.argv[3] if len(sys.argv) > 3 else "192.0.2.2"
ECHO, RESETS, DEAF, WEB, SINK, CLOSED = 9000, 9001, 9002, 9003, 9999, 9
# a port of those that clients get
PEER = 50001
# where nobody is, but for what is made by hand; and where nobody is
FORGED, NOBODY = "192.0.2.3", "192.0.2.4"
IGNORED, FILTERED, STALE, SILENT, SWALLOWS = 9101, 9102, 9103, 9104, 9105
# TLS, and TLS that wants a certificate of the client
SECURE, STRICT = 9201, 9202


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


def forge(air, seen):
    """Answers a segment in the name of a host that is not there."""
    back = seen.answer
    if seen.port == IGNORED and seen.flags == SYN:
        # the SYN's own number is not what acknowledges it
        air.send(back(RST | ACK, 0, seen.sequence))
        air.send(back(SYN | ACK, 500, seen.sequence + 1))
    elif seen.port == IGNORED and seen.length:
        air.send(back(RST | ACK, 501, seen.sequence + seen.length))
    elif seen.port in (FILTERED, SWALLOWS) and seen.flags == SYN:
        air.send(back(SYN | ACK, 500, seen.sequence + 1))
    elif seen.port == FILTERED and seen.length:
        air.send(back(RST | ACK, 501, seen.sequence + seen.length, ttl=57))
    elif seen.port == STALE and seen.flags == SYN and seen.source not in air.known:
        air.known.add(seen.source)
        air.send(back(ACK, 300, seen.sequence - 1000))


def serve():
    ports = [ECHO, RESETS, WEB, PEER, 53]
    listeners = {listen(port): port for port in ports} | {listen(DEAF, 1 << 17): DEAF}
    air = Air.of("eth0", to=FORGED)
    datagrams = {}
    for port in (53, SINK):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("0.0.0.0", port))
        datagrams[bound] = port
    talks, deaf = {}, []
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([*listeners, *datagrams, *talks, *([air] if air else [])], [], [])
        for ready in readable:
            if ready is air:
                for seen in air.receive():
                    forge(air, seen)
            elif ready in listeners:
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
                port = talks[ready]
                try:
                    data = ready.recv(65536)
                except ConnectionError:
                    data = b""
                if port in (RESETS, PEER) and data:
                    abort(ready)
                elif port == WEB and data:
                    ready.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
                    continue
                elif port == 53 and data:
                    said = answer(data[2:])
                    ready.sendall(struct.pack(">H", len(said)) + said)
                    continue
                elif data:
                    ready.sendall(data)
                    continue
                del talks[ready]
                ready.close()


def connect(address, port, patience=30, mine=0):
    return socket.create_connection((address, port), patience, ("", mine))


def abort(talk):
    """What closes it is a RST."""
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


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
    client.settimeout(60)
    client.send(b"is anybody there?")
    fails(ConnectionRefusedError, lambda: client.recv(100))


def hung_up(talk):
    """Waits until the other side has reset the connection."""
    poll = select.poll()
    poll.register(talk, 0)
    poll.poll()


def serve_tls(certificate, key):
    """Says what it hears, and ends nothing by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.load_cert_chain(certificate, key)
    strict.load_verify_locations(certificate)
    strict.verify_mode = ssl.CERT_REQUIRED

    def talk(plain, context):
        abort(plain)
        try:
            with context.wrap_socket(plain, server_side=True) as client:
                while data := client.recv(100):
                    client.sendall(data)
                # it has said that this is all: what it does next is its own affair
                hung_up(client)
        except OSError:
            pass

    def accept(listener, context):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=talk, args=(plain, context), daemon=True).start()

    threads = [
        threading.Thread(target=accept, args=(listen(port), one))
        for port, one in [(SECURE, context), (STRICT, strict)]
    ]
    for thread in threads:
        thread.start()
    print("ready", flush=True)


def secure(version, verify=False, port=SECURE):
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    plain = connect(SERVER, port)
    abort(plain)
    return context.wrap_socket(plain, server_hostname="shop.test")


def says(client, words=b"how are you?"):
    client.sendall(words)
    assert client.recv(100) == words


def closes(version):
    """All was said, which is said (close_notify), and then a RST."""
    client = secure(version)
    says(client)
    client.setblocking(False)
    fails(ssl.SSLWantReadError, client.unwrap)
    client.close()


def breaks(version):
    client = secure(version)
    says(client)
    client.close()


def breaks_off_short_words():
    client = secure(ssl.TLSVersion.TLSv1_3)
    says(client, b"hi")
    says(client, b"ho")
    client.close()


def wants_certificate():
    client = secure(ssl.TLSVersion.TLSv1_3, port=STRICT)

    def talk():
        client.sendall(b"let me in")
        client.recv(100)

    fails(OSError, talk)
    hung_up(client)
    client.close()


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


def reset(address=None, port=RESETS, mine=0):
    client = connect(address or SERVER, port, mine=mine)
    client.sendall(b"hello")
    fails(ConnectionResetError, lambda: client.recv(100))


def says_hello(address, port, name):
    context = ssl.create_default_context()
    fails(ConnectionResetError, lambda: context.wrap_socket(connect(address, port), server_hostname=name))


def swallowed():
    """A name that is not let through: the connection stands, and nothing comes back."""
    context = ssl.create_default_context()
    talk = connect(FORGED, SWALLOWS)
    talk.settimeout(1.5)
    fails(TimeoutError, lambda: context.wrap_socket(talk, server_hostname="dropped.test"))


def gave_up():
    air = Air.of("eth0", to="192.0.2.1")
    for flags, sequence in (SYN, 100), (RST, 101):
        air.send(air.segment(("192.0.2.1", 50004), (FORGED, SILENT), flags, sequence, 0))


def lost_answer():
    """A SYN from where nobody is; its answer goes there, and is sent again."""
    ask("fine.test")
    with open("/proc/net/arp") as known:
        mac = next(line.split()[3] for line in known if line.split()[0] == SERVER)
    air = Air.of("eth0", to=NOBODY)
    mac = bytes.fromhex(mac.replace(":", ""))
    air.send(air.segment((NOBODY, 50007), (SERVER, ECHO), SYN, 100, 0, mac=mac))
    answers = 0
    while answers < 2:
        assert select.select([air], [], [], 30)[0]
        answers += sum(seen.flags == SYN | ACK for seen in air.receive())


def looked():
    client = connect(SERVER, ECHO, mine=50005)
    abort(client)
    client.close()


def whole():
    client = connect(SERVER, WEB, mine=50006)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    said = b""
    while not said.endswith(b"whole"):
        said += client.recv(100)
    abort(client)
    client.close()


def large():
    client = connect(SERVER, ECHO)
    client.sendall(b"a small one")
    assert client.recv(100)
    client.sendall(b"x" * 1400)
    client.settimeout(2.5)
    fails(TimeoutError, lambda: client.recv(100))


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
    client.settimeout(60)
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
    "ignored_reset": lambda: reset(FORGED, IGNORED),
    "filtered": lambda: says_hello(FORGED, FILTERED, "blocked.test"),
    "hello_reset": lambda: says_hello(SERVER, RESETS, "no-tls.test"),
    "swallowed": swallowed,
    "stale": lambda: fails(TimeoutError, lambda: connect(FORGED, STALE, 0.5, mine=50003)),
    "gave_up": gave_up,
    "looked": looked,
    "whole": whole,
    "reset_between_peers": lambda: reset(port=PEER, mine=50009),
    "lost_answer": lost_answer,
    "large": large,
    "warned": warned,
    "closes_12": lambda: closes(ssl.TLSVersion.TLSv1_2),
    "closes_13": lambda: closes(ssl.TLSVersion.TLSv1_3),
    "breaks_12": lambda: breaks(ssl.TLSVersion.TLSv1_2),
    "breaks_13": lambda: breaks(ssl.TLSVersion.TLSv1_3),
    "short_words": breaks_off_short_words,
    "refuses": lambda: fails(ssl.SSLCertVerificationError, lambda: secure(ssl.TLSVersion.TLSv1_3, verify=True)),
    "wants_certificate": wants_certificate,
}

if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "tls":
    serve_tls(*sys.argv[2:4])
else:
    MEETS[sys.argv[2]]()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"the-last-packet", (SERVER, SINK))
