"""A mail server that turns to TLS when asked, once. Arguments: certificate and key. Prints its port."""

import socket
import ssl
import sys

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
client, _ = server.accept()
client.sendall(b"220 mail.test ESMTP\r\n")
while b"STARTTLS" not in (line := client.recv(1000)):
    client.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
client.sendall(b"220 go ahead\r\n")
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(*sys.argv[1:])
with context.wrap_socket(client, server_side=True) as inside:
    inside.recv(1000)
    inside.sendall(b"221 until then\r\n")
