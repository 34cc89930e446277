"""Connections that send and answer: talk.py server COUNT | talk.py client COUNT FOLDER.

The client writes what it sent and received into FOLDER, in files named by its ports.
"""

import random
import socket
import sys
import threading

PLACE = ("10.99.0.2", 9000)


def read(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answer(connection):
    asked = read(connection)
    connection.sendall(b"%d bytes\n" % len(asked) + asked[::-2])
    connection.close()


def ask(number, folder):
    chance = random.Random(number)
    with socket.create_connection(PLACE, timeout=120) as connection:
        port = connection.getsockname()[1]
        sent = chance.randbytes(chance.randrange(1000, 300_000))
        for at in range(0, len(sent), 20_000):
            connection.sendall(sent[at : at + 20_000])
        connection.shutdown(socket.SHUT_WR)
        received = read(connection)
    for name, data in (("sent", sent), ("received", received)):
        with open(f"{folder}/{name}-{port}", "wb") as file:
            file.write(data)


def together(work, arguments):
    threads = [threading.Thread(target=work, args=each) for each in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


role, count = sys.argv[1], int(sys.argv[2])
if role == "server":
    listener = socket.create_server(PLACE, backlog=count)
    print("ready", flush=True)
    together(answer, [(listener.accept()[0],) for _ in range(count)])
else:
    together(ask, [(number, sys.argv[3]) for number in range(count)])
