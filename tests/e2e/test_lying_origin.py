"""Origins that lie: every malformed answer of tests/proxy/http/messages.jsonl, and well-formed ones cut off or reset at every
byte. The client gets the whole answer, or a 502, or an answer that is visibly broken off; never bytes of another answer, and
never a short one that looks complete. The connection of a lie is not used again."""
import asyncio
import itertools
import json
import unittest

from harness import plain_router, process, strict_http
from harness.mesh import MeshTest
from harness.raw_peers import RawClient, RecordingOrigin, in_parallel
from harness.waiting import SLOWNESS

TABLE = process.ROOT / "tests/proxy/http/messages.jsonl"


def response_rows():
    for line in TABLE.read_text().splitlines():
        row = json.loads(line)
        if row["side"] == "response":
            pieces = [row["bytes"]] if isinstance(row["bytes"], str) else row["bytes"]
            row["wire"] = "".join(p if isinstance(p, str) else p[0] * p[1] for p in pieces).encode("latin-1")
            yield row


def ok(text):
    body = text.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class LyingTest(MeshTest):
    """`lies` is a list; request /lie/N gets what `tell(connection, lies[N])` makes of it, everything else its target."""

    def setUp(self):
        super().setUp()
        self.lies = []
        self.problems = []

    async def answer(self, connection, request):
        if connection.lied:
            self.problems.append(f"a connection that lied got another request: {request}")
        if not request.target.startswith("/lie/"):
            connection.write(ok(request.target))
            return True
        return await self.tell(connection, self.lies[int(request.target[5:])])

    async def run_origin(self, **options):
        self.origin_ = await RecordingOrigin(self.answer).start()
        self.router = plain_router.start(self, [self.origin_.address], **options)
        return self.origin_

    async def finish(self):
        await self.origin_.close()
        self.problems += self.origin_.errors
        for connection in self.origin_.connections:
            if connection.after_lie:
                self.problems.append(f"bytes on a connection that lied: {connection.after_lie!r}")
        self.assertEqual(self.problems, [], f"{len(self.problems)}:\n" + "\n".join(map(str, self.problems[:40])))

    async def next_is_served(self, client, at, number, what):
        """The connection, or a new one when that ended, serves the next request with its own answer."""
        target = f"/next/{number}"
        request = f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
        if client.ended or not await client.send(request):
            client.close()
            client = await RawClient.open(self.router.address)
            at = 0
            await client.send(request)
        reply = await client.response(at)
        if reply is None or reply.status != 200 or reply.body != target.encode():
            self.problems.append(f"{what}: the next request got {reply}; {client.received[at:][:300]!r}")
        client.close()


