"""WebSocket through the router, with the client and the server that most Node programs use (npm's ws)."""
import os
import subprocess
import unittest

from harness import node, plain_router, process
from harness.memory import is_below, resident_kib
from harness.mesh import MeshTest
from harness.waiting import SLOWNESS, stays


class WebSocket(MeshTest):
    @classmethod
    def setUpClass(cls):
        cls.environment = node.environment()

    def setUp(self):
        super().setUp()
        ports = self.folder / "container.json"
        container = self.track(process.Process(
            "container", ["node", node.FOLDER / "ws_container.js", ports], self.folder, self.environment))
        address = process.wait_for_file(container, ports)["address"]
        self.router = plain_router.start(self, [address])

    def scenario(self, name, **options):
        return subprocess.Popen(["node", node.FOLDER / "ws_scenarios.js", self.router.address, name], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **self.environment}, **options)

    def run_scenario(self, name):
        client = self.scenario(name)
        try:
            _, errors = client.communicate(timeout=60 * SLOWNESS)
        finally:
            client.kill()
        self.assertEqual(client.returncode, 0, errors)

    def test_text_and_binary(self):
        self.run_scenario("text_and_binary")

    def test_fragments(self):
        self.run_scenario("fragments")

    def test_ping_and_pong_in_both_directions(self):
        self.run_scenario("ping_and_pong_in_both_directions")

    def test_close_codes_in_both_directions(self):
        self.run_scenario("close_codes_in_both_directions")

    def test_ends_without_a_close_frame(self):
        self.run_scenario("ends_without_a_close_frame")

    def test_mebibyte_frames(self):
        self.run_scenario("mebibyte_frames")

    def test_early_bytes_are_held_until_the_101(self):
        self.run_scenario("early_bytes_are_held_until_the_101")

    def test_refusal_is_an_ordinary_response(self):
        self.run_scenario("refusal_is_an_ordinary_response")

    def test_permessage_deflate(self):
        self.run_scenario("permessage_deflate")

    def test_handshake_fields(self):
        self.run_scenario("handshake_fields")

    def test_many_at_once(self):
        self.run_scenario("many_at_once")

    def test_slow_client_gets_everything_and_costs_little_memory(self):
        before = resident_kib(self.router.pid)
        client = self.scenario("slow_client_gets_everything")
        try:
            self.assertEqual(client.stdout.readline(), "paused\n")
            stays(lambda: is_below(resident_kib(self.router.pid) - before, 4096), "a small router")
            _, errors = client.communicate("go on\n", timeout=60 * SLOWNESS)
        finally:
            client.kill()
        self.assertEqual(client.returncode, 0, errors)

    def test_every_scenario_has_a_test(self):
        listed = subprocess.run(["node", node.FOLDER / "ws_scenarios.js", "0:0", "--list"], text=True, capture_output=True,
                                env={**os.environ, **self.environment}, check=True).stdout.split()
        tests = [name for name in dir(self) if name.startswith("test_")]
        for name in listed:
            self.assertTrue(any(test.startswith(f"test_{name}") for test in tests), name)


if __name__ == "__main__":
    unittest.main()
