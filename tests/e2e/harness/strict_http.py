"""A second opinion on HTTP/1.1 bytes: a reader that knows only what a careful proxy writes, and takes nothing else.

It shares no code and no leniency with the program under test: one space in a start line, CR LF, one Content-Length or exactly
"Transfer-Encoding: chunked", chunk lines without extensions. What it does not take is `Malformed`."""
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]+) HTTP/1\.1")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)")
FIELD = re.compile(rb"(" + TOKEN + rb"): ?([\t\x20-\x7e\x80-\xff]*)")
CHUNK_LINE = re.compile(rb"[0-9a-f]{1,16}")


class Malformed(AssertionError):
    """Bytes that no careful proxy writes."""


class Message:
    """One whole message; `end` is where the next one begins."""

    def __init__(self, start, fields):
        self.start = start  # groups of the start line, as bytes
        self.fields = fields  # list of (name as sent, value), both bytes
        self.body = b""
        self.trailers = []
        self.framing = "none"
        self.end = 0

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower().encode()]

    def field(self, name):
        values = self.all(name)
        return b", ".join(values) if values else None

    @property
    def status(self):
        return int(self.start[0])

    @property
    def method(self):
        return self.start[0].decode()

    @property
    def target(self):
        return self.start[1].decode()

    def __repr__(self):
        return f"Message({self.start}, {self.fields}, {self.framing}, {self.body[:200]!r}, {self.trailers})"


def _fields(lines):
    fields = []
    for line in lines:
        match = FIELD.fullmatch(line)
        if not match:
            raise Malformed(f"field line {line!r}")
        fields.append((match[1], match[2].strip(b" \t")))
    return fields


def head_at(data, at, request):
    """The head that begins at `at`, without a body; None while it is not all there."""
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    start, *lines = data[at:end].split(b"\r\n")
    match = (REQUEST_LINE if request else STATUS_LINE).fullmatch(start)
    if not match:
        raise Malformed(f"start line {start!r}")
    message = Message(match.groups(), _fields(lines))
    message.end = end + 4
    if request and len(message.all("host")) != 1:
        raise Malformed(f"Host: {message}")
    return message


def read_message(data, at=0, request=True, method="GET", ended=False):
    """The message that begins at `at`; None while it is not all there. `method`: what a response answers; `ended`: nothing
    follows, which is how the body of a response without framing ends."""
    message = head_at(data, at, request)
    if message is None:
        return None
    lengths, codings = message.all("content-length"), message.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Malformed(f"framed twice: {message}")
    if not request and (message.status < 200 or message.status in (204, 304) or method == "HEAD"):
        return message
    if codings:
        if codings != [b"chunked"]:
            raise Malformed(f"coding: {message}")
        message.framing = "chunked"
        return _read_chunks(data, message)
    if lengths:
        if not re.fullmatch(rb"\d+", lengths[0]):
            raise Malformed(f"length: {message}")
        message.framing = "length"
        begin, message.end = message.end, message.end + int(lengths[0])
        message.body = data[begin:message.end]
        return message if len(data) >= message.end else None
    if request:
        return message
    message.framing = "until_close"
    message.body, message.end = data[message.end:], len(data)
    return message if ended else None


def _read_chunks(data, message):
    at = message.end
    pieces = []
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        if not CHUNK_LINE.fullmatch(data[at:line_end]):
            raise Malformed(f"chunk line {data[at:line_end][:100]!r}")
        size, at = int(data[at:line_end], 16), line_end + 2
        if size == 0:
            break
        if len(data) < at + size + 2:
            return None
        if data[at + size:at + size + 2] != b"\r\n":
            raise Malformed(f"chunk end {data[at + size:at + size + 2]!r}")
        pieces.append(data[at:at + size])
        at += size + 2
    message.body = b"".join(pieces)
    if data[at:at + 2] == b"\r\n":
        message.end = at + 2
        return message
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    message.trailers = _fields(data[at:end].split(b"\r\n"))
    message.end = end + 4
    return message
