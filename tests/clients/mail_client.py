"""Mail through the proxy, with TLS that is asked for: smtplib, imaplib, poplib. Arguments: what to do, the proxy's port for a
CONNECT tunnel (0: none, the port is a reverse listener), the server's port, the file of roots. Prints what it heard as JSON."""

import imaplib
import json
import poplib
import smtplib
import socket
import ssl
import sys

what, proxy, port, roots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=roots)
direct = socket.create_connection


def through(address, timeout=None, source_address=None):
    if proxy == 0:
        return direct(("127.0.0.1", port), 60)
    tunnel = direct(("127.0.0.1", proxy), 60)
    target = f"localhost:{port}"
    tunnel.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += tunnel.recv(1)
    assert b" 200 " in head.split(b"\r\n")[0], head
    return tunnel


socket.create_connection = through
MAIL = "Subject: secret plan\r\n\r\nSTARTTLS\r\nmeet me behind the tea house\r\n"


def heard_out(stream):
    """Waits for the server's end: who goes while it still speaks resets the connection."""
    while stream.recv(1000):
        pass
    stream.close()


def smtp(tls):
    mail = smtplib.SMTP("localhost", port, "me.test", timeout=60)
    if tls:
        mail.starttls(context=context)
    mail.sendmail("me@a.test", ["you@b.test"], MAIL)
    version = mail.sock.version() if tls else None
    mail.docmd("QUIT")
    heard_out(mail.sock)
    return version


def refused():
    with smtplib.SMTP("localhost", port, "me.test", timeout=60) as mail:
        try:
            mail.starttls(context=context)
        except (ssl.SSLError, OSError) as error:
            return repr(error)


def imap():
    box = imaplib.IMAP4("localhost", port, timeout=60)
    box.starttls(ssl_context=context)
    box.login("me", "password for imap")
    box.append("INBOX", None, None, MAIL.encode())
    box.select()
    mail = box.fetch("1", "(BODY[TEXT])")[1][0][1].decode()
    box.send(b"end LOGOUT\r\n")
    heard_out(box.sock)
    return mail


def pop3():
    box = poplib.POP3("localhost", port, timeout=60)
    box.stls(context=context)
    box.user("me")
    box.pass_("password for pop3")
    mail = b"\n".join(box.retr(1)[1]).decode()
    box._shortcmd("QUIT")
    heard_out(box.sock)
    return mail


does = {"smtp": lambda: smtp(True), "clear": lambda: smtp(False), "refused": refused, "imap": imap, "pop3": pop3}
print(json.dumps(does[what]()))
