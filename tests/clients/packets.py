"""Writes captures with packets of many protocols, whole and broken, one file a link type, into the folder that is named."""

import struct
import sys
from pathlib import Path

SOURCE, TARGET = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
SOURCE6 = bytes.fromhex("fe800000000000000000000000000001")
TARGET6 = bytes.fromhex("ff020000000000000000000000000016")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(protocol, body, options=b"", flags=0x4000, ttl=64, tos=0, wrong=0):
    length = 20 + len(options) + len(body)
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, tos, length, 7, flags, ttl, protocol, 0)
    head += SOURCE + TARGET + options
    return head[:10] + struct.pack(">H", checksum(head) ^ wrong) + head[12:] + body


def udp(source, target, body, wrong=0):
    datagram = struct.pack(">HHHH", source, target, 8 + len(body), 0) + body
    total = checksum(SOURCE + TARGET + struct.pack(">HH", 17, len(datagram)) + datagram) ^ wrong
    return datagram[:6] + struct.pack(">H", total) + datagram[8:]


def tcp(source, target, flags, body=b"", options=b"", sequence=1000, ack=2000, urgent=0):
    offset = (5 + len(options) // 4) << 4
    segment = struct.pack(">HHIIBBHHH", source, target, sequence, ack, offset, flags, 512, 0, urgent) + options + body
    total = checksum(SOURCE + TARGET + struct.pack(">HH", 6, len(segment)) + segment)
    return segment[:16] + struct.pack(">H", total) + segment[18:]


def icmp(body):
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:]


def ip6(following, body, target=TARGET6, flow=0):
    return struct.pack(">IHBB", 0x60000000 | flow, len(body), following, 255) + SOURCE6 + target + body


def icmp6(body, target=TARGET6):
    total = checksum(SOURCE6 + target + struct.pack(">II", len(body), 58) + body)
    return body[:2] + struct.pack(">H", total) + body[4:]


def dns(flags, body=b"\1a\3com\0\0\1\0\1", counts=(1, 0, 0, 0)):
    return struct.pack(">HHHHHH", 77, flags, *counts) + body


def record(kind, data, cls=1):
    question = b"\1a\3com\0" + struct.pack(">HH", kind, 1)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, cls, 90061, len(data)) + data
    return dns(0x8180, question + answer, (1, 1, 0, 0))


