"""A query by pymysql in TLS. Arguments: port, file of roots, query. Prints the answer."""

import sys

import pymysql

port, roots, query = sys.argv[1:]
connection = pymysql.connect(host="localhost", port=int(port), user="me", password="p", ssl={"ca": roots, "check_hostname": True})
with connection.cursor() as cursor:
    cursor.execute(query)
    print(cursor.fetchone()[0])
# who goes while the server still speaks resets the connection
connection._execute_command(0x01, b"")
while connection._sock.recv(1000):
    pass
connection._force_close()
