"""Measures a throttle: how fast a body comes and goes through a rule that makes it slow, beside what was set.

tests/bench/throttle.py OVERHEAR [KBPS]: starts that program with a folder of its own, a server beside it, and a rule; moves 10
seconds' worth each way over HTTP/1.1 and prints the rate. It is within 10 % when the machine is quiet.
"""

import http.client
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SECONDS = 10


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path.rsplit("/", 1)[1])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(bytes(size))

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 65536)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main():
    program, kbps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    size = kbps * 1000 // 8 * SECONDS
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    proxy, web = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen(
            [program, "run", "--listen", f"127.0.0.1:{proxy}", "--web", f"127.0.0.1:{web}", "--no-open"]
            + ["--data", folder, "--token", "bench"],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
        try:
            measure(proxy, web, origin.server_port, kbps, size)
        finally:
            running.terminate()
            running.wait()


def measure(proxy, web, port, kbps, size):
    rule = {
        "name": "slow",
        "actions": [{"do": "throttle", "down_kbps": kbps, "up_kbps": kbps}],
    }
    ask = urllib.request.Request(
        f"http://127.0.0.1:{web}/api/rules",
        json.dumps(rule).encode(),
        {"Authorization": "Bearer bench", "Content-Type": "application/json"},
    )
    for attempt in range(100):
        try:
            urllib.request.urlopen(ask).close()
            break
        except (ConnectionError, urllib.error.URLError):
            if attempt == 99:
                raise
            time.sleep(0.1)
    for name, method, path, body in (
        ("down", "GET", f"/{size}", None),
        ("up", "POST", "/", bytes(size)),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=120)
        begun = time.monotonic()
        connection.request(method, f"http://127.0.0.1:{port}{path}", body)
        answer = connection.getresponse()
        answer.read()
        took = time.monotonic() - begun
        rate = size * 8 / 1000 / took
        print(f"{name}: {size} bytes in {took:.2f} s: {rate:.0f} kbit/s of {kbps} ({rate / kbps - 1:+.1%})")
        connection.close()


main()
