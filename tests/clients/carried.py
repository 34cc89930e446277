"""A conversation carried in all that may stand before it, in captures: carried.py FOLDER.

Prints the names of the files: all of it in one, only what is plain, the same on cooked and on raw links, and over the air.
"""

import sys

from scapy.config import conf
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import ARP, LLC, SNAP, CookedLinux, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Raw
from scapy.utils import wrpcap

conf.verb = 0
A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"


def ethernet(up):
    return Ether(src=A, dst=B) if up else Ether(src=B, dst=A)


def four(up):
    return IP(src="10.0.0.1", dst="10.0.0.2") if up else IP(src="10.0.0.2", dst="10.0.0.1")


def six(up, *headers):
    packet = IPv6(src="fd00::1", dst="fd00::2") if up else IPv6(src="fd00::2", dst="fd00::1")
    for header in headers:
        packet = packet / header
    return packet


def ports(up):
    return {"sport": 1234, "dport": 4321} if up else {"sport": 4321, "dport": 1234}


def tcp(up, ip, data=b""):
    return ip / TCP(**ports(up), flags="PA" if data else "A") / Raw(data)


def udp(up, ip, size=10):
    return ip / UDP(**ports(up)) / Raw(b"x" * size)


plain = [ethernet(up) / tcp(up, four(up), data) for up in (True, False) for data in (b"", b"GET / HTTP/1.1\r\n\r\n")]
plain += [ethernet(up) / udp(up, six(up)) for up in (True, False)]
plain += [ethernet(True) / four(True) / ICMP(), ethernet(True) / ARP(psrc="10.0.0.1", pdst="10.0.0.2")]
every = list(plain)
for up in (True, False):
    segment = tcp(up, four(up), b"hello")
    every += [ethernet(up) / Dot1Q(vlan=7) / segment for _ in range(2)]
    every += [
        ethernet(up) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / segment,
        ethernet(up) / Dot1Q(vlan=9) / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
        ethernet(up) / PPPoE(sessionid=3) / PPP() / segment,
        ethernet(up) / Dot1Q(vlan=8) / PPPoE(sessionid=3) / PPP() / segment,
        ethernet(up) / MPLS(label=16, s=1) / segment,
        ethernet(up) / MPLS(label=16, s=0) / MPLS(label=17, s=1) / segment,
        ethernet(up) / udp(up, six(up, IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt())),
        ethernet(up) / six(up, IPv6ExtHdrDestOpt()) / ICMPv6EchoRequest(),
        ethernet(up) / tcp(up, six(up, IPv6ExtHdrDestOpt()), b"hello"),
    ]
    every += [ethernet(up) / part for part in fragment(udp(up, four(up), 3000), 1000)]
    every += [ethernet(up) / part for part in fragment6(udp(up, six(up, IPv6ExtHdrFragment(id=7)), 3000), 1280)]
# headers that contradict themselves
every.append(Ether(src=A, dst=B, type=0x800) / Raw(b"\x41" + bytes(four(True))[1:]))
raw = [frame[IP] for frame in plain if IP in frame] + [tcp(True, six(True)), udp(True, six(True, IPv6ExtHdrDestOpt()))]
cooked = [CookedLinux(proto=0x800, src=b"\2\0\0\0\0\1\0\0") / frame[IP] for frame in plain if IP in frame]
air = [
    RadioTap() / Dot11(type=2, FCfield=1, addr1="02:00:00:00:00:09", addr2=A, addr3=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / frame[IP]
    for frame in plain
    if IP in frame
]
for name, frames in {"all.pcap": every, "plain.pcap": plain, "cooked.pcap": cooked, "raw.pcap": raw, "air.pcap": air}.items():
    wrpcap(f"{sys.argv[1]}/{name}", frames)
    print(name)
