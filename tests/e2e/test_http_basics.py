"""The router as an HTTP proxy: fields, bodies, connections, local replies, the access log and the admin port."""
import hashlib
import json
import re
import signal
import unittest

from harness import client
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually


class HttpBasics(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, containers=("web", "api"))
        self.mesh.engine()
        self.web, self.api = self.mesh.origins["web"], self.mesh.origins["api"]
        flag_route = {"flag": "checkout", "serve": {"on": "api", "off": "web"}, "fallback": "web",
                      "bucket_by": ["header:x-user-id", "cookie:uid", "mint"]}
        self.routes = [{"path": "/checkout"} | flag_route,
                       {"path": "/quiet", "decision_headers": False} | flag_route,
                       {"path": {"exact": "/exactly"}, "container": "api"},
                       {"host": "api.test", "path": "/", "container": "api"},
                       {"path": "/web", "container": "web"},
                       {"path": "/half", "split": {"web": 50, "api": 50}}]
        self.router = self.mesh.router(routes=self.routes, log={"access_log": str(self.folder / "access.log")})

    def get(self, target, headers=None, **options):
        return client.fetch(self.router.address, target, headers=headers, **options)

    def seen(self, reply):
        """The request's fields as the container saw them: lower-case name -> list of values."""
        fields = {}
        for name, value in reply.json()["headers"]:
            fields.setdefault(name.lower(), []).append(value)
        return fields

    # --- fields ---

    def test_hop_by_hop_fields_stop_at_the_proxy(self):
        reply = self.get("/web?hop=1", {"Connection": "keep-alive, X-Drop", "X-Drop": "1", "Keep-Alive": "timeout=9",
                                        "Proxy-Connection": "keep-alive", "TE": "trailers", "X-Keep": "1"})
        seen = self.seen(reply)
        for gone in ("x-drop", "keep-alive", "proxy-connection"):
            self.assertNotIn(gone, seen)
        self.assertEqual(seen["x-keep"], ["1"])
        for gone in ("keep-alive", "x-hop", "upgrade"):
            self.assertIsNone(reply.header(gone), reply)
        self.assertEqual(reply.header("x-end-to-end"), "kept")

    def test_forwarded_fields(self):
        seen = self.seen(self.get("/web", {"Host": "shop.test:80"}))
        self.assertEqual(seen["x-forwarded-for"][-1].split(",")[-1].strip(), "127.0.0.1")
        self.assertEqual(seen["x-forwarded-proto"], ["http"])
        self.assertEqual(seen["x-forwarded-host"], ["shop.test:80"])
        self.assertEqual(seen["host"], ["shop.test:80"])

    def test_request_id_is_made_and_differs(self):
        ids = [self.seen(self.get("/web"))["x-request-id"][0] for _ in range(3)]
        self.assertEqual(len(set(ids)), 3)
        self.assertTrue(all(ids))

    def test_flagmesh_fields_from_either_side_are_removed(self):
        forged = {"X-Flagmesh-Variant": "forged", "x-flagmesh-anything": "forged", "x-user-id": "jack"}
        reply = self.get("/checkout?hop=1", forged)
        seen = self.seen(reply)
        self.assertNotIn("x-flagmesh-anything", seen)
        self.assertIn(seen["x-flagmesh-variant"], (["on"], ["off"]))
        self.assertEqual(seen["x-flagmesh-flag"], ["checkout"])
        self.assertTrue(seen["x-flagmesh-epoch"][0].isdigit())
        self.assertIsNone(reply.header("x-flagmesh-anything"))
        self.assertEqual(reply.all("x-flagmesh-variant"), seen["x-flagmesh-variant"])
        self.assertEqual(reply.all("x-flagmesh-flag"), ["checkout"])
        self.assertEqual(reply.all("x-flagmesh-epoch"), seen["x-flagmesh-epoch"])
        plain = self.get("/web?hop=1", forged)
        for headers in (self.seen(plain), dict(plain.headers)):
            self.assertEqual([name for name in headers if name.lower().startswith("x-flagmesh")], [])

    def test_decision_fields_can_be_switched_off(self):
        reply = self.get("/quiet", {"x-user-id": "jack"})
        self.assertEqual([name for name, _ in reply.headers if name.lower().startswith("x-flagmesh")], [])
        self.assertEqual(self.seen(reply)["x-flagmesh-flag"], ["checkout"])

    def test_user_without_a_key_is_given_one(self):
        reply = self.get("/checkout")
        cookie = reply.header("set-cookie")
        self.assertRegex(cookie, r"^uid=[^;]+;")
        name_value = cookie.split(";")[0]
        for _ in range(3):
            again = self.get("/checkout", {"cookie": name_value})
            self.assertIsNone(again.header("set-cookie"))
            self.assertEqual(again.header("x-flagmesh-variant"), reply.header("x-flagmesh-variant"))

    # --- routes and local replies ---

    def test_routes(self):
        self.assertEqual(self.get("/exactly").json()["container"], "api")
        self.assertEqual(self.get("/anything", {"Host": "api.test"}).json()["container"], "api")
        self.assertEqual(self.get("/web/deeper?x=1").json()["target"], "/web/deeper?x=1")
        both = {self.get("/half").json()["container"] for _ in range(60)}
        self.assertEqual(both, {"web", "api"})

    def test_no_route(self):
        for target in ("/nowhere", "/website", "/exactly/not"):
            reply = self.get(target)
            self.assertEqual(reply.status, 404, reply)
            self.assertTrue(reply.header("x-flagmesh-reason"))
            self.assertTrue(reply.header("date"))

    def test_malformed_requests_are_refused(self):
        for bad in (b"GET /web HTTP/1.1\r\n\r\n",  # no Host
                    b"GET /web HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                    b"POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
                    b"GET /web HTTP/1.1\r\nHost : a\r\n\r\n",
                    b"GET /web HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
                    b"\x16\x03\x01\x02\x00"):
            with self.subTest(bad=bad):
                answer = client.raw(self.router.address, bad + b"\r\n")
                self.assertRegex(answer, rb"^HTTP/1\.1 400 ")
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def test_oversized_heads(self):
        answer = client.raw(self.router.address, b"GET /web HTTP/1.1\r\nHost: a\r\nX-Big: " + b"a" * 100_000 + b"\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1\.1 431 ")
        answer = client.raw(self.router.address, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1\.1 414 ")

    # --- bodies and connections ---

    def test_large_bodies_both_ways(self):
        body = hashlib.sha256(b"seed").digest() * 160_000  # 5 MiB
        reply = client.fetch(self.router.address, "/web", "POST", body=body, timeout=30)
        self.assertEqual(reply.json()["body_bytes"], len(body))
        reply = self.get("/web?bytes=8000000", timeout=30)
        self.assertEqual(len(reply.body), 8_000_000)

    def test_chunked_bodies_both_ways(self):
        with client.Client(self.router.address) as connection:
            pieces = iter([b"one", b"two" * 1000, b"three"])
            reply = connection.request("POST", "/web?chunked=1", {"Transfer-Encoding": "chunked"}, pieces, chunked=True)
            self.assertEqual(reply.json()["body_bytes"], 3 + 3000 + 5)
            self.assertEqual(connection.request("GET", "/web").status, 200)

    def test_slow_reader_is_waited_for_and_gets_everything(self):
        with client.connect(self.router.address, timeout=30) as connection:
            connection.sendall(b"GET /web?bytes=20000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            received = 0
            while piece := connection.recv(50_000):
                received += len(piece)
        self.assertGreater(received, 20_000_000)

    def test_one_connection_many_requests(self):
        with client.Client(self.router.address) as connection:
            for _ in range(50):
                self.assertEqual(connection.request("GET", "/web").status, 200)

    def test_pipelined_requests_are_answered_in_order(self):
        one = "GET /web?n={} HTTP/1.1\r\nHost: a\r\n{}\r\n"
        wire = "".join(one.format(n, "Connection: close\r\n" if n == 19 else "") for n in range(20))
        answer = client.raw(self.router.address, wire.encode())
        self.assertEqual(re.findall(rb'"target": "/web\?n=(\d+)"', answer), [b"%d" % n for n in range(20)])

    def test_request_in_single_bytes(self):
        with client.connect(self.router.address) as connection:
            for byte in b"POST /web HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd":
                connection.sendall(bytes([byte]))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertIn(b'"body_bytes": 4', answer)

    def test_head_has_no_body(self):
        with client.Client(self.router.address) as connection:
            reply = connection.request("HEAD", "/web")
            self.assertEqual((reply.status, reply.body), (200, b""))
            self.assertGreater(int(reply.header("content-length")), 0)
            self.assertEqual(connection.request("GET", "/web").status, 200)

    def test_expect_continue(self):
        with client.connect(self.router.address) as connection:
            connection.sendall(b"POST /web HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
                               b"Content-Length: 5\r\n\r\n")
            first = connection.recv(65536)
            self.assertRegex(first, rb"^HTTP/1\.1 100 ")
            connection.sendall(b"12345")
            rest = first + b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertIn(b'"body_bytes": 5', rest)

    def test_websocket(self):
        with client.connect(self.router.address) as connection:
            connection.sendall(b"GET /checkout HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            self.assertRegex(head, rb"^HTTP/1\.1 101 ")
            self.assertRegex(head.lower(), rb"\r\nupgrade: websocket\r\n")
            self.assertRegex(head.lower(), rb"\r\nx-flagmesh-flag: checkout\r\n")
            for frame in (b"one", b"two" * 50_000, b"\x00\xff"):
                connection.sendall(frame)
                back = b""
                while len(back) < len(frame):
                    back += connection.recv(65536)
                self.assertEqual(back, frame)

    def test_http_1_0_client(self):
        answer = client.raw(self.router.address, b"GET /web HTTP/1.0\r\nHost: a\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1\.[01] 200 ")
        self.assertNotIn(b"chunked", answer.lower())

    # --- looking at it ---

    def test_access_log(self):
        self.get("/checkout?secret=1", {"x-user-id": "jack"})
        self.get("/nowhere")

        def lines():
            return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

        eventually(lambda: len(lines()) >= 2, "two lines in the access log")
        by_status = {line["status"]: line for line in lines()}
        self.assertEqual(by_status[200]["flag"], "checkout")
        self.assertIn(by_status[200]["variant"], ("on", "off"))
        self.assertIn(by_status[200]["container"], ("web", "api"))
        self.assertEqual(by_status[200]["method"], "GET")
        self.assertTrue(by_status[404]["reason"])

    def test_admin_port(self):
        self.get("/checkout", {"x-user-id": "jack"})
        self.get("/nowhere")
        admin = self.router.admin
        self.assertEqual(client.fetch(admin, "/healthz").status, 200)
        self.assertEqual(client.fetch(admin, "/readyz").status, 200)
        self.assertIn("checkout", client.fetch(admin, "/flags").body.decode())
        self.assertIn(self.web.address, client.fetch(admin, "/containers").body.decode())
        self.assertEqual(client.fetch(admin, "/nowhere").status, 404)
        # Shards are summed when they are read; the reply can come before the worker has counted.
        look = lambda: client.metrics(admin).sum("flagmesh_downstream_requests_total") >= 2
        eventually(look, "the requests to be counted")
        metrics = client.metrics(admin)
        self.assertGreaterEqual(metrics.sum("flagmesh_responses_total", **{"class": "2xx"}), 1)
        self.assertGreaterEqual(metrics.sum("flagmesh_responses_total", **{"class": "4xx"}), 1)
        self.assertGreaterEqual(metrics.sum("flagmesh_local_replies_total"), 1)
        self.assertEqual(metrics.sum("flagmesh_flag_variant_total", flag="checkout"), 1)
        self.assertGreaterEqual(metrics.sum("flagmesh_container_requests_total"), 1)
        for filter_name in ("rollout", "proof", "health", "circuit_breaker"):
            self.assertGreaterEqual(metrics.sum("flagmesh_filter_calls_total", filter=filter_name), 1, filter_name)

    def test_unsigned_policy_is_said_in_the_log_and_in_readyz(self):
        mesh = Mesh(self, containers=("web", "api"), policy="unsigned")
        mesh.engine()
        router = mesh.router(routes=self.routes)
        self.assertEqual(client.fetch(router.admin, "/readyz").json()["policy"], "unsigned")
        self.assertIn("unsigned", router.text())
        self.assertEqual(client.fetch(router.address, "/checkout", headers={"x-user-id": "jack"}).status, 200)

    def test_sigterm_finishes_what_is_under_way(self):
        with client.connect(self.router.address) as connection:
            connection.sendall(b"GET /web?delay=0.7 HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: client.metrics(self.router.admin).sum("flagmesh_container_requests_total") >= 1
                       or client.metrics(self.router.admin).sum("flagmesh_downstream_connections") >= 1,
                       "the request to be under way")
            self.router.signal(signal.SIGTERM)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertRegex(answer, rb"^HTTP/1\.1 200 ")
        self.assertRegex(answer.lower(), rb"connection: close")
        self.assertEqual(self.router.wait(), 0, self.router.tail())


if __name__ == "__main__":
    unittest.main()
