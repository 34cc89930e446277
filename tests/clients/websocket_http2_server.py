"""A server of WebSockets over HTTP/2 (RFC 8441) that echoes, with permessage-deflate, and closes after it has echoed "goodbye".

It speaks first, refuses the path /refused, and says hello to any other request. Arguments: the certificate file (chain and key), and `silent` if
it does not say that it takes WebSockets over HTTP/2. Prints its port.
"""

import asyncio
import socket
import sys

import h2.settings
from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/refused":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": f"welcome over HTTP/{scope['http_version']}"})
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return
            text, data = event.get("text"), event.get("bytes")
            await send({"type": "websocket.send", "text": text, "bytes": data})
            if text == "goodbye":
                await send({"type": "websocket.close", "code": 1000})
                # until the client's close frame has come: hypercorn does not survive one to an application that is gone
                await receive()
                return
    elif scope["type"] == "http":
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
        await send(start)
        await send({"type": "http.response.body", "body": b"<title>hello</title>hello"})
    elif scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


class Silent(h2.settings.Settings):
    """The settings of a server that knows nothing of RFC 8441, as most do."""

    def __init__(self, client, initial_values):
        initial_values.pop(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL)
        super().__init__(client, initial_values)


async def main():
    if "silent" in sys.argv[2:]:
        h2.settings.Settings = Silent
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.certfile = config.keyfile = sys.argv[1]
    config.alpn_protocols = ["h2", "http/1.1"]
    config.accesslog = None
    config.errorlog = None
    print(listener.getsockname()[1], flush=True)
    await serve(app, config, shutdown_trigger=asyncio.Event().wait)


asyncio.run(main())
