"""The table of HTTP/1 messages (tests/proxy/http/messages.jsonl) sent through a running router: whole, byte by byte, and in
threes. What is refused never reaches the origin as a request; what is accepted arrives as exactly one well-formed message,
and the request behind it on the same connection is answered as its own."""
import asyncio
import json
import random
import re
import unittest

from harness import plain_router, process, strict_http
from harness.mesh import MeshTest
from harness.raw_peers import RawClient, RecordingOrigin, in_parallel

TABLE = process.ROOT / "tests/proxy/http/messages.jsonl"
HOP_BY_HOP = ("keep-alive", "proxy-connection", "te", "upgrade", "http2-settings", "proxy-authorization",
              "proxy-authenticate", "connection")
HEAD = re.compile(r"head (\S+) (\S+|<\d+ bytes>) 1\.[01] host=(\S*) body=(none|chunked|length:(\d+)) (keep|close)(.*)")
STEPS = (0, 1, 3)  # 0: whole
LONG = 4000        # longer messages are not sent in single bytes: it proves nothing more


def rows(side):
    for line in TABLE.read_text().splitlines():
        row = json.loads(line)
        if row["side"] == side:
            pieces = [row["bytes"]] if isinstance(row["bytes"], str) else row["bytes"]
            row["wire"] = "".join(p if isinstance(p, str) else p[0] * p[1] for p in pieces).encode("latin-1")
            if not row["wire"].startswith(b"PRI * HTTP/2.0\r\n\r\n"):  # that is where another protocol begins
                yield row


class Expected:
    """One message of a row's events."""

    def __init__(self, match):
        self.method, self.target, self.host, self.framing, length, keep, more = match.groups()
        self.length = int(length) if length else None
        self.keep = keep == "keep"
        self.websocket = "websocket" in more
        self.body, self.trailers, self.whole = b"", None, False


def outcome(row):
    """(messages, "error" | "more" | None): what the events of a request row say."""
    messages, end = [], None
    for event in row["events"]:
        word, _, rest = event.partition(" ")
        if word == "head":
            messages.append(Expected(HEAD.fullmatch(event)))
        elif word == "data":
            messages[-1].body += rest.encode("latin-1")
        elif word == "trailers":
            messages[-1].trailers = rest
        elif word == "end":
            messages[-1].whole = True
        else:
            end = word
    if messages and not messages[-1].whole and end is None:
        end = "more"
    return messages, end


def nominated(wire):
    """Names that the Connection fields of the first head in `wire` list, as far as they may be nominated (docs/http.md)."""
    head = wire.partition(b"\r\n\r\n")[0]
    names = set()
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"connection":
            names |= {item.strip().lower().decode("latin-1") for item in value.split(b",")}
    return {name for name in names if name.startswith("x-") and not name.startswith("x-forwarded")}


