"""SIGKILL at random moments: the log, the heads and what validators have signed stay one history.

A moderate number of kills by default; FLAGMESH_E2E_FULL=1 makes it 1,000."""
import os
import random
import threading
import time
import unittest

from harness import client
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually

KILLS = 1000 if os.environ.get("FLAGMESH_E2E_FULL") else 24


class Kills(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, containers=("checkout-v1",), validator=True)
        self.mesh.endpoints["checkout-v2"] = self.mesh.endpoints["checkout-v1"]
        self.running = {"engine": self.mesh.engine(), "validator": self.mesh.validator(), "router": self.router()}
        self.published = {}  # epoch -> checkpoint root, as anybody saw it
        self.ending = False

    def router(self):
        return self.mesh.router(ready=False, state_dir=str(self.mesh.folder / "router-state"))

    def changes(self):
        """Rollouts without end, whatever becomes of them."""
        share = 0
        while not self.ending:
            share = share % 99 + 1
            try:
                client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", {"on": share, "off": 100 - share})
            except (OSError, ValueError):
                time.sleep(0.02)

    def see_head(self):
        """The head in Redis: one root for each size, for ever."""
        head = self.mesh.redis.command("GET", "{flagmesh}:head")
        if head is None:
            return
        _, size, root = head.decode().split("\n")[:3]
        self.assertEqual(self.published.setdefault(int(size), root), root, f"two heads of size {size}")

    def restart(self, role):
        old = self.running[role]
        old.kill()
        self.untrack(old)
        self.running[role] = {"engine": self.mesh.engine, "validator": self.mesh.validator, "router": self.router}[role]()

    def test_one_history_whatever_is_killed(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        dice = random.Random(seed)
        writer = threading.Thread(target=self.changes)
        writer.start()
        try:
            for _ in range(KILLS):
                deadline = time.monotonic() + dice.random() * 0.4
                while time.monotonic() < deadline:
                    self.see_head()
                self.restart(dice.choice(["engine", "validator", "router"]))
        finally:
            self.ending = True
            writer.join()
        reply = eventually(lambda: self.try_change(), "a change to be published after the last kill", timeout=60)
        self.see_head()
        epoch = reply["epoch"]
        self.mesh.wait_for_epoch(epoch, self.running["router"])
        self.assertGreaterEqual(max(self.published), epoch)
        said = "".join(log.read_text(errors="replace") for log in self.folder.glob("*.log"))
        for reason in ("(fork)", "(inconsistent_log)", "corrupt_", "(rollback)"):
            self.assertNotIn(reason, said)
        # What the log says now is what was seen then.
        records = []
        while True:
            page = client.fetch(self.mesh.api, f"/api/v1/epochs?limit=1000&from={len(records) + 1}").json()
            records += page["records"]
            if "next" not in page:
                break
        self.assertEqual([record["epoch"] for record in records], list(range(1, len(records) + 1)))
        times = [record["time"] for record in records]
        self.assertEqual(times, sorted(times))

    def try_change(self):
        try:
            reply = client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", {"on": 7, "off": 93})
        except OSError:
            return None
        return reply.json() if reply.status == 200 else None


if __name__ == "__main__":
    unittest.main()
