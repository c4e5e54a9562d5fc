"""The attack table of docs/trust.md, against real processes: whoever owns Redis, a stolen key or the clock. Each attack says which
reasons a router may count, and every user goes on getting what they got before: nothing unproven is ever served."""
import hashlib
import json
import os
import pathlib
import re
import signal
import time
import unittest

from harness import client, process
from harness.mesh import CHECKOUT, ORIGIN, Mesh, MeshTest, variant
from harness.published import Delta, State
from harness.signing import COSIGNATURE, Key, checkpoint, note
from harness.waiting import eventually

USERS = [f"user-{n}" for n in range(40)]
SEARCH = {"variants": {"on": True, "off": False}, "defaultVariant": "off", "rollout": {"on": 90, "off": 10}}
FLAGS = {"checkout": CHECKOUT, "search": SEARCH,
         "vip": {"variants": {"on": True, "off": False}, "defaultVariant": "off", "state": "ENABLED",
                 "targeting": {"if": [{"$ref": "insiders"}, "on", "off"]}}}
EVALUATORS = {"insiders": {"in": ["@example.com", {"var": "header.x-email"}]}}


class Attack(MeshTest):
    """A mesh whose router fell behind: Redis has one more epoch than it has seen, and the engine is gone, so that nobody heals what the
    attacker alters there."""

    validator = False

    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, FLAGS, validator=self.validator)
        self.mesh.flags_file.write_text(json.dumps({"flags": FLAGS, "$evaluators": EVALUATORS, "metadata": {"owner": "shop"}}))
        self.engine = self.mesh.engine()
        if self.validator:
            self.validating = self.mesh.validator()
        self.router = self.start_router()
        self.state = State(self.mesh.redis)
        self.before = self.assignments()
        self.epoch = self.mesh.epoch(self.router)

    def start_router(self, name="router", ready=True, **options):
        return self.mesh.router(name, ready=ready, state_dir=str(self.mesh.folder / "trust"), **options)

    def assignments(self, router=None):
        return [variant((router or self.router).address, user) for user in USERS]

    def reasons(self, router=None):
        metrics = client.metrics((router or self.router).admin)
        return {labels["reason"]: int(value) for name, labels, value in metrics.samples
                if name == "flagmesh_state_refused_total"}

    def head(self):
        return self.mesh.redis.command("GET", "{flagmesh}:head")

    def set_head(self, head):
        self.mesh.redis.command("SET", "{flagmesh}:head", head)
        self.look()

    def look(self):
        self.mesh.redis.command("PUBLISH", "flagmesh:epochs", "look")

    def fall_behind(self, epochs=1):
        """Everybody is to get `on`, but the router has not seen that yet."""
        self.router.signal(signal.SIGSTOP)
        for step in range(epochs):
            self.mesh.set_rollout({"on": 100 - epochs + 1 + step, "off": epochs - 1 - step})
        self.engine.stop()

    def go_on(self):
        self.router.signal(signal.SIGCONT)
        self.look()

    def assert_refused(self, *reasons, router=None):
        """The router counts one of the reasons and no other, says so in its log and at /readyz, and serves what it served."""
        router = router or self.router

        def counted():
            self.look()
            return set(self.reasons(router)) & set(reasons)

        eventually(counted, f"one of {reasons}: {self.reasons(router)}", timeout=20)
        self.assertLessEqual(set(self.reasons(router)), set(reasons))
        ready = client.fetch(router.admin, "/readyz").json()
        self.assertIn(ready["last_refusal_reason"], reasons)
        self.assertIn(f"state refused ({ready['last_refusal_reason']})", router.text())
        self.assertEqual(ready["epoch"], self.epoch)
        self.assertEqual(self.assignments(router), self.before)

    def forge(self, change):
        """The same change of the entries in every form in which a router may read them."""
        deltas = []
        for identity, data in self.state.deltas():
            delta = Delta(data)
            change(delta.entries)
            deltas.append((identity, delta.encode()))
        self.state.put_deltas(deltas)
        entries = self.state.entries()
        change(entries)
        self.state.put(entries)

    @staticmethod
    def entry(entries, key):
        return next((entry for entry in entries if entry[0] == key), None)


