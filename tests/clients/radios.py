"""A capture of ten stations of a wireless network, one of which has to send every fourth frame again: radios.py FILE."""

import sys

from scapy.config import conf
from scapy.layers.dot11 import Dot11, Dot11QoS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import LLC, SNAP
from scapy.packet import Raw
from scapy.utils import PcapWriter

conf.verb = 0
POINT, BAD = "02:00:00:00:00:99", 3


def frame(station, number, retry, packet):
    radio = f"02:00:00:00:00:{station:02x}"
    head = Dot11(type=2, subtype=8, FCfield=0x09 if retry else 0x01, addr1=POINT, addr2=radio, addr3=POINT, SC=number << 4)
    return head / Dot11QoS() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / packet


def main():
    writer = PcapWriter(sys.argv[1], linktype=105)
    time = 1_700_000_000.0
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
                    time += 0.0005
                    packet.time = time
                    made = frame(station, number, again, packet)
                    made.time = time
                    writer.write(made)
    writer.close()


main()
