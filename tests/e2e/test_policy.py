"""A validator's policy and the locks that engine and validator ask for, against real processes."""
import base64
import hashlib
import unittest

from harness import client, process
from harness.mesh import CHECKOUT, ORIGIN, Mesh, MeshTest
from harness.waiting import eventually


def rollout(on):
    return {"on": on, "off": 100 - on}


class Policy(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, flags={"checkout": CHECKOUT, "search": CHECKOUT}, validator=True)

    def begin(self, **policy):
        self.mesh.engine()
        self.validator = self.mesh.validator(policy=policy, address="127.0.0.1:0")
        ports = self.mesh.folder / f"validator-{self.mesh.starts}.ports"
        self.validator.address = process.wait_for_file(self.validator, ports)["address"]
        self.router = self.mesh.router()

    def post(self, path, body):
        return client.post_json(self.mesh.api, f"/api/v1/flags/{path}", body)

    def refused(self, reason):
        return client.metrics(self.validator.address).sum("flagmesh_validator_refused_total", reason=reason) > 0

    def test_too_large_a_step_waits_and_a_kill_passes_it(self):
        self.begin(max_share_moved={"percent": 10, "window": "1h"})
        reply = self.post("checkout/rollout", rollout(90))
        self.assertEqual(reply.status, 202, reply)
        self.assertIn("share_moved", reply.json()["waiting_for"])
        self.assertTrue(self.refused("share_moved"))
        ready = client.fetch(self.validator.address, "/readyz")
        self.assertEqual(ready.json()["refused"]["reason"], "share_moved", ready)
        self.assertEqual(self.mesh.epoch(self.router), 1)
        # Another flag is killed although that one waits.
        reply = self.post("search/kill", {"variant": "off"})
        self.assertEqual(reply.status, 200, reply)
        self.mesh.wait_for_epoch(reply.json()["epoch"], self.router)
        # A smaller step goes.
        reply = self.post("checkout/rollout", rollout(35))
        self.assertEqual(reply.status, 200, reply)
        self.mesh.wait_for_epoch(reply.json()["epoch"], self.router)

    def test_frozen_flags_can_only_be_killed(self):
        self.begin(frozen_flags=["check*"])
        self.assertEqual(self.post("checkout/rollout", rollout(26)).status, 202)
        self.assertTrue(self.refused("frozen_flag"))
        self.assertEqual(self.post("checkout/kill", {"variant": "off"}).status, 200)
        self.assertEqual(self.post("search/rollout", rollout(26)).status, 200)

    def test_a_stolen_engine_key_is_held_by_the_policy_while_the_validator_restarts(self):
        self.begin(max_share_moved={"percent": 10, "window": "1h"})
        self.mesh.set_rollout(rollout(30))
        self.validator.kill()
        self.assertEqual(self.post("checkout/rollout", rollout(99)).status, 202)
        self.mesh.validator(policy={"max_share_moved": {"percent": 10, "window": "1h"}})
        eventually(lambda: "share_moved" in repr(client.fetch(self.mesh.api, "/readyz").body), "the refusal")
        self.assertEqual(self.mesh.epoch(self.router), 2)


class Locks(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, validator=True)
        self.keys = [self.mesh.keygen(f"{name}@mesh.test", f"{name}.key", "--approver") for name in ("alice", "bob")]
        self.lock = self.mesh.folder / "flags.lock"

    def flagmesh(self, *arguments, code=0):
        return process.run(*arguments, folder=self.mesh.folder, code=code)

    def make(self, flags, base=None, signers=("alice", "bob")):
        """New flag files with their lock; the lock comes first, so that no moment is without."""
        new = self.new_file(flags)
        more = ["--base-root", base] if base else []
        self.flagmesh("lock", "-o", self.mesh.folder / "new.lock", *more, new)
        for name in signers:
            self.flagmesh("lock", "sign", self.mesh.folder / "new.lock", "--key", self.mesh.folder / f"{name}.key")
        (self.mesh.folder / "new.lock").rename(self.lock)
        new.rename(self.mesh.flags_file)

    def new_file(self, flags):
        return self.write(f"{self.mesh.name}/new.json", {"flags": flags})

    def tenant_root(self):
        return client.fetch(self.mesh.api, "/api/v1/epochs/latest").json()["tenant_root"]

    def test_nobody_alone_ships_a_flag(self):
        rule = {"require_lock": self.keys, "require_approvals": 2}
        self.make({"checkout": CHECKOUT})
        self.mesh.engine(lock_file=str(self.lock), **rule)
        self.mesh.validator(policy=rule)
        router = self.mesh.router()
        self.assertEqual(self.mesh.epoch(router), 1)
        refused = client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", rollout(50))
        self.assertEqual(refused.status, 403, refused)
        self.assertEqual(refused.json()["error"]["code"], "lock_required")
        changed = CHECKOUT | {"rollout": rollout(50)}
        self.make({"checkout": changed}, base=self.tenant_root(), signers=["alice"])
        eventually(lambda: "1 of 2 approvals" in repr(client.fetch(self.mesh.api, "/readyz").body), "the refusal")
        self.assertEqual(self.mesh.epoch(router), 1)
        self.make({"checkout": changed}, base=self.tenant_root())
        self.mesh.wait_for_epoch(2, router)
        # A kill needs nobody.
        killed = client.post_json(self.mesh.api, "/api/v1/flags/checkout/kill", {"variant": "off"})
        self.assertEqual(killed.status, 200, killed)
        self.mesh.wait_for_epoch(killed.json()["epoch"], router)

    def test_an_engine_without_the_rule_does_not_get_past_the_validator(self):
        self.mesh.engine()
        validator = self.mesh.validator(policy={"require_lock": self.keys})
        eventually(lambda: "lock_required" in repr(client.fetch(self.mesh.api, "/readyz").body), "the refusal")
        self.assertIn("lock_required", validator.tail())

    def test_check_is_for_ci(self):
        self.make({"checkout": CHECKOUT})
        self.flagmesh("lock", "--check", "-o", self.lock, self.mesh.flags_file)
        self.mesh.flags_file.write_text(self.mesh.flags_file.read_text().replace("25", "26"))
        said = self.flagmesh("lock", "--check", "-o", self.lock, self.mesh.flags_file, code=1).stdout
        self.assertIn("checkout", said)

    def test_diff_of_flags_names_fields_and_users(self):
        before = self.new_file({"checkout": CHECKOUT})
        after = self.write("after.json", {"flags": {"checkout": CHECKOUT | {"rollout": rollout(35)}}})
        said = self.flagmesh("diff", before, after, code=1).stdout
        self.assertIn("users: 10% get another variant", said)
        self.assertIn("25 -> 35", said)

    def test_history_of_versions(self):
        archive = self.mesh.folder / "locks"
        first = self.new_file({"checkout": CHECKOUT})
        self.flagmesh("lock", "-o", self.lock, "--archive", archive, first)
        names = sorted(archive.iterdir())
        names[0].rename(archive / "2020-a.lock")
        second = self.write("second.json", {"flags": {"checkout": CHECKOUT | {"rollout": rollout(35)}}})
        self.flagmesh("lock", "-o", self.lock, "--archive", archive, "--base", self.lock, second)
        said = self.flagmesh("lock", "history", archive).stdout
        self.assertIn("~ checkout", said)
        self.flagmesh("lock", "history", self.lock, archive / "2020-a.lock", code=1)


