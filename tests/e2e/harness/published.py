"""Published state as it lies in Redis (docs/formats.md, "Published state"), taken apart and put together again by someone who owns
Redis: everything consistent but the roots that were signed."""
import hashlib
import struct


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.data)
        return self.data[self.at - count:self.at]

    def number(self, width):
        return int.from_bytes(self.take(width), "big")


def _read_entry(reader):
    key = reader.take(reader.number(2))
    opening = reader.take(32)
    return [key, opening, reader.take(reader.number(4))]


def _entry(entry):
    key, opening, json = entry
    return struct.pack(">H", len(key)) + key + opening + struct.pack(">I", len(json)) + json


def _read_proof(reader):
    start = reader.at
    reader.take(32 + 32 + 24)
    reader.take(32 * reader.number(1))
    return reader.data[start:reader.at]


class Delta:
    def __init__(self, data):
        reader = Reader(data)
        self.head = reader.take(1 + 8)
        self.head += reader.take(2)
        self.head += reader.take(32 * int.from_bytes(self.head[-2:], "big") + 105)
        self.head += _read_proof(reader)
        self.entries = [_read_entry(reader) for _ in range(reader.number(4))]
        self.gone = [reader.take(reader.number(2)) for _ in range(reader.number(4))]

    def encode(self):
        return (self.head + struct.pack(">I", len(self.entries)) + b"".join(map(_entry, self.entries)) +
                struct.pack(">I", len(self.gone)) + b"".join(struct.pack(">H", len(key)) + key for key in self.gone))


class Manifest:
    def __init__(self, data):
        reader = Reader(data)
        self.head = reader.take(3)
        self.head += reader.take(int.from_bytes(self.head[1:], "big") + 105)
        self.head += _read_proof(reader)
        self.chunks = [(reader.take(32), reader.number(4)) for _ in range(reader.number(4))]

    def encode(self):
        return (self.head + struct.pack(">I", len(self.chunks)) +
                b"".join(name + struct.pack(">I", size) for name, size in self.chunks))


def read_chunk(data):
    reader = Reader(data)
    assert reader.number(1) == 3
    return [_read_entry(reader) for _ in range(reader.number(4))]


def chunk(entries):
    return b"\x03" + struct.pack(">I", len(entries)) + b"".join(map(_entry, entries))


class State:
    """The state of one tenant at the head, in Redis, and the deltas that lead to it."""

    def __init__(self, redis, tenant="default"):
        self.redis = redis
        self.prefix = "{flagmesh}:tenant:%s:" % tenant

    def head_root(self):
        import base64
        head = self.redis.command("GET", "{flagmesh}:head")
        return base64.b64decode(head.split(b"\n")[2])

    def manifest_name(self):
        return self.prefix + "manifest:" + self.head_root().hex()

    def manifest(self):
        return Manifest(self.redis.command("GET", self.manifest_name()))

    def entries(self):
        return [entry for name, _ in self.manifest().chunks
                for entry in read_chunk(self.redis.command("GET", self.prefix + "chunk:" + name.hex()))]

    def put(self, entries):
        """Another whole state under the same head: one chunk with the right name, and the manifest that names it."""
        data = chunk(entries)
        self.put_chunk(data)

    def put_chunk(self, data):
        manifest = self.manifest()
        name = hashlib.sha256(data).digest()
        self.redis.command("SET", self.prefix + "chunk:" + name.hex(), data)
        manifest.chunks = [(name, len(data))]
        self.redis.command("SET", self.manifest_name(), manifest.encode())

    def deltas(self):
        return [(identity, fields[1]) for identity, fields in
                self.redis.command("XRANGE", self.prefix + "deltas", "-", "+") or []]

    def put_deltas(self, deltas):
        self.redis.command("DEL", self.prefix + "deltas")
        for identity, data in deltas:
            self.redis.command("XADD", self.prefix + "deltas", identity, "d", data)
