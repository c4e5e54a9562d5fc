"""A router without flags, engine and Redis: routes to containers, nothing that could hide what the data plane does."""
from harness import client, process
from harness.waiting import eventually

# No breaker and no ejection: an origin that lies all the time must go on getting requests.
ALWAYS = {"outlier_detection": {"consecutive_errors": 0},
          "circuit_breaker": {"error_rate": "0%", "max_connections": 4096, "max_pending": 4096, "max_requests": 8192}}


def start(test, endpoints, routes=None, name="plain", container=None, **proxy):
    """Starts `flagmesh proxy` in front of `endpoints` (container `web`); it has `address`, `addresses` and `admin`."""
    config = {
        "trust": {"policy": "unsigned"}, "admin": {"address": "127.0.0.1:0"},
        "log": {"level": "debug", "access_log": str(test.folder / f"{name}.access")},
        "proxy": {"workers": 2, "shutdown_delay": "0s", "drain_timeout": "5s",
                  "listeners": [{"address": "127.0.0.1:0"}],
                  "routes": routes or [{"path": "/", "container": "web"}],
                  "containers": {"web": {"endpoints": endpoints} | ALWAYS | (container or {})}} | proxy}
    file = test.write(f"{name}.json", config)
    ports = test.folder / f"{name}.ports"
    router = test.start(name, "proxy", "-c", file, "--ports-file", ports)
    bound = process.wait_for_file(router, ports)
    router.addresses, router.admin = bound["listeners"], bound["admin"]
    router.address = router.addresses[0]
    eventually(lambda: client.fetch(router.admin, "/readyz").status == 200, f"{name} to be ready")
    return router
