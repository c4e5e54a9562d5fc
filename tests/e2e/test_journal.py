"""A router's journal: boots without Redis, never goes back, survives SIGKILL at any moment, and goes to a successor."""
import json
import os
import random
import resource
import time
import unittest

from harness import client, process
from harness.mesh import Mesh, MeshTest, variant
from harness.waiting import eventually

USERS = [f"user-{n}" for n in range(40)]
# The full number of kills takes many minutes: FLAGMESH_E2E_FULL=1.
KILLS = 1_000 if os.environ.get("FLAGMESH_E2E_FULL") == "1" else 15


class Journal(MeshTest):
    def start_mesh(self):
        self.mesh = Mesh(self)
        self.engine = self.mesh.engine()
        self.trust = self.mesh.folder / "trust"
        self.router = self.start_router("router")

    def start_router(self, name, ready=True, **options):
        return self.mesh.router(name, ready=ready, state_dir=str(self.trust), **options)

    def assignments(self, router):
        return [variant(router.address, user) for user in USERS]

    def test_boots_without_redis_and_catches_up(self):
        self.start_mesh()
        before = self.assignments(self.router)
        self.router.stop()
        self.mesh.redis.stop()
        again = self.start_router("again")
        self.assertEqual(self.assignments(again), before)
        self.assertIn("booted from the journal: epoch 1, 1 flags", again.text())
        self.mesh.redis.start()
        eventually(lambda: self.mesh.redis.command("GET", "{flagmesh}:head"), "the engine to publish again", timeout=20)
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments(again)) == {"on"}, "the router to catch up", timeout=20)

    def test_folder_belongs_to_one_router(self):
        self.start_mesh()
        file = self.mesh.folder / "router.json"
        second = process.run("proxy", "-c", file, code=1)
        self.assertIn("another process uses this folder", second.stderr + second.stdout)

    def test_damaged_journal_is_refused(self):
        self.start_mesh()
        self.router.kill()
        journal = self.trust / "journal"
        data = bytearray(journal.read_bytes())
        data[60] ^= 1
        journal.write_bytes(data)
        refused = process.run("proxy", "-c", self.mesh.folder / "router.json", code=1)
        self.assertIn("min_checkpoint", refused.stderr + refused.stdout)

    def test_unwritable_folder_keeps_serving_and_is_not_ready(self):
        self.start_mesh()
        before = self.assignments(self.router)
        # Nothing can be put in the journal's place any more, nor appended: a step that is too long for the file size allowed.
        limit = (self.trust / "journal").stat().st_size + 10
        resource.prlimit(self.router.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: client.fetch(self.router.admin, "/readyz").json().get("reason") == "unwritable_state_dir",
                   "not ready", timeout=20)
        self.assertEqual(self.assignments(self.router), before)
        self.assertGreater(client.metrics(self.router.admin).sum("flagmesh_state_refused_total", reason="unwritable_state_dir"), 0)
        resource.prlimit(self.router.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: set(self.assignments(self.router)) == {"on"}, "the epoch, once there is room", timeout=20)
        self.assertEqual(client.fetch(self.router.admin, "/readyz").status, 200)

    def test_kills_at_random_moments(self):
        """Trust never goes back: a router that was killed boots, with Redis gone, at no older epoch than it had served."""
        self.start_mesh()
        chance = random.Random(6)
        served = 1
        for round in range(KILLS):
            if round % 3 == 2:
                self.engine.kill()
                self.engine = self.mesh.engine()
            killed = time.monotonic() + chance.random() * 0.15
            while time.monotonic() < killed:
                weight = chance.randrange(101)
                self.mesh.set_rollout({"on": weight, "off": 100 - weight})
                served = max(served, self.mesh.epoch(self.router))
            self.router.kill()
            self.untrack(self.router)
            self.router = self.start_router(f"router-{round}")
            booted = self.mesh.epoch(self.router)
            self.assertGreaterEqual(booted, served, f"round {round}")
            served = booted
        self.assertEqual(client.metrics(self.router.admin).sum("flagmesh_state_refused_total"), 0)

    def test_trust_reset_needs_a_new_key(self):
        self.start_mesh()
        file = self.mesh.folder / "router.json"
        self.assertIn("another process uses this folder", process.run("trust", "reset", "-c", file, code=1).stderr)
        self.router.stop()
        self.engine.stop()
        self.assertIn("every engine key", process.run("trust", "reset", "-c", file, code=1).stderr)
        # The engine's key and log are lost: another key, another log from epoch 1 on.
        old_key = self.mesh.engine_key
        (self.mesh.folder / "engine.key").rename(self.mesh.folder / "lost.key")
        (self.mesh.folder / "engine").rename(self.mesh.folder / "lost-engine")
        self.mesh.engine_key = self.mesh.keygen("mesh.test/flags", "engine.key")
        self.assertNotEqual(self.mesh.engine_key, old_key)
        self.mesh.redis.stop()
        self.mesh.redis.start()
        self.engine = self.mesh.engine()
        self.mesh.set_rollout({"on": 100, "off": 0})
        stuck = self.start_router("stuck", ready=False)
        eventually(lambda: {"fork", "inconsistent_log", "gap"} & {labels["reason"] for name, labels, _ in
                   client.metrics(stuck.admin).samples if name == "flagmesh_state_refused_total"}, "the new log to be refused", timeout=20)
        self.assertEqual(client.fetch(stuck.admin, "/readyz").status, 503)
        stuck.stop()
        said = process.run("trust", "reset", "-c", self.mesh.folder / "stuck.json").stdout
        self.assertIn("forgotten: log mesh.test/flags at epoch 1", said)
        self.assertTrue((self.trust / "journal.forgotten").exists())
        self.assertEqual(set(self.assignments(self.start_router("afresh"))), {"on"})

    def test_boots_from_a_lock_and_its_flags(self):
        self.start_mesh()
        before = self.assignments(self.router)
        lock = self.mesh.folder / "flags.lock"
        process.run("lock", self.mesh.flags_file, "-o", lock)
        file = self.mesh.folder / "router.json"

        def fresh(name):
            config = json.loads(file.read_text())
            config["flags"]["lock"] = str(lock)
            del config["proxy"]["state_dir"]
            config = self.write(f"{self.mesh.name}/{name}.json", config)
            ports = self.folder / f"{name}.ports"
            router = self.start(name, "proxy", "-c", config, "--ports-file", ports)
            bound = process.wait_for_file(router, ports)
            router.address, router.admin = bound["listeners"][0], bound["admin"]
            return router

        # A lock alone does not say that anybody published it.
        self.mesh.redis.stop()
        unproven = fresh("unproven")
        eventually(lambda: "not_published" in unproven.text(), "the lock to be refused")
        self.assertEqual(client.fetch(unproven.admin, "/readyz").status, 503)
        unproven.stop()
        self.mesh.redis.start()
        said = process.run("prove", "--lock", lock, "--engine", f"http://{self.mesh.api}").stdout
        self.assertIn("published as epoch 1 of mesh.test/flags", said)
        self.mesh.redis.stop()
        router = fresh("locked")
        eventually(lambda: client.fetch(router.admin, "/readyz").status == 200, "to be ready without Redis")
        self.assertIn("booted from the lock: epoch 1, 1 flags", router.text())
        self.assertEqual(self.assignments(router), before)
        router.stop()
        # Other flags than those of the lock are refused.
        self.mesh.flags_file.write_text(self.mesh.flags_file.read_text().replace("25", "26"))
        other = fresh("other")
        eventually(lambda: "(differs)" in other.text(), "the files to be refused")
        self.assertEqual(client.fetch(other.admin, "/readyz").status, 503)
        self.mesh.redis.start()

    def test_successor_gets_the_journal(self):
        self.start_mesh()
        socket = self.folder / "takeover.sock"
        self.router.stop()
        first = self.start_router("first", takeover_socket=str(socket))
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments(first)) == {"on"}, "the epoch")
        load = self.load(first.address, users=200)
        second = self.start("second", "proxy", "-c", self.mesh.folder / "first.json", "--take-over",
                            "--ports-file", self.folder / "second.ports")
        bound = process.wait_for_file(second, self.folder / "second.ports")
        second.address, second.admin = bound["listeners"][0], bound["admin"]
        self.assertEqual(first.wait(), 0)
        self.assertIn("booted from the journal", second.text())
        self.mesh.set_rollout({"on": 0, "off": 100})
        eventually(lambda: set(self.assignments(second)) == {"off"}, "the successor to follow", timeout=20)
        self.assert_nothing_lost(self.load_report(load), at_least=20)
        second.kill()
        self.mesh.redis.stop()
        third = self.start_router("third")
        self.assertEqual(set(self.assignments(third)), {"off"})


if __name__ == "__main__":
    unittest.main()
