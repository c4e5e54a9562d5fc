"""An HTTP/1.1 client that hides nothing: headers as received, raw bytes when a test wants them."""
import http.client
import json
import re
import socket

from harness.waiting import SLOWNESS

TIMEOUT = 10.0


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # list of (name as received, value)
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The field's value, or None; several lines are joined with commas."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"Response({self.status}, {self.headers}, {self.body[:300]!r})"


def _split(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


class Client:
    """One keep-alive connection."""

    def __init__(self, address, timeout=TIMEOUT):
        host, port = _split(address)
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout * SLOWNESS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._connection.close()

    def request(self, method, target, headers=None, body=None, chunked=False):
        self._connection.request(method, target, body=body, headers=headers or {}, encode_chunked=chunked)
        reply = self._connection.getresponse()
        return Response(reply.status, reply.getheaders(), reply.read())


def fetch(address, target="/", method="GET", headers=None, body=None, timeout=TIMEOUT):
    """One request on a connection of its own."""
    with Client(address, timeout) as client:
        return client.request(method, target, headers, body)


def post_json(address, target, value, method="POST", headers=None):
    return fetch(address, target, method, {"content-type": "application/json", **(headers or {})}, json.dumps(value))


def connect(address, timeout=TIMEOUT):
    connection = socket.create_connection(_split(address), timeout=timeout * SLOWNESS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def raw(address, data, timeout=TIMEOUT):
    """Sends bytes as they are and returns everything until the other side closes."""
    with connect(address, timeout) as connection:
        connection.sendall(data)
        received = bytearray()
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
        return bytes(received)


_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One reading of /metrics (Prometheus text)."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                if not match:
                    raise AssertionError(f"not a Prometheus sample: {line!r}")
                name, labels, value = match.groups()
                self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def sum(self, name, **labels):
        """The sum of the samples of that name whose labels include these; 0 when there is none."""
        return sum(value for sample, has, value in self.samples
                   if sample == name and labels.items() <= has.items())

    def names(self):
        return {name for name, _, _ in self.samples}


def metrics(address):
    reply = fetch(address, "/metrics")
    if reply.status != 200:
        raise AssertionError(f"/metrics: {reply!r}")
    return Metrics(reply.body.decode())
