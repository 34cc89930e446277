"""A server of WebSockets over HTTP/2 (RFC 8441) that echoes, with permessage-deflate, and tells how each of them ended.

Argument: the certificate file (chain and key). Prints its port, then a line for each WebSocket that is over: `closed CODE` when its client
closed it, `reset CODE` when the stream was reset before, with the code of the reset. It takes nothing that is no WebSocket.
"""

import asyncio
import ssl
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamReset, WindowUpdated
from h2.settings import SettingCodes, Settings
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate


def say(what):
    print(what, flush=True)


class Talk:
    """One WebSocket."""

    def __init__(self, connection, stream, fields):
        answer, extensions = [(":status", "200")], []
        if offered := fields.get("sec-websocket-extensions"):
            extension = PerMessageDeflate()
            agreed = extension.accept(offered)
            answer.append(("sec-websocket-extensions", f"{extension.name}; {agreed}".rstrip("; ")))
            extensions.append(extension)
        self.h2, self.stream = connection, stream
        self.socket = Connection(ConnectionType.SERVER, extensions)
        self.waiting, self.ends, self.closed = b"", False, False
        connection.send_headers(stream, answer)
        self.send(TextMessage(f"welcome to {fields[':path']}"))

    def send(self, event):
        self.waiting += self.socket.send(event)
        self.flush()

    def flush(self):
        while self.waiting and (room := self.h2.local_flow_control_window(self.stream)) > 0:
            most = min(room, self.h2.max_outbound_frame_size)
            piece, self.waiting = self.waiting[:most], self.waiting[most:]
            self.h2.send_data(self.stream, piece, end_stream=self.ends and not self.waiting)

    def came(self, data):
        if not data:
            return
        self.socket.receive_data(data)
        for event in self.socket.events():
            match event:
                case TextMessage() | BytesMessage():
                    self.send(type(event)(event.data, event.frame_finished, event.message_finished))
                case Ping():
                    self.send(event.response())
                case CloseConnection():
                    say(f"closed {event.code}")
                    self.closed = self.ends = True
                    self.send(event.response())


async def serve(reader, writer):
    connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    settings = {SettingCodes.ENABLE_CONNECT_PROTOCOL: 1, SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20}
    connection.local_settings = Settings(client=False, initial_values=settings)
    connection.initiate_connection()
    talks = {}
    while True:
        writer.write(connection.data_to_send())
        if not (data := await reader.read(65536)):
            break
        for event in connection.receive_data(data):
            match event:
                case RequestReceived():
                    fields = dict(event.headers)
                    assert fields[":protocol"] == "websocket", fields
                    talks[event.stream_id] = Talk(connection, event.stream_id, fields)
                case DataReceived():
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    talks[event.stream_id].came(event.data)
                case StreamReset():
                    if not talks[event.stream_id].closed:
                        say(f"reset {int(event.error_code)}")
                case WindowUpdated():
                    for talk in talks.values():
                        talk.flush()
    writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
