"""Captures of one short conversation behind every sort of header, and in fragments: odd_packets.py FOLDER.

Prints the names of the files.
"""

import struct
import sys

from scapy.config import conf
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether, CookedLinux, CookedLinuxV2, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.packet import Raw
from scapy.utils import PcapNgWriter

conf.verb = 0
UP, DOWN = b"what is the time?\n" * 50, b"half past nine\n" * 60


def segments():
    """Direction, flags, numbers, data; the last two segments with data in the wrong order."""
    yield True, "S", 1000, 0, b""
    yield False, "SA", 5000, 1001, b""
    yield True, "A", 1001, 5001, b""
    yield True, "PA", 1001 + 400, 5001, UP[400:]
    yield True, "PA", 1001, 5001, UP[:400]
    yield False, "PA", 5001, 1001 + len(UP), DOWN
    yield True, "FA", 1001 + len(UP), 5001 + len(DOWN), b""
    yield False, "FA", 5001 + len(DOWN), 1002 + len(UP), b""
    yield True, "A", 1002 + len(UP), 5002 + len(DOWN), b""


def packets(ip=lambda up: IP(src="10.0.0.1" if up else "10.0.0.2", dst="10.0.0.2" if up else "10.0.0.1")):
    for up, flags, number, ack, data in segments():
        ports = {"sport": 1234, "dport": 4321} if up else {"sport": 4321, "dport": 1234}
        yield up, ip(up) / TCP(**ports, seq=number, ack=ack, flags=flags) / Raw(data)


def v6(up, *more):
    a, b = ("fd00::1", "fd00::2") if up else ("fd00::2", "fd00::1")
    packet = IPv6(src=a, dst=b)
    for header in more:
        packet = packet / header
    return packet


def ethernet(up):
    a, b = "02:00:00:00:00:01", "02:00:00:00:00:02"
    return Ether(src=a, dst=b) if up else Ether(src=b, dst=a)


def wireless(up):
    a, b = "02:00:00:00:00:01", "02:00:00:00:00:02"
    station, server = (a, b) if up else (b, a)
    header = Dot11(type=2, subtype=8, FCfield=0x09, addr1="02:00:00:00:00:09", addr2=station, addr3=server)
    return header / Dot11QoS() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800)


PLAIN = list(packets())
FILES = {
    "ethernet.pcap": (1, [ethernet(up) / ip for up, ip in PLAIN]),
    "vlan.pcap": (1, [ethernet(up) / Dot1Q(vlan=7) / ip for up, ip in PLAIN]),
    "qinq.pcap": (1, [ethernet(up) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / ip for up, ip in PLAIN]),
    "pppoe.pcap": (1, [ethernet(up) / PPPoE(sessionid=3) / PPP() / ip for up, ip in PLAIN]),
    "snap.pcap": (1, [Dot3(src=ethernet(up).src, dst=ethernet(up).dst) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / ip for up, ip in PLAIN]),
    "sll.pcap": (113, [CookedLinux(proto=0x800, src=b"\2\0\0\0\0\1\0\0") / ip for _, ip in PLAIN]),
    "sll2.pcap": (276, [CookedLinuxV2(proto=0x800) / ip for _, ip in PLAIN]),
    "null.pcap": (0, [Loopback(type=2) / ip for _, ip in PLAIN]),
    "loop.pcap": (108, [b"\0\0\0\2" + bytes(ip) for _, ip in PLAIN]),
    "raw.pcap": (101, [ip for _, ip in PLAIN]),
    "ipv4.pcap": (228, [ip for _, ip in PLAIN]),
    "ipv6.pcap": (229, [ip for _, ip in packets(v6)]),
    "ppp.pcap": (9, [HDLC() / PPP() / ip for _, ip in PLAIN]),
    "ppp_hdlc.pcap": (50, [HDLC() / PPP() / ip for _, ip in PLAIN]),
    "ieee80211.pcap": (105, [wireless(up) / ip for up, ip in PLAIN]),
    "radiotap.pcap": (127, [RadioTap() / wireless(up) / ip for up, ip in PLAIN]),
    "ppi.pcap": (192, [b"\0\0\x08\0\x69\0\0\0" + bytes(wireless(up) / ip) for up, ip in PLAIN]),
    "extensions.pcap": (
        101,
        [ip for _, ip in packets(lambda up: v6(up, IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()))],
    ),
    "fragments.pcap": (1, [ethernet(up) / part for up, ip in PLAIN for part in reversed(fragment(ip, 200))]),
    "fragments6.pcap": (
        101,
        [part for _, ip in packets(lambda up: v6(up, IPv6ExtHdrFragment(id=int(up)))) for part in fragment6(ip, 400)],
    ),
}

folder = sys.argv[1]
for name, (link, frames) in FILES.items():
    with open(f"{folder}/{name}", "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
        for index, frame in enumerate(frames):
            data = bytes(frame)
            file.write(struct.pack("<IIII", 1_700_000_000, index * 1000, len(data), len(data)) + data)
    print(name)
with PcapNgWriter(f"{folder}/ethernet.pcapng") as file:
    for frame in FILES["ethernet.pcap"][1]:
        file.write(frame)
print("ethernet.pcapng")
