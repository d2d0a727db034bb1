#!/usr/bin/env python3
"""The seed's broadcaster: stdin goes to the server.

    broadcast.py HOST:PORT PAYLOAD
"""
import os
import socket
import struct
import sys

CHUNK = 65536


def main():
    host, _, port = sys.argv[1].rpartition(":")
    text = sys.argv[2].encode("utf-8")
    sock = socket.create_connection((host, int(port)))
    sock.sendall(struct.pack(">IB", len(text), 0) + text)
    while True:
        data = os.read(0, CHUNK)
        if not data:
            break
        sock.sendall(data)
    # The server closes when it has read everything. To close before that could reset the connection
    # and destroy what is still on its way.
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(CHUNK):
        pass
    sock.close()


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit("closed connection: %s" % error)
