"""Ten stations of a wireless network, one of which has to send every fourth frame again: as a capture, or on the air of an
interface that is made for it and listens as those in monitor mode do.

radios.py FILE | radios.py --air INTERFACE
"""

import fcntl
import os
import struct
import subprocess
import sys
import time

from scapy.config import conf
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import LLC, SNAP
from scapy.packet import Raw
from scapy.utils import PcapWriter

conf.verb = 0
POINT, BAD = "02:00:00:00:00:99", 3
TUNSETIFF, TUNSETLINK, IFF_TAP, IFF_NO_PI, ARPHRD_IEEE80211_RADIOTAP = 0x400454CA, 0x400454CD, 2, 0x1000, 803


def frame(station, number, retry, packet):
    radio = f"02:00:00:00:00:{station:02x}"
    head = Dot11(type=2, subtype=8, FCfield=0x09 if retry else 0x01, addr1=POINT, addr2=radio, addr3=POINT, SC=number << 4)
    return head / Dot11QoS() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / packet


def frames():
    for number in range(100):
        for station in range(1, 11):
            ip = IP(src=f"10.0.0.{station}", dst="10.0.0.99", id=number * 2 + 1)
            said = b"a line\n"
            segment = ip / TCP(sport=4321, dport=1234, flags="PA", seq=1000 + number * len(said), ack=1) / Raw(said)
            datagram = ip / UDP(sport=5678, dport=8765) / Raw(b"a datagram %d" % number)
            for packet in segment, datagram:
                retry = station == BAD and number % 4 == 0
                # the receiver may have heard the first time what was sent again
                for again in (False, True) if retry else (False,):
                    yield frame(station, number, again, packet)


def write(file):
    writer = PcapWriter(file, linktype=105)
    for number, made in enumerate(frames()):
        made.time = 1_700_000_000 + number * 0.0005
        writer.write(made)
    writer.close()


def send(interface):
    air = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(air, TUNSETIFF, struct.pack("16sH", interface.encode(), IFF_TAP | IFF_NO_PI))
    fcntl.ioctl(air, TUNSETLINK, ARPHRD_IEEE80211_RADIOTAP)
    subprocess.run(["ip", "link", "set", interface, "up"], check=True)
    print("ready", flush=True)
    sys.stdin.readline()
    for made in frames():
        os.write(air, bytes(RadioTap() / made))
        time.sleep(0.0005)
    print("sent", flush=True)
    sys.stdin.readline()


if sys.argv[1] == "--air":
    send(sys.argv[2])
else:
    write(sys.argv[1])
