"""A rollout is sticky: the same user gets the same container everywhere, and a growing rollout sends nobody back."""
import unittest

from harness import nginx
from harness.mesh import CHECKOUT, Mesh, MeshTest

USERS = 10_000


class Split(MeshTest):
    def mesh(self, flag=CHECKOUT, containers=("checkout-v1", "checkout-v2")):
        mesh = Mesh(self, flags={"checkout": flag}, containers=())
        for name in containers:
            mesh.endpoints[name] = [nginx.start(self, name).address]
        mesh.engine()
        return mesh

    def assignments(self, router):
        """variant of each of the users, as this router decides."""
        load = self.load(router.address, users=USERS, requests=USERS)
        report = self.load_report(load, stop=False)
        self.assert_nothing_lost(report, USERS)
        self.assertEqual(len(report["users"]), USERS)
        return report

    def assert_share(self, users, variant, percent):
        share = 100 * sum(1 for got in users.values() if got == variant) / USERS
        self.assertAlmostEqual(share, percent, delta=1.5, msg=f"share of {variant}")

    def grow(self, mesh, router, weights):
        """Changes the rollout and returns the assignments after it is enforced."""
        before = mesh.epoch(router)
        mesh.set_rollout(weights)
        mesh.wait_for_epoch(before + 1, router)
        return self.assignments(router)["users"]

    def test_same_container_from_two_routers_and_after_a_restart(self):
        mesh = self.mesh()
        routers = [mesh.router("router-a"), mesh.router("router-b")]
        first = self.assignments(routers[0])
        users = first["users"]
        self.assert_share(users, "on", 25)
        self.assert_share(users, "off", 75)
        self.assertEqual(first["containers"],
                         {"checkout-v2": first["variants"]["on"], "checkout-v1": first["variants"]["off"]})
        self.assertEqual(self.assignments(routers[1])["users"], users)
        for router in routers:
            self.assertEqual(router.stop(), 0, router.tail())
            self.untrack(router)
        for name in ("router-a", "router-b"):
            self.assertEqual(self.assignments(mesh.router(name))["users"], users)

    def test_growing_sends_nobody_back_whichever_way_round_the_weights_are_written(self):
        reversed_order = CHECKOUT | {"rollout": {"off": 75, "on": 25}}
        seen = []
        for flag in (CHECKOUT, reversed_order):
            mesh = self.mesh(flag)
            router = mesh.router()
            before = self.assignments(router)["users"]
            after = self.grow(mesh, router, {"off": 50, "on": 50})
            self.assert_share(after, "on", 50)
            back = [user for user, got in before.items() if got == "on" and after[user] != "on"]
            self.assertEqual(back, [])
            seen.append((before, after))
            self.doCleanups()
            self.setUp()
        self.assertEqual(seen[0], seen[1])

    def test_three_variants_nobody_returns_to_the_default(self):
        flag = {"variants": {"blue": "b", "green": "g", "none": "n"}, "defaultVariant": "none",
                "rollout": {"none": 70, "green": 10, "blue": 20}}
        mesh = self.mesh(flag, ("one", "two", "three"))
        router = mesh.router(routes=[{
            "path": "/checkout", "flag": "checkout", "serve": {"none": "one", "blue": "two", "green": "three"},
            "fallback": "one", "bucket_by": ["header:x-user-id"]}])
        before = self.assignments(router)["users"]
        self.assert_share(before, "none", 70)
        self.assert_share(before, "blue", 20)
        for weights in ({"green": 20, "blue": 20, "none": 60}, {"none": 30, "blue": 50, "green": 20}):
            after = self.grow(mesh, router, weights)
            self.assert_share(after, "none", weights["none"])
            self.assert_share(after, "green", weights["green"])
            back = [user for user, got in before.items() if got != "none" and after[user] == "none"]
            self.assertEqual(back, [])
            before = after


if __name__ == "__main__":
    unittest.main()
