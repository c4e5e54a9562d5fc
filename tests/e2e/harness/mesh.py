"""Flagmesh as it is deployed: redis-server, engine, validator, routers and feature containers, each a process."""
import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from harness import client, process
from harness.redis import RedisServer
from harness.waiting import eventually

HERE = pathlib.Path(__file__).resolve().parent
ORIGIN = "mesh.test/flags"

SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|: runtime error: ")

# The flag of the demo and of most tests; weights in either order must mean the same.
CHECKOUT = {"variants": {"on": True, "off": False}, "defaultVariant": "off", "rollout": {"on": 25, "off": 75}}


class MeshTest(unittest.TestCase):
    """A test with a folder of its own and processes that end with it; a failure shows the end of each one's output."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flagmesh-e2e-"))
        self._running = []
        self.addCleanup(self._finish)

    def _finish(self):
        result = self._outcome.result
        if any(getattr(test, "test_case", test) is self for test, _ in result.failures + result.errors):
            for running in self._running:
                print(running.tail(), file=sys.stderr)
        for running in reversed(self._running):
            running.close()
        reports = [log for log in sorted(self.folder.glob("*.log")) if SANITIZER.search(log.read_text(errors="replace"))]
        text = "".join(f"--- {log.name}\n{log.read_text(errors='replace')[-20_000:]}" for log in reports)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(reports, [], f"a sanitizer found something:\n{text}")

    def track(self, running):
        self._running.append(running)
        return running

    def untrack(self, running):
        """Ends a process for good and forgets it."""
        running.close()
        self._running.remove(running)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    def start(self, name, *arguments, env=None):
        """Starts `flagmesh ARGUMENTS`."""
        return self.track(process.Process(name, [process.binary(), *arguments], self.folder, env))

    def origin(self, name, port=0):
        """Starts a feature container; returns it with its `address`."""
        ports = self.folder / f"origin-{name}-{len(self._running)}.json"
        origin = self.track(process.Process(f"origin-{name}", [
            sys.executable, HERE / "origin.py", name, ports, port], self.folder))
        origin.address = process.wait_for_file(origin, ports)["address"]
        return origin

    def redis(self, **options):
        return self.track(RedisServer(self.folder, **options))

    def load(self, address, name="load", **options):
        """Starts load.py; ends when its --requests are done, or at stop_load()."""
        flags = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", value)]
        running = self.track(process.Process(name, [
            sys.executable, HERE / "load.py", address, self.folder / f"{name}.json", *flags], self.folder))
        return running

    def load_report(self, load, stop=True, timeout=120.0):
        """What the load saw; stops it first unless it ends by itself."""
        code = load.stop() if stop else load.wait(timeout)
        self.assertEqual(code, 0, load.tail())
        report = json.loads((self.folder / f"{load.name}.json").read_text())
        self.untrack(load)
        return report

    def assert_nothing_lost(self, report, at_least=100):
        self.assertEqual(report["failures"], 0, report["first_failures"])
        self.assertGreaterEqual(report["requests"], at_least)


class Mesh:
    """The parts of one deployment. Start what the test needs; every start returns the process."""

    def __init__(self, test, flags=None, containers=("checkout-v1", "checkout-v2"), validator=False, redis=None, **settings):
        self.test = test
        self.settings = settings
        self.name = f"mesh-{len(test._running)}"  # a test may have several
        self.folder = test.folder / self.name
        self.flags_file = test.write(f"{self.name}/flags/flags.json", {"flags": flags or {"checkout": CHECKOUT}})
        self.redis = redis or test.redis()
        self.redis_settings = {"url": self.redis.url}  # of what is started next
        self.origins = {name: test.origin(name) for name in containers}
        self.endpoints = {name: [origin.address] for name, origin in self.origins.items()}
        self.engine_key = self.keygen(ORIGIN, "engine.key")
        self.validator_key = self.keygen("validator.mesh.test", "validator.key", "--validator") if validator else None
        self.api = None
        self.starts = 0

    def keygen(self, name, file, *options):
        """A new key pair; returns the verifier key."""
        return process.run("keygen", "--name", name, "--out", self.folder / file, *options).stdout.strip()

    def trust(self):
        if self.settings.get("policy") == "unsigned":
            return {"policy": "unsigned"}
        trust = {"policy": "signed", "origin": ORIGIN, "max_age": self.settings.get("max_age", "10m"),
                 "keys": {"engine": [self.engine_key]}, "require": {"engine": 1, "validator": 0}}
        if self.validator_key:
            trust["keys"]["validator"] = [self.validator_key]
            trust["require"]["validator"] = 1
        return trust

    def common(self):
        return {"flags": {"source": "redis", "files": [str(self.flags_file.parent / "*.json")]}, "trust": self.trust(),
                "redis": self.redis_settings, "log": {"level": "debug", "access_log": "off"}}

    def engine(self, name="engine", **engine):
        """Starts the flag engine; its API address is in `api`, and in the process's own."""
        config = self.common() | {"engine": {
            "address": "127.0.0.1:0", "state_dir": str(self.folder / "engine"),
            "signing_key": str(self.folder / "engine.key")} | engine}
        started, ports = self._start(name, "engine", config)
        started.api = self.api = process.wait_for_file(started, ports)["api"]
        return started

    def validator(self, **validator):
        config = self.common() | {"validator": {
            "state_dir": str(self.folder / "validator"),
            "signing_key": str(self.folder / "validator.key")} | validator}
        return self._start("validator", "validator", config)[0]

    def checkout_route(self):
        return {"path": "/checkout", "flag": "checkout", "serve": {"on": "checkout-v2", "off": "checkout-v1"},
                "fallback": "checkout-v1", "bucket_by": ["header:x-user-id", "cookie:uid", "mint"]}

    def router(self, name="router", routes=None, containers=None, ready=True, log=None, **proxy):
        """Starts a router; it has `address` and `admin`."""
        config = self.common() | {
            "admin": {"address": "127.0.0.1:0"},
            "proxy": {"workers": 2, "shutdown_delay": "0s", "drain_timeout": "5s",
                      "listeners": [{"address": "127.0.0.1:0"}],
                      "routes": routes or [self.checkout_route()],
                      "containers": containers or {key: {"endpoints": value}
                                                   for key, value in self.endpoints.items()}} | proxy}
        config["log"] = config["log"] | (log or {})
        started, ports = self._start(name, "proxy", config)
        bound = process.wait_for_file(started, ports)
        started.address, started.admin = bound["listeners"][0], bound["admin"]
        if ready:
            eventually(lambda: client.fetch(started.admin, "/readyz").status == 200,
                       f"{name} to be ready: {client.fetch(started.admin, '/readyz')!r}")
        return started

    def _start(self, name, role, config):
        self.starts += 1
        file = self.test.write(f"{self.name}/{name}.json", config)
        ports = self.folder / f"{name}-{self.starts}.ports"
        return self.test.start(name, role, "-c", file, "--ports-file", ports), ports

    def set_rollout(self, weights, flag="checkout"):
        """Changes a rollout through the API."""
        reply = client.post_json(self.api, f"/api/v1/flags/{flag}/rollout", weights)
        if reply.status != 200:
            raise AssertionError(f"rollout: {reply!r}")
        return reply.json()

    def epoch(self, router):
        return int(client.metrics(router.admin).sum("flagmesh_epoch"))

    def wait_for_epoch(self, epoch, *routers):
        for router in routers:
            eventually(lambda: self.epoch(router) >= epoch,
                       f"{router.name} to reach epoch {epoch}")


def variant(address, user, target="/checkout"):
    """The variant that one user gets, as the response tells."""
    reply = client.fetch(address, target, headers={"x-user-id": user})
    if reply.status != 200:
        raise AssertionError(f"{user}: {reply!r}")
    return reply.header("x-flagmesh-variant")
