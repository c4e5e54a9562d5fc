"""Exchanges that are not the plain one: early and interim answers, bodies that are cut, clients that pipeline, read slowly or
half-close, floods and drips from the origin, retries that must not repeat what was done, other addresses than IPv4."""
import asyncio
import socket
import unittest

from harness import plain_router
from harness.memory import is_below, resident_kib
from harness.mesh import MeshTest
from harness.raw_peers import RawClient, RecordingOrigin, in_parallel


def ok(text, more=""):
    body = text.encode()
    return f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def get(target, more="", version="1.1"):
    return f"GET {target} HTTP/{version}\r\nHost: h\r\n{more}\r\n".encode()


def post(target, framing, more=""):
    return f"POST {target} HTTP/1.1\r\nHost: h\r\n{framing}\r\n{more}\r\n".encode()


class ExchangeTest(MeshTest):
    def run_scenario(self, scenario, answer=None, on_head=None, **options):
        async def whole():
            self.clients = []
            self.origin_ = await RecordingOrigin(answer or self.echo, on_head).start()
            self.router = plain_router.start(self, [self.origin_.address], **options)
            try:
                await scenario()
            finally:
                for client in self.clients:
                    client.close()
                await self.origin_.close()
            self.assertEqual(self.origin_.errors, [])

        asyncio.run(whole())

    async def echo(self, connection, request):
        connection.write(ok(f"{request.method} {request.target} {len(request.body)}"))

    async def open(self):
        client = await RawClient.open(self.router.address)
        self.clients.append(client)
        return client

    async def assert_next(self, client, at=0, target="/next"):
        """The same connection serves another request."""
        await client.send(get(target))
        reply = await client.response(at)
        self.assertIsNotNone(reply, client.received[at:])
        self.assertEqual((reply.status, reply.body), (200, f"GET {target} 0".encode()))
        return reply.end


