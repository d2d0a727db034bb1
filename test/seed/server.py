#!/usr/bin/env python3
"""The seed's server, as small as its README allows: it stands for the original in the tests.

    server.py [--port 0] [--users DIR]

Prints "listening PORT" when it is ready. It never sends a byte that a broadcaster did not send.
Where the README is silent, it does the plainest thing: a second broadcaster of a channel is refused,
a watcher of a user that does not exist waits like any other, and a watcher that does not read
holds its broadcaster up.
"""
import argparse
import configparser
import os
import socket
import struct
import threading

CHUNK = 65536

channels = {}  # (user, channel) -> {"live": bool, "password": str, "watchers": [(socket, password)]}
lock = threading.Lock()  # guards `channels` and all that it holds


def receive_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ValueError("the peer left in the middle of its payload")
        data += more
    return data


def receive_payload(sock):
    """Returns the verb and the keys: a 32-bit big-endian length of the text, a NUL, the text."""
    length, nul = struct.unpack(">IB", receive_exactly(sock, 5))
    if nul != 0:
        raise ValueError("there is no NUL after the length")
    verb, *pairs = receive_exactly(sock, length).decode("utf-8").split(",")
    keys = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        keys[key] = value
    return verb, keys


def may_broadcast(users, user, password):
    if os.path.basename(user) != user:
        return False
    parser = configparser.ConfigParser()
    if not parser.read(os.path.join(users, user + ".ini"), encoding="utf-8"):
        return False
    # defaults() gives the text as it stands in the file: a "%" in a password is no interpolation.
    wanted = parser.defaults().get("password")
    return wanted is None or wanted == password


def hang_up(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # The peer is gone already.
    sock.close()


def may_watch(channel, password):
    return channel["password"] in ("", password)


def channel_of(key):
    """Call with the lock held."""
    return channels.setdefault(key, {"live": False, "password": "", "watchers": []})


def watch(sock, key, password):
    """Only adds the watcher: the broadcaster's thread writes to it from here on, and ends it."""
    with lock:
        channel = channel_of(key)
        if channel["live"] and not may_watch(channel, password):
            raise ValueError("wrong channel password")
        channel["watchers"].append((sock, password))


def go_live(key, password):
    with lock:
        channel = channel_of(key)
        if channel["live"]:
            raise ValueError("the channel has a broadcaster")
        channel["live"] = True
        channel["password"] = password
        # Those who came before the broadcaster are checked only now that the password is known.
        refused = [w for w in channel["watchers"] if not may_watch(channel, w[1])]
        channel["watchers"] = [w for w in channel["watchers"] if may_watch(channel, w[1])]
    for sock, _ in refused:
        hang_up(sock)
    return channel


def send_to_all(channel, data):
    with lock:
        watchers = list(channel["watchers"])
    for watcher in watchers:
        try:
            watcher[0].sendall(data)
        except OSError:
            with lock:
                channel["watchers"].remove(watcher)
            watcher[0].close()


def broadcast(sock, key, password):
    channel = go_live(key, password)
    try:
        while True:
            data = sock.recv(CHUNK)
            if not data:
                break
            send_to_all(channel, data)
    finally:
        with lock:
            del channels[key]
        for watcher, _ in channel["watchers"]:
            hang_up(watcher)


def serve(sock, users):
    """One connection, from its first byte on. A watcher's socket outlives this, a broadcaster's does not."""
    try:
        verb, keys = receive_payload(sock)
        key = (keys["user"], keys.get("channel", ""))
        channel_password = keys.get("channel-password", "")
        if verb == "watch":
            watch(sock, key, channel_password)
            return
        if verb == "broadcast" and may_broadcast(users, keys["user"], keys.get("user-password")):
            broadcast(sock, key, channel_password)
    except (OSError, ValueError, KeyError, configparser.Error):
        pass  # A payload that the server does not like gets a closed connection, and no word about it.
    hang_up(sock)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--users", default="users")
    options = arguments.parse_args()

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(128)
    print("listening %d" % listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, options.users), daemon=True).start()


if __name__ == "__main__":
    main()
