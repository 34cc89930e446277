"""A WebSocket client through the proxy that does what lines on its standard input say.

Arguments: the proxy's URL, the file with its root certificate, the server's URL, and how messages are compressed: `plain`,
`deflate` (each message may refer to those before it) or `each` (none does). A line is JSON: a string is sent as text, a list as a
text in as many fragments, {"base64": ...} as binary, {"ping": true} as a ping whose pong is waited for, null closes. Prints a line
for every message that comes, and at the end {"close": code}.
"""

import asyncio
import base64
import json
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

proxy, ca, url, compression = sys.argv[1:]


def say(what):
    print(json.dumps(what), flush=True)


async def receive(connection):
    try:
        async for message in connection:
            if isinstance(message, str):
                say(message)
            else:
                say({"base64": base64.b64encode(message).decode()})
    except ConnectionClosed:
        pass


async def main():
    loop = asyncio.get_running_loop()
    each = ClientPerMessageDeflateFactory(
        server_no_context_takeover=True, client_no_context_takeover=True
    )
    async with connect(
        url,
        proxy=proxy,
        ssl=ssl.create_default_context(cafile=ca) if url.startswith("wss:") else None,
        compression="deflate" if compression == "deflate" else None,
        extensions=[each] if compression == "each" else None,
        max_size=None,
        open_timeout=60,
        ping_interval=None,
        close_timeout=60,
    ) as connection:
        receiving = asyncio.create_task(receive(connection))
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            what = json.loads(line)
            if what is None:
                break
            if isinstance(what, list):
                await connection.send(iter(what))
            elif isinstance(what, dict) and "ping" in what:
                await (await connection.ping())
                say("pong")
            elif isinstance(what, dict):
                await connection.send(base64.b64decode(what["base64"]))
            else:
                await connection.send(what)
        await connection.close()
        await receiving
    say({"close": connection.close_code})


asyncio.run(main())