class ResponseTable(LyingTest):
    async def tell(self, connection, lie):
        row, step = lie
        await connection.send(row["wire"], step)
        if row["events"][-1] == "end" and any(e.endswith(" keep") and "101" not in e for e in row["events"]):
            return True  # no lie: the connection may be used again
        connection.retire()
        if row.get("eof"):
            connection.finish()
        elif row["events"] and row["events"][-1] == "more":
            await asyncio.sleep(0.2)
            return False
        await connection.until_ended()
        return False

    async def one(self, number):
        row, step = self.lies[number]
        what = f"{row['name']} (by {step})"
        method = row.get("method", "GET")
        upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n" if row.get("upgrade") else ""
        client = await RawClient.open(self.router.address)
        await client.send(f"{method} /lie/{number} HTTP/1.1\r\nHost: h\r\n{upgrade}\r\n".encode())
        at = await self.judge(client, row, method, what)
        if at is not None:
            await self.next_is_served(client, at, number, what)
        client.close()

    async def judge(self, client, row, method, what):
        """Where the next answer begins on this connection; None when there cannot be one."""
        events = row["events"]
        heads = [e for e in events if e.startswith("head ")]
        interim = [e.split()[1] for e in events if e.startswith("interim ")]
        body = b"".join(e[5:].encode("latin-1") for e in events if e.startswith("data "))
        reply = await client.response(0, method)
        failed = any(e.startswith("error ") for e in events) or events[-1:] == ["more"]
        if not heads:
            reason = reply.field("x-flagmesh-reason") if reply else None
            if reply is None or reply.status != 502 or not reason:
                self.problems.append(f"{what}: wanted a 502, got {reply} {client.ended} {client.received[:300]!r}")
            return reply.end if reply else None
        status = int(heads[0].split()[1])
        until_close = "until_close" in heads[0]
        if not failed:
            return await self.whole(client, reply, status, interim, body, row, what)
        seen = strict_http.head_at(client.received, 0, False)
        while seen and seen.status < 200:
            seen = strict_http.head_at(client.received, seen.end, False)
        if reply is not None and not until_close:
            self.problems.append(f"{what}: a broken answer looks whole: {client.received!r}")
        elif reply is None and (seen is None or seen.status != status):
            self.problems.append(f"{what}: wanted {status} broken off, got {client.received!r}")
        return None if reply is None else reply.end

    async def whole(self, client, reply, status, interim, body, row, what):
        if reply is None or reply.status != status or reply.body != body:
            self.problems.append(f"{what}: wanted {status} {body!r}, got {reply} {client.received!r} {client.ended}")
            return None
        if [str(message.status) for message in reply.interim] != interim:
            self.problems.append(f"{what}: interim {reply.interim}")
        if any(reply.field(name) for name in ("keep-alive", "te", "proxy-connection")):
            self.problems.append(f"{what}: hop-by-hop fields {reply}")
        if status != 101:
            return reply.end
        early = row["wire"].partition(b"\r\n\r\n")[2] if "left" in row["events"][-1] else b""
        while len(client.received) < reply.end + len(early) and await client.more():
            pass
        if client.received[reply.end:] != early:
            self.problems.append(f"{what}: early bytes of the tunnel: {client.received[reply.end:]!r}")
        return None

    async def scenario(self):
        # What comes behind an answer in pieces of its own may meet the next request: nobody can tell then.
        self.lies = [(row, step) for row in response_rows() for step in (0, 1)
                     if step == 0 or len(row["wire"]) < 1000 and "left" not in row["events"][-1]]
        await self.run_origin()
        warm = [await RawClient.open(self.router.address) for _ in range(8)]
        for client in warm:  # idle connections to lie on
            await client.send(b"GET /warm HTTP/1.1\r\nHost: h\r\n\r\n")
        for client in warm:
            await client.response()
            client.close()
        await in_parallel([self.one(n) for n in range(len(self.lies))], 24)
        await self.finish()

    def test_table(self):
        asyncio.run(self.scenario())
        self.assertGreater(len(self.lies), 150)


BODY = b"0123456789abcdefghijklmnopqrstuvwxyz"


def lie_bytes(framing, mark):
    """A whole answer whose body tells whose it is, and that body."""
    body = mark + b" " + BODY
    if framing == "length":
        return b"HTTP/1.1 200 OK\r\nX-Mark: %s\r\nContent-Length: %d\r\n\r\n%s" % (mark, len(body), body), body
    if framing == "chunked":
        half = len(body) // 2
        return (b"HTTP/1.1 200 OK\r\nX-Mark: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x;a=b\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n"
                % (mark, half, body[:half], len(body) - half, body[half:]), body)
    if framing == "until_close":
        return b"HTTP/1.1 200 OK\r\nX-Mark: %s\r\n\r\n%s" % (mark, body), body
    return b"HTTP/1.0 200 OK\r\nX-Mark: %s\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s" % (
        mark, len(body), body), body


