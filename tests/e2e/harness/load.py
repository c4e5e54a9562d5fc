#!/usr/bin/env python3
"""Load from one process, on keep-alive or a connection for each request, counting every request that was not answered properly.

Usage: load.py ADDRESS OUTPUT [--target /checkout] [--users N] [--requests N] [--connections N] [--header x-user-id]
               [--close 1] [--refused-ok 1]

Sends GET requests for users u0, u1, ... uN-1 in turn until --requests were answered, or until SIGTERM; then every
request under way is awaited, and OUTPUT gets JSON: {"requests", "failures", "statuses": {status: count},
"variants": {variant: count}, "containers": {name: count}, "users": {user: variant of its last answer},
"first_failures": [text, ...]}. A failure is a connection that cannot be made, a connection that ends before the answer
does, an answer that is none, or a status of 500 and above. Nothing is tried again: a connection may only end after an
answer that said `connection: close`. With --close each request asks for that itself. With --refused-ok a listener may be
away: connections that are refused are counted apart ("refused").
"""
import argparse
import collections
import json
import os
import pathlib
import re
import selectors
import signal
import socket
import sys
import time

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
VARIANT = re.compile(rb"\r\nx-flagmesh-variant: *([^\r]*)", re.I)
CLOSE = re.compile(rb"\r\nconnection: *close", re.I)
CONTAINER = re.compile(rb'"container": ?"([^"]*)"')
DRAIN_SECONDS = 10.0


class Connection:
    def __init__(self, load):
        self.load = load
        self.socket = None
        self.buffer = b""
        self.user = None  # whose request is under way

    def open(self):
        self.socket = socket.create_connection(self.load.address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = b""
        self.load.selector.register(self.socket, selectors.EVENT_READ, self)

    def shut(self):
        if self.socket:
            self.load.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def send_next(self):
        self.user = self.load.next_user()
        if self.user is None:
            return
        fresh = self.socket is None
        try:
            if fresh:
                self.open()
            self.socket.send(self.load.request(self.user))
        except ConnectionRefusedError as error:
            if not (fresh and self.load.options.refused_ok):
                return self.fail(f"{'connect' if fresh else 'send'}: {error}")
            self.load.refused += 1
            self.user = None
            self.load.idle.append(self)
        except OSError as error:
            self.fail(f"{'connect' if fresh else 'send'}: {error}")

    def fail(self, why):
        self.shut()
        self.load.failed(why)
        self.user = None
        self.load.idle.append(self)

    def readable(self):
        try:
            piece = self.socket.recv(262144)
        except OSError as error:
            piece, why = b"", str(error)
        else:
            why = "closed"
        if not piece:
            if self.user is None:
                self.shut()
            else:
                self.fail(f"{why} after {len(self.buffer)} bytes of the answer for {self.user}")
            return
        self.buffer += piece
        self.parse()

    def parse(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status, length = STATUS.match(self.buffer), LENGTH.search(self.buffer, 0, end + 2)
        if not status or not length:
            self.fail(f"not an answer: {self.buffer[:80]!r}")
            return
        size = end + 4 + int(length.group(1))
        if len(self.buffer) < size:
            return
        head, body, self.buffer = self.buffer[:end + 2], self.buffer[end + 4:size], self.buffer[size:]
        self.load.answered(self.user, int(status.group(1)), head, body)
        self.user = None
        if CLOSE.search(head) or self.load.options.close:
            self.shut()
        self.send_next()


class Load:
    def __init__(self, options):
        host, _, port = options.address.rpartition(":")
        self.address = (host, int(port))
        self.options = options
        self.selector = selectors.DefaultSelector()
        self.sent = 0
        self.requests = 0
        self.failures = 0
        self.refused = 0
        self.first_failures = []
        self.statuses = collections.Counter()
        self.variants = collections.Counter()
        self.containers = collections.Counter()
        self.users = {}
        self.stopping = False
        self.idle = []

    def next_user(self):
        if self.stopping or self.options.requests and self.sent >= self.options.requests:
            return None
        user = f"u{self.sent % self.options.users}"
        self.sent += 1
        return user

    def request(self, user):
        return (f"GET {self.options.target} HTTP/1.1\r\nHost: load.test\r\n"
                f"{self.options.header}: {user}\r\n{'Connection: close' + chr(13) + chr(10) if self.options.close else ''}"
                "\r\n").encode()

    def answered(self, user, status, head, body):
        self.requests += 1
        self.statuses[status] += 1
        if status >= 500:
            self.failed(f"{status} for {user}: {body[:200]!r}")
            return
        variant, container = VARIANT.search(head), CONTAINER.search(body)
        self.users[user] = variant.group(1).decode() if variant else None
        self.variants[self.users[user]] += 1
        if container:
            self.containers[container.group(1).decode()] += 1

    def failed(self, why):
        self.failures += 1
        if len(self.first_failures) < 20:
            self.first_failures.append(f"{time.time():.3f} {why}")

    def run(self):
        connections = [Connection(self) for _ in range(self.options.connections)]
        for connection in connections:
            connection.send_next()
        drain_until = None
        while any(c.user is not None for c in connections) or self.idle and not self.stopping:
            for key, _ in self.selector.select(0.05):
                key.data.readable()
            again, self.idle = self.idle, []
            for connection in again:
                connection.send_next()
            if self.stopping:
                drain_until = drain_until or time.monotonic() + DRAIN_SECONDS
                if time.monotonic() > drain_until:
                    for connection in connections:
                        if connection.user is not None:
                            self.failed(f"no answer for {connection.user}")
                    break

    def report(self):
        return {"requests": self.requests, "failures": self.failures, "refused": self.refused, "statuses": self.statuses,
                "variants": self.variants, "containers": self.containers, "users": self.users,
                "first_failures": self.first_failures}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--target", default="/checkout")
    parser.add_argument("--header", default="x-user-id")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--close", type=int, default=0)
    parser.add_argument("--refused-ok", type=int, default=0)
    load = Load(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: setattr(load, "stopping", True))
    load.run()
    half_written = load.options.output.with_suffix(".new")
    half_written.write_text(json.dumps({str(k): v for k, v in load.report().items()}))
    os.replace(half_written, load.options.output)


if __name__ == "__main__":
    sys.exit(main())
