"""Every case of h2spec 2.6 for servers (its sections generic, http2 and hpack, with its numbers), as frames of our own over a socket.

h2spec itself is neither in Debian nor on npm. It asks for RFC 7540; where RFC 9113 says something else the router does that, and the case
says so. Stricter than h2spec: a connection error is a GOAWAY with that code and then the end, never only the end; after a stream error the
connection goes on unless the case says `either`; what is accepted must have reached the container."""
import json
import unittest

from harness import client, h2_raw as h2, plain_router, tls
from harness.h2_raw import Connection
from harness.mesh import MeshTest

X_TEST = b"\xf2\xb2\x4a\x84\xff"              # "x-test", Huffman
H2SPEC = b"\x9c\x48\xac\xa4"                  # "h2spec"
USER_AGENT = b"\xb5\x05\xb1\x61\xcc\x5a\x93"  # "user-agent"


def huffman(text):
    return h2.integer(0x80, 7, len(text)) + text


def plain(text):
    return h2.integer(0, 7, len(text)) + text


def connection_error(*codes):
    def check(test, c):
        test.assertIn(c.goaway(), codes)
    return check


def stream_error(*codes, stream=1):
    def check(test, c):
        kind, code = c.stream_error(stream)
        test.assertEqual(kind, "stream")
        test.assertIn(code, codes)
        c.send(h2.ping(b"still on"))
        c.pong(b"still on")
    return check


def either(*codes, stream=1):
    def check(test, c):
        test.assertIn(c.stream_error(stream)[1], codes)
    return check


def answered(status=200, stream=1):
    def check(test, c):
        test.assertEqual(c.whole_answer(stream), status)
    return check


def ponged(payload=b"\0" * 8):
    def check(test, c):
        c.pong(payload)
    return check


def one_byte(test, c):
    """The first DATA frame, with as much as the window lets through."""
    test.assertEqual(len(c.expect(lambda f: f.type == h2.DATA).payload), 1)


def body_of(c, stream=1):
    """Of an answer that is whole."""
    return json.loads(b"".join(f.payload for f in c.frames if f.type == h2.DATA and f.stream == stream))


OPEN = h2.headers(1, h2.request("POST"), end=False)
STARTED = h2.headers(1, end_headers=False)  # a block that goes on
WINDOW_0 = h2.settings((h2.INITIAL_WINDOW_SIZE, 0))


class H2Conformance(MeshTest):
    def setUp(self):
        super().setUp()
        self.web = self.origin("web")
        self.router = plain_router.start(self, [self.web.address])

    def case(self, number, sent, check, **options):
        with self.subTest(number), Connection(self.router.address, **options) as c:
            c.send(sent)
            check(self, c)

    def tearDown(self):
        # Whatever was said, others are served.
        with Connection(self.router.address) as c:
            c.send(h2.headers(1))
            self.assertEqual(c.whole_answer(), 200)
        self.assertEqual(client.fetch(self.router.address).status, 200)


