"""HTTP/2 by hand (RFC 9113, RFC 7541): frames as bytes, and a client that sends exactly those and writes down what comes back."""
import collections
import socket
import time

from harness import client
from harness.waiting import SLOWNESS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 1, 4, 8, 32

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, \
    COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(12)

ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 2, 3, 4, 5
MAX_WINDOW = (1 << 31) - 1

# :status in the static table (RFC 7541 appendix A), and Huffman's codes of the digits (appendix B).
INDEXED_STATUS = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
HUFFMAN_DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6", "011101": "7",
                  "011110": "8", "011111": "9"}

Frame = collections.namedtuple("Frame", "type flags stream payload")


def u32(value):
    return value.to_bytes(4, "big")


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + u32(stream) + payload


def integer(first, bits, value):
    """An integer with a prefix of `bits` bits behind those of `first` (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(128 | value % 128)
        value //= 128
    return bytes([*out, value])


def literal(name, value):
    """Without indexing and without Huffman coding, the name too."""
    name, value = name.encode(), value.encode()
    return b"\0" + integer(0, 7, len(name)) + name + integer(0, 7, len(value)) + value


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(method="GET", path="/", more=()):
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h2.test"), *more]


def headers(stream, fields=None, end=True, end_headers=True, raw=None):
    flags = (END_STREAM if end else 0) | (END_HEADERS if end_headers else 0)
    return frame(HEADERS, flags, stream, block(request() if fields is None else fields) if raw is None else raw)


def data(stream, payload=b"test", end=True):
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(number.to_bytes(2, "big") + u32(value) for number, value in pairs))


def priority(stream, depends_on=0, weight=255, exclusive=False):
    return frame(PRIORITY, 0, stream, u32(depends_on | (1 << 31 if exclusive else 0)) + bytes([weight]))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, u32(code))


def window(stream, more):
    return frame(WINDOW_UPDATE, 0, stream, u32(more))


def ping(payload=b"\0" * 8, flags=0, stream=0):
    return frame(PING, flags, stream, payload)


def status_of(payload):
    """The :status of a header block of ours; it is the first field, whatever came before on the connection."""
    while payload[0] & 0xe0 == 0x20:  # a new size of the table
        at = 1
        if payload[0] & 0x1f == 0x1f:
            while payload[at] & 0x80:
                at += 1
            at += 1
        payload = payload[at:]
    if payload[0] in INDEXED_STATUS:
        return INDEXED_STATUS[payload[0]]
    text = payload[2:2 + (payload[1] & 0x7f)]
    if not payload[1] & 0x80:
        return int(text)
    bits, digits = "".join(f"{byte:08b}" for byte in text), ""
    while len(digits) < 3:
        code = next(code for code in HUFFMAN_DIGITS if bits.startswith(code))
        digits += HUFFMAN_DIGITS[code]
        bits = bits[len(code):]
    return int(digits)


class Connection:
    """Prior knowledge on clear text, or over `tls` (a wrapped socket). `frames` is all that came; `ended` tells that the other side closed
    or reset the connection."""

    def __init__(self, address, wrapped=None, timeout=5.0, preface=True, first=()):
        self.timeout = timeout * SLOWNESS
        self.socket = wrapped or client.connect(address)
        self.frames = []
        self.ended = False
        self._bytes = b""
        self._looked = 0
        if preface:
            self.send(PREFACE + settings(*first))
            self.expect(lambda f: f.type == SETTINGS and f.flags & ACK)
            self.send(frame(SETTINGS, ACK))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, payload):
        """What the other side does not take any more is lost: it has closed, and tests look at that."""
        try:
            self.socket.settimeout(self.timeout)
            self.socket.sendall(payload)
        except OSError:
            pass

    def more(self, timeout=None):
        """Reads once; False when nothing came in time or the other side ended."""
        if self.ended:
            return False
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        try:
            piece = self.socket.recv(1 << 20)
        except TimeoutError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self.ended = True
            return False
        self._bytes += piece
        while len(self._bytes) >= 9:
            size = int.from_bytes(self._bytes[:3], "big")
            if len(self._bytes) < 9 + size:
                break
            kind, flags = self._bytes[3], self._bytes[4]
            stream = int.from_bytes(self._bytes[5:9], "big") & MAX_WINDOW
            self.frames.append(Frame(kind, flags, stream, self._bytes[9:9 + size]))
            self._bytes = self._bytes[9 + size:]
        return True

    def expect(self, wanted):
        """The next frame that is wanted, among those that no expect() has passed; AssertionError when it does not come."""
        deadline = time.monotonic() + self.timeout
        while True:
            while self._looked < len(self.frames):
                self._looked += 1
                if wanted(self.frames[self._looked - 1]):
                    return self.frames[self._looked - 1]
            left = deadline - time.monotonic()
            if left <= 0 or not self.more(left):
                raise AssertionError(f"did not come ({'closed' if self.ended else 'open'}); came: {self.frames!r}")

    def to_end(self):
        """Reads until the other side closes; AssertionError when it does not."""
        deadline = time.monotonic() + self.timeout
        while not self.ended:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not closed; came: {self.frames!r}")
            self.more(left)

    # --- What a test asks for ---

    def answer(self, stream=1):
        """The status of the response on that stream, once its head is there."""
        return status_of(self.expect(lambda f: f.type == HEADERS and f.stream == stream).payload)

    def whole_answer(self, stream=1):
        """The status, once the stream has ended."""
        status = self.answer(stream)
        if not self.frames[self._looked - 1].flags & END_STREAM:
            self.expect(lambda f: f.stream == stream and f.type in (DATA, HEADERS) and f.flags & END_STREAM)
        return status

    def pong(self, payload=b"\0" * 8):
        return self.expect(lambda f: f.type == PING and f.flags & ACK and f.payload == payload)

    def goaway(self):
        """The code of the GOAWAY that ends the connection, which is then closed."""
        code = int.from_bytes(self.expect(lambda f: f.type == GOAWAY).payload[4:8], "big")
        self.to_end()
        return code

    def stream_error(self, stream=1):
        """("stream", code) of RST_STREAM, or ("connection", code) of GOAWAY."""
        found = self.expect(lambda f: f.type == GOAWAY or (f.type == RST_STREAM and f.stream == stream))
        if found.type == RST_STREAM:
            return "stream", int.from_bytes(found.payload, "big")
        self.to_end()
        return "connection", int.from_bytes(found.payload[4:8], "big")
