"""requests through the proxy: a session with keep-alive, JSON up and down, a redirect.

Arguments: the proxy's URL, the file with its root certificate, the origin's URL.
Prints one JSON object with what it saw.
"""

import json
import sys

import requests

proxy, ca, origin = sys.argv[1:]
with requests.Session() as session:
    session.proxies = {"http": proxy, "https": proxy}
    session.verify = ca
    session.trust_env = False
    got = session.get(f"{origin}/data.json", timeout=60)
    moved = session.get(f"{origin}/moved", timeout=60)
    sent = session.post(f"{origin}/upload", json={"name": "ümlaut"}, timeout=60)
    chunked = session.post(f"{origin}/upload", data=iter([b"one ", b"two"]), timeout=60)
    compressed = session.get(f"{origin}/gzip/lines.txt", timeout=60)
print(
    json.dumps(
        {
            "data": got.json(),
            "moved": [moved.text, [r.status_code for r in moved.history]],
            "sent": sent.text,
            "chunked": chunked.text,
            "compressed": len(compressed.content),
        }
    )
)
