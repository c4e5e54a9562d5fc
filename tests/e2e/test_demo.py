"""`flagmesh demo`: everything in one process; what it prints can be pasted."""
import signal
import subprocess
import unittest

from harness import client, process
from harness.mesh import MeshTest, variant
from harness.waiting import SLOWNESS, eventually


class Demo(MeshTest):
    def setUp(self):
        super().setUp()
        ports = self.folder / "demo.ports"
        self.demo = self.start("demo", "demo", "--any-port", "--ports-file", ports)
        bound = process.wait_for_file(self.demo, ports)
        self.demo.address, self.demo.admin, self.demo.api = bound["listeners"][0], bound["admin"], bound["api"]
        eventually(lambda: client.fetch(self.demo.admin, "/readyz").status == 200, "readiness")

    def container(self, user):
        return client.fetch(self.demo.address, "/checkout", headers={"x-user-id": user}).json()["container"]

    def test_two_users_land_in_different_containers(self):
        seen = {variant(self.demo.address, f"user-{n}") for n in range(40)}
        self.assertEqual(seen, {"on", "off"})
        self.assertEqual({self.container(f"user-{n}") for n in range(40)}, {"checkout-v1", "checkout-v2"})

    def test_split_and_rollout_and_kill(self):
        users = [f"user-{n}" for n in range(1000)]
        share = lambda: sum(variant(self.demo.address, user) == "on" for user in users) / 10
        self.assertAlmostEqual(share(), 25, delta=5)
        engine = f"http://{self.demo.api}"
        process.run("set", "checkout", "--rollout", "on=50,off=50", "--engine", engine)
        eventually(lambda: abs(share() - 50) < 5, "half of the users to get `on`")
        process.run("set", "checkout", "--kill", "off", "--engine", engine)
        eventually(lambda: share() == 0, "nobody to get `on`")

    def test_minted_key_sticks(self):
        reply = client.fetch(self.demo.address, "/checkout")
        self.assertRegex(reply.header("set-cookie"), r"^uid=")

    def printed_commands(self):
        """What the demo printed to paste."""
        return [line.strip().removeprefix("$ ") for line in self.demo.text().splitlines()
                if line.strip().startswith("$ ")]

    def test_printed_commands_work(self):
        commands = self.printed_commands()
        self.assertGreaterEqual(len(commands), 5, self.demo.text())
        for command in commands:
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120 * SLOWNESS,
                                  cwd=process.ROOT)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
            self.assertTrue(done.stdout.strip(), command)

    def test_ctrl_c_ends_it_at_once(self):
        self.demo.signal(signal.SIGINT)
        self.assertEqual(self.demo.wait(5), 0, self.demo.tail())


if __name__ == "__main__":
    unittest.main()
