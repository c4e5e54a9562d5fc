#!/usr/bin/env python3
"""A feature container for tests: tells its name and what it saw, and misbehaves on request.

Usage: origin.py NAME PORTS_FILE [PORT]. What the target asks for:

  /anything            200, JSON: {"container", "method", "target", "headers": [[name, value], ...], "body_bytes", "body"}
  ?status=503          that status
  ?delay=0.5           seconds before the answer
  ?bytes=1000000       a body of that many bytes instead of JSON
  ?chunked=1           the body in chunks, with a trailer
  ?close=1             connection: close
  ?hop=1               hop-by-hop and x-flagmesh-* fields that a proxy must not pass on
  ?abort=reset|short   reset before answering; promise more bytes than are sent, then close
  /health              200, or 503 after a request with ?sick=1 (until ?sick=0)
  Upgrade: websocket   101, then every byte back until the client closes its side
"""
import asyncio
import json
import os
import pathlib
import socket
import struct
import sys
import urllib.parse

HOP_FIELDS = ("Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Hop: secret\r\n"
              "X-Flagmesh-Variant: forged\r\nX-Flagmesh-Anything: forged\r\nX-End-To-End: kept\r\n")


class Origin:
    def __init__(self, name):
        self.name = name
        self.sick = False

    async def serve(self, reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self.one_request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def one_request(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = start.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        lower = {name.lower(): value for name, value in headers}
        if lower.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if lower.get("upgrade", "").lower() == "websocket":
            return await echo(reader, writer)
        body = await read_body(reader, lower)
        parts = urllib.parse.urlsplit(target)
        ask = dict(urllib.parse.parse_qsl(parts.query))
        if "sick" in ask:
            self.sick = ask["sick"] == "1"
        if "delay" in ask:
            await asyncio.sleep(float(ask["delay"]))
        if ask.get("abort") == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        status = 503 if self.sick and parts.path == "/health" else int(ask.get("status", "200"))
        saw = {"container": self.name, "method": method, "target": target, "headers": headers,
               "body_bytes": len(body), "body": body[:4096].decode("latin-1")}
        data = b"x" * int(ask["bytes"]) if "bytes" in ask else json.dumps(saw).encode()
        return await answer(writer, method, status, ask, data)


async def read_body(reader, headers):
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = bytearray()
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        while (await reader.readline()).strip():
            pass
        return bytes(body)
    return await reader.readexactly(int(headers.get("content-length", "0")))


async def echo(reader, writer):
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    return False


async def answer(writer, method, status, ask, data):
    close = "close" in ask or "hop" in ask
    head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\n"
    if "hop" in ask:
        head += HOP_FIELDS + "Connection: close, X-Hop\r\n"
    elif close:
        head += "Connection: close\r\n"
    if "chunked" in ask:
        head += "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        pieces = [data[i:i + 1000] for i in range(0, len(data), 1000)]
        wire = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Sum: 1\r\n\r\n"
    else:
        promised = len(data) + 1000 if ask.get("abort") == "short" else len(data)
        head += f"Content-Length: {promised}\r\n\r\n"
        wire = data
    writer.write(head.encode() + (b"" if method == "HEAD" else wire))
    await writer.drain()
    return not close and ask.get("abort") != "short"


async def main():
    name, ports_file = sys.argv[1], pathlib.Path(sys.argv[2])
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    server = await asyncio.start_server(Origin(name).serve, "127.0.0.1", port, limit=1 << 20, backlog=1024)
    address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    half_written = ports_file.with_suffix(".new")
    half_written.write_text(json.dumps({"address": address}))
    os.replace(half_written, ports_file)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
