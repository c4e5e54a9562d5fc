"""HTTP/2 with the clients and servers that people use: curl, nghttp2's, Node's, and gRPC from npm."""
import os
import re
import shutil
import subprocess
import unittest

from harness import client, nginx, node, plain_router, process, tls
from harness.mesh import MeshTest
from harness.waiting import SLOWNESS, eventually

LIMIT = 60 * SLOWNESS


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=LIMIT, **options)


class CommandLineClients(MeshTest):
    """Prior knowledge on clear text, in front of an HTTP/1 container."""

    def setUp(self):
        super().setUp()
        self.router = plain_router.start(self, [nginx.start(self, "web").address])

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        done = run("curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}", "-o", os.devnull,
                   f"http://{self.router.address}/")
        self.assertEqual((done.returncode, done.stdout), (0, "2 200"), done.stderr)

    def test_h2load(self):
        if not shutil.which("h2load"):
            self.skipTest("h2load is not installed (nghttp2-client)")
        done = run("h2load", "-n", 20000, "-c", 8, "-m", 32, f"http://{self.router.address}/")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("20000 succeeded, 0 failed, 0 errored", done.stdout)
        self.assertRegex(done.stdout, r"status codes: 20000 2xx")

    def test_a_drain_under_load_loses_nothing(self):
        if not shutil.which("h2load"):
            self.skipTest("h2load is not installed (nghttp2-client)")
        load = subprocess.Popen(["h2load", "-D", "4", "-c", "4", "-m", "8", f"http://{self.router.address}/"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            eventually(lambda: "200" in (self.folder / "plain.access").read_text(), "requests to arrive")
            self.assertEqual(self.router.stop(), 0, self.router.tail())
            self.untrack(self.router)
            report, _ = load.communicate(timeout=LIMIT)
        finally:
            load.kill()
        codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", report)
        self.assertGreater(int(codes[1]), 0, report)
        self.assertEqual((codes[3], codes[4]), ("0", "0"), report)


class OverTls(MeshTest):
    """ALPN decides."""

    def setUp(self):
        super().setUp()
        self.ca = tls.Authority(self.folder / "certs")
        pair = self.ca.issue("shop", "DNS:shop.test")
        listener = {"address": "127.0.0.1:0", "tls": {"certificates": [pair], "check_authority": False}}
        self.router = plain_router.start(self, [nginx.start(self, "web").address], listeners=[listener])
        self.port = self.router.address.rpartition(":")[2]

    def curl(self, *options):
        done = run("curl", "-sS", "--cacert", self.ca.pem, "--resolve", f"shop.test:{self.port}:127.0.0.1", "-o", os.devnull,
                   "-w", "%{http_version} %{http_code}", *options, f"https://shop.test:{self.port}/")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_curl_gets_what_it_asks_for(self):
        self.assertEqual(self.curl("--http2"), "2 200")
        self.assertEqual(self.curl("--http1.1"), "1.1 200")

    def test_h2load(self):
        if not shutil.which("h2load"):
            self.skipTest("h2load is not installed (nghttp2-client)")
        done = run("h2load", "-n", 5000, "-c", 8, "-m", 32, f"https://{self.router.address}/")
        self.assertIn("Application protocol: h2", done.stdout)
        self.assertIn("5000 succeeded, 0 failed, 0 errored", done.stdout)


class AutoProtocol(MeshTest):
    """`protocol: auto`: ALPN of the container decides, and decides anew when the container is another one."""

    def serve(self, http2, port=0):
        return nginx.start(self, "web", port, self.pair, http2)

    def protocols(self, requests):
        seen = set()
        with client.Client(self.router.address) as asking:
            for _ in range(requests):
                reply = asking.request("GET", "/")
                self.assertEqual(reply.status, 200, reply)
                seen.add(reply.json()["protocol"])
        return seen

    def test_follows_the_container(self):
        ca = tls.Authority(self.folder / "certs")
        self.pair = ca.issue("web", "DNS:web.test")
        web = self.serve(http2=True)
        self.router = plain_router.start(self, [web.address], container={
            "protocol": "auto", "tls": {"ca": str(ca.pem), "server_name": "web.test"}, "health_check": {"path": "/", "interval": "100ms"}})
        self.assertEqual(self.protocols(30), {"HTTP/2.0"})
        many = run("h2load", "-n", 2000, "-c", 4, "-m", 16, f"http://{self.router.address}/") if shutil.which("h2load") else None
        if many:
            self.assertIn("2000 succeeded, 0 failed, 0 errored", many.stdout)
        port = web.address.rpartition(":")[2]
        for http2, expected in ((False, "HTTP/1.1"), (True, "HTTP/2.0")):
            self.untrack(web)
            web = self.serve(http2, port)
            eventually(lambda: self.protocols(1) == {expected}, expected)
            self.assertEqual(self.protocols(20), {expected})
        self.assertNotIn("unhealthy", self.router.tail())

    def test_clear_text_is_http1(self):
        self.router = plain_router.start(self, [nginx.start(self, "plain").address], container={"protocol": "auto"})
        self.assertEqual(self.protocols(5), {"HTTP/1.1"})


class NodeTest(MeshTest):
    @classmethod
    def setUpClass(cls):
        cls.environment = node.environment()

    def serve(self, *pair):
        ports = self.folder / "peer.json"
        peer = self.track(process.Process("peer", ["node", node.FOLDER / "h2_peer.js", "serve", ports, *pair], self.folder,
                                          self.environment))
        self.addresses = process.wait_for_file(peer, ports)

    def scenario(self, name, router, *ca):
        done = run("node", node.FOLDER / "h2_peer.js", name, router.address, *ca, env={**os.environ, **self.environment})
        self.assertEqual(done.returncode, 0, done.stderr + router.tail())


class NodeAndGrpc(NodeTest):
    def setUp(self):
        super().setUp()
        self.serve()

    def router(self, kind, **container):
        return plain_router.start(self, [self.addresses[kind]], container={"protocol": "http2"} | container)

    def test_http2_from_end_to_end(self):
        self.scenario("http2", self.router("http2"))

    def test_curl_uploads(self):
        # To a container that reads: curl 7.88 loses an answer that comes before its upload ends.
        file = self.folder / "upload"
        file.write_bytes(b"x" * 5_000_000)
        done = run("curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{size_download}", "-o", os.devnull,
                   "--data-binary", f"@{file}", f"http://{self.router('http2').address}/echo")
        self.assertEqual((done.returncode, done.stdout), (0, "2 5000000"), done.stderr)

    def test_grpc(self):
        self.scenario("grpc", self.router("grpc"))

    def test_grpc_deadline(self):
        self.scenario("grpc_deadline", self.router("grpc"))

    def test_grpc_cancel_reaches_the_container(self):
        self.scenario("grpc_cancel", self.router("grpc"))
        eventually((self.folder / "peer.json.cancelled").exists, "the container to hear of it")

    def test_grpc_hears_why_a_container_is_not_there(self):
        self.scenario("grpc_unavailable", plain_router.start(self, ["127.0.0.1:1"], container={"protocol": "http2"}))

    def test_health_checks_speak_http2(self):
        router = self.router("http2", health_check={"path": "/", "interval": "100ms", "unhealthy_after": 1})
        for _ in range(20):
            self.scenario("http2", router)
            break
        self.assertNotIn("unhealthy", router.tail())


class GrpcOverTls(NodeTest):
    """TLS on both sides, the container found out to speak HTTP/2 by ALPN."""

    def test_grpc(self):
        ca = tls.Authority(self.folder / "certs")
        pair = ca.issue("shop", "DNS:shop.test")
        self.serve(pair["cert"], pair["key"])
        router = plain_router.start(self, [self.addresses["grpc"]], listeners=[{"address": "127.0.0.1:0", "tls": {"certificates": [pair]}}],
                                    container={"protocol": "auto", "tls": {"ca": str(ca.pem), "server_name": "shop.test"}})
        for name in ("grpc", "grpc_deadline", "grpc_cancel"):
            self.scenario(name, router, ca.pem)
        eventually((self.folder / "peer.json.cancelled").exists, "the container to hear of the cancelled call")


if __name__ == "__main__":
    unittest.main()