class EveryByte(LyingTest):
    async def tell(self, connection, lie):
        framing, end, cut, mark = lie[:4]
        wire, _ = lie_bytes(framing, mark)
        await connection.send(wire[:cut])
        if cut < len(wire) or framing == "until_close":
            connection.retire()  # a whole one may be followed by a request before its end is seen
        if end == "reset":
            connection.reset()
            return False
        connection.finish()
        await connection.until_ended()
        return False

    async def one(self, number):
        framing, end, cut, mark, reuse, version = self.lies[number]
        wire, body = lie_bytes(framing, mark)
        head = wire.index(b"\r\n\r\n") + 4
        what = f"{framing}, {end} at {cut} of {len(wire)} (head {head}), {'kept' if reuse else 'fresh'}, HTTP/{version}"
        client = await RawClient.open(self.router.address)
        keep = "Connection: keep-alive\r\n" if version == "1.0" else ""
        at = 0
        if reuse:
            await client.send(f"GET /warm HTTP/{version}\r\nHost: h\r\n{keep}\r\n".encode())
            reply = await client.response()
            at = reply.end
        await client.send(f"GET /lie/{number} HTTP/{version}\r\nHost: h\r\n{keep}\r\n".encode())
        reply = await client.response(at)
        got = client.received[at:]
        may_be_whole = cut == len(wire) or (framing == "until_close" and cut >= head and end == "fin")
        if reply is None:
            self.judge_broken(got, wire, body, cut, head, what)
            if end == "fin" and may_be_whole:
                self.problems.append(f"{what}: broken though it was whole: {got!r}")
        elif reply.status == 502:
            if cut >= head and not (end == "reset" and cut == len(wire)):
                # A reset can overtake the head; an orderly end cannot.
                if end == "fin":
                    self.problems.append(f"{what}: 502 though the head was there")
            if not reply.field("x-flagmesh-reason"):
                self.problems.append(f"{what}: {reply}")
        else:
            self.judge_whole(client, reply, wire, body, cut, head, end, framing, may_be_whole, what)
        await self.next_is_served(client, at + (reply.end - at if reply else 0), number, what)

    def judge_broken(self, got, wire, body, cut, head, what):
        seen = strict_http.head_at(got, 0, False)
        if seen is None:
            if got:
                self.problems.append(f"{what}: neither head nor nothing: {got!r}")
            return
        if cut < head:
            self.problems.append(f"{what}: a head that was never sent: {got!r}")
        rest = got[seen.end:]
        if not seen.field("transfer-encoding") and not body.startswith(rest):
            self.problems.append(f"{what}: bytes of another answer: {got!r}")
        if rest.endswith(b"0\r\n\r\n"):
            self.problems.append(f"{what}: the end of a whole one: {got!r}")

    def judge_whole(self, client, reply, wire, body, cut, head, end, framing, may_be_whole, what):
        if not may_be_whole or reply.status != 200:
            self.problems.append(f"{what}: looks whole: {reply}")
        wanted = wire[head:cut] if framing == "until_close" else body
        if reply.body != wanted:
            self.problems.append(f"{what}: body {reply.body!r}, wanted {wanted!r}")
        if reply.framing == "until_close" and client.ended != "fin":
            self.problems.append(f"{what}: reply to an HTTP/1.0 client ended by {client.ended}")
        if end == "reset" and framing == "until_close":
            self.problems.append(f"{what}: a reset hidden from the client")

    async def scenario(self, version):
        count = itertools.count()
        for framing, end, reuse in itertools.product(("length", "chunked", "until_close", "1.0"), ("fin", "reset"),
                                                     (False, True)):
            size = len(lie_bytes(framing, b"m0000")[0])
            self.lies += [(framing, end, cut, b"m%04d" % next(count), reuse, version) for cut in range(size + 1)]
        await self.run_origin()
        await in_parallel([self.one(n) for n in range(len(self.lies))], 48)
        await self.finish()

    def test_http_1_1_client(self):
        asyncio.run(self.scenario("1.1"))
        self.assertGreater(len(self.lies), 1500)

    def test_http_1_0_client(self):
        asyncio.run(self.scenario("1.0"))


class Unasked(LyingTest):
    """Bytes, or whole answers, that come on a kept connection without a request."""

    async def tell(self, connection, lie):
        # Every request has come, so each has a connection of its own: a lie is never the answer to somebody else's question.
        self.asked += 1
        while self.asked < len(self.lies):
            await asyncio.sleep(0.005)
        connection.write(ok("asked"))
        await asyncio.sleep(0.05)
        connection.retire()
        connection.write(lie)
        await connection.until_ended()
        return False

    async def scenario(self):
        self.lies = [b"x", b"\r\n", ok("unasked"), b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 408 Late\r\nConnection: close\r\n\r\n",
                     b"\0" * 200_000] * 4
        self.asked = 0
        await self.run_origin()

        async def lied_to(number):
            client = await RawClient.open(self.router.address)
            await client.send(f"GET /lie/{number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            reply = await client.response()
            self.assertEqual((reply.status, reply.body), (200, b"asked"))
            liar = next(c for c in self.origin_.connections if any(r.target == f"/lie/{number}" for r in c.requests))
            while liar.ended is None:  # the router hangs up
                await asyncio.sleep(0.005)
            return client, reply

        everyone = range(len(self.lies))
        told = await asyncio.wait_for(asyncio.gather(*(lied_to(n) for n in everyone)), 20 * SLOWNESS)
        await asyncio.wait_for(asyncio.gather(*(
            self.next_is_served(told[n][0], told[n][1].end, n, f"unasked {self.lies[n][:40]!r}") for n in everyone)), 20 * SLOWNESS)
        await self.finish()

    def test_idle_connection_that_speaks_is_closed(self):
        asyncio.run(self.scenario())


if __name__ == "__main__":
    unittest.main()
