"""TCP segments that no system sends, made by hand: Ethernet and IPv4, on an interface of this host."""

import socket
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERTYPE_IPV4, PROTOCOL_TCP = 0x0800, 6
# nobody has it
MADE_UP = bytes.fromhex("020000000099")
EVERYBODY = b"\xff" * 6


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """One that was seen."""

    def __init__(self, air, frame):
        packet = frame[14:]
        self.air, self.mac = air, frame[6:12]
        header = (packet[0] & 15) * 4
        total = struct.unpack(">H", packet[2:4])[0]
        tcp = packet[header:total]
        source, self.port, self.sequence, self.acknowledgement = struct.unpack(">HHII", tcp[:12])
        self.source = (socket.inet_ntoa(packet[12:16]), source)
        self.destination = (socket.inet_ntoa(packet[16:20]), self.port)
        self.flags = tcp[13]
        self.length = len(tcp) - (tcp[12] >> 4) * 4

    def answer(self, flags, sequence, acknowledgement, ttl=64):
        return self.air.segment(self.destination, self.source, flags, sequence, acknowledgement, ttl, self.mac)


class Air:
    """An interface: the segments to an address that pass it, and those that are sent."""

    @classmethod
    def of(cls, interface, to):
        """None where there is no such interface."""
        if interface not in (name for _, name in socket.if_nameindex()):
            return None
        return cls(interface, to)

    def __init__(self, interface, to):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_IPV4))
        self.socket.bind((interface, ETHERTYPE_IPV4))
        self.to, self.known = to, set()

    def fileno(self):
        return self.socket.fileno()

    def receive(self):
        frame = self.socket.recv(65536)
        packet = frame[14:]
        if packet[9] == PROTOCOL_TCP and packet[16:20] == socket.inet_aton(self.to):
            yield Segment(self, frame)

    def send(self, frame):
        self.socket.send(frame)

    def segment(self, source, destination, flags, sequence, acknowledgement, ttl=64, mac=EVERYBODY):
        ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
        numbers = sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF
        parts = (source[1], destination[1], *numbers, 5 << 4, flags, 64240)
        tcp = struct.pack(">HHIIBBHHH", *parts, 0, 0)
        summed = checksum(ends + struct.pack(">HH", PROTOCOL_TCP, len(tcp)) + tcp)
        tcp = struct.pack(">HHIIBBHHH", *parts, summed, 0)
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, ttl, PROTOCOL_TCP, 0) + ends
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        return mac + MADE_UP + struct.pack(">H", ETHERTYPE_IPV4) + head + tcp
