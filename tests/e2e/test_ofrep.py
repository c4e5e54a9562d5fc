"""OFREP on a router and at the engine: the protocol, event streams, tokens, and OpenFeature's own SDKs from npm."""
import http.client
import json
import os
import subprocess
import time
import unittest

from harness import client, node, process
from harness.mesh import Mesh, MeshTest
from harness.waiting import SLOWNESS, eventually

FLAGS = {
    "checkout": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off",
                 "targeting": {"if": [{"==": [{"var": "plan"}, "pro"]}, "on",
                                      {"fractional": [["on", 25], ["off", 75]]}]}},
    "pay": {"state": "ENABLED", "variants": {"card": "card", "none": "none"}, "defaultVariant": "none",
            "prerequisites": [{"flag": "checkout", "variant": "on"}], "rollout": {"card": 50, "none": 50}},
    "theme": {"state": "ENABLED", "variants": {"blue": {"color": "#00f", "sizes": [1, 2.5]}}, "defaultVariant": "blue",
              "metadata": {"team": "shop"}},
    "limit": {"state": "ENABLED", "variants": {"low": 2.5}, "defaultVariant": "low"},
    "dark": {"state": "DISABLED", "variants": {"on": "on"}, "defaultVariant": "on"},
}


class Ofrep(MeshTest):
    def start_mesh(self, engine=None, **proxy):
        self.mesh = Mesh(self, flags=FLAGS)
        self.engine = self.mesh.engine(**(engine or {}))
        self.router = self.mesh.router(routes=[{"path": "/ofrep", "handler": "ofrep"}, self.mesh.checkout_route()], **proxy)

    def both(self):
        return (self.mesh.api, self.router.address)

    def one(self, address, key, context, query="", headers=None):
        return client.post_json(address, f"/ofrep/v1/evaluate/flags/{key}{query}", {"context": context}, headers=headers)

    def all(self, address, context, headers=None):
        return client.post_json(address, "/ofrep/v1/evaluate/flags", {"context": context}, headers=headers)

    def test_router_and_engine_say_the_same(self):
        self.start_mesh()
        for i in range(50):
            replies = [self.one(address, "checkout", {"targetingKey": f"user-{i}"}).json() for address in self.both()]
            self.assertEqual(replies[0], replies[1])
            # And the router sends the user where it says.
            routed = client.fetch(self.router.address, "/checkout", headers={"x-user-id": f"user-{i}"})
            self.assertEqual(routed.header("x-flagmesh-variant"), replies[0]["variant"])
        for address in self.both():
            self.assertEqual(self.one(address, "nothing", {}).status, 404)
            disabled = self.one(address, "dark", {})
            self.assertEqual((disabled.status, disabled.json()), (200, {"key": "dark", "reason": "DISABLED"}))
            explained = self.one(address, "checkout", {"targetingKey": "a"}, "?explain=true").json()
            self.assertEqual(explained["metadata"]["flagmesh.buckets"], 100)

    def settled(self, address):
        first = self.all(address, {"targetingKey": "a"})
        again = self.all(address, {"targetingKey": "a"}, {"if-none-match": first.header("etag")})
        return first if again.status == 304 else None

    def test_a_change_is_announced_and_changes_the_tag(self):
        self.start_mesh()
        for address in self.both():
            with self.subTest(address):
                first = eventually(lambda: self.settled(address), "a tag that stays")  # the change before may be on its way here
                tag = first.header("etag")
                uri = first.json()["eventStreams"][0]["endpoint"]["requestUri"]
                host, _, port = address.rpartition(":")
                events = http.client.HTTPConnection(host, int(port), timeout=20 * SLOWNESS)
                events.request("GET", uri)
                stream = events.getresponse()
                self.assertEqual(stream.getheader("content-type"), "text/event-stream")
                self.assertEqual(stream.readline().strip(), b"retry: 2000")
                on = 40 if address == self.mesh.api else 60
                self.mesh.set_rollout({"on": on, "off": 100 - on})
                lines = []
                while not lines or not lines[-1].startswith(b"data:"):
                    lines.append(stream.readline())
                event = json.loads(lines[-1][5:])
                self.assertEqual(event["type"], "refetchEvaluation")
                events.close()
                self.assertEqual(self.all(address, {"targetingKey": "a"}, {"if-none-match": tag}).status, 200)

    def test_the_router_ends_event_streams_when_it_ends(self):
        self.start_mesh()
        host, _, port = self.router.address.rpartition(":")
        events = http.client.HTTPConnection(host, int(port), timeout=20 * SLOWNESS)
        events.request("GET", "/ofrep/v1/events")
        stream = events.getresponse()
        began = time.monotonic()
        self.assertEqual(self.router.stop(), 0)
        self.assertIn(b"retry: 2000", stream.read())
        self.assertLess(time.monotonic() - began, 5 * SLOWNESS)

    def token(self, name, role, *options):
        path = self.folder / f"{name}.token"
        entry = process.run("keygen", "--token", name, "--role", role, "--out", path, *options).stdout.strip()
        return path.read_text().strip(), entry

    def test_tokens(self):
        viewer, viewer_entry = self.token("app", "viewer")
        editor, editor_entry = self.token("alice", "editor", "--tenant", "default")
        tokens = self.write("tokens.yaml", f"tokens:\n  {viewer_entry}\n  {editor_entry}\n")
        self.start_mesh(engine={"tokens": str(tokens)}, ofrep={"tokens": str(tokens)})
        for address in self.both():
            self.assertEqual(self.one(address, "theme", {}).status, 401)
            self.assertEqual(self.one(address, "theme", {}, headers={"x-api-key": "fm_wrong"}).status, 401)
            self.assertEqual(self.one(address, "theme", {}, headers={"x-api-key": viewer}).status, 200)
            self.assertEqual(self.one(address, "theme", {}, headers={"authorization": f"Bearer {viewer}"}).status, 200)
        change = {"on": 60, "off": 40}
        path = "/api/v1/flags/checkout/rollout"
        self.assertEqual(client.post_json(self.mesh.api, path, change).status, 401)
        self.assertEqual(client.post_json(self.mesh.api, path, change, headers={"x-api-key": viewer}).status, 403)
        reply = client.post_json(self.mesh.api, path, change, headers={"authorization": f"Bearer {editor}"})
        self.assertEqual(reply.status, 200, reply)
        history = client.fetch(self.mesh.api, "/api/v1/flags/checkout/history", headers={"x-api-key": viewer}).json()
        self.assertEqual(history["changes"][0]["author"], "alice")
        # Nothing on disk or in the log gives a token away.
        for text in (tokens.read_text(), self.engine.text(), self.router.text()):
            for token in (viewer, editor):
                self.assertNotIn(token, text)

    def test_tokens_are_taken_and_given_while_the_engine_runs(self):
        old, old_entry = self.token("old", "editor")
        new, new_entry = self.token("new", "editor")
        tokens = self.write("tokens.yaml", f"tokens:\n  {old_entry}\n")
        self.start_mesh(engine={"tokens": str(tokens)})

        def statuses():
            change = {"on": 60, "off": 40}
            return [status for token in (old, new) for status in (
                self.one(self.mesh.api, "theme", {}, headers={"x-api-key": token}).status,
                client.post_json(self.mesh.api, "/api/v1/flags/checkout/rollout", change, headers={"x-api-key": token}).status)]

        self.assertEqual(statuses(), [200, 200, 401, 401])
        tokens.write_text("tokens:\n  - { name: half")
        eventually(lambda: "tokens stay as they were" in self.engine.text(), "the bad file to be refused")
        self.assertEqual(statuses(), [200, 200, 401, 401])
        tokens.write_text(f"tokens:\n  {new_entry}\n")
        eventually(lambda: statuses() == [401, 401, 200, 200], "the new token to be the only one")

    def test_flags_are_shown_as_a_browser_page_may_read_them(self):
        self.start_mesh(ofrep={"origins": ["https://shop.example"]})
        asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
        preflight = client.fetch(self.router.address, "/ofrep/v1/evaluate/flags", "OPTIONS", asked)
        self.assertEqual(preflight.status, 204)
        self.assertEqual(preflight.header("access-control-allow-origin"), "https://shop.example")
        reply = self.all(self.router.address, {}, {"origin": "https://shop.example"})
        self.assertIn("etag", reply.header("access-control-expose-headers"))
        self.assertIsNone(self.all(self.router.address, {}, {"origin": "https://evil.example"})
                          .header("access-control-allow-origin"))

    def test_openfeature_sdks(self):
        environment = node.environment()
        self.start_mesh()
        done = subprocess.run(
            ["node", node.FOLDER / "openfeature.js", f"http://{self.mesh.api}", f"http://{self.router.address}"],
            capture_output=True, text=True, timeout=120 * SLOWNESS, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("same everywhere", done.stdout)


if __name__ == "__main__":
    unittest.main()
