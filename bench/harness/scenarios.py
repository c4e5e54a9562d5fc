"""What is measured, and the bars of issues 3 and 4."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    """flagmesh's median of `metric` over another's must be at most `limit`. `over`: "peers" is the better of nginx and
    HAProxy, "" compares the value itself."""
    metric: str
    over: str
    limit: float


@dataclass(frozen=True)
class Setup:
    """How the proxies are set up. keep: connections to the origin that are kept open at least. request_ids: nginx and
    HAProxy add X-Request-Id and X-Forwarded-Host too, as Flagmesh always does; without, they have less to do."""
    keep: int = 64
    logs: bool = False
    request_ids: bool = False
    tls: bool = False         # the proxy listens with TLS: ECDSA P-256; the load offers TLS 1.3 with AES-128-GCM and X25519 only
    http2: bool = False       # clients speak HTTP/2 to it: by ALPN, or by prior knowledge on clear text
    http2_origin: bool = False  # it speaks HTTP/2 to the origin, in clear text


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    load: dict
    bars: tuple
    setup: Setup = Setup()
    kind: str = "closed"          # closed | rate | idle | handshakes
    also: dict = field(default_factory=dict)   # name of an extra contender: (peer, its own setup)
    without: tuple = ()           # peers that cannot take part


def _closed(connections, **more):
    return {"connections": connections, "path": "/bytes/128", **more}


def _http2(tls, **more):
    """16 connections, 32 requests at a time on each."""
    return _closed(16, http2=True, streams=32, **({"tls": True} if tls else {}), **more)


ONLY_CLEAR_HTTP1 = ("forwarder",)
NO_HTTP2_ORIGIN = ("forwarder", "nginx")
_H2C = Setup(keep=512, http2=True)
_H2_TLS = Setup(keep=512, http2=True, tls=True)
_CHEAPER = (Bar("cpu_us", "peers", 0.9),)
_AS_MANY = (Bar("cpu_us", "peers", 1 / 0.97),)  # handshakes per CPU second: at least 0.97 times the better one's

_ALL = (
    Scenario("keepalive-128", "64 connections, 128 B responses", _closed(64),
             (Bar("cpu_us", "peers", 0.85), Bar("cpu_us", "forwarder", 1.2))),
    Scenario("keepalive-1000", "1,000 connections, 128 B responses", _closed(1000), (Bar("cpu_us", "peers", 0.6),),
             Setup(keep=1000)),
    Scenario("response-64k", "64 connections, 64 KiB responses", _closed(64, path="/bytes/65536"),
             (Bar("cpu_us", "peers", 0.9),)),
    Scenario("upload-64k", "64 connections, 64 KiB uploads", _closed(64, path="/upload", upload=65536),
             (Bar("cpu_us", "peers", 0.9),)),
    Scenario("connection-per-request", "64 at once, a connection for each request, 128 B",
             _closed(64, **{"connection-per-request": True}), (Bar("cpu_us", "peers", 0.9),)),
    Scenario("idle-10000", "10,000 idle keep-alive connections that made one request each", _closed(10000),
             (Bar("idle_bytes", "", 0.4 * 1024),), kind="idle",
             without=("forwarder",)),   # it would need 20,000 files; holding no memory, it bounds nothing here
    Scenario("fixed-rate", "64 connections, 128 B, half of the rate at which the slowest saturates", _closed(64),
             (Bar("p99_us", "peers", 1.05),), kind="rate"),
    Scenario("logs-on", "as keepalive-128 with access logs into a file", _closed(64),
             (Bar("cpu_us", "flagmesh-quiet", 1.05),), Setup(logs=True), also={"flagmesh-quiet": ("flagmesh", Setup())}),
    Scenario("h2c", "HTTP/2 on clear text, 16 connections x 32 streams, 128 B", _http2(False), _CHEAPER, _H2C, without=ONLY_CLEAR_HTTP1),
    Scenario("h2-tls", "HTTP/2 over TLS, 16 connections x 32 streams, 128 B", _http2(True), _CHEAPER, _H2_TLS, without=ONLY_CLEAR_HTTP1),
    Scenario("h2c-h2", "HTTP/2 on both sides, clear text, 16 connections x 32 streams, 128 B", _http2(False), _CHEAPER,
             Setup(keep=16, http2=True, http2_origin=True), without=NO_HTTP2_ORIGIN),
    Scenario("h2-tls-h2", "HTTP/2 over TLS to an HTTP/2 origin, 16 connections x 32 streams, 128 B", _http2(True), _CHEAPER,
             Setup(keep=16, http2=True, tls=True, http2_origin=True), without=NO_HTTP2_ORIGIN),
    Scenario("tls-128", "HTTP/1 over TLS, 64 connections, 128 B", _closed(64, tls=True), _CHEAPER, Setup(tls=True),
             without=ONLY_CLEAR_HTTP1),
    Scenario("tls-64k", "HTTP/1 over TLS, 64 connections, 64 KiB", _closed(64, tls=True, path="/bytes/65536"), _CHEAPER, Setup(tls=True),
             without=ONLY_CLEAR_HTTP1),
    Scenario("h2-tls-64k", "HTTP/2 over TLS, 16 connections x 4 streams, 64 KiB",
             dict(_http2(True, path="/bytes/65536"), streams=4), _CHEAPER, _H2_TLS, without=ONLY_CLEAR_HTTP1),
    Scenario("handshakes", "TLS 1.3 handshakes in full, ECDSA P-256", {"requests": 1500}, _AS_MANY, Setup(tls=True), kind="handshakes",
             without=ONLY_CLEAR_HTTP1),
    Scenario("handshakes-resumed", "TLS 1.3 handshakes with tickets", {"requests": 1500, "resume": True}, _AS_MANY, Setup(tls=True),
             kind="handshakes", without=ONLY_CLEAR_HTTP1),
    Scenario("idle-tls", "2,000 idle TLS connections that made one HTTP/1 request each", _closed(2000, tls=True),
             (Bar("idle_bytes", "nginx", 1.05),), Setup(tls=True), kind="idle", without=ONLY_CLEAR_HTTP1),
    Scenario("idle-h2c", "2,000 idle HTTP/2 connections on clear text that made one request each", _closed(2000, http2=True, streams=1), (),
             Setup(http2=True), kind="idle", without=ONLY_CLEAR_HTTP1),
    Scenario("idle-h2-tls", "2,000 idle TLS connections that made one HTTP/2 request each", _closed(2000, http2=True, tls=True, streams=1), (),
             Setup(http2=True, tls=True), kind="idle", without=ONLY_CLEAR_HTTP1),
)
ALL = {scenario.name: scenario for scenario in _ALL}