class Generic(H2Conformance):
    def test_1_starting(self):
        with self.subTest("generic/1/1"), Connection(self.router.address) as c:
            self.assertEqual(c.frames[0].type, h2.SETTINGS, "the server's preface is a SETTINGS frame (RFC 9113 §3.4)")
            self.assertEqual(c.frames[0].flags, 0)

    def test_2_streams(self):
        self.case("generic/2/1", h2.priority(1) + h2.ping(), ponged())
        self.case("generic/2/2", WINDOW_0 + h2.headers(1) + h2.window(1, 1), one_byte)
        self.case("generic/2/3", WINDOW_0 + h2.headers(1) + h2.priority(1) + h2.window(1, 1), one_byte)
        self.case("generic/2/4", h2.headers(1) + h2.reset(1) + h2.ping(), ponged())
        with self.subTest("generic/2/5"), Connection(self.router.address) as c:
            c.send(h2.headers(1))
            self.assertEqual(c.whole_answer(), 200)
            c.send(h2.priority(1) + h2.ping())
            c.pong()

    def test_3_1_data(self):
        self.case("generic/3.1/1", OPEN + h2.data(1), answered())
        self.case("generic/3.1/2", OPEN + h2.data(1, end=False) + h2.data(1), answered())
        padded = h2.frame(h2.DATA, h2.END_STREAM | h2.PADDED, 1, b"\x06test" + b"\0" * 6)

        def without_padding(test, c):
            test.assertEqual(c.whole_answer(), 200)
            test.assertEqual(body_of(c)["body"], "test")
        self.case("generic/3.1/3", OPEN + padded, without_padding)

    def test_3_2_headers(self):
        self.case("generic/3.2/1", h2.headers(1), answered())
        fields = h2.block(h2.request())
        self.case("generic/3.2/2", h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS | h2.PADDED, 1, b"\x08" + fields + b"\0" * 8),
                  answered())
        self.case("generic/3.2/3", h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS | h2.PRIORITY_FLAG, 1, h2.u32(0) + b"\xff" + fields),
                  answered())

    def test_3_3_priority(self):
        self.case("generic/3.3/1", h2.priority(1, weight=0) + h2.headers(1), answered())
        self.case("generic/3.3/2", h2.priority(1, weight=255) + h2.headers(1), answered())
        self.case("generic/3.3/3", h2.priority(3, depends_on=1) + h2.headers(1), answered())
        self.case("generic/3.3/4", h2.priority(1, exclusive=True) + h2.headers(1), answered())
        self.case("generic/3.3/5", h2.priority(3) + h2.headers(1), answered())

    def test_3_4_to_3_10(self):
        self.case("generic/3.4/1", OPEN + h2.reset(1) + h2.ping(), ponged())
        self.case("generic/3.5/1", h2.settings((h2.MAX_CONCURRENT_STREAMS, 100)),
                  lambda _, c: c.expect(lambda f: f.type == h2.SETTINGS and f.flags & h2.ACK))
        self.case("generic/3.7/1", h2.ping(b"12345678"), ponged(b"12345678"))

        def politely(test, c):
            # The connection goes on for what is under way, and ends without an error.
            c.to_end()
            codes = [int.from_bytes(f.payload[4:8], "big") for f in c.frames if f.type == h2.GOAWAY]
            test.assertLessEqual(set(codes), {h2.NO_ERROR})
            test.assertTrue(any(f.type == h2.HEADERS for f in c.frames), "the request in front of it is answered")
        self.case("generic/3.8/1", h2.headers(1) + h2.frame(h2.GOAWAY, 0, 0, h2.u32(0) + h2.u32(h2.NO_ERROR)), politely)
        self.case("generic/3.9/1", h2.window(0, 1) + h2.headers(1), answered())
        self.case("generic/3.9/2", WINDOW_0 + h2.headers(1) + h2.window(1, 1), one_byte)
        fields = h2.block(h2.request())
        self.case("generic/3.10/1", h2.headers(1, raw=fields[:7], end_headers=False) +
                  h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, fields[7:]), answered())
        self.case("generic/3.10/2", h2.headers(1, raw=fields[:7], end_headers=False) + h2.frame(h2.CONTINUATION, 0, 1, fields[7:20]) +
                  h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, fields[20:]), answered())

    def test_4_exchanges(self):
        self.case("generic/4/1", h2.headers(1), answered())

        def no_body(test, c):
            test.assertEqual(c.whole_answer(), 200)
            test.assertFalse(any(f.payload for f in c.frames if f.type == h2.DATA))
        self.case("generic/4/2", h2.headers(1, h2.request("HEAD")), no_body)
        self.case("generic/4/3", OPEN + h2.data(1), answered())
        self.case("generic/4/4", OPEN + h2.data(1, end=False) + h2.headers(1, [("x-test", "ok")]), answered())

    def test_5_hpack(self):
        def seen(name, value):
            def check(test, c):
                test.assertEqual(c.whole_answer(), 200)
                test.assertIn([name, value], [[n.lower(), v] for n, v in body_of(c)["headers"]])
            return check

        fields = h2.block(h2.request())
        twice = h2.headers(1, raw=fields + h2.integer(0x40, 6, 58) + plain(b"h2spec")) + h2.headers(3, raw=fields + b"\xbe")

        def second(test, c):
            test.assertEqual(c.whole_answer(3), 200)
            test.assertIn(["user-agent", "h2spec"], [[n.lower(), v] for n, v in body_of(c, 3)["headers"]])
        self.case("generic/5/1", h2.headers(1, raw=fields + b"\x90"), answered())  # static table: accept-encoding: gzip, deflate
        self.case("generic/5/1, dynamic table", twice, second)
        number = 2
        for first, bits in ((0x40, 6), (0x00, 4), (0x10, 4)):
            for name, expected in ((h2.integer(first, bits, 58), "user-agent"), (bytes([first]) + plain(b"x-test"), "x-test")):
                for value in (plain(b"h2spec"), huffman(H2SPEC)):
                    self.case(f"generic/5/{number}", h2.headers(1, raw=fields + name + value), seen(expected, "h2spec"))
                    number += 1
            self.case(f"generic/5, Huffman in both, {first:#x}", h2.headers(1, raw=fields + bytes([first]) + huffman(X_TEST) + huffman(H2SPEC)),
                      seen("x-test", "h2spec"))
            self.case(f"generic/5, a known name in Huffman, {first:#x}",
                      h2.headers(1, raw=fields + bytes([first]) + huffman(USER_AGENT) + huffman(H2SPEC)), seen("user-agent", "h2spec"))
        self.assertEqual(number, 14)
        self.case("generic/5/14", h2.headers(1, raw=b"\x20" + fields), answered())
        self.case("generic/5/15", h2.headers(1, raw=b"\x20\x3f\xe1\x1f" + fields), answered())