class EarlyAnswers(ExchangeTest):
    """The origin answers before the request is whole."""

    def test_answer_before_the_body_is_read(self):
        async def on_head(connection, head):
            if head.target != "/early":
                return False
            connection.write(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
            await connection.until_ended()
            return True

        async def scenario():
            for framing in ("Content-Length: 10", "Transfer-Encoding: chunked"):
                client = await self.open()
                await client.send(post("/early", framing))
                reply = await client.response()
                self.assertEqual((reply.status, reply.body, reply.field("connection")), (403, b"no", b"close"))
                # What still comes of the body is neither forwarded nor taken for a request.
                await client.send(get("/smuggled"))
                await client.to_end()
                self.assertEqual(client.received[reply.end:], b"")
            await self.origin_.settled()
            self.assertEqual(self.origin_.requests(), [])
            self.assertNotIn(b"smuggled", b"".join(c.received for c in self.origin_.connections))

        self.run_scenario(scenario, on_head=on_head)

    def test_early_answer_to_a_large_upload_reaches_a_client_that_sends_everything_first(self):
        async def on_head(connection, head):
            connection.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            connection.finish()
            await connection.until_ended()
            return True

        async def scenario():
            for size in (100_000, 3_000_000):
                client = await self.open()
                await client.send(post("/early", f"Content-Length: {size}"))
                await client.send(b"x" * size)
                reply = await client.response()
                self.assertIsNotNone(reply, f"{size}: {client.received} {client.ended}")
                self.assertEqual((reply.status, reply.body), (413, b"no"))

        self.run_scenario(scenario, on_head=on_head)

    def test_answer_and_body_flow_at_the_same_time(self):
        async def on_head(connection, head):
            connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for n in range(1, 6):
                while connection.received.count(b"hi\r\n") < n:
                    await connection.more()
                connection.write(b"3\r\ngot\r\n")
            while not connection.received.endswith(b"0\r\n\r\n"):
                await connection.more()
            connection.write(b"0\r\n\r\n")
            await connection.until_ended()
            return True

        async def scenario():
            client = await self.open()
            await client.send(post("/both", "Transfer-Encoding: chunked"))
            for n in range(1, 6):
                await client.send(b"2\r\nhi\r\n")
                while client.received.count(b"got") < n and await client.more():
                    pass
                self.assertEqual(client.received.count(b"got"), n)
            await client.send(b"0\r\n\r\n")
            self.assertEqual((await client.response()).body, b"got" * 5)

        self.run_scenario(scenario, on_head=on_head)


class Continue(ExchangeTest):
    EXPECT = "Expect: 100-continue\r\n"

    async def interim_first(self, connection, head):
        if head.field("expect"):
            connection.write(b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\nConnection: x-interim\r\n\r\n")
        return False

    def test_interim_then_body_then_answer(self):
        async def scenario():
            client = await self.open()
            at = 0
            for framing, body in (("Content-Length: 3", b"abc"), ("Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")):
                await client.send(post("/c", framing, self.EXPECT))
                while b"100 Continue" not in client.received[at:] and await client.more():
                    pass
                self.assertRegex(client.received[at:], rb"^HTTP/1\.1 100 ")
                await client.send(body)
                reply = await client.response(at)
                self.assertEqual((reply.status, reply.body, len(reply.interim)), (200, b"POST /c 3", 1))
                self.assertIsNone(reply.interim[0].field("x-interim"))
                at = reply.end
            await self.assert_next(client, at)

        self.run_scenario(scenario, on_head=self.interim_first)

    def test_client_that_does_not_wait(self):
        async def scenario():
            client = await self.open()
            await client.send(post("/c", "Content-Length: 3", self.EXPECT) + b"abc")
            reply = await client.response()
            self.assertEqual(reply.body, b"POST /c 3")
            await self.assert_next(client, reply.end)

        self.run_scenario(scenario, on_head=self.interim_first)

    def test_final_answer_instead(self):
        async def on_head(connection, head):
            if not head.field("expect"):
                return False
            connection.write(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
            await connection.until_ended()
            return True

        async def scenario():
            client = await self.open()
            await client.send(post("/c", "Content-Length: 30", self.EXPECT))
            reply = await client.response()
            self.assertEqual((reply.status, reply.field("connection")), (417, b"close"))
            await client.send(get("/smuggled"))  # 30 bytes and more
            await client.to_end()
            self.assertEqual(len(client.received), reply.end)
            await self.origin_.settled()
            self.assertNotIn(b"smuggled", b"".join(c.received for c in self.origin_.connections))

        self.run_scenario(scenario, on_head=on_head)

    def test_http_1_0_client_gets_no_interim(self):
        async def scenario():
            client = await self.open()
            await client.send(b"POST /c HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
            reply = await client.response()
            self.assertEqual((reply.body, reply.interim), (b"POST /c 3", []))

        self.run_scenario(scenario, on_head=self.interim_first)


class CutRequests(ExchangeTest):
    """A body that the client does not finish is no whole request at the origin."""

    def test_every_way_to_stop(self):
        async def one(framing, sent, how):
            client = await self.open()
            await client.send(post("/cut", framing) + sent)
            await self.origin_.settled()
            if how == "fin":
                client.half_close()
            elif how == "reset":
                client.reset()
            else:
                client.close()

        async def scenario():
            cases = [(framing, body[:n], how)
                     for framing, body in (("Content-Length: 6", b"abcdef"),
                                           ("Transfer-Encoding: chunked", b"3\r\nabc\r\n3\r\ndef\r\n0\r\nA: b\r\n\r\n"))
                     for n in range(len(body)) for how in ("fin", "reset", "close")]
            await in_parallel([one(*case) for case in cases], 32)
            await self.origin_.settled()
            self.assertEqual(self.origin_.requests(), [])
            touched = [c for c in self.origin_.connections if c.received]
            self.assertGreater(len(touched), 50)
            for connection in touched:
                self.assertIsNotNone(connection.ended, connection.received)
                self.assertEqual(connection.received.count(b"POST"), 1)

        self.run_scenario(scenario)

    def test_broken_chunks_end_the_request_at_the_origin(self):
        async def scenario():
            for bad in (b"x\r\n", b"3\r\nabcd", b"3\r\nabc\n", b"3 \r\nabc", b"0\r\nContent-Length: 1\r\n\r\n", b"-1\r\n",
                        b"ffffffffffffffff\r\n", b"0x3\r\nabc\r\n", b"3\nabc\r\n", b"0\r\nA : b\r\n\r\n", b"3;a=\x00\r\n"):
                client = await self.open()
                await client.send(post("/bad", "Transfer-Encoding: chunked") + b"2\r\nok\r\n")
                await self.origin_.settled()
                await client.send(bad + get("/smuggled"))
                reply = await client.response()
                self.assertEqual((reply.status, reply.field("connection")), (400, b"close"), bad)
                await client.to_end()
                self.assertEqual(len(client.received), reply.end)
            await self.origin_.settled()
            self.assertEqual(self.origin_.requests(), [])
            for connection in self.origin_.connections:
                self.assertNotIn(b"smuggled", connection.received)
                self.assertIsNotNone(connection.ended)

        self.run_scenario(scenario)


class Clients(ExchangeTest):
    def test_pipelined_requests_and_a_half_close(self):
        async def scenario():
            client = await self.open()
            methods = ("GET", "HEAD", "POST", "DELETE") * 10
            wire = b"".join(f"{m} /{n} HTTP/1.1\r\nHost: h\r\n{'Content-Length: 4' + chr(13) + chr(10) if m == 'POST' else ''}"
                            f"\r\n{'body' if m == 'POST' else ''}".encode() for n, m in enumerate(methods))
            await client.send(wire)
            client.half_close()
            at = 0
            for n, method in enumerate(methods):
                reply = await client.response(at, method)
                self.assertIsNotNone(reply, f"{n}: {client.received[at:]!r} {client.ended}")
                if method != "HEAD":
                    self.assertEqual(reply.body, f"{method} /{n} {4 if method == 'POST' else 0}".encode())
                at = reply.end
            await client.to_end()
            self.assertEqual((len(client.received), client.ended), (at, "fin"))

        async def answer(connection, request):
            text = ok(f"{request.method} {request.target} {len(request.body)}")
            connection.write(text.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.method == "HEAD" else text)

        self.run_scenario(scenario, answer)

    def test_http_1_0(self):
        async def answer(connection, request):
            self.assertEqual(request.field("via").split(b" ")[0], b"1.0")
            if request.target == "/chunks":
                connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n")
            else:
                await self.echo(connection, request)

        async def scenario():
            client = await self.open()
            await client.send(get("/one", "Connection: keep-alive\r\n", "1.0"))
            first = await client.response()
            self.assertEqual((first.field("connection"), first.body), (b"keep-alive", b"GET /one 0"))
            await client.send(get("/two", "", "1.0"))
            second = await client.response(first.end)
            self.assertEqual((second.field("connection"), second.body), (b"close", b"GET /two 0"))
            await client.to_end()
            self.assertEqual(client.ended, "fin")
            client = await self.open()
            await client.send(get("/chunks", "Connection: keep-alive\r\n", "1.0"))
            reply = await client.response()
            self.assertEqual((reply.framing, reply.body, client.ended), ("until_close", b"abc", "fin"))
            self.assertEqual((reply.field("connection"), reply.field("transfer-encoding")), (b"close", None))
            client = await self.open()
            await client.send(b"GET /no-host HTTP/1.0\r\n\r\n")
            self.assertEqual((await client.response()).body, b"GET /no-host 0")

        self.run_scenario(scenario, answer)

    def test_targets_in_every_form(self):
        async def answer(connection, request):
            connection.write(ok(f"{request.target} {request.field('host').decode()}"))

        async def scenario():
            client = await self.open()
            at = 0
            for line, wanted in (("GET http://a.test:81/x?y HTTP/1.1", b"/x?y a.test:81"),
                                 ("GET HTTP://a.test HTTP/1.1", b"/ a.test"),
                                 ("GET http://a.test?q HTTP/1.1", b"/?q a.test"),
                                 ("GET https://[::1]:8443/x HTTP/1.1", b"/x [::1]:8443"),
                                 ("OPTIONS * HTTP/1.1", b"* h"),
                                 ("OPTIONS http://a.test HTTP/1.1", b"* a.test"),
                                 ("OPTIONS http://a.test/ HTTP/1.1", b"/ a.test")):
                await client.send(f"{line}\r\nHost: h\r\n\r\n".encode())
                reply = await client.response(at)
                self.assertEqual(reply.body, wanted, line)
                at = reply.end

        self.run_scenario(scenario, answer)

    def test_slow_reader_of_a_large_answer_costs_little_memory(self):
        size = 40_000_000

        async def answer(connection, request):
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, 1 << 16):
                connection.write(b"z" * min(1 << 16, size - at))
                await connection.writer.drain()

        async def scenario():
            clients = []
            for _ in range(8):
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                sock.setblocking(False)
                host, port = self.router.address.split(":")
                await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
                clients.append(sock)
            before = resident_kib(self.router.pid)
            for sock in clients:
                sock.send(get("/large"))
            # Nobody reads: what the router holds for all of them is bounded.
            peak, quiet = before, 0
            while quiet < 15:
                now = resident_kib(self.router.pid)
                quiet = 0 if now > peak else quiet + 1
                peak = max(peak, now)
                await asyncio.sleep(0.02)
            self.assertTrue(is_below(peak - before, 16 * 1024), peak - before)
            loop = asyncio.get_running_loop()
            got = 0
            while got < size and (piece := await loop.sock_recv(clients[0], 1 << 20)):
                got += len(piece)
            self.assertGreaterEqual(got, size)
            for sock in clients:
                sock.close()

        self.run_scenario(scenario, answer)


class SlowOrigins(ExchangeTest):
    """An origin that does not read, or does not answer, costs little memory."""

    async def peak_kib(self, base):
        """What the router grows to above `base` until it has stopped growing."""
        peak, quiet = 0, 0
        while quiet < 15:
            now = resident_kib(self.router.pid) - base
            quiet = 0 if now > peak else quiet + 1
            peak = max(peak, now)
            await asyncio.sleep(0.02)
        return peak

    def held_back(self, wire, then):
        """Clients send `wire` to an origin that waits; the router must not take it all. `then(client)` looks at what becomes of
        it when the origin goes on."""
        async def on_head(connection, _):
            connection.writer.transport.pause_reading()
            await self.go_on.wait()
            connection.writer.transport.resume_reading()
            return False

        async def scenario():
            self.go_on = asyncio.Event()
            base = resident_kib(self.router.pid)
            clients = [await self.open() for _ in range(4)]

            async def send(client):
                await client.send(wire)

            sending = [asyncio.create_task(send(client)) for client in clients]
            grown = await self.peak_kib(base)
            self.assertTrue(is_below(grown, 12 * 1024), grown)
            self.assertFalse(any(task.done() for task in sending))
            self.go_on.set()
            await asyncio.gather(*sending, *(then(client) for client in clients))

        self.run_scenario(scenario, on_head=on_head)

    def test_upload(self):
        size = 24 << 20

        async def then(client):
            self.assertEqual((await client.response(timeout=30)).body, f"POST /up {size}".encode())

        self.held_back(post("/up", f"Content-Length: {size}") + b"x" * size, then)

    def test_chunked_upload(self):
        async def then(client):
            reply = await client.response(timeout=30)
            self.assertEqual(reply.body, f"POST /up {2000 * 0x3000}".encode())
            self.assertEqual((await client.response(reply.end)).body, b"GET /behind 0")

        chunk = b"3000\r\n" + b"x" * 0x3000 + b"\r\n"
        self.held_back(post("/up", "Transfer-Encoding: chunked") + chunk * 2000 + b"0\r\n\r\n" + get("/behind"), then)

    def test_pipelined_requests(self):
        async def then(client):
            self.assertEqual((await client.response()).body, b"GET /first 0")
            client.reset()

        self.held_back(get("/first") + get("/next") * 700_000, then)

    def test_early_bytes_of_an_upgrade(self):
        async def then(client):
            self.assertEqual((await client.response()).body, b"GET /ws 0")
            client.reset()

        upgrade = get("/ws", "Connection: upgrade\r\nUpgrade: websocket\r\n")
        self.held_back(upgrade + b"\x82" * (24 << 20), then)


class Floods(ExchangeTest):
    async def answer(self, connection, request):
        kind = request.target[1:]
        if kind == "interim":
            for _ in range(2000):
                await connection.send(b"HTTP/1.1 102 Wait\r\nX: y\r\n\r\n")
        elif kind == "some":
            await connection.send(b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 20 + ok("some"))
            return True
        elif kind == "head":
            await connection.send(b"HTTP/1.1 200 OK\r\n")
            for n in range(100_000):
                if connection.reader.at_eof():
                    break
                await connection.send(b"X-%d: y\r\n" % n)
        elif kind == "line":
            await connection.send(b"HTTP/1.1 200 ")
            for _ in range(10_000):
                await connection.send(b"x" * 100)
        elif kind == "trailers":
            await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
            for n in range(10_000):
                await connection.send(b"X-%d: y\r\n" % n)
        elif kind == "extension":
            await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=")
            for _ in range(10_000):
                await connection.send(b"x" * 100)
        elif kind == "drip-head":
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
                await connection.send(bytes([byte]))
                await asyncio.sleep(0.05)
        elif kind == "drip-interim":
            for _ in range(60):
                await connection.send(b"HTTP/1.1 102 Wait\r\n\r\n")
                await asyncio.sleep(0.1)
        elif kind == "silence":
            await connection.until_ended()
        else:
            connection.write(ok(f"GET {request.target} 0"))
            return True
        await connection.until_ended()
        return False

    def test_what_does_not_end_is_ended(self):
        async def one(kind, status, interim=None):
            client = await self.open()
            await client.send(get(f"/{kind}"))
            reply = await client.response(timeout=8)
            if status is None:
                self.assertIsNone(reply, kind)
                self.assertIn(client.ended, ("reset", "fin"), kind)
                client = await self.open()
                return await self.assert_next(client)
            self.assertIsNotNone(reply, f"{kind}: {client.received[-200:]!r} {client.ended}")
            self.assertEqual(reply.status, status, f"{kind}: {reply}")
            if interim is not None:
                self.assertLessEqual(len(reply.interim), interim, kind)
            await self.assert_next(client, reply.end)

        async def scenario():
            before = resident_kib(self.router.pid)
            await asyncio.gather(
                one("interim", 502, 64), one("some", 200, 20), one("head", 502), one("line", 502), one("trailers", None),
                one("extension", None), one("drip-head", 504), one("drip-interim", 504, 60), one("silence", 504))
            grown = resident_kib(self.router.pid) - before
            self.assertTrue(is_below(grown, 12 * 1024), grown)

        routes = [{"path": "/", "container": "web", "timeout": "1s"}]
        self.run_scenario(scenario, self.answer, routes=routes)


class Retries(ExchangeTest):
    """What was done once is not done twice."""
    ROUTES = [{"path": "/", "container": "web", "timeout": "5s", "retries": {
        "attempts": 3, "on": ["connect_failure", "reset", "timeout", "502", "503", "504"], "per_try_timeout": "300ms"}}]

    async def answer(self, connection, request):
        how = request.target.split("/")[1]
        if how == "warm":
            connection.write(ok("warm"))
            return True
        if how == "reset":
            connection.reset()
        elif how == "fin":
            connection.finish()
        elif how == "half":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            connection.reset()
        elif how == "503":
            connection.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            return True
        elif how == "interim":
            await connection.send(b"HTTP/1.1 103 Hints\r\n\r\n")
            connection.reset()
        elif how == "truncated":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            connection.reset()
        else:
            await connection.until_ended()
        return False

    def test_methods(self):
        kinds = ("reset", "fin", "half", "503", "interim", "truncated", "silence")

        async def one(kind, method, warm):
            client = await self.open()
            at = 0
            if warm:
                await client.send(get("/warm"))
                at = (await client.response()).end
            target = f"/{kind}/{method}/{int(warm)}"
            body = "Content-Length: 4\r\n\r\nbody" if method in ("POST", "PUT", "PATCH", "LOCK") else "\r\n"
            await client.send(f"{method} {target} HTTP/1.1\r\nHost: h\r\n{body}".encode())
            reply = await client.response(at, method, timeout=8)
            if kind == "truncated" and method != "HEAD":
                self.assertIsNone(reply, target)
            elif kind != "truncated":
                self.assertIn(reply.status, (502, 503, 504), f"{target} {reply}")
            seen = sum(request.target == target for request in self.origin_.requests())
            once = method in ("POST", "PATCH", "LOCK", "OTHER") or kind == "truncated"
            if once:
                self.assertEqual(seen, 1, f"{target} was done {seen} times")
            else:
                self.assertTrue(2 <= seen <= 5, f"{target} was tried {seen} times")
            client.close()

        async def scenario():
            await in_parallel([one(kind, method, warm) for kind in kinds
                               for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "LOCK", "OTHER")
                               for warm in (False, True)], 16)

        self.run_scenario(scenario, self.answer, routes=self.ROUTES,
                          container={"circuit_breaker": {"error_rate": "0%", "max_retries": 1000}})

    def test_kept_connections_that_the_origin_closes(self):
        """A request on a connection that ends at the same moment is sent again when that is safe, whatever the policy."""
        async def answer(connection, request):
            connection.write(ok(request.target))
            await asyncio.sleep(0)
            connection.reset() if len(connection.requests) % 3 == 0 else connection.finish()
            return False

        async def one(n):
            client = await self.open()
            at = 0
            for i in range(20):
                await client.send(get(f"/{n}/{i}"))
                reply = await client.response(at)
                self.assertEqual((reply.status, reply.body), (200, f"/{n}/{i}".encode()))
                at = reply.end
            client.close()

        async def scenario():
            await asyncio.gather(*(one(n) for n in range(16)))

        self.run_scenario(scenario, answer, routes=[{"path": "/", "container": "web", "retries": {"attempts": 0}}])


class Addresses(ExchangeTest):
    def test_ipv6_and_unix_sockets_on_both_sides(self):
        async def answer(connection, request):
            connection.write(ok(f"{request.field('host').decode()} {request.field('x-forwarded-for').decode()}"))

        async def scenario():
            over_unix = await RecordingOrigin(answer).start(path=str(self.folder / "origin.sock"))
            over_v6 = await RecordingOrigin(answer).start(host="::1")
            listeners = [{"address": "127.0.0.1:0"}, {"address": "[::1]:0"}, {"address": f"unix:{self.folder}/in.sock"}]
            routes = [{"path": "/v6", "container": "v6"}, {"path": "/", "container": "web"}]
            router = plain_router.start(self, [over_unix.address], routes, listeners=listeners, containers={
                "web": {"endpoints": [over_unix.address]}, "v6": {"endpoints": [over_v6.address]}})
            self.assertTrue(router.addresses[1].startswith("[::1]:"), router.addresses)
            for address, peer in zip(router.addresses, ("127.0.0.1", "::1", "unix")):
                for target in ("/v6", "/unix"):
                    client = await RawClient.open(address)
                    await client.send(get(target))
                    reply = await client.response()
                    self.assertEqual(reply.body, f"h {peer}".encode(), (address, target))
                    client.close()
            self.assertEqual((len(over_v6.requests()), len(over_unix.requests())), (3, 3))
            await over_unix.close()
            await over_v6.close()

        asyncio.run(scenario())


class HopByHop(ExchangeTest):
    def test_nominated_fields_and_trailers_in_both_directions(self):
        async def answer(connection, request):
            self.assertEqual(request.all("x-a") + request.all("x-b"), [])
            self.assertEqual(request.trailers, [(b"X-C", b"3")])
            self.assertEqual(request.all("connection"), [])
            connection.write(b"HTTP/1.1 200 OK\r\nConnection: x-d\r\nX-D: 1\r\nConnection: X-E\r\nX-E: 2\r\nKeep-Alive: 1\r\n"
                             b"Transfer-Encoding: chunked\r\nTrailer: X-E\r\n\r\n0\r\nX-D: 1\r\nX-E: 2\r\nX-F: 3\r\n\r\n")

        async def scenario():
            client = await self.open()
            await client.send(post("/t", "Transfer-Encoding: chunked", "Connection: X-A\r\nX-A: 1\r\nConnection: x-b\r\nx-B: 2\r\n")
                              + b"0\r\nX-a: 1\r\nX-B: 2\r\nX-C: 3\r\n\r\n")
            reply = await client.response()
            self.assertEqual(reply.all("x-d") + reply.all("x-e") + reply.all("keep-alive") + reply.all("connection"), [])
            self.assertEqual(reply.trailers, [(b"X-F", b"3")])

        self.run_scenario(scenario, answer)


if __name__ == "__main__":
    unittest.main()