def network():
    yield ip(17, udp(1000, 2000, b"hello"))
    yield ip(17, udp(1000, 2000, b"hello", wrong=5))
    yield ip(17, udp(1000, 2000, b"hello"), tos=1, ttl=1)
    yield ip(17, udp(1000, 2000, b"hello"), options=b"\x07\x07\x04\1\2\3\4\0")
    yield ip(17, udp(1000, 2000, b"hello"), options=b"\x94\4\0\0")
    yield ip(17, udp(1000, 2000, b"hello"), wrong=0x1234)
    yield ip(17, udp(1000, 2000, b"x" * 32), flags=0x2000)
    yield ip(17, b"y" * 40, flags=0x2005)
    yield ip(17, b"z" * 3)
    yield ip(17, struct.pack(">HHHH", 1, 2, 100, 0) + b"short")
    yield ip(17, struct.pack(">HHHH", 1, 2, 7, 0) + b"short")
    yield ip(99, b"what is this")
    yield ip(59, b"")
    yield ip(4, ip(17, udp(1, 2, b"inside")))
    yield ip(50, struct.pack(">II", 0x1234, 7) + b"s" * 20)
    for options in [
        b"\2\4\5\xb4\4\2\1\3\3\7\1\0",
        b"\1\1\x08\x0a\0\0\0\5\0\0\0\6",
        b"\1\1\5\x0a\0\0\7\xd5\0\0\7\xda",
        b"\x22\2\1\1",
        b"\x22\6abcd\1\1",
        b"\x63\4ab",
        b"\2\3a\1",
        b"\2\1\1\1",
    ]:
        yield ip(6, tcp(1000, 81, 2, options=options))
        yield ip(6, tcp(1000, 81, 0x10, options=options, sequence=1005))
    for flags in (0, 1, 4, 0x11, 0x14, 0x30, 0xC2, 0xFF):
        yield ip(6, tcp(1002, 81, flags, b"abc", urgent=1))
    yield ip(6, tcp(1000, 80, 0x14, b"go away, and never come back to this place"))
    yield ip(6, tcp(1000, 81, 0x10)[:12] + b"\x40\x10" + b"\0" * 6)
    yield ip(6, tcp(1000, 81, 0x10)[:12] + b"\xf0\x10" + b"\0" * 6)
    for text in [
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\0",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"\x16\3\1aa",
        b"hello\n",
        b"GET \x80\n",
    ]:
        yield ip(6, tcp(1000, 80, 0x18, text))
    for port in (25, 21, 554, 8080, 110, 443):
        yield ip(6, tcp(1000, port, 0x18, b"220 hi\r\nfoo"))
    for said in [
        b"*2\r\n$4\r\nINCR\r\n$1\r\nz\r\n*1\r\n$4\r\nPING\r\n",
        b"+OK\r\n:12\r\n-ERR no \x01\xff\r\n$0\r\n\r\n$-1\r\n*0\r\n*-1\r\n",
        b"*3\r\n*1\r\n+a\r\n$2\r\nb\n\r\n:-3\r\n",
        b"PING\r\nPING\n\nPING\r",
        b"\r\nPING\r\n",
        b"PING",
        b"$5\r\nhel",
        b"$5\r\nhello",
        b"$5\r\nhello there\r\n+and\r\n",
        b"$x\r\n+OK\r\n",
        b"$5x\r\n+OK\r\n",
        b"$5\rx+OK\r\n",
        b"$-2\r\n$99999999999\r\n*-7\r\n$2147483648\r\n$-\r\n",
        b"$2147483647\r\n",
        b"*2147483647\r\n",
        b"*",
        b"$12",
        b"+no end\r",
        b"\x80\x00\t\r\n",
    ]:
        yield ip(6, tcp(1000, 6379, 0x18, said))
    yield ip(6, tcp(1000, 53, 0x18, struct.pack(">H", 23) + dns(0x100)))
    yield ip(6, tcp(1000, 53, 0x18, struct.pack(">H", 60) + dns(0x100)))
    for flags in (0x0100, 0x0110, 0x0000, 0x2800, 0x8183, 0x8582, 0x8380, 0x81A0):
        yield ip(17, udp(1000, 53, dns(flags)))
    yield ip(17, udp(1000, 53, dns(0x0100, b"\1a\0\0\1\0\1\1b\0\0\x1c\0\1", (2, 0, 0, 0))))
    yield ip(17, udp(1000, 53, dns(0x0100, b"\3a\x01\xe9\0\0\1\0\1")))
    yield ip(17, udp(1000, 53, dns(0x0100, b"\0\0\x1c\0\3")))
    yield ip(17, udp(1000, 53, dns(0x0100, b"\xc0\x0c\0\1\0\1")))
    yield ip(17, udp(1000, 53, dns(0x0100)[:11]))
    yield ip(17, udp(1000, 53, dns(0x0100)[:20]))
    for kind, data in [
        (1, b"\1\2\3\4"),
        (28, b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1"),
        (5, b"\1b\xc0\x0c"),
        (2, b"\2ns\xc0\x0c"),
        (15, b"\0\5\4mail\xc0\x0c"),
        (16, b"\3abc\2\x01\xff"),
        (33, b"\0\1\0\2\0\3\xc0\x0c"),
        (6, b"\1m\xc0\x0c\1r\xc0\x0c" + struct.pack(">IIIII", 1, 2, 3, 4, 5)),
        (12, b"\0"),
        (43, b"abcd"),
    ]:
        yield ip(17, udp(53, 1000, record(kind, data)))
    yield ip(17, udp(53, 1000, record(1, b"\1\2\3\4", 3)))
    edns = lambda data: dns(0x8180, b"\1a\0\0\1\0\1\0" + struct.pack(">HHIH", 41, 1232, 0x8000, len(data)) + data, (1, 0, 0, 1))
    for data in (b"", b"\0\x08\0\x07\0\1\x18\0\1\2\3", b"\0\x0a\0\x08abcdefgh", b"\0\x0c\0\5aaaaa", b"\0\3\0\0"):
        yield ip(17, udp(53, 1000, edns(data)))
    yield ip(17, udp(5353, 5353, dns(0, b"\1a\5local\0\0\x0c\x80\1")))
    yield ip(17, udp(5353, 5353, dns(0, b"\1a\5local\0\0\x0c\0\1")))
    about = ip(17, udp(1000, 53, b"abcdefgh"))
    yield ip(1, icmp(b"\x08\0\0\0\0\1\0\2" + b"p" * 48))
    yield ip(1, icmp(b"\0\0\0\0\0\1\0\2") + b"wrong")
    for code in range(17):
        yield ip(1, icmp(b"\3" + bytes([code]) + b"\0\0\0\0\5\xb4" + about[:28]))
    for kind, code in ((4, 0), (5, 0), (5, 1), (11, 0), (11, 1), (12, 0), (12, 1)):
        yield ip(1, icmp(bytes([kind, code]) + b"\0\0\x0a\0\0\x09" + about[:28]))
    yield ip(1, icmp(b"\x2a\0\0\0abcd"))
    group = bytes([224, 0, 0, 9])
    for kind in (0x11, 0x12, 0x16, 0x17):
        yield ip(2, icmp(bytes([kind, 100, 0, 0]) + group))
    yield ip(2, icmp(b"\x22\0\0\0\0\0\0\1\4\0\0\1" + group + TARGET))
    yield ip(47, b"\0\0\x08\0" + ip(17, udp(1, 2, b"inside")))
    yield ip(47, b"\x30\0\x08\0" + struct.pack(">II", 5, 7) + ip(17, udp(1, 2, b"inside")))
    yield ip(6, tcp(1000, 22, 0x18, b"SSH-2.0-OpenSSH_9\r\n"))
    yield ip6(17, struct.pack(">HHHH", 1, 2, 11, 0) + b"abc")
    yield ip6(6, tcp(1000, 80, 0x12), flow=0x12345)
    yield ip6(0, b"\x3a\0\5\2\0\0\1\0" + icmp6(b"\x8f\0\0\0\0\0\0\1\4\0\0\0" + TARGET6))
    yield ip6(58, icmp6(b"\x80\0\0\0\0\5\0\6ping"))
    yield ip6(58, icmp6(b"\x81\0\0\0\0\5\0\6ping")[:-1] + b"!")
    yield ip6(58, icmp6(b"\x87\0\0\0\0\0\0\0" + TARGET6 + b"\1\1\2\2\2\2\2\2"))
    yield ip6(58, icmp6(b"\x88\0\0\0\x60\0\0\0" + TARGET6 + b"\2\1\2\2\2\2\2\2"))
    yield ip6(58, icmp6(b"\x85\0\0\0\0\0\0\0\1\1\2\2\2\2\2\2"))
    prefix = b"\3\4\x40\xc0" + struct.pack(">III", 3600, 0xFFFFFFFF, 0) + SOURCE6
    yield ip6(58, icmp6(b"\x86\0\0\0\x40\x48\7\x08" + struct.pack(">II", 0, 1000) + prefix + b"\5\1\0\0\0\0\5\xdc"))
    six = ip6(17, struct.pack(">HHHH", 1, 53, 11, 0) + b"abc")
    for code in range(5):
        yield ip6(58, icmp6(b"\1" + bytes([code]) + b"\0\0\0\0\0\0" + six))
    yield ip6(58, icmp6(b"\2\0\0\0\0\0\5\0" + six))
    yield ip6(58, icmp6(b"\3\0\0\0\0\0\0\0" + six))
    yield ip6(44, b"\x11\0\0\1\0\0\0\7" + struct.pack(">HHHH", 1, 2, 100, 0) + b"first")
    yield ip6(44, b"\x11\0\0\x28\0\0\0\7later")
    yield ip6(59, b"")


def ethernet(kind, body, tags=b""):
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + tags + struct.pack(">H", kind) + body


def arp(operation, target=b"\0" * 6):
    return struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + b"\2\0\0\0\0\1" + SOURCE + target + TARGET


def frames():
    for operation in (1, 2, 3, 4, 8, 9):
        yield ethernet(0x0806, arp(operation))
    yield ethernet(0x0806, arp(1, b"\2\0\0\0\0\2") + b"\0" * 18)
    yield ethernet(0x0806, arp(1)[:20])
    yield ethernet(0x0800, ip(17, udp(1, 2, b"untagged")) + b"padding")
    yield ethernet(0x0800, ip(17, udp(1, 2, b"tagged")), b"\x81\0\x20\5")
    yield ethernet(0x0800, ip(17, udp(1, 2, b"twice")), b"\x88\xa8\0\7\x81\0\x30\5")
    yield ethernet(0x86DD, ip6(58, icmp6(b"\x80\0\0\0\0\5\0\6ping")))
    yield ethernet(0x88B5, b"experiment")
    yield ethernet(0x0800, b"\x65" + b"\0" * 30)


def cooked():
    head = b"\0\4\0\1\0\6\2\0\0\0\0\1\0\0"
    yield head + b"\x08\0" + ip(17, udp(1, 2, b"out"))
    yield b"\0\0" + head[2:] + b"\x86\xdd" + ip6(58, icmp6(b"\x80\0\0\0\0\5\0\6ping"))
    yield head + b"\x08\6" + arp(1)
    yield head[:12]


def cooked2():
    yield b"\x08\0\0\0\0\0\0\1\0\1\4\6\2\0\0\0\0\1\0\0" + ip(17, udp(1, 2, b"out"))
    yield b"\x86\xdd\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0" + ip6(58, icmp6(b"\x80\0\0\0\0\5\0\6ping"))


MACS = [bytes([2, 0, 0, 0, 0, last]) for last in (1, 2, 9)]


def management(subtype, body, flags=0):
    return struct.pack("<BBH", subtype << 4, flags, 314) + b"".join(MACS) + b"\x20\0" + body


def control(subtype, body, flags=0):
    return struct.pack("<BBH", subtype << 4 | 4, flags, 300) + body


def data(subtype, flags, body):
    four = MACS[1] if flags & 3 == 3 else b""
    quality = b"\0\0" if subtype & 8 else b""
    return struct.pack("<BBH", subtype << 4 | 8, flags, 44) + b"".join(MACS) + b"\x10\0" + four + quality + body


def wifi():
    inside = b"\xaa\xaa\3\0\0\0\x08\0" + ip(17, udp(1, 2, b"through the air"))
    for flags in (0, 1, 2, 3, 0x08, 0x11, 0x3D, 0x81):
        yield data(0, flags, inside)
        yield data(8, flags, inside)
    for subtype in (1, 2, 3, 9, 10, 11):
        yield data(subtype, 1, inside)
    for subtype in (4, 5, 6, 7, 12, 14, 15):
        yield data(subtype, 1, b"")
    yield data(0, 0x41, b"\1\2\3\x40" + b"x" * 20)
    yield data(8, 0x49, b"\1\2\3\x80" + b"x" * 20)
    yield data(0, 1, inside[:6] + b"\x88\x8e\2\3\0\x75" + b"k" * 117)
    yield data(0, 1, inside[:6] + b"\x08\6" + arp(1))
    yield data(0, 1, inside[:6] + b"\x12\x34what is this")
    yield data(0, 1, b"\xaa")
    ends = MACS[0] + MACS[1]
    yield control(8, ends + b"\5\0\x30\0")
    yield control(9, ends + b"\5\0\x30\0" + b"\0" * 8)
    for subtype in (10, 11, 14, 15):
        yield control(subtype, ends)
    for subtype in (12, 13):
        yield control(subtype, MACS[0], 8)
    yield control(3, ends)
    yield control(12, b"abc")
    yield b"\x0c\0\0\0" + b"x" * 20
    elements = b"\0\4home\1\4\x82\x84\x8b\x96\3\1\6\5\4\0\1\0\0"
    beacon = b"\0" * 8 + b"d\0"
    for flags in (b"\x11\4", b"\2\4"):
        yield management(8, beacon + flags + elements)
        yield management(5, beacon + flags + elements, 8)
    yield management(4, elements)
    yield management(4, b"\0\0\1\1\2")
    yield management(4, b"")
    yield management(4, b"\0\3a\1\xff")
    yield management(4, b"\0\x09abc")
    yield management(0, b"\x11\4\1\0" + elements)
    yield management(1, b"\x11\4\0\0\1\xc0" + elements)
    yield management(3, b"\1\4\0\0\1\xc0" + elements)
    yield management(2, b"\x11\4\1\0" + MACS[2] + elements)
    for algorithm, step in ((0, 1), (0, 2), (1, 1), (2, 1)):
        yield management(11, struct.pack("<HHH", algorithm, step, 0))
    yield management(11, struct.pack("<HHH", 1, 2, 0) + b"\x10\4abcd")
    yield management(11, struct.pack("<HHH", 1, 3, 0) + b"abcd", 0x40)
    yield management(9, b"")
    for action in (b"\3\0\1", b"\0\4\1", b"\x7f\0\1"):
        yield management(13, action)
    yield management(7, b"abc")
    yield management(8, b"\0" * 5)


def llc():
    frame = lambda body: b"".join(MACS[:2]) + struct.pack(">H", len(body)) + body
    inside = b"\xaa\xaa\3\0\0\0\x08\0" + ip(17, udp(1, 2, b"in a frame"))
    yield frame(inside)
    yield frame(inside) + b"padding"
    yield frame(inside)[:-3]
    yield frame(inside[:5] + b"\xf8" + inside[6:])
    for vendor in (b"\0\0\0", b"\0\0\x0c", b"\1\2\3"):
        yield frame(b"\xaa\xaa\3" + vendor + b"\x12\0abcd")
    yield frame(b"\6\6\3" + inside[8:])
    for point in (0, 2, 4, 6, 8, 0x0E, 0x4E, 0x7E, 0x80, 0x8E, 0xBC, 0xE0, 0xF0, 0xFE):
        yield frame(bytes([point, point ^ 1, 0x7F]) + b"abcd")
    for control_field in (3, 0x0F, 0x43, 0x63, 0x6F, 0x87, 0xE3, 0xF3, 0x13):
        yield frame(bytes([0x10, 0x20, control_field]) + b"abcd")
    yield frame(b"\x08\x09\xbf\x81\1\2")
    for numbered in (b"\1\2", b"\5\3", b"\x09\4", b"\2\4abcd"):
        yield frame(b"\x0c\x0d" + numbered)
    bridge, root = b"\x80\0" + MACS[0], b"\x10\0" + MACS[1]
    tree = lambda flags: bytes([flags]) + root + b"\0\0\0\4" + bridge + b"\x80\1\1\0\x14\0\2\0\x0f\x80"
    yield frame(b"\x42\x42\3\0\0\0\0" + tree(0x81))
    yield frame(b"\x42\x42\3\0\0\2\2" + tree(0x7E) + b"\0")
    yield frame(b"\x42\x42\3\0\0\0\x80")
    yield frame(b"\xaa\xaa")
    yield frame(b"\xaa\xaa\3\0\0")


def sessions():
    inside = b"\0\x21" + ip(17, udp(1, 2, b"over a modem"))
    frame = lambda head, body, more=0: ethernet(0x8864, head + struct.pack(">H", len(body) + more) + body)
    yield frame(b"\x11\0\0\7", inside)
    yield frame(b"\x11\0\0\7", inside, 9)
    yield frame(b"\x11\0\0\0", inside)
    yield frame(b"\x12\0\0\1", inside)
    yield frame(b"\x11\0\0\7", b"\x21" + inside[2:])
    yield frame(b"\x11\0\0\7", b"\0\x57" + ip6(59, b""))
    yield frame(b"\x11\0\0\7", b"\0")
    yield ethernet(0x8864, b"\x11\0\0\7")
    yield ethernet(0x880B, inside)
    tags = b"\1\1\0\0\1\3\0\4abcd\1\2\0\4\0\1\2\3\7\7\0\1x"
    for code in (0x09, 0x07, 0x19, 0x65, 0xA7, 0x42):
        yield ethernet(0x8863, bytes([0x11, code, 0, 5]) + struct.pack(">H", len(tags)) + tags)


def loopback():
    yield b"\2\0\0\0" + ip(17, udp(1, 2, b"little"))
    yield b"\0\0\0\2" + ip(17, udp(1, 2, b"big"))
    yield b"\x1e\0\0\0" + ip6(58, icmp6(b"\x80\0\0\0\0\5\0\6ping"))


def write(path, link, packets, snaplen=262144):
    at = 1_700_000_000
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link))
        for number, packet in enumerate(packets):
            length = len(packet)
            # every eleventh is cut by the capture
            kept = packet[: length * 2 // 3] if number % 11 == 10 and snaplen < 262144 else packet
            file.write(struct.pack("=IIII", at + number * 7, number * 1001 % 1000000, len(kept), length) + kept)


folder = Path(sys.argv[1])
write(folder / "network.pcap", 101, network())
write(folder / "cut.pcap", 101, network(), 65535)
write(folder / "ethernet.pcap", 1, frames())
write(folder / "cooked.pcap", 113, cooked())
write(folder / "cooked2.pcap", 276, cooked2())
write(folder / "loopback.pcap", 0, loopback())
write(folder / "wifi.pcap", 105, wifi())
write(folder / "llc.pcap", 1, llc())
write(folder / "sessions.pcap", 1, sessions())
write(folder / "large.pcap", 101, (ip(17, udp(1, 2, bytes([n % 256]) * 1400)) for n in range(2600)))