class Http2(H2Conformance):
    def test_3_5_preface(self):
        self.case("http2/3.5/1", b"", lambda test, c: test.assertEqual(c.frames[0].type, h2.SETTINGS))
        bad = b"INVALID CONNECTION PREFACE\r\n\r\n"
        # On clear text it is taken for HTTP/1, and refused as that.
        self.case("http2/3.5/2", bad, lambda _, c: c.to_end(), preface=False)
        self.case("http2/3.5, no SETTINGS behind the preface", h2.PREFACE + h2.headers(1), connection_error(h2.PROTOCOL_ERROR), preface=False)
        ca = tls.Authority(self.folder / "certs")
        listener = {"address": "127.0.0.1:0", "tls": {"certificates": [ca.issue("h2", "DNS:h2.test")]}}
        secure = plain_router.start(self, [self.web.address], name="secure", listeners=[listener])
        context = tls.context(ca)
        context.set_alpn_protocols(["h2"])
        with self.subTest("http2/3.5/2 over TLS"), \
                Connection("", wrapped=tls.connect(secure.address, "h2.test", context), preface=False) as c:
            c.send(bad)
            self.assertEqual(c.goaway(), h2.PROTOCOL_ERROR)
        with self.subTest("http2/3.5/1 over TLS"), Connection("", wrapped=tls.connect(secure.address, "h2.test", context)) as c:
            c.send(h2.headers(1))
            self.assertEqual(c.whole_answer(), 200)

    def test_4_1_format(self):
        self.case("http2/4.1/1", h2.frame(0xff, 0, 0, b"unknown") + h2.ping(), ponged())
        self.case("http2/4.1/2", h2.ping(flags=0x16) + h2.ping(b"12345678"), ponged(b"12345678"))
        reserved = h2.ping()
        self.case("http2/4.1/3", reserved[:5] + b"\x80" + reserved[6:], ponged())

    def test_4_2_size(self):
        self.case("http2/4.2/1", OPEN + h2.data(1, b"x" * 16384), answered())
        self.case("http2/4.2/2", OPEN + h2.data(1, b"x" * 16385), either(h2.FRAME_SIZE_ERROR))
        self.case("http2/4.2/3", h2.headers(1, raw=b"\0" * 16385), connection_error(h2.FRAME_SIZE_ERROR))

    def test_4_3_compression(self):
        self.case("http2/4.3/1", h2.headers(1, raw=b"\x40"), connection_error(h2.COMPRESSION_ERROR))
        self.case("http2/4.3/2", STARTED + h2.priority(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/4.3/3", STARTED + h2.headers(3), connection_error(h2.PROTOCOL_ERROR))

    def test_5_1_idle(self):
        self.case("http2/5.1/1", h2.data(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/5.1/2", h2.reset(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/5.1/3", h2.window(1, 100), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/5.1/4", h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, h2.block(h2.request())), connection_error(h2.PROTOCOL_ERROR))

    def test_5_1_half_closed(self):
        done = WINDOW_0 + h2.headers(1)
        self.case("http2/5.1/5", done + h2.data(1), either(h2.STREAM_CLOSED))
        self.case("http2/5.1/6", done + h2.headers(1), either(h2.STREAM_CLOSED))
        self.case("http2/5.1/7", done + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, h2.block(h2.request())),
                  either(h2.STREAM_CLOSED, h2.PROTOCOL_ERROR))

    def test_5_1_closed_by_a_reset(self):
        self.case("http2/5.1/8", OPEN + h2.reset(1) + h2.data(1), either(h2.STREAM_CLOSED))
        self.case("http2/5.1/9", OPEN + h2.reset(1) + h2.headers(1), either(h2.STREAM_CLOSED))
        self.case("http2/5.1/10", OPEN + h2.reset(1) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b""),
                  either(h2.STREAM_CLOSED, h2.PROTOCOL_ERROR))

    def test_5_1_closed_in_order(self):
        for number, more, codes in (
                ("http2/5.1/11", h2.data(1), (h2.STREAM_CLOSED,)), ("http2/5.1/12", h2.headers(1), (h2.STREAM_CLOSED,)),
                ("http2/5.1/13", h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b""), (h2.STREAM_CLOSED, h2.PROTOCOL_ERROR))):
            with self.subTest(number), Connection(self.router.address) as c:
                c.send(h2.headers(1))
                self.assertEqual(c.whole_answer(), 200)
                c.send(more)
                self.assertIn(c.goaway(), codes)
        with self.subTest("5.1, what may be late is not an error"), Connection(self.router.address) as c:
            c.send(h2.headers(1))
            self.assertEqual(c.whole_answer(), 200)
            c.send(h2.window(1, 1) + h2.reset(1) + h2.headers(3))
            self.assertEqual(c.whole_answer(3), 200)

    def test_5_1_closed_by_our_reset(self):
        # RFC 9113 §5.1: what was on its way when we reset the stream is no error.
        malformed = h2.headers(1, h2.request("POST", more=[("X-Upper", "a")]), end=False)
        with Connection(self.router.address) as c:
            c.send(malformed)
            self.assertEqual(c.stream_error(), ("stream", h2.PROTOCOL_ERROR))
            c.send(h2.data(1, end=False) + h2.window(1, 1) + h2.headers(1, [("x-trailer", "late")]) + h2.headers(3))
            self.assertEqual(c.whole_answer(3), 200)

    def test_5_1_1_identifiers(self):
        self.case("http2/5.1.1/1", h2.headers(2), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/5.1.1/2", h2.headers(5) + h2.headers(3), connection_error(h2.PROTOCOL_ERROR))

    def test_5_1_2_concurrency(self):
        with self.subTest("http2/5.1.2/1"), Connection(self.router.address) as c:
            said = next(f.payload for f in c.frames if f.type == h2.SETTINGS and not f.flags & h2.ACK)
            pairs = {int.from_bytes(said[i:i + 2], "big"): int.from_bytes(said[i + 2:i + 6], "big") for i in range(0, len(said), 6)}
            most = pairs[h2.MAX_CONCURRENT_STREAMS]
            c.send(WINDOW_0 + b"".join(h2.headers(2 * i + 1) for i in range(most + 1)))
            self.assertIn(c.stream_error(2 * most + 1)[1], (h2.PROTOCOL_ERROR, h2.REFUSED_STREAM))

    def test_5_3_1_dependencies(self):
        # RFC 7540 wants PROTOCOL_ERROR here. RFC 9113 §5.3.2 has priorities ignored, as our SETTINGS_NO_RFC7540_PRIORITIES announces.
        depends_on_itself = h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS | h2.PRIORITY_FLAG, 1,
                                     h2.u32(1) + b"\xff" + h2.block(h2.request()))

        def reset_or_answered(test, c):
            found = c.expect(lambda f: f.type in (h2.GOAWAY, h2.RST_STREAM, h2.HEADERS))
            if found.type == h2.HEADERS:
                test.assertEqual(h2.status_of(found.payload), 200)
            else:
                test.assertEqual(int.from_bytes(found.payload[-4:] if found.type == h2.RST_STREAM else found.payload[4:8], "big"),
                                 h2.PROTOCOL_ERROR)
        self.case("http2/5.3.1/1", depends_on_itself, reset_or_answered)
        self.case("http2/5.3.1/2", h2.priority(1, depends_on=1) + h2.headers(1), answered())

    def test_5_4_1_connection_errors(self):
        self.case("http2/5.4.1/1", h2.frame(h2.PING, 0, 0, b"\0" * 6), lambda _, c: c.to_end())
        self.case("http2/5.4.1/2", h2.frame(h2.PING, 0, 0, b"\0" * 6), connection_error(h2.FRAME_SIZE_ERROR))

    def test_5_5_extensions(self):
        self.case("http2/5.5/1", h2.frame(0x16, 0, 0, b"\0" * 8) + h2.ping(), ponged())
        self.case("http2/5.5/2", STARTED + h2.frame(0x16, 0, 0, b"\0" * 8), connection_error(h2.PROTOCOL_ERROR))

    def test_6_1_data(self):
        self.case("http2/6.1/1", h2.data(0), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.1/2", WINDOW_0 + h2.headers(1) + h2.data(1), either(h2.STREAM_CLOSED))
        self.case("http2/6.1/3", OPEN + h2.frame(h2.DATA, h2.END_STREAM | h2.PADDED, 1, b"\x06test"), connection_error(h2.PROTOCOL_ERROR))

    def test_6_2_headers(self):
        self.case("http2/6.2/1", STARTED + h2.priority(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.2/2", STARTED + h2.headers(3), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.2/3", h2.headers(0), connection_error(h2.PROTOCOL_ERROR))
        fields = h2.block(h2.request())
        self.case("http2/6.2/4", h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS | h2.PADDED, 1,
                                          bytes([len(fields) + 1]) + fields), connection_error(h2.PROTOCOL_ERROR))

    def test_6_3_priority(self):
        self.case("http2/6.3/1", h2.priority(0), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.3/2", OPEN + h2.frame(h2.PRIORITY, 0, 1, b"\0" * 4), either(h2.FRAME_SIZE_ERROR))

    def test_6_4_reset(self):
        self.case("http2/6.4/1", h2.reset(0), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.4/2", h2.reset(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.4/3", OPEN + h2.frame(h2.RST_STREAM, 0, 1, b"\0\0\0"), connection_error(h2.FRAME_SIZE_ERROR))

    def test_6_5_settings(self):
        self.case("http2/6.5/1", h2.frame(h2.SETTINGS, h2.ACK, 0, b"\0" * 6), connection_error(h2.FRAME_SIZE_ERROR))
        self.case("http2/6.5/2", h2.frame(h2.SETTINGS, 0, 1, b"\0\3\0\0\0\x64"), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.5/3", h2.frame(h2.SETTINGS, 0, 0, b"\0\3\0"), connection_error(h2.FRAME_SIZE_ERROR))

    def test_6_5_2_parameters(self):
        self.case("http2/6.5.2/1", h2.settings((h2.ENABLE_PUSH, 2)), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.5.2/2", h2.settings((h2.INITIAL_WINDOW_SIZE, h2.MAX_WINDOW + 1)), connection_error(h2.FLOW_CONTROL_ERROR))
        self.case("http2/6.5.2/3", h2.settings((h2.MAX_FRAME_SIZE, 16383)), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.5.2/4", h2.settings((h2.MAX_FRAME_SIZE, 1 << 24)), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.5.2/5", h2.settings((0xff, 1)) + h2.ping(), ponged())

    def test_6_5_3_synchronization(self):
        self.case("http2/6.5.3/1", h2.settings((h2.INITIAL_WINDOW_SIZE, 100), (h2.INITIAL_WINDOW_SIZE, 1)) + h2.headers(1), one_byte)
        self.case("http2/6.5.3/2", h2.settings((h2.MAX_CONCURRENT_STREAMS, 100)),
                  lambda _, c: c.expect(lambda f: f.type == h2.SETTINGS and f.flags & h2.ACK))

    def test_6_7_ping(self):
        self.case("http2/6.7/1", h2.ping(b"h2spec\0\0"), ponged(b"h2spec\0\0"))

        def only_the_second(test, c):
            c.pong(b"second\0\0")
            test.assertEqual([f.payload for f in c.frames if f.type == h2.PING], [b"second\0\0"])
        self.case("http2/6.7/2", h2.ping(b"first\0\0\0", flags=h2.ACK) + h2.ping(b"second\0\0"), only_the_second)
        self.case("http2/6.7/3", h2.ping(stream=1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.7/4", h2.frame(h2.PING, 0, 0, b"\0" * 6), connection_error(h2.FRAME_SIZE_ERROR))

    def test_6_8_goaway(self):
        self.case("http2/6.8/1", h2.frame(h2.GOAWAY, 0, 1, h2.u32(0) + h2.u32(0)), connection_error(h2.PROTOCOL_ERROR))

    def test_6_9_window_update(self):
        self.case("http2/6.9/1", h2.window(0, 0), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.9/2", OPEN + h2.window(1, 0), either(h2.PROTOCOL_ERROR))
        self.case("http2/6.9/3", h2.frame(h2.WINDOW_UPDATE, 0, 0, b"\0\0\1"), connection_error(h2.FRAME_SIZE_ERROR))

    def test_6_9_1_window(self):
        self.case("http2/6.9.1/1", h2.settings((h2.INITIAL_WINDOW_SIZE, 1)) + h2.headers(1), one_byte)
        self.case("http2/6.9.1/2", h2.window(0, h2.MAX_WINDOW) + h2.window(0, h2.MAX_WINDOW), connection_error(h2.FLOW_CONTROL_ERROR))
        self.case("http2/6.9.1/3", OPEN + h2.window(1, h2.MAX_WINDOW) + h2.window(1, h2.MAX_WINDOW), stream_error(h2.FLOW_CONTROL_ERROR))

    def test_6_9_2_initial_window(self):
        def opened_by_settings(test, c):
            test.assertEqual(c.answer(), 200)
            c.send(h2.settings((h2.INITIAL_WINDOW_SIZE, 1)))
            one_byte(test, c)
        self.case("http2/6.9.2/1", WINDOW_0 + h2.headers(1), opened_by_settings)

        def below_zero(test, c):
            test.assertEqual(len(c.expect(lambda f: f.type == h2.DATA).payload), 3)
            c.send(h2.settings((h2.INITIAL_WINDOW_SIZE, 2)) + h2.window(1, 2))
            one_byte(test, c)
        self.case("http2/6.9.2/2", h2.settings((h2.INITIAL_WINDOW_SIZE, 3)) + h2.headers(1), below_zero)
        self.case("http2/6.9.2/3", h2.settings((h2.INITIAL_WINDOW_SIZE, h2.MAX_WINDOW + 1)), connection_error(h2.FLOW_CONTROL_ERROR))

    def test_6_10_continuation(self):
        fields = h2.block(h2.request())

        def more(payload, end=True, stream=1):
            return h2.frame(h2.CONTINUATION, h2.END_HEADERS if end else 0, stream, payload)
        cut = h2.headers(1, raw=fields[:9], end_headers=False)
        self.case("http2/6.10/1", cut + more(fields[9:20], end=False) + more(fields[20:]), answered())
        self.case("http2/6.10/2", cut + more(fields[9:20], end=False) + h2.data(1), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.10/3", cut + more(fields[9:], stream=0), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.10/4", WINDOW_0 + h2.headers(1) + more(b""), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.10/5", WINDOW_0 + cut + more(fields[9:]) + more(b""), connection_error(h2.PROTOCOL_ERROR))
        self.case("http2/6.10/6", OPEN + h2.data(1) + more(b""), connection_error(h2.PROTOCOL_ERROR))

    def test_7_error_codes(self):
        self.case("http2/7/1", h2.frame(h2.GOAWAY, 0, 0, h2.u32(0) + h2.u32(0xff)) + h2.ping(),
                  lambda _, c: c.to_end() if not c.more() else None)
        self.case("http2/7/2", OPEN + h2.reset(1, 0xff) + h2.ping(), ponged())

    def test_8_messages(self):
        self.case("http2/8.1/1", OPEN + h2.headers(1, [("x-test", "ok")], end=False), stream_error(h2.PROTOCOL_ERROR))
        malformed = stream_error(h2.PROTOCOL_ERROR)
        self.case("http2/8.1.2/1", h2.headers(1, h2.request(more=[("X-TEST", "ok")])), malformed)
        self.case("http2/8.1.2.1/1", h2.headers(1, h2.request(more=[(":test", "ok")])), malformed)
        self.case("http2/8.1.2.1/2", h2.headers(1, h2.request(more=[(":status", "200")])), malformed)
        self.case("http2/8.1.2.1/3", OPEN + h2.data(1, end=False) + h2.headers(1, [(":method", "200")]), malformed)
        self.case("http2/8.1.2.1/4", h2.headers(1, [("x-test", "ok"), *h2.request()]), malformed)
        self.case("http2/8.1.2.2/1", h2.headers(1, h2.request(more=[("connection", "keep-alive")])), malformed)
        self.case("http2/8.1.2.2/2", h2.headers(1, h2.request(more=[("trailers", "test"), ("te", "trailers, deflate")])), malformed)
        method, scheme, path, authority = h2.request()
        self.case("http2/8.1.2.3/1", h2.headers(1, [method, scheme, (":path", ""), authority]), malformed)
        self.case("http2/8.1.2.3/2", h2.headers(1, [scheme, path, authority]), malformed)
        self.case("http2/8.1.2.3/3", h2.headers(1, [method, path, authority]), malformed)
        self.case("http2/8.1.2.3/4", h2.headers(1, [method, scheme, authority]), malformed)
        for number, twice in ((5, method), (6, scheme), (7, path)):
            self.case(f"http2/8.1.2.3/{number}", h2.headers(1, [method, scheme, path, authority, twice]), malformed)
        declared = h2.headers(1, h2.request("POST", more=[("content-length", "1")]), end=False)
        self.case("http2/8.1.2.6/1", declared + h2.data(1), malformed)
        self.case("http2/8.1.2.6/2", declared + h2.data(1, end=False) + h2.data(1), malformed)
        self.case("http2/8.2/1", OPEN + h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, 1, h2.u32(3) + h2.block(h2.request())),
                  connection_error(h2.PROTOCOL_ERROR))


class Hpack(H2Conformance):
    def test_hpack(self):
        fields = h2.block(h2.request())
        bad = connection_error(h2.COMPRESSION_ERROR)
        self.case("hpack/2.3.3/1", h2.headers(1, raw=fields + h2.integer(0x80, 7, 70)), bad)
        self.case("hpack/2.3.3/2", h2.headers(1, raw=fields + h2.integer(0x40, 6, 70) + plain(b"empty")), bad)
        self.case("hpack/4.2/1", h2.headers(1, raw=fields + b"\x20"), bad)
        name = b"\0" + huffman(X_TEST)
        self.case("hpack/5.2/1", h2.headers(1, raw=fields + name + huffman(b"\x49\x50\x9f\xff")), bad)
        self.case("hpack/5.2/2", h2.headers(1, raw=fields + name + huffman(b"\x49\x50\x90")), bad)
        self.case("hpack/5.2/3", h2.headers(1, raw=fields + name + huffman(b"\x49\x50\x9f\xff\xff\xff\xff")), bad)
        self.case("hpack/6.1/1", h2.headers(1, raw=fields + b"\x80"), bad)
        self.case("hpack/6.3/1", h2.headers(1, raw=b"\x3f\xe2\x1f" + fields), bad)


if __name__ == "__main__":
    unittest.main()
