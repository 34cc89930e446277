"""A WebSocket server that echoes, with permessage-deflate and subprotocols, speaks first, and closes after it has echoed "goodbye".

Arguments: the certificate file (chain and key), or nothing for plain. Prints its port.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    await connection.send(f"welcome {connection.subprotocol}")
    async for message in connection:
        await connection.send(message)
        if message == "goodbye":
            return


def choose(connection, offered):
    """The first of ours that the client offers; none when it offers none."""
    return next((name for name in ("chat.v2", "chat.v1") if name in offered), None)


async def main():
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[1])
    async with serve(
        echo,
        "127.0.0.1",
        0,
        ssl=tls,
        select_subprotocol=choose,
        max_size=None,
        # a machine that is busy with other tests is no connection that is lost
        open_timeout=60,
        ping_interval=None,
        close_timeout=60,
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