class Witness(MeshTest):
    """An outside witness (here: a validator of another log) cosigns the engine's checkpoints."""

    def test_the_head_moves_when_the_witness_has_cosigned(self):
        mesh = Mesh(self, validator=True)
        other = mesh.keygen("other.test/log", "other.key")
        config = {"trust": {"origin": "other.test/log", "keys": {"engine": [other], "validator": [mesh.validator_key]}},
                  "redis": {"url": mesh.redis.url, "prefix": "other"}, "log": {"level": "debug", "access_log": "off"},
                  "validator": {"state_dir": str(mesh.folder / "witness"), "signing_key": str(mesh.folder / "validator.key"),
                                "address": "127.0.0.1:0",
                                "witness_logs": [{"origin": ORIGIN, "keys": [mesh.engine_key]}]}}
        witness, ports = mesh._start("witness", "validator", config)
        address = process.wait_for_file(witness, ports)["address"]
        settings = {"witnesses": [{"url": f"http://{address}", "key": mesh.validator_key}]}
        engine = mesh.engine(**settings)
        router = mesh.router()
        for share in (30, 40, 50):
            mesh.wait_for_epoch(mesh.set_rollout(rollout(share))["epoch"], router)
        # A new engine process does not know what the witness has; it is told.
        engine.kill()
        self.untrack(engine)
        mesh.engine(**settings)
        mesh.wait_for_epoch(mesh.set_rollout(rollout(60))["epoch"], router)
        # Without it nothing is in force.
        witness.kill()
        reply = client.post_json(mesh.api, "/api/v1/flags/checkout/rollout", rollout(70))
        self.assertEqual(reply.status, 202, reply)


class Standby(MeshTest):
    def test_a_second_engine_follows_and_takes_over(self):
        mesh = Mesh(self, validator=True, max_age="10s")
        first = mesh.engine()
        mesh.validator()
        router = mesh.router()
        mesh.wait_for_epoch(mesh.set_rollout(rollout(30))["epoch"], router)
        active = mesh.api
        mesh.engine(state_dir=str(mesh.folder / "standby"))
        standby = mesh.api
        eventually(lambda: client.fetch(standby, "/readyz").json()["epoch"] == 2, "the standby to follow")
        first.kill()
        eventually(lambda: not client.fetch(standby, "/readyz").json()["standby"], "it to take over", timeout=20)
        reply = client.post_json(standby, "/api/v1/flags/checkout/rollout", rollout(40))
        self.assertEqual(reply.status, 200, reply)
        mesh.wait_for_epoch(reply.json()["epoch"], router)
        self.assertNotEqual(active, standby)

    def test_the_log_is_there_as_tiles(self):
        mesh = Mesh(self)
        mesh.engine()
        eventually(lambda: client.fetch(mesh.api, "/readyz").status == 200, "the engine")
        mesh.set_rollout(rollout(30))
        checkpoint = client.fetch(mesh.api, "/api/v1/log/checkpoint").body.decode().split("\n")
        self.assertEqual(checkpoint[:2], [ORIGIN, "2"])
        entries = client.fetch(mesh.api, "/api/v1/log/tile/entries/000.p/2").body
        hashes = []
        while entries:
            length = int.from_bytes(entries[:2], "big")
            hashes.append(hashlib.sha256(b"\0" + entries[2:2 + length]).digest())
            entries = entries[2 + length:]
        self.assertEqual(client.fetch(mesh.api, "/api/v1/log/tile/0/000.p/2").body, b"".join(hashes))
        root = hashlib.sha256(b"\1" + hashes[0] + hashes[1]).digest()
        self.assertEqual(checkpoint[2], base64.b64encode(root).decode())


if __name__ == "__main__":
    unittest.main()
