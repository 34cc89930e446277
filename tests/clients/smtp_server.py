"""A mail server (aiosmtpd) that turns to TLS when asked. Arguments: certificate, key, and "clear" for one that cannot.
Prints its port, then each mail as JSON, with whether it came in TLS. Ends when its input does."""

import json
import ssl
import sys

from aiosmtpd.controller import Controller


class Inbox:
    async def handle_DATA(self, server, session, envelope):
        mail = envelope.content.decode()
        print(json.dumps({"tls": session.ssl is not None, "to": envelope.rcpt_tos, "mail": mail}), flush=True)
        return "250 taken"


certificate, key, *how = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
options = {} if how == ["clear"] else {"tls_context": context, "require_starttls": True}
controller = Controller(Inbox(), hostname="127.0.0.1", port=0, ready_timeout=60, **options)


def ready():
    """The port is the system's choice, which the controller cannot ask itself for."""
    controller.port = controller.server.sockets[0].getsockname()[1]
    return Controller._trigger_server(controller)


controller._trigger_server = ready
controller.start()
print(controller.port, flush=True)
sys.stdin.read()
controller.stop()
