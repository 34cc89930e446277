"""A client of a WebSocket over HTTP/2 (RFC 8441) through the proxy that does what lines on its standard input say.

Arguments: the proxy's URL, the file with its root certificate, the server's URL (wss), `deflate` or `plain`, and the protocol to ask for
(`websocket`). It opens the stream when the proxy has announced that it may. A line is JSON: a string is sent as text, a list as a text in
as many fragments, {"base64": ...} as binary, {"ping": true} as a ping, null closes a WebSocket and ends the direction of what is none.
{"leave": code} closes and resets the stream at once, as browsers do, {"vanish": true} resets it without a word.

Prints {"status": ...} first, then a line for every message that comes and "pong" for a pong, for what is no WebSocket the bytes as
{"bytes": ...}; at the end {"close": code}, {"sha256": [sent, received]} of the bytes of the WebSocket, and "ended" or {"reset": code}.
"""

import asyncio
import base64
import hashlib
import json
import ssl
import sys
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

proxy, ca, url, compression, protocol = sys.argv[1:]
url, proxy = urlsplit(url), urlsplit(proxy)
STREAM = 1
# RFC 9113 section 7
CANCEL = 8


def say(what):
    print(json.dumps(what), flush=True)


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.socket = None
        self.opened = asyncio.Event()
        self.left = False
        self.text, self.binary = "", b""
        self.sent, self.received = hashlib.sha256(), hashlib.sha256()

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def open(self):
        fields = [
            (":method", "CONNECT"),
            (":protocol", protocol),
            (":scheme", "https"),
            (":path", url.path),
            (":authority", url.netloc),
            ("sec-websocket-version", "13"),
        ]
        if compression == "deflate":
            fields.append(("sec-websocket-extensions", "permessage-deflate"))
        self.h2.send_headers(STREAM, fields)

    def send(self, data, end=False, reset=False):
        self.sent.update(data)
        # the windows of the proxy are larger than anything that is said here
        most = self.h2.max_outbound_frame_size
        for at in range(0, len(data), most):
            self.h2.send_data(STREAM, data[at : at + most], end_stream=end and at + most >= len(data))
        if end and not data:
            self.h2.end_stream(STREAM)
        if reset:
            self.h2.reset_stream(STREAM, CANCEL)
            self.left = True
        self.flush()

    def answered(self, fields):
        fields = dict(fields)
        say({"status": int(fields[":status"])})
        if protocol == "websocket" and fields[":status"] == "200":
            extensions = []
            if agreed := fields.get("sec-websocket-extensions"):
                extension = PerMessageDeflate()
                extension.finalize(agreed)
                extensions.append(extension)
            self.socket = Connection(ConnectionType.CLIENT, extensions)
        self.opened.set()

    def came(self, data):
        if not data:
            return
        if self.socket is None:
            say({"bytes": data.decode()})
            return
        self.received.update(data)
        self.socket.receive_data(data)
        for event in self.socket.events():
            match event:
                case TextMessage():
                    self.text += event.data
                    if event.message_finished:
                        say(self.text)
                        self.text = ""
                case BytesMessage():
                    self.binary += event.data
                    if event.message_finished:
                        say({"base64": base64.b64encode(self.binary).decode()})
                        self.binary = b""
                case Ping():
                    self.send(self.socket.send(event.response()))
                case Pong():
                    say("pong")
                case CloseConnection():
                    say({"close": event.code})
                    asked = self.socket.state is ConnectionState.REMOTE_CLOSING
                    self.send(self.socket.send(event.response()) if asked else b"", end=True)

    def obey(self, what):
        socket = self.socket
        if socket is None:
            self.send(what.encode() if what else b"", end=what is None)
            return
        match what:
            case None:
                self.send(socket.send(CloseConnection(1000)))
            case {"leave": code}:
                self.send(socket.send(CloseConnection(code)), reset=True)
            case {"vanish": True}:
                self.send(b"", reset=True)
            case {"ping": True}:
                self.send(socket.send(Ping()))
            case {"base64": data}:
                self.send(socket.send(Message(base64.b64decode(data))))
            case [*pieces]:
                for number, piece in enumerate(pieces, 1):
                    self.send(socket.send(Message(piece, message_finished=number == len(pieces))))
            case text:
                self.send(socket.send(Message(text)))

    async def receive(self):
        asked = False
        while data := await self.reader.read(65536):
            for event in self.h2.receive_data(data):
                match event:
                    case ResponseReceived():
                        self.answered(event.headers)
                    case DataReceived():
                        self.h2.acknowledge_received_data(event.flow_controlled_length, STREAM)
                        self.came(event.data)
                    case StreamEnded():
                        if self.socket is not None:
                            say({"sha256": [self.sent.hexdigest(), self.received.hexdigest()]})
                        say("ended")
                        return
                    case StreamReset():
                        say({"reset": int(event.error_code)})
                        return
            if not asked and self.h2.remote_settings.enable_connect_protocol == 1:
                asked = True
                self.open()
            self.flush()


async def main():
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port)
    writer.write(f"CONNECT {url.netloc} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in answer, answer
    tls = ssl.create_default_context(cafile=ca)
    tls.set_alpn_protocols(["h2"])
    await writer.start_tls(tls, server_hostname=url.hostname)
    client = Client(reader, writer)
    client.h2.initiate_connection()
    client.flush()
    receiving = asyncio.create_task(client.receive())
    opened = asyncio.create_task(client.opened.wait())
    await asyncio.wait([receiving, opened], return_when=asyncio.FIRST_COMPLETED)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what = json.loads(line)
        client.obey(what)
        if what in (None, "goodbye"):
            break
    # who is no longer told what to do goes when the server has ended it, or at once after it has reset it
    if not client.left:
        await receiving


asyncio.run(main())
