#!/usr/bin/env python3
"""Writes a capture of many TCP connections, for measuring: capture.py FILE [MIB].

200 connections run at a time, each a request and a response of up to 4 MB in segments of 1448 bytes, acknowledged every
second segment; one segment in 200 is lost and sent again later, one in 300 overtakes the one before it.
"""

import random
import struct
import sys

SEGMENT = 1448
BODY = bytes(random.Random(1).randbytes(1 << 20))


def frame(source, target, ports, number, ack, flags, window, data):
    """Ethernet, IPv4, TCP with timestamps; checksums are left out, as by a network card that fills them in."""
    options = b"\x01\x01\x08\x0a" + struct.pack("!II", number & 0xFFFFFFFF, ack & 0xFFFFFFFF)
    length = 20 + 32 + len(data)
    ethernet = b"\x02\0\0\0\0" + target[3:] + b"\x02\0\0\0\0" + source[3:] + b"\x08\0"
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, source, target)
    tcp = struct.pack(
        "!HHIIBBHHH", *ports, number & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x80, flags, window, 0, 0
    )
    return ethernet + ip + tcp + options + data


def connection(index, chance):
    """The frames of one connection, in order."""
    client = bytes([10, 1 + index // 60000, (index >> 8) & 255, index & 255])
    server = bytes([192, 0, 2, 1 + index % 50])
    ports = (20000 + index % 40000, 443)
    c, s = chance.getrandbits(32), chance.getrandbits(32)

    def up(number, ack, flags, data=b""):
        return frame(client, server, ports, number, ack, flags, 0xFFFF, data)

    def down(number, ack, flags, data=b""):
        return frame(server, client, ports[::-1], number, ack, flags, 0xFFFF, data)

    yield up(c, 0, 2)
    yield down(s, c + 1, 0x12)
    request = BODY[:300]
    yield up(c + 1, s + 1, 0x18, request)
    c, s = c + 301, s + 1
    lost = []
    for at in range(0, chance.randrange(2000, 4_000_000), SEGMENT):
        place = at % (len(BODY) - SEGMENT)
        segment = (s + at, BODY[place : place + SEGMENT])
        roll = chance.random()
        if roll < 1 / 200:
            lost.append((at, segment))
        elif roll < 1 / 200 + 1 / 300 and not lost:
            lost.append((at - 20 * SEGMENT, segment))
        else:
            yield down(segment[0], c, 0x10, segment[1])
        if lost and lost[0][0] + 30 * SEGMENT < at:
            _, (number, data) = lost.pop(0)
            yield down(number, c, 0x10, data)
        elif at // SEGMENT % 2:
            acked = lost[0][1][0] if lost else segment[0] + SEGMENT
            yield up(c, acked, 0x10)
    for _, (number, data) in lost:
        yield down(number, c, 0x10, data)
    end = s + at + SEGMENT
    yield down(end, c, 0x11)
    yield up(c, end + 1, 0x11)
    yield down(end + 1, c + 1, 0x10)


def main():
    name, size = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    chance = random.Random(7)
    with open(name, "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        written, begun, running, time = 0, 0, [], 1_700_000_000_000_000
        while written < size << 20 or running:
            while len(running) < 200 and written < size << 20:
                running.append(connection(begun, chance))
                begun += 1
            which = chance.randrange(len(running))
            # packets of a connection come in trains
            for _ in range(chance.randrange(1, 12)):
                data = next(running[which], None)
                if data is None:
                    running.pop(which)
                    break
                time += 3
                file.write(struct.pack("<IIII", time // 1000000, time % 1000000, len(data), len(data)))
                file.write(data)
                written += 16 + len(data)


main()
