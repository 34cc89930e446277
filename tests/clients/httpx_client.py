"""httpx through the proxy, HTTP/1.1 or HTTP/2, many requests at once.

Arguments: the proxy's URL, the file with its root certificate, the origin's URL, `h1` or `h2`.
Prints one JSON object with what it saw.
"""

import asyncio
import json
import ssl
import sys

import httpx

proxy, ca, origin, version = sys.argv[1:]


async def main():
    trust = ssl.create_default_context(cafile=ca)
    async with httpx.AsyncClient(
        proxy=proxy, verify=trust, http2=version == "h2", trust_env=False, timeout=60
    ) as client:
        # The first one settles the version; the others share its connection when they can.
        await client.get(f"{origin}/hello.txt")
        answers = await asyncio.gather(*(client.get(f"{origin}/data.json?{n}") for n in range(20)))
        posted = await client.post(f"{origin}/upload", content=b"x" * 100_000)
    print(
        json.dumps(
            {
                "versions": sorted({a.http_version for a in answers}),
                "good": sum(a.json()["greeting"] == "good day" for a in answers),
                "posted": posted.text,
            }
        )
    )


asyncio.run(main())
