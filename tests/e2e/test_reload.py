"""A changed configuration file is taken over whole, under load, or refused whole."""
import json
import signal
import unittest

from harness import client
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually


class Reload(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self)
        self.mesh.engine()
        self.router = self.mesh.router()
        self.file = self.mesh.folder / "router.json"

    def edit(self, change):
        config = json.loads(self.file.read_text())
        change(config["proxy"])
        self.file.write_text(json.dumps(config, indent=2))

    def reloads(self, result):
        return client.metrics(self.router.admin).sum("flagmesh_reloads_total", result=result)

    def test_new_routes_and_containers_under_load(self):
        load = self.load(self.router.address, users=300)
        new = self.origin("new")

        def add_route(proxy):
            proxy["containers"]["new"] = {"endpoints": [new.address]}
            proxy["routes"].append({"path": "/new", "container": "new"})

        self.assertEqual(client.fetch(self.router.address, "/new").status, 404)
        self.edit(add_route)
        eventually(lambda: client.fetch(self.router.address, "/new").status == 200, "the route")
        self.edit(lambda proxy: proxy["containers"]["checkout-v2"].update(circuit_breaker={"max_requests": 500}))
        eventually(lambda: self.reloads("ok") == 2, "the second reload")
        self.edit(lambda proxy: proxy["routes"].pop())
        eventually(lambda: client.fetch(self.router.address, "/new").status == 404, "the route to go")
        self.assert_nothing_lost(self.load_report(load))

    def test_new_listener_and_one_that_goes(self):
        old = self.router.address
        self.edit(lambda proxy: proxy.update(listeners=[{"address": "127.0.0.2:0"}]))

        def gone():
            try:
                client.fetch(old, "/checkout")
            except ConnectionRefusedError:
                return True
            return False

        eventually(gone, "the old listener to close")

    def test_mistake_is_refused_whole_and_named(self):
        self.edit(lambda proxy: proxy["routes"].append({"path": "/new", "container": "nowhere"}))
        self.router.signal(signal.SIGHUP)
        eventually(lambda: self.reloads("refused") >= 1, "the refusal")
        self.assertEqual(client.fetch(self.router.address, "/checkout", headers={"x-user-id": "x"}).status, 200)
        self.assertRegex(self.router.text(), r"router\.json:\d+:\d+: error: .*nowhere")


if __name__ == "__main__":
    unittest.main()
