"""What the suites of failing Redis share: a mesh under load, and the one question after each failure."""
import os
import time

from harness import client
from harness.mesh import Mesh, MeshTest
from harness.waiting import SLOWNESS, eventually

FULL = os.environ.get("FLAGMESH_E2E_FULL") == "1"
LIMIT = 5.0  # seconds from Redis being well to the newest epoch at every router


class RedisFailure(MeshTest):
    """Routers under load while Redis fails. In the end no request may have failed, and the routers are at the newest epoch in time."""

    def begin(self, routers=1, load=True, **options):
        self.mesh = Mesh(self, **options)
        self.engine = self.mesh.engine()
        self.routers = [self.mesh.router(f"router-{number}") for number in range(routers)]
        self.begin_load(load)

    def begin_load(self, load=True):
        self.weight = 25
        self.loads = [self.load(router.address, f"load-{router.name}", connections=2, users=100)
                      for router in self.routers] if load else []

    def change(self, api=None):
        """Another rollout, accepted by the engine (published, or kept for later)."""
        self.weight = 25 + (self.weight - 24) % 70
        reply = client.post_json(api or self.mesh.api, "/api/v1/flags/checkout/rollout",
                                 {"on": self.weight, "off": 100 - self.weight})
        self.assertIn(reply.status, (200, 202), reply)
        return reply

    def enforced(self, router):
        """The weight of `on` that a router enforces."""
        flags = client.fetch(router.admin, "/flags").json().get("flags", [])
        return next((pair[1] for flag in flags if flag["key"] == "checkout"
                     for pair in flag["definition"]["targeting"]["fractional"] if pair[0] == "on"), None)

    def assert_newest(self, since=None, limit=LIMIT, routers=None):
        """Every router enforces the last change within `limit` seconds of `since` (now)."""
        since = time.monotonic() if since is None else since
        for router in routers or self.routers:
            eventually(lambda: self.enforced(router) == self.weight,
                       f"{router.name} to be at {self.weight} %, not {self.enforced(router)}", limit * SLOWNESS + 10)
        took = time.monotonic() - since
        print(f"[newest after {took:.2f} s]", end=" ", flush=True)
        self.assertLess(took, limit * SLOWNESS)

    def finish(self):
        """Nobody has noticed anything; and the way is open for the next change."""
        self.change()
        self.assert_newest()
        for router in self.routers[:len(self.loads)]:
            eventually(lambda: client.metrics(router.admin).sum("flagmesh_downstream_requests_total") > 100, "some load")
        for load in self.loads:
            self.assert_nothing_lost(self.load_report(load), at_least=50)
        self.loads = []
