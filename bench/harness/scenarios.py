"""What is measured, and the bars of issue 3."""

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


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    load: dict
    bars: tuple
    setup: Setup = Setup()
    kind: str = "closed"          # closed | rate | idle
    also: dict = field(default_factory=dict)   # name of an extra contender: (peer, its own setup)
    without: tuple = ()           # peers that cannot take part


def _closed(connections, **more):
    return {"connections": connections, "path": "/bytes/128", **more}


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
)
ALL = {scenario.name: scenario for scenario in _ALL}
