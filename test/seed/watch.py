#!/usr/bin/env python3
"""The seed's watcher: what the server sends goes to stdout.

    watch.py HOST:PORT PAYLOAD
"""
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
        data = sock.recv(CHUNK)
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    sock.close()


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit("closed connection: %s" % error)
