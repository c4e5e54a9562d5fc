"""Redis is not trusted: whatever is altered there is refused, counted and explained, and routing goes on."""
import unittest

from harness import client
from harness.mesh import Mesh, MeshTest, variant
from harness.waiting import eventually, stays

USERS = [f"user-{n}" for n in range(60)]


class Tamper(MeshTest):
    def start_mesh(self, **options):
        self.mesh = Mesh(self, **options)
        self.engine = self.mesh.engine()
        self.router = self.mesh.router()
        self.before = self.assignments()
        self.epoch = self.mesh.epoch(self.router)

    def assignments(self, router=None):
        return [variant((router or self.router).address, user) for user in USERS]

    def refusals(self, router=None):
        return client.metrics((router or self.router).admin).sum("flagmesh_state_refused_total")

    def look_again(self):
        """Says 'look' on the channel, as whoever owns Redis can."""
        self.mesh.redis.command("PUBLISH", "flagmesh:epochs", "look")

    def key(self, suffix):
        return "{flagmesh}:" + suffix

    def head(self):
        return self.mesh.redis.command("GET", self.key("head"))

    def assert_refused_and_unchanged(self):
        """The altered head is refused, counted and explained, and every user gets what they got before."""
        self.look_again()
        eventually(lambda: self.refusals() > 0, "the refusal to be counted", timeout=15)
        self.assertIn("refused", self.router.text())
        self.assertEqual(self.mesh.epoch(self.router), self.epoch)
        self.assertEqual(self.assignments(), self.before)

    def alter_head(self, change):
        head = self.head()
        altered = change(head)
        self.assertNotEqual(head, altered)
        self.mesh.redis.command("SET", self.key("head"), altered)

    def test_altered_root(self):
        self.start_mesh()

        def other_root(head):
            lines = head.split(b"\n")
            lines[2] = (b"B" if lines[2][:1] == b"A" else b"A") + lines[2][1:]
            return b"\n".join(lines)

        self.alter_head(other_root)
        self.assert_refused_and_unchanged()

    def test_altered_size(self):
        self.start_mesh()

        def later(head):
            lines = head.split(b"\n")
            lines[1] = b"%d" % (int(lines[1]) + 1)
            return b"\n".join(lines)

        self.alter_head(later)
        self.assert_refused_and_unchanged()

    def test_altered_signature(self):
        self.start_mesh()

        def other_signature(head):
            position = len(head) - 12
            return head[:position] + (b"A" if head[position:position + 1] != b"A" else b"B") + head[position + 1:]

        self.alter_head(other_signature)
        self.assert_refused_and_unchanged()

    def test_truncated_oversized_and_absurd_heads(self):
        self.start_mesh()
        head = self.head()
        for bad in (head[:40], b"", b"\x00" * 100, b"x" * 2_000_000, head + head):
            refused = self.refusals()
            self.mesh.redis.command("SET", self.key("head"), bad)
            self.look_again()
            eventually(lambda: self.refusals() > refused, f"{bad[:40]!r} to be refused")
        self.assertEqual(self.assignments(), self.before)

    def test_rollback_to_an_older_head(self):
        self.start_mesh()
        old = self.head()
        self.mesh.set_rollout({"on": 100, "off": 0})
        self.mesh.wait_for_epoch(self.epoch + 1, self.router)
        self.epoch = self.mesh.epoch(self.router)
        self.before = self.assignments()
        self.assertEqual(set(self.before), {"on"})
        self.alter_head(lambda head: old)
        self.assert_refused_and_unchanged()

    def alter_weights_everywhere(self):
        """Changes the flag's weights in every chunk and delta, as far as they are readable; returns how many."""
        redis, altered = self.mesh.redis, 0
        for name in redis.keys("{flagmesh}:tenant:default:chunk:*"):
            value = redis.command("GET", name)
            forged = value.replace(b'["on",25]', b'["on",99]')
            if forged != value:
                redis.command("SET", name, forged)
                altered += 1
        entries = redis.command("XRANGE", self.key("tenant:default:deltas"), "-", "+") or []
        redis.command("DEL", self.key("tenant:default:deltas"))
        for identity, fields in entries:
            forged = [field.replace(b'["on",25]', b'["on",99]') for field in fields]
            altered += forged != fields
            redis.command("XADD", self.key("tenant:default:deltas"), identity, *forged)
        return altered

    def test_altered_weight_is_refused_by_a_router_that_starts_from_nothing(self):
        self.start_mesh()
        self.engine.stop()
        self.assertGreater(self.alter_weights_everywhere(), 0, self.mesh.redis.keys())
        fresh = self.mesh.router("fresh", ready=False)
        eventually(lambda: self.refusals(fresh) > 0, "the forged weight to be refused", timeout=15)
        self.assertEqual(client.fetch(fresh.admin, "/readyz").status, 503)
        self.assertIn("refused", fresh.text())
        # Without any proven state its users get the fallback container, never a forged variant.
        reply = client.fetch(fresh.address, "/checkout", headers={"x-user-id": "someone"})
        self.assertEqual((reply.status, reply.json()["container"]), (200, "checkout-v1"))
        self.assertEqual(self.assignments(), self.before)

    def test_head_heals_with_the_next_epoch(self):
        self.start_mesh()
        self.alter_head(lambda head: head[:-20] + b"AAAAAAAAAAAAAAAAAAA\n")
        self.assert_refused_and_unchanged()
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments()) == {"on"}, "the next epoch", timeout=20)

    def test_redis_stops_and_comes_back_empty(self):
        self.start_mesh()
        load = self.load(self.router.address, users=300)
        self.mesh.redis.stop()
        stays(lambda: self.assignments() == self.before, "the assignments without Redis", seconds=1)
        self.mesh.redis.start()
        eventually(self.head, "the engine to publish again", timeout=20)
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments()) == {"on"}, "the router to catch up", timeout=20)
        self.assert_nothing_lost(self.load_report(load))

    def test_validator_must_have_cosigned(self):
        self.mesh = Mesh(self, validator=True)
        self.engine = self.mesh.engine()
        self.router = self.mesh.router(ready=False)
        stays(lambda: client.fetch(self.router.admin, "/readyz").status == 503, "not ready without the validator",
              seconds=1)
        validator = self.mesh.validator()
        eventually(lambda: client.fetch(self.router.admin, "/readyz").status == 200,
                   "a cosigned epoch", timeout=15)
        self.mesh.set_rollout({"on": 100, "off": 0})
        eventually(lambda: set(self.assignments()) == {"on"}, "the next epoch, cosigned")
        validator.stop()
        reply = client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", {"on": 0, "off": 100})
        self.assertEqual(reply.status, 202, reply)  # kept, and published when it is cosigned
        stays(lambda: set(self.assignments()) == {"on"}, "nothing uncosigned is enforced", seconds=1)
        self.mesh.validator()
        eventually(lambda: set(self.assignments()) == {"off"}, "the validator to catch up", timeout=15)


if __name__ == "__main__":
    unittest.main()
