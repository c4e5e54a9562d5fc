"""Every example in conf/ runs: on other ports, with keys of its own, otherwise as it is."""
import re
import shutil
import unittest

from harness import client, process, tls
from harness.mesh import MeshTest
from harness.waiting import eventually

CONF = process.ROOT / "conf"
CONTAINERS = {"plain.yaml": 4, "shop.yaml": 5, "tls.yaml": 1}  # example -> how many containers it expects at 127.0.0.1:7001 and up


class ConfExamples(MeshTest):
    def setUp(self):
        super().setUp()
        shutil.copytree(CONF, self.folder / "conf")

    def prepare(self, name, *replacements):
        """The example in the test's copy of conf/, with its containers started and its ports free ones."""
        path = self.folder / "conf" / name
        text = path.read_text()
        for number in range(CONTAINERS[name]):
            port = f"127.0.0.1:{7001 + number}"
            self.assertIn(port, text)
            text = text.replace(port, self.origin(f"container-{number}").address)
        text = re.sub(r"127\.0\.0\.1:(9071|9443|9901|8071)\b", "127.0.0.1:0", text)
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path.write_text(text)
        return path

    def started(self, role, path):
        ports = self.folder / f"{role}.ports"
        running = self.start(role, role, "-c", path, "--ports-file", ports)
        return running, process.wait_for_file(running, ports)

    def assert_serves(self, router, bound, target, **options):
        eventually(lambda: client.fetch(bound["admin"], "/readyz").status == 200, "readiness")
        reply = client.fetch(bound["listeners"][0], target, **options)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_each_example_is_known_here(self):
        self.assertEqual({path.name for path in CONF.glob("*.yaml")}, set(CONTAINERS))

    def test_plain(self):
        path = self.prepare("plain.yaml")
        process.run("check", path)
        router = self.started("proxy", path)
        for _ in range(4):
            self.assert_serves(*router, "/")
            self.assert_serves(*router, "/", headers={"Host": "api.example.com"})

    def test_tls(self):
        authority = tls.Authority(self.folder / "authority")
        pair = authority.issue("shop", "DNS:shop.example.com,DNS:localhost,IP:127.0.0.1")
        (self.folder / "conf/certs").mkdir()
        shutil.copy(pair["cert"], self.folder / "conf/certs/shop.pem")
        shutil.copy(pair["key"], self.folder / "conf/certs/shop.key")
        secure = tls.Container(pair)
        self.addCleanup(secure.close)
        path = self.prepare("tls.yaml", ("127.0.0.1:7443", secure.address))
        process.run("check", path)
        _, bound = self.started("proxy", path)
        trusting = tls.context(authority)
        for target in ("/", "/secure"):
            reply = eventually(lambda: tls.fetch(bound["listeners"][0], "shop.example.com", target, trusting), "an answer")
            self.assertEqual(reply.status, 200, reply)

    def test_shop(self):
        redis = self.redis()
        (self.folder / "conf/keys").mkdir()
        key = process.run("keygen", "--name", "shop.example.com/flags", "--out", self.folder / "conf/keys/engine.key")
        example_key = re.search(r'engine: \["([^"]+)"\]', (CONF / "shop.yaml").read_text()).group(1)
        path = self.prepare("shop.yaml", (example_key, key.stdout.strip()), ("redis://127.0.0.1:6379/0", redis.url))
        process.run("check", path)
        self.started("engine", path)
        router = self.started("proxy", path)
        reply = self.assert_serves(*router, "/checkout", headers={"x-user-id": "jack"})
        self.assertIn(reply.header("x-flagmesh-variant"), ("on", "off"))
        reply = self.assert_serves(*router, "/search", headers={"cookie": "uid=jack-beta"})
        self.assertEqual(reply.header("x-flagmesh-variant"), "v2")
        self.assert_serves(*router, "/")


if __name__ == "__main__":
    unittest.main()
