"""A WebSocket client through the proxy.

Arguments: the proxy's URL, the file with its root certificate, the server's URL, `deflate` or `plain`,
the subprotocols to offer (none or more). Prints one JSON object with what it saw.
"""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.client import connect

proxy, ca, url, compression, *subprotocols = sys.argv[1:]


async def main():
    tls = ssl.create_default_context(cafile=ca) if url.startswith("wss:") else None
    async with connect(
        url,
        proxy=proxy,
        ssl=tls,
        compression="deflate" if compression == "deflate" else None,
        subprotocols=subprotocols or None,
        max_size=None,
        open_timeout=60,
        ping_interval=None,
        close_timeout=60,
    ) as connection:
        welcome = await connection.recv()
        await connection.send("hello ✓")
        text = await connection.recv()
        await connection.send(bytes(range(256)))
        binary = await connection.recv()
        long = "long " * 50_000
        await connection.send(long)
        echoed = await connection.recv()
        pong = await connection.ping()
        await asyncio.wait_for(pong, 60)
    print(
        json.dumps(
            {
                "subprotocol": connection.subprotocol,
                "extensions": connection.response.headers.get("Sec-WebSocket-Extensions"),
                "welcome": welcome,
                "text": text,
                "binary": list(binary) == list(range(256)),
                "long": echoed == long,
                "close": connection.close_code,
            }
        )
    )


asyncio.run(main())
