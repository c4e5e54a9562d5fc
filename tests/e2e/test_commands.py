"""A flag changes through Redis commands, the API and the YAML file: on every router, with no request lost."""
import json
import unittest

from harness import client, process
from harness.mesh import CHECKOUT, Mesh, MeshTest, variant
from harness.waiting import eventually, stays

UNSIGNED = json.dumps({"flag": "checkout", "rollout": {"on": 100, "off": 0}})


class Commands(MeshTest):
    def start_under_load(self, **engine):
        self.mesh = Mesh(self)
        self.engine = self.mesh.engine(**engine)
        self.routers = [self.mesh.router("router-a"), self.mesh.router("router-b")]
        self.loads = [self.load(router.address, f"load-{router.name}", users=500) for router in self.routers]
        self.before = {router: self.mesh.epoch(router) for router in self.routers}
        for router in self.routers:
            eventually(lambda: client.metrics(router.admin).sum("flagmesh_downstream_requests_total") > 100,
                       "the load to run")

    def assert_everybody_gets(self, expected):
        for router in self.routers:
            eventually(lambda: all(variant(router.address, f"someone-{i}") == expected for i in range(40)),
                       f"everybody to get {expected} from {router.name}")
            self.assertGreater(self.mesh.epoch(router), self.before[router])

    def assert_no_request_was_lost(self):
        for load in self.loads:
            self.assert_nothing_lost(self.load_report(load))

    def refused(self):
        return client.metrics(self.mesh.api).sum("flagmesh_engine_commands_total", result="refused")

    def test_unsigned_command_where_the_engine_allows_it(self):
        self.start_under_load(redis_commands="unsigned")
        listeners = self.mesh.redis.cli("PUBLISH", "flagmesh:commands", UNSIGNED)
        self.assertEqual(listeners.strip(), "1")
        self.assert_everybody_gets("on")
        self.assert_no_request_was_lost()

    def test_unsigned_command_is_refused_by_default_and_counted(self):
        self.start_under_load()
        self.mesh.redis.cli("PUBLISH", "flagmesh:commands", UNSIGNED)
        eventually(lambda: self.refused() == 1, "the refusal to be counted")
        stays(lambda: all(self.mesh.epoch(router) == self.before[router] for router in self.routers),
              "the epoch", seconds=0.5)
        self.assertIn("unsigned", self.engine.text())
        self.assert_no_request_was_lost()

    def operator_key(self, file="operator.key"):
        """Makes a command key; returns its file and its verifier key."""
        path = self.folder / file
        return path, process.run("keygen", "--name", "operator.mesh.test", "--out", path).stdout.strip()

    def signed_command(self, key, *change):
        return process.run("set", "checkout", *change, "--print-redis", "--key", key).stdout

    def publish(self, command):
        self.mesh.redis.cli("-x", "PUBLISH", "flagmesh:commands", stdin=command)

    def test_signed_command(self):
        key, verifier = self.operator_key()
        self.start_under_load(command_keys=[verifier])
        self.publish(self.signed_command(key, "--rollout", "on=100,off=0"))
        self.assert_everybody_gets("on")
        self.publish(self.signed_command(key, "--kill", "off"))
        self.assert_everybody_gets("off")
        self.assert_no_request_was_lost()

    def test_signed_command_by_a_stranger_or_twice_is_refused(self):
        (key, verifier), (stranger, _) = self.operator_key(), self.operator_key("stranger.key")
        self.start_under_load(command_keys=[verifier])
        self.publish(self.signed_command(stranger, "--rollout", "on=100,off=0"))
        eventually(lambda: self.refused() == 1, "the stranger to be refused")
        command = self.signed_command(key, "--rollout", "on=100,off=0")
        self.publish(command)
        self.assert_everybody_gets("on")
        self.mesh.set_rollout({"on": 0, "off": 100})
        self.assert_everybody_gets("off")
        self.publish(command)
        eventually(lambda: self.refused() == 2, "the replay to be refused")
        self.assert_everybody_gets("off")
        self.assert_no_request_was_lost()

    def test_no_command_where_the_engine_takes_none(self):
        key, verifier = self.operator_key()
        self.start_under_load(command_keys=[verifier], redis_commands="off")
        listeners = self.mesh.redis.cli("-x", "PUBLISH", "flagmesh:commands",
                                        stdin=self.signed_command(key, "--rollout", "on=100,off=0"))
        self.assertEqual(listeners.strip(), "0", "the engine does not even listen")
        self.mesh.redis.cli("PUBLISH", "flagmesh:commands", UNSIGNED)
        stays(lambda: all(self.mesh.epoch(router) == self.before[router] for router in self.routers),
              "the epoch", seconds=0.5)
        self.mesh.set_rollout({"on": 100, "off": 0})
        self.assert_everybody_gets("on")
        self.assert_no_request_was_lost()

    def test_api_and_kill_switch(self):
        self.start_under_load()
        self.mesh.set_rollout({"on": 100, "off": 0})
        self.assert_everybody_gets("on")
        reply = client.post_json(self.mesh.api, "/api/v1/flags/checkout/kill", {"variant": "off"})
        self.assertEqual(reply.status, 200, reply)
        self.assert_everybody_gets("off")
        self.assert_no_request_was_lost()

    def test_set_command_uses_the_api(self):
        self.start_under_load()
        done = process.run("set", "checkout", "--rollout", "on=100,off=0", "--engine", f"http://{self.mesh.api}")
        self.assertIn("checkout", done.stdout)
        self.assert_everybody_gets("on")
        process.run("set", "checkout", "--kill", "off", "--engine", f"http://{self.mesh.api}")
        self.assert_everybody_gets("off")
        self.assert_no_request_was_lost()

    def test_status_and_eval_say_what_routers_do(self):
        mesh = Mesh(self)
        mesh.engine()
        router = mesh.router()
        status = process.run("status", "--engine", f"http://{mesh.api}").stdout
        self.assertRegex(status, r"checkout +ENABLED +file +off=75,on=25|checkout +ENABLED +file +on=25,off=75")
        for user in (f"user-{number}" for number in range(40)):
            told = process.run("eval", "checkout", "--user", user, "--files", mesh.flags_file).stdout
            self.assertIn(f"variant {variant(router.address, user)},", told, user)

    def test_edit_of_the_flag_file(self):
        self.start_under_load()
        edited = {"flags": {"checkout": CHECKOUT | {"rollout": {"on": 100, "off": 0}}}}
        self.mesh.flags_file.write_text(json.dumps(edited))
        self.assert_everybody_gets("on")
        self.mesh.flags_file.write_text('{"flags": {"checkout": {"variants": ')  # a half-written file changes nothing
        stays(lambda: variant(self.routers[0].address, "someone") == "on", "the last good flag", seconds=1)
        self.assert_no_request_was_lost()

    def test_disabled_flag_serves_the_fallback(self):
        self.start_under_load()
        reply = client.post_json(self.mesh.api, "/api/v1/flags/checkout/state", {"state": "DISABLED"})
        self.assertEqual(reply.status, 200, reply)
        for router in self.routers:
            look = lambda: client.fetch(router.address, "/checkout", headers={"x-user-id": "x"}).json()["container"]
            self.mesh.wait_for_epoch(self.before[router] + 1, router)
            self.assertEqual(look(), "checkout-v1")
        self.assert_no_request_was_lost()


if __name__ == "__main__":
    unittest.main()