class RequestTable(MeshTest):
    def setUp(self):
        super().setUp()
        self.rows = list(rows("request"))
        self.problems = []

    def problem(self, row, step, text):
        self.problems.append(f"{row['name']} ({'whole' if step == 0 else f'by {step}'}): {text}")

    async def answer(self, connection, request):
        body = json.dumps({"target": request.target[:300], "method": request.method, "who": self.who(request)}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.write(head + (b"" if request.method == "HEAD" else body))

    def who(self, request):
        return (request.field("x-forwarded-for") or b"").decode("latin-1").split(",")[-1].strip()

    async def one(self, router, number, row, step):
        source = f"127.{10 + step}.{number // 250}.{1 + number % 250}"
        messages, end = outcome(row)
        closes = any(not message.keep for message in messages)
        follow = b"GET /follow-up/%d HTTP/1.1\r\nHost: follow\r\nConnection: close\r\n\r\n" % number
        client = await RawClient.open(router.address, source)
        await client.send(row["wire"], step)
        if end == "more":
            client.half_close()
        else:
            await client.send(follow)
        at, answers = 0, []
        for message in [m for m in messages if m.whole]:
            reply = await client.response(at, message.method)
            if reply is None:
                self.problem(row, step, f"no answer to message {len(answers)}: {client.received!r}, {client.ended}")
                return client.close()
            at = reply.end
            answers.append(reply)
            if reply.status != 200:
                self.problem(row, step, f"{reply}")
            elif message.method != "HEAD" and json.loads(reply.body)["who"] != source:
                self.problem(row, step, f"somebody else's answer: {reply}")
            if not message.keep and (reply.field("connection") or b"").lower() != b"close":
                self.problem(row, step, f"the client wants to close, the answer does not say so: {reply}")
            if not message.keep:
                break
        if end == "error" and not closes:
            await self.refusal(row, step, client, at)
        elif end is None and not closes:
            reply = await client.response(at)
            if reply is None or reply.status != 200 or json.loads(reply.body)["target"] != f"/follow-up/{number}":
                self.problem(row, step, f"the follow-up got {reply}; all: {client.received!r}")
            at = reply.end if reply else at
            await client.to_end()
        else:
            await client.to_end()
        if end != "error" and len(client.received) != at:
            self.problem(row, step, f"more than was asked for: {client.received[at:]!r}")
        client.close()

    async def refusal(self, row, step, client, at):
        reply = await client.response(at)
        if reply is None or reply.status != row["status"]:
            return self.problem(row, step, f"wanted {row['status']}, got {reply}; {client.received!r} {client.ended}")
        reason = [event for event in row["events"] if event.startswith("error ")][0].split()[1]
        if reply.field("connection") != b"close" or reply.field("x-flagmesh-reason") != reason.encode():
            self.problem(row, step, f"{reply}")
        if not reply.field("date"):
            self.problem(row, step, f"no Date: {reply}")
        await client.to_end()
        if len(client.received) != reply.end:
            self.problem(row, step, f"said more behind a refusal: {client.received[reply.end:]!r}")

    def compare(self, row, step, number, requests, unfinished):
        """What the origin saw of one row."""
        messages, end = outcome(row)
        closes = [i for i, message in enumerate(messages) if not message.keep]
        if closes:
            messages, end = messages[:closes[0] + 1], "closed"
        whole = [message for message in messages if message.whole]
        follow = [r for r in requests if r.target.startswith("/follow-up/")]
        seen = [r for r in requests if r not in follow]
        if len(follow) != (1 if end is None else 0):
            self.problem(row, step, f"{len(follow)} follow-ups seen")
        if len(seen) != len(whole):
            return self.problem(row, step, f"{len(whole)} requests wanted, the origin saw {seen}")
        if unfinished and len(whole) == len(messages):
            self.problem(row, step, f"the origin saw half a request: {unfinished}")
        for message, request in zip(whole, seen):
            self.compare_one(row, step, message, request)

    def compare_one(self, row, step, message, request):
        wanted = {
            "method": (message.method, request.method),
            "host": (message.host, request.all("host")[0].decode("latin-1")),
            "body": (message.body, request.body),
            "framing": (message.framing.split(":")[0], request.framing),
            "trailers": (message.trailers or "", "|".join(f"{k.decode()}: {v.decode()}" for k, v in request.trailers)),
        }
        if not message.target.startswith("<"):
            wanted["target"] = (message.target, request.target)
        for what, (ours, theirs) in wanted.items():
            if ours != theirs:
                self.problem(row, step, f"{what}: wanted {ours!r}, the origin saw {theirs!r}")
        allowed = ("connection", "upgrade") if message.websocket else ()
        gone = nominated(row["wire"])
        for name, _ in request.fields + request.trailers:
            name = name.decode().lower()
            if name in gone or (name in HOP_BY_HOP and name not in allowed):
                self.problem(row, step, f"{name} passed: {request}")

    async def scenario(self, step):
        origin = await RecordingOrigin(self.answer).start()
        router = plain_router.start(self, [origin.address], name=f"by-{step}", timeouts={"request_body": "2s"})
        jobs = [(n, row) for n, row in enumerate(self.rows) if step != 1 or len(row["wire"]) < LONG]
        await in_parallel([self.one(router, n, row, step) for n, row in jobs], 48)
        await origin.settled()
        self.problems += [f"by {step}: {error}" for error in origin.errors]
        by_source, halves = {}, {}
        for request in origin.requests():
            by_source.setdefault(self.who(request), []).append(request)
        for connection in origin.connections:
            if connection.rest:
                half = strict_http.head_at(connection.rest, 0, True)
                halves.setdefault(self.who(half) if half else "?", []).append(connection.rest)
        for n, row in jobs:
            source = f"127.{10 + step}.{n // 250}.{1 + n % 250}"
            self.compare(row, step, n, by_source.pop(source, []), halves.pop(source, []))
        if by_source or halves:
            self.problems.append(f"by {step}: requests of nobody: {by_source} {halves}")
        await origin.close()
        return len(jobs)

    def run_steps(self, step):
        sent = asyncio.run(self.scenario(step))
        self.assertEqual(self.problems, [], "\n".join(self.problems))
        self.assertGreater(sent, 300)

    def test_whole(self):
        self.run_steps(0)

    def test_byte_by_byte(self):
        self.run_steps(1)

    def test_in_threes(self):
        self.run_steps(3)

# What smuggling is made of.
SNIPPETS = [text.encode("latin-1") for text in (
    "\r\n", "\n", "\r", " ", "\t", "\0", "\x0b", "\x80", ":", ";", ",", "0", "-", "\r\n ", "0\r\n\r\n", "5\r\nhello\r\n", "1;a=b\r\nx\r\n",
    "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length: 60\r\n", "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:\tchunked\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Host: h\r\n",
    "Connection: close\r\n", "Connection: upgrade\r\nUpgrade: websocket\r\n", "Connection: host, content-length\r\n",
    "Expect: 100-continue\r\n", "A: b\r\n", " A: b\r\n", "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.0", "HEAD", "http://a.b/")]


class MutatedMessages(MeshTest):
    """The same messages, mutated: whatever the router makes of them, the origin sees well-formed requests only, the client
    as many answers, and a refusal is the last thing that is said."""
    COUNT = 3000

    def mutate(self, random, wire, others):
        for _ in range(random.randint(1, 3)):
            at = random.randint(0, len(wire))
            how = random.randrange(5)
            if how == 0:
                wire = wire[:at] + random.choice(SNIPPETS) + wire[at:]
            elif how == 1:
                wire = wire[:at] + bytes([random.randrange(256)]) + wire[at + 1:]
            elif how == 2:
                wire = wire[:at] + wire[at + random.randint(1, 12):]
            elif how == 3:
                wire += random.choice(others)
            else:
                lines = wire.split(b"\r\n")
                lines.insert(random.randrange(len(lines)), random.choice(SNIPPETS).removesuffix(b"\r\n"))
                wire = b"\r\n".join(lines)
        return wire

    async def answer(self, connection, request):
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def one(self, router, number, wire, step):
        client = await RawClient.open(router.address, f"127.{100 + number // 62500}.{number // 250 % 250}.{1 + number % 250}")
        await client.send(wire, step)
        client.half_close()
        await client.to_end()
        client.close()
        at, answers, statuses = 0, 0, []
        while at < len(client.received):
            reply = strict_http.read_message(client.received, at, False)
            self.assertIsNotNone(reply, (wire, client.received))
            at = reply.end
            statuses.append(reply.status)
            if reply.status == 200:
                answers += 1
            else:
                self.assertIn(reply.status, (400, 404, 413, 414, 431, 501, 505), (wire, client.received))
                self.assertEqual((reply.field("connection"), at), (b"close", len(client.received)), (wire, client.received))
        return answers

    async def scenario(self, seed):
        chance = random.Random(seed)
        wires = [row["wire"] for row in rows("request") if 0 < len(row["wire"]) < 1000]
        jobs = [(self.mutate(chance, chance.choice(wires), wires), chance.choice((0, 0, 1, 2, 7))) for _ in range(self.COUNT)]
        origin = await RecordingOrigin(self.answer).start()
        router = plain_router.start(self, [origin.address])
        answers = await in_parallel([self.one(router, n, *job) for n, job in enumerate(jobs)], 48)
        await origin.settled()
        await origin.close()
        self.assertEqual(origin.errors, [])
        self.assertTrue(router.running())
        seen = {}
        for request in origin.requests():
            source = request.field("x-forwarded-for").decode("latin-1").split(",")[-1].strip()
            seen[source] = seen.get(source, 0) + 1
        for n, count in enumerate(answers):
            source = f"127.{100 + n // 62500}.{n // 250 % 250}.{1 + n % 250}"
            self.assertEqual(seen.pop(source, 0), count, jobs[n])
        self.assertEqual(seen, {})

    def test_mutations(self):
        asyncio.run(self.scenario(20261121))


if __name__ == "__main__":
    unittest.main()