class AlteredState(Attack):
    """Redis holds other state than the one that was signed."""

    def forged(self, change, *reasons):
        self.fall_behind()
        self.forge(change)
        self.go_on()
        self.assert_refused(*reasons)

    def test_forged_flag(self):
        def change(entries):
            for entry in entries:
                entry[2] = re.sub(rb'\["on",\d+\]', b'["on",1]', entry[2])
        self.forged(change, "root_mismatch")

    def test_swapped_values_of_two_flags(self):
        def change(entries):
            one, other = self.entry(entries, b"checkout"), self.entry(entries, b"search")
            if one and other:
                one[1:], other[1:] = other[1:], one[1:]
            elif one:
                one[2] = one[2].replace(b'"checkout"', b'"search"')
        self.forged(change, "root_mismatch")

    def test_dropped_flag(self):
        def change(entries):
            entries[:] = [entry for entry in entries if entry[0] != b"checkout"]
        self.forged(change, "root_mismatch")

    def test_added_flag(self):
        def change(entries):
            entries.append([b"zzz", bytes(32), entries[-1][2].replace(b'"checkout"', b'"zzz"')])
        self.forged(change, "root_mismatch")

    def test_changed_evaluator(self):
        def change(entries):
            for entry in entries:
                entry[2] = entry[2].replace(b"@example.com", b"@attacker.com").replace(b'["off",0]', b'["off",9]')
        self.forged(change, "root_mismatch")

    def test_changed_metadata(self):
        def change(entries):
            if entries[0][0] == b"":
                entries[0][2] = entries[0][2].replace(b"shop", b"evil")
            else:
                entries.insert(0, [b"", bytes(32), b'{"metadata":{"owner":"evil"},"tenant":"default"}'])
        self.forged(change, "root_mismatch")

    def test_oversized_and_deeply_nested_flag(self):
        def change(entries):
            entry = self.entry(entries, b"checkout")
            entry[2] = b'{"targeting":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        self.forged(change, "root_mismatch")

    def test_reordered_delta(self):
        self.fall_behind(3)
        deltas = self.state.deltas()
        # Each under the other's number, and inside the last one entries that are not in order.
        shuffled = [(identity, data) for (identity, _), (_, data) in zip(deltas, reversed(deltas))]
        last = Delta(shuffled[-1][1])
        last.entries.append([b"a", bytes(32), b"{}"])
        shuffled[-1] = (shuffled[-1][0], last.encode())
        self.state.put_deltas(shuffled)
        self.mesh.redis.command("DEL", self.state.manifest_name())
        self.go_on()
        self.assert_refused("bad_state", "gap", "bad_record", "missing_manifest")

    def test_truncated_state(self):
        self.fall_behind()
        self.state.put_deltas([(identity, data[:len(data) // 2]) for identity, data in self.state.deltas()])
        name = self.state.manifest_name()
        self.mesh.redis.command("SET", name, self.mesh.redis.command("GET", name)[:-40])
        self.go_on()
        self.assert_refused("bad_state")

    def test_truncated_chunk(self):
        self.fall_behind()
        self.state.put_deltas([])
        for name in self.mesh.redis.keys("{flagmesh}:tenant:default:chunk:*"):
            self.mesh.redis.command("SET", name, self.mesh.redis.command("GET", name)[:-1])
        self.go_on()
        self.assert_refused("bad_chunk")

    def test_evicted_chunk(self):
        self.fall_behind()
        self.state.put_deltas([])
        for name in self.mesh.redis.keys("{flagmesh}:tenant:default:chunk:*"):
            self.mesh.redis.command("DEL", name)
        self.go_on()
        self.assert_refused("missing_chunk")

    def test_old_state_under_a_new_head(self):
        old_manifest = self.mesh.redis.command("GET", self.state.manifest_name())
        old_deltas = self.state.deltas()
        self.fall_behind()
        self.state.put_deltas([(identity, old_deltas[-1][1] if old_deltas else b"") for identity, _ in self.state.deltas()])
        self.mesh.redis.command("SET", self.state.manifest_name(), old_manifest)
        self.go_on()
        self.assert_refused("bad_record", "bad_state", "gap")

    def test_chunk_of_200_megabytes(self):
        self.fall_behind()
        self.state.put_deltas([])
        name = "{flagmesh}:tenant:default:chunk:" + self.state.manifest().chunks[0][0].hex()
        self.mesh.redis.command("SET", name, b"\0" * 200_000_000)
        before = self.resident()
        self.go_on()
        self.assert_refused("bad_reply")
        # The limit of a reply is that of a delta, 64 MiB, and its buffer grows by doubling.
        self.assertLess(self.resident() - before, 130 * 1024, "kB: the router took it into memory")

    def test_manifest_of_more_than_a_router_takes(self):
        self.fall_behind()
        self.state.put_deltas([])
        manifest = self.state.manifest()
        manifest.chunks = [(hashlib.sha256(b"%d" % n).digest(), 700_000) for n in range(1_000)]
        self.mesh.redis.command("SET", self.state.manifest_name(), manifest.encode())
        self.go_on()
        self.assert_refused("bad_state")

    def resident(self):
        status = pathlib.Path(f"/proc/{self.router.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def test_fresh_router_gets_forged_state(self):
        self.fall_behind()
        self.forge(lambda entries: [entry.__setitem__(2, entry[2].replace(b'["on",100]', b'["on",1]')) for entry in entries])
        self.router.kill()
        fresh = self.mesh.router("fresh", ready=False)
        eventually(lambda: self.reasons(fresh), "the forged state to be refused", timeout=20)
        self.assertLessEqual(set(self.reasons(fresh)), {"root_mismatch"})
        self.assertEqual(client.fetch(fresh.admin, "/readyz").json()["reason"], "no_state")
        for user in USERS[:10]:
            reply = client.fetch(fresh.address, "/checkout", headers={"x-user-id": user})
            self.assertEqual((reply.status, reply.json()["container"]), (200, "checkout-v1"))


class Heads(Attack):
    """Redis shows another head than the newest one that was signed, or one that was signed with a stolen key."""

    def setUp(self):
        super().setUp()
        self.engine_key = Key(self.mesh.folder / "engine.key")
        self.heart_key = Key(self.mesh.folder / "engine.key", COSIGNATURE)

    def signed(self, size, root, origin=ORIGIN, at=None, keys=None):
        text = checkpoint(origin, size, root)
        seconds = int(time.time()) if at is None else at
        return note(text, *(key.line(text, seconds) for key in keys or (self.engine_key, self.heart_key)))

    def attack(self, head, *reasons):
        self.engine.stop()
        self.set_head(head)
        self.assert_refused(*reasons)

    def root(self):
        return self.state.head_root()

    def test_replayed_old_head(self):
        old = self.head()
        self.mesh.set_rollout({"on": 100, "off": 0})
        self.mesh.wait_for_epoch(self.epoch + 1, self.router)
        self.epoch, self.before = self.epoch + 1, self.assignments()
        self.attack(old, "rollback")

    def test_replayed_old_head_to_a_router_that_was_restarted_in_between(self):
        old = self.head()
        self.mesh.set_rollout({"on": 100, "off": 0})
        self.mesh.wait_for_epoch(self.epoch + 1, self.router)
        self.epoch, self.before = self.epoch + 1, self.assignments()
        self.engine.stop()
        self.router.kill()
        self.mesh.redis.command("SET", "{flagmesh}:head", old)
        self.router = self.start_router("again")
        self.assert_refused("rollback")

    def test_two_heads_of_the_same_size(self):
        self.attack(self.signed(self.epoch, hashlib.sha256(b"another history").digest()), "fork")

    def test_poisoned_head_of_an_enormous_size(self):
        self.attack(self.signed(2**53, hashlib.sha256(b"poison").digest()), "missing_manifest", "gap")
        # It took no hold: the honest engine's next epoch is accepted.
        self.mesh.redis.command("DEL", "{flagmesh}:head")
        self.engine = self.mesh.engine()
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments()) == {"on"}, "the next epoch", timeout=20)

    def test_head_of_another_origin(self):
        self.attack(self.signed(self.epoch + 1, self.root(), origin="evil.test/flags"), "bad_origin")

    def test_key_of_another_role(self):
        stranger = self.mesh.folder / "stranger.key"
        self.mesh.keygen(ORIGIN, "stranger.key")
        self.attack(self.signed(self.epoch + 1, self.root(), keys=(Key(stranger), Key(stranger, COSIGNATURE))),
                    "not_enough_signatures")

    def test_heartbeat_key_does_not_sign_heads(self):
        self.attack(self.signed(self.epoch + 1, self.root(), keys=(self.heart_key,)), "not_enough_signatures")

    def test_old_cosignature_timestamp(self):
        self.attack(self.signed(self.epoch, self.root(), at=int(time.time()) - 3_600), "stale")

    def test_timestamp_ahead(self):
        self.attack(self.signed(self.epoch, self.root(), at=int(time.time()) + 3_600), "from_future")

    def test_bad_signature(self):
        head = self.head()
        at = len(head) - 20
        self.attack(head[:at] + (b"A" if head[at:at + 1] != b"A" else b"B") + head[at + 1:], "bad_signature", "bad_head")

    def test_restart_without_redis(self):
        self.mesh.redis.stop()
        self.router.kill()
        again = self.start_router("again")
        self.assertEqual(self.assignments(again), self.before)
        self.assertEqual(self.mesh.epoch(again), self.epoch)
        self.assertEqual(client.fetch(again.admin, "/readyz").json()["source_connected"], False)


class StolenEngineKey(Heads):
    """With `require: { validator: 1 }` an engine's key is not enough."""

    validator = True

    def test_engine_key_alone_moves_nothing(self):
        self.validating.stop()
        self.attack(self.signed(self.epoch + 1, hashlib.sha256(b"mine").digest()), "not_enough_signatures")

    def test_engine_elsewhere_with_a_copy_of_key_and_log(self):
        """The thief runs a whole engine on the same Redis."""
        self.validating.stop()
        self.engine.stop()
        self.engine = self.mesh.engine()
        reply = client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", {"on": 100, "off": 0})
        self.assertEqual(reply.status, 202, reply)
        time.sleep(0.5)
        self.assertEqual(self.assignments(), self.before)


# The head attacks do not depend on the validator: they run once.
for _name in [name for name in dir(Heads) if name.startswith("test_")]:
    if _name in vars(Heads):
        setattr(StolenEngineKey, _name, None)


class StolenEngineKeyWithoutValidator(MeshTest):
    """The one row of the table in which the thief wins: what `require: { validator: 1 }` is for."""

    def test_the_thief_wins(self):
        mesh = Mesh(self, max_age="10s")
        engine = mesh.engine()
        router = mesh.router()
        self.assertEqual({variant(router.address, user) for user in USERS}, {"on", "off"})
        engine.stop()
        mesh.engine("thief", state_dir=str(mesh.folder / "thief"))
        eventually(lambda: client.fetch(mesh.api, "/readyz").status == 200, "the thief's engine to take over", timeout=20)
        mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: {variant(router.address, user) for user in USERS} == {"on"}, "the thief's flags")
        self.assertEqual(client.metrics(router.admin).sum("flagmesh_state_refused_total"), 0)


class Expired(MeshTest):
    """Heartbeats stop: what users are served is the route's `when_unproven`."""

    def test_expired_head(self):
        mesh = Mesh(self, max_age="3s")
        engine = mesh.engine()
        routes = [mesh.checkout_route() | {"path": f"/{action}", "when_unproven": action}
                  for action in ("last_good", "fallback", "refuse")]
        router = mesh.router(routes=routes, state_dir=str(mesh.folder / "trust"))
        users = {target: [variant(router.address, user, target) for user in USERS] for target in ("/last_good", "/fallback", "/refuse")}
        engine.kill()
        eventually(lambda: client.fetch(router.address, "/refuse", headers={"x-user-id": "u"}).status == 503, "the age", timeout=20)
        self.assertEqual([variant(router.address, user, "/last_good") for user in USERS], users["/last_good"])
        for user in USERS:
            self.assertEqual(client.fetch(router.address, "/fallback", headers={"x-user-id": user}).json()["container"], "checkout-v1")
        ready = client.fetch(router.admin, "/readyz").json()
        self.assertTrue(ready["stale"])
        router.kill()
        again = mesh.router("again", routes=routes, ready=True, state_dir=str(mesh.folder / "trust"))
        self.assertEqual(client.fetch(again.address, "/refuse", headers={"x-user-id": "u"}).status, 503)
        self.assertEqual([variant(again.address, user, "/last_good") for user in USERS], users["/last_good"])


class ReplayedLock(MeshTest):
    """Locks that were approved once, and flag files as they were then, are put in place again."""

    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self)
        self.approver = self.mesh.keygen("alice@mesh.test", "alice.key", "--approver")
        self.lock = self.mesh.folder / "flags.lock"
        self.kept = {}

    def ship(self, on):
        """Flags with that rollout and their approved lock, by what is in force now; kept for the attacker."""
        flags = self.write(f"{self.mesh.name}/new.json", {"flags": {"checkout": CHECKOUT | {"rollout": {"on": on, "off": 100 - on}}}})
        base = ["--base-root", client.fetch(self.mesh.api, "/api/v1/epochs/latest").json()["tenant_root"]] if self.kept else []
        lock = self.mesh.folder / "new.lock"
        process.run("lock", "-o", lock, *base, flags, folder=self.mesh.folder)
        process.run("lock", "sign", lock, "--key", self.mesh.folder / "alice.key", folder=self.mesh.folder)
        self.kept[on] = lock.read_bytes(), flags.read_bytes()
        self.put(on)

    def put(self, on):
        for path, content in zip((self.lock, self.mesh.flags_file), self.kept[on]):
            half = path.with_suffix(".half")
            half.write_bytes(content)
            half.replace(path)

    def begin(self):
        """Three epochs: nobody gets `on`, everybody, and nobody again."""
        self.ship(0)
        self.mesh.engine(require_lock=[self.approver], lock_file=str(self.lock))
        self.router = self.mesh.router(state_dir=str(self.mesh.folder / "trust"))
        for epoch, on in ((2, 100), (3, 1)):
            self.ship(on)
            self.mesh.wait_for_epoch(epoch, self.router)
        self.before = [variant(self.router.address, user) for user in USERS]

    def test_replayed_lock(self):
        self.begin()
        self.put(100)
        eventually(lambda: "starts from" in repr(client.fetch(self.mesh.api, "/readyz").body), "the lock to be refused")
        self.assertGreater(client.metrics(self.mesh.api).sum("flagmesh_engine_file_refusals_total"), 0)
        self.assertEqual(self.mesh.epoch(self.router), 3)
        self.assertEqual([variant(self.router.address, user) for user in USERS], self.before)

    def test_replayed_lock_at_a_router(self):
        """It says truly that it was published once; the router has seen more, and its journal says so."""
        self.ship(100)
        self.mesh.engine(require_lock=[self.approver], lock_file=str(self.lock))
        state = str(self.mesh.folder / "trust")
        router = self.mesh.router(state_dir=state)
        process.run("prove", "--lock", self.lock, "--engine", f"http://{self.mesh.api}")
        old = self.mesh.folder / "old.lock"
        old.write_bytes(self.lock.read_bytes())
        old_flags = self.write("old/flags.json", self.kept[100][1].decode())
        self.ship(0)
        self.mesh.wait_for_epoch(2, router)
        router.kill()
        self.mesh.redis.stop()
        config = json.loads((self.mesh.folder / "router.json").read_text())
        config["flags"] |= {"lock": str(old), "files": [str(old_flags)]}
        config = self.write(f"{self.mesh.name}/replayed.json", config)
        ports = self.folder / "replayed.ports"
        again = self.start("replayed", "proxy", "-c", config, "--ports-file", ports)
        again.address = process.wait_for_file(again, ports)["listeners"][0]
        eventually(lambda: "booted from the journal: epoch 2" in again.text(), "the journal")
        self.assertEqual({variant(again.address, user) for user in USERS}, {"off"})


def clock_library():
    path = pathlib.Path(os.environ.get("FLAGMESH_CLOCK_SHIFT", process.ROOT / "build/dev/tests/libclock_shift.so"))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: build the target clock_shift, or set FLAGMESH_CLOCK_SHIFT")
    return str(path)


class Clock(MeshTest):
    """The router's machine has another date than the world."""

    def start_mesh(self, **route):
        self.mesh = Mesh(self, max_age="1m")
        self.engine = self.mesh.engine()
        self.shift = self.folder / "shift"
        self.set_clock(0)
        self.routes = [self.mesh.checkout_route() | route]
        self.router = self.start_router("router")

    def start_router(self, name):
        os.environ.update(LD_PRELOAD=clock_library(), CLOCK_SHIFT=str(self.shift),
                          ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))
        try:
            return self.mesh.router(name, routes=self.routes, ready=False, state_dir=str(self.mesh.folder / "trust"))
        finally:
            del os.environ["LD_PRELOAD"], os.environ["CLOCK_SHIFT"]

    def set_clock(self, seconds):
        half = self.folder / "shift.new"
        half.write_text(str(seconds))
        half.replace(self.shift)

    def reasons(self, router):
        return {labels["reason"] for name, labels, _ in client.metrics(router.admin).samples
                if name == "flagmesh_state_refused_total"}

    def ready(self, router):
        return client.fetch(router.admin, "/readyz")

    def answer(self):
        reply = client.fetch(self.router.address, "/checkout", headers={"x-user-id": "u"})
        return reply.status, reply.header("x-flagmesh-reason")

    def test_clock_ahead(self):
        self.start_mesh(when_unproven="refuse")
        eventually(lambda: self.ready(self.router).status == 200, "the router to be ready")
        self.set_clock(3_600)
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: "stale" in self.reasons(self.router), "the head to be too old by this clock", timeout=20)
        # The head is refused as it comes; that the state in force has aged is seen at the next look at its age.
        eventually(lambda: self.answer() == (503, "unproven"), "requests to be refused")
        self.set_clock(0)
        eventually(lambda: set(variant(self.router.address, user) for user in USERS) == {"on"}, "the clock to be right again",
                   timeout=20)

    def test_clock_set_back(self):
        self.start_mesh()
        eventually(lambda: self.ready(self.router).status == 200, "the router to be ready")
        old = self.mesh.redis.command("GET", "{flagmesh}:head")
        # What was young an hour ago is not young again, and what comes is not from the future.
        self.set_clock(-3_600)
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(variant(self.router.address, user) for user in USERS) == {"on"}, "the next epoch", timeout=20)
        self.assertEqual(self.reasons(self.router), set())
        # Also after a restart: time never falls behind the newest signature that was verified.
        self.router.kill()
        again = self.start_router("again")
        eventually(lambda: self.ready(again).status == 200, "the router to be ready again")
        self.mesh.set_rollout({"on": 0, "off": 100})
        eventually(lambda: set(variant(again.address, user) for user in USERS) == {"off"}, "the epoch after it", timeout=20)
        self.engine.stop()
        self.mesh.redis.command("SET", "{flagmesh}:head", old)
        self.mesh.redis.command("PUBLISH", "flagmesh:epochs", "look")
        eventually(lambda: self.reasons(again) == {"rollback"}, "the old head to be refused", timeout=20)

    def test_clock_set_back_before_a_first_start(self):
        """A router without any trust of its own cannot know better: it refuses what is from its future."""
        self.start_mesh()
        self.router.kill()
        for left in (self.mesh.folder / "trust").iterdir():
            left.unlink()
        self.set_clock(-3_600)
        fresh = self.start_router("fresh")
        eventually(lambda: "from_future" in self.reasons(fresh), "the head to be from the future", timeout=20)
        self.assertEqual(self.ready(fresh).json()["reason"], "no_state")
        reply = client.fetch(fresh.address, "/checkout", headers={"x-user-id": "u"})
        self.assertEqual(reply.json()["container"], "checkout-v1")


if __name__ == "__main__":
    unittest.main()
