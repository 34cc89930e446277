"""A cable between two network namespaces that loses, delays, doubles and reorders packets: lossy.py A B SEED.

A tun device in each, 10.99.0.1 and 10.99.0.2. (The kernel's netem would do the same, but is not in every kernel.)
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
CLONE_NEWNET = 0x40000000


def tun(namespace, address):
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    for step, target in (("enter", there), ("leave", here)):
        if libc.setns(target, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot {step} {namespace}")
        if step == "enter":
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    for words in (["address", "add", f"{address}/24", "dev", "tun0"], ["link", "set", "tun0", "up"]):
        subprocess.run(["ip", "-n", namespace, *words], check=True)
    return device


def main():
    a, b, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    ends = [tun(a, "10.99.0.1"), tun(b, "10.99.0.2")]
    print("ready", flush=True)
    waiting, count = [], 0
    while True:
        wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select(ends, [], [], wait)
        now = time.monotonic()
        for end in readable:
            packet = os.read(end, 65536)
            other = ends[1 - ends.index(end)]
            roll = chance.random()
            if roll < 0.02:
                continue
            times = [now + 0.005]
            if roll < 0.04:
                times[0] += 0.004 * chance.random()
            elif roll < 0.045:
                times.append(now + 0.006)
            for when in times:
                count += 1
                heapq.heappush(waiting, (when, count, other, packet))
        while waiting and waiting[0][0] <= now:
            _, _, other, packet = heapq.heappop(waiting)
            try:
                os.write(other, packet)
            except BlockingIOError:
                pass  # lost, too


main()
