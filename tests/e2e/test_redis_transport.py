"""The ways to Redis: TLS, users and their rules, Unix sockets, databases, Sentinel and its failovers."""
import json
import shutil
import socket
import time
import unittest

from harness import client, process, tls
from harness.failing_redis import RedisFailure
from harness.mesh import Mesh
from harness.redis import Sentinels, encode_words, free_port, read_reply
from harness.waiting import eventually, stays


class Ways(RedisFailure):
    def begin_over(self, settings, redis, env=None):
        self.mesh = Mesh(self, redis=redis)
        self.mesh.redis_settings = settings
        self.engine = self.mesh.engine()
        self.routers = [self.mesh.router("router-0")]
        self.begin_load()

    def test_unix_socket_and_database(self):
        path = self.folder / "redis.sock"
        redis = self.redis(options=["--unixsocket", path])
        self.begin_over({"url": f"unix:{path}?db=5"}, redis)
        self.change()
        self.assert_newest()
        self.assertEqual(redis.keys(), [])  # database 0
        self.finish()

    def tls_options(self, pair, ca, port):
        return ["--tls-port", port, "--tls-cert-file", pair["cert"], "--tls-key-file", pair["key"],
                "--tls-ca-cert-file", ca.pem, "--tls-auth-clients", "yes"]

    def test_tls_is_verified_and_an_expired_certificate_refused(self):
        ca = tls.Authority(self.folder / "tls")
        good = ca.issue("good", "IP:127.0.0.1,DNS:localhost")
        expired = ca.issue("expired", "IP:127.0.0.1,DNS:localhost", expired=True)
        other = ca.issue("other", "DNS:elsewhere.test")
        mine = ca.issue("mine", "DNS:router.test")
        port = free_port()
        redis = self.redis(options=self.tls_options(good, ca, port))
        settings = {"url": f"rediss://127.0.0.1:{port}/0",
                    "tls": {"ca": str(ca.pem), "cert": mine["cert"], "key": mine["key"]}}
        self.begin_over(settings, redis)
        self.change()
        self.assert_newest()
        for pair, reason in ((expired, "tls_certificate_expired"), (other, "tls_name_mismatch")):
            redis.stop()
            redis.options = self.tls_options(pair, ca, port)
            redis.start()
            self.change()
            before = self.enforced(self.routers[0])
            eventually(lambda: reason in self.log_of_connection(), f"{reason} in the log")
            self.assertEqual(self.enforced(self.routers[0]), before)
            redis.stop()
            redis.options = self.tls_options(good, ca, port)
            redis.start()
            self.assert_newest()
        # Who shows no certificate is refused by Redis, and clear text gets nowhere.
        for number, bad in enumerate(({"url": settings["url"], "tls": {"ca": str(ca.pem)}},
                                      {"url": f"redis://127.0.0.1:{port}/0"})):
            self.mesh.redis_settings = bad
            out = self.mesh.router(f"out-{number}", ready=False)
            stays(lambda: client.fetch(out.admin, "/readyz").status == 503, "not let in", 0.5)
        self.finish()

    def log_of_connection(self):
        return self.routers[0].text()

    def test_each_role_within_the_rules_of_the_docs(self):
        rules = acl_rules()
        redis = self.redis()
        for user, rule in rules.items():
            redis.command("ACL", "SETUSER", user, "on", f">secret-{user}", *rule.split())
        redis.command("ACL", "SETUSER", "default", "resetkeys", "~*", "resetchannels", "&*")
        self.mesh = Mesh(self, redis=redis, validator=True)
        address = f"127.0.0.1:{redis.port}/0"
        for role in ("engine", "validator"):
            self.mesh.redis_settings = {"url": f"redis://{role}:secret-{role}@{address}"}
            running = getattr(self.mesh, role)()
            setattr(self, role, running)
        self.mesh.redis_settings = {"url": f"redis://router:secret-router@{address}"}
        self.routers = [self.mesh.router("router-0")]
        self.begin_load()
        self.change()
        self.assert_newest()
        redis.command("FLUSHALL")  # healing is within the rules, too
        self.change()
        self.assert_newest()
        denied = [entry for entry in redis.command("ACL", "LOG")]
        self.assertEqual(denied, [], denied)
        for words in (("SET", "{flagmesh}:head", "x"), ("PUBLISH", "flagmesh:commands", "x"),
                      ("GET", "{flagmesh}:tenant:other:deltas"), ("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*")):
            with self.assertRaises(OSError, msg=words):
                as_user(redis, "router", *words)
        with self.assertRaises(OSError):
            as_user(redis, "operator", "GET", "{flagmesh}:head")
        as_user(redis, "operator", "PUBLISH", "flagmesh:commands", "x")
        self.finish()

    def test_cluster_that_serves_one_slot(self):
        """Every key is in the slot of the prefix: the node has no other one, and would refuse."""
        redis = self.redis(options=["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no",
                                    "--cluster-port", free_port(), "--cluster-config-file", f"nodes-{free_port()}.conf"])
        slot = redis.command("CLUSTER", "KEYSLOT", "{flagmesh}:head")
        redis.command("CLUSTER", "ADDSLOTS", slot)
        eventually(lambda: b"cluster_state:ok" in redis.command("CLUSTER", "INFO"), "the node to serve")
        with self.assertRaises(OSError):
            redis.command("SET", "{another}:head", "x")
        self.begin_over({"url": redis.url}, redis)
        for _ in range(3):
            self.change()
            self.assert_newest()
        self.mesh.router("fresh")
        self.assertTrue(client.fetch(self.mesh.api, "/api/v1/routers").json()["routers"])
        self.finish()

    def test_status_and_wait(self):
        redis = self.redis()
        self.begin_over({"url": redis.url}, redis)
        second = self.mesh.router("router-1")
        status = lambda: process.run("status", "--engine", f"http://{self.mesh.api}", "--json").stdout  # noqa: E731
        eventually(lambda: len(json.loads(status())["routers"]) == 2, "both routers to report")
        done = process.run("set", "checkout", "--rollout", "on=60,off=40", "--wait", "--engine", f"http://{self.mesh.api}")
        self.assertIn("enforced by 2 routers", done.stdout)
        self.assertEqual([self.enforced(router) for router in (*self.routers, second)], [60, 60])
        reports = json.loads(status())["routers"]
        for report in reports:
            self.assertEqual(report["epoch"], self.mesh.epoch(second))
            self.assertLess(abs(report["lag_ms"]), 5_000)
            self.assertEqual(report["refused"], {})
        # One that does not follow is named.
        second.signal(19)
        done = process.run("set", "checkout", "--rollout", "on=61,off=39", "--wait", "1", "--engine",
                           f"http://{self.mesh.api}", code=1)
        self.assertIn(f"-{second.pid}", done.stderr)
        self.assertIn("not enforced by", done.stderr)
        self.assertIn("behind", process.run("status", "--engine", f"http://{self.mesh.api}").stdout)
        second.signal(18)
        self.weight = 61
        self.routers.append(second)
        self.assert_newest()
        # A forged report is shown as what it is, and moves no terminal.
        redis.command("SET", "{flagmesh}:tenant:default:router:x", b'{"router":"\\u001b[2J","epoch":"x"}')
        redis.command("SADD", "{flagmesh}:tenant:default:routers", "x")
        shown = process.run("status", "--engine", f"http://{self.mesh.api}").stdout
        self.assertNotIn("\x1b", shown)
        redis.command("DEL", "{flagmesh}:tenant:default:router:x")
        self.finish()


    def test_a_router_that_ended_is_not_waited_for(self):
        redis = self.redis()
        self.begin_over({"url": redis.url}, redis)
        second = self.mesh.router("router-1")
        reports = lambda: client.fetch(self.mesh.api, "/api/v1/routers").json()["routers"]  # noqa: E731
        eventually(lambda: len(reports()) == 2, "both routers to report")
        self.assertEqual(second.stop(), 0)
        eventually(lambda: len(reports()) == 1, "the one that ended to be forgotten", timeout=2)
        done = process.run("set", "checkout", "--rollout", "on=60,off=40", "--wait", "--engine", f"http://{self.mesh.api}")
        self.assertIn("enforced by 1 router", done.stdout)
        self.weight = 60
        self.finish()

    def test_a_router_ends_without_redis(self):
        redis = self.redis()
        self.begin_over({"url": redis.url}, redis)
        second = self.mesh.router("router-1")
        redis.pause()  # it takes the goodbye and never answers
        self.assertEqual(second.stop(), 0)
        redis.resume()
        self.finish()


class Backup(RedisFailure):
    def config(self, redis):
        return self.write("backup.json", self.mesh.common() | {"redis": {"url": redis.url}})

    def assert_served_from(self, redis, name):
        """A new router gets the newest flags from that Redis, with no engine there."""
        self.mesh.redis_settings = {"url": redis.url}
        router = self.mesh.router(name)
        self.assertEqual(self.enforced(router), self.weight)

    def test_export_and_restore_and_what_redis_saves(self):
        redis = self.redis(keeps=True)
        self.mesh = Mesh(self, redis=redis)
        self.engine = self.mesh.engine()
        self.routers, self.loads, self.weight = [self.mesh.router("router-0")], [], 25
        file, old = self.folder / "state.backup", self.folder / "old.backup"
        process.run("export", "-c", self.config(redis), old)
        self.change()
        self.assert_newest()
        out = process.run("export", "-c", self.config(redis), file).stdout
        self.assertIn("verified", out)
        self.engine.stop()
        # Into an empty one.
        empty = self.redis()
        process.run("restore", "-c", self.config(empty), file)
        self.assert_served_from(empty, "restored")
        # Never over the same or a newer one, and not when it was altered.
        self.assertIn("is there", process.run("restore", "-c", self.config(empty), file, code=1).stderr)
        self.assertIn("the backup is of", process.run("restore", "-c", self.config(empty), old, code=1).stderr)
        altered = bytearray(file.read_bytes())
        altered[len(altered) // 2] ^= 1
        (self.folder / "altered.backup").write_bytes(altered)
        self.assertIn("altered", process.run("restore", "-c", self.config(empty), self.folder / "altered.backup", code=1).stderr)
        # A head that is none gives way.
        empty.command("SET", "{flagmesh}:head", "bogus")
        process.run("restore", "-c", self.config(empty), file)
        # What is missing in Redis cannot be exported.
        for key in empty.keys("{flagmesh}:tenant:default:chunk:*"):
            empty.command("DEL", key)
        self.assertIn("a part of the state is not there", process.run("export", "-c", self.config(empty), file, code=1).stderr)
        # What redis-cli SAVE wrote, in a new Redis.
        redis.cli("SAVE")
        other = self.redis(keeps=True)
        other.stop()
        shutil.copy(redis.data / "dump.rdb", other.data / "dump.rdb")
        other.start()
        self.assert_served_from(other, "saved")
        # The engine goes on over the restored one.
        self.mesh.redis_settings = {"url": other.url}
        self.engine = self.mesh.engine("engine-again")
        self.routers = [self.mesh.router("router-1")]
        self.change()
        self.assert_newest()

    def test_engine_and_redis_are_lost_and_a_backup_is_there(self):
        redis = self.redis()
        self.mesh = Mesh(self, redis=redis, max_age="10s")
        self.engine = self.mesh.engine()
        self.routers = [self.mesh.router("router-0", state_dir=str(self.mesh.folder / "trust"))]
        self.begin_load()
        for _ in range(3):
            self.change()
        self.assert_newest()
        file = self.folder / "state.backup"
        process.run("export", "-c", self.config(redis), file)
        self.engine.kill()
        shutil.rmtree(self.mesh.folder / "engine")
        redis.stop()
        redis.start()
        process.run("restore", "-c", self.config(redis), file)
        self.engine = self.mesh.engine("afresh")
        health = lambda: client.fetch(self.mesh.api, "/readyz").json()  # noqa: E731
        eventually(lambda: health()["epoch"] == self.mesh.epoch(self.routers[0]), "the engine to go on from what it finds")
        self.assertTrue(health()["standby"], "for a lease there may be another one")
        eventually(lambda: health()["ready"], "the engine to become the active one", 15)
        # The log goes on where it was: the routers, and their journals, follow.
        self.change()
        self.assert_newest()
        self.finish()


class Failover(RedisFailure):
    def start_replicated(self):
        """Engine and a router under load behind Sentinels: (master, replica, sentinels), and the replica has the newest head."""
        master = self.redis()
        replica = self.redis(options=["--replicaof", "127.0.0.1", master.port])
        eventually(lambda: b"master_link_status:up" in replica.command("INFO", "replication"), "the replica")
        sentinels = self.track(Sentinels(self.folder, master.port))
        self.mesh = Mesh(self, redis=master)
        self.mesh.redis_settings = {"url": "redis://ignored:1/0", "sentinels": sentinels.addresses,
                                    "sentinel_master": "flagmesh"}
        self.engine = self.mesh.engine()
        self.routers = [self.mesh.router("router-0")]
        self.begin_load()
        self.change()
        self.assert_newest()
        eventually(lambda: replica.command("GET", "{flagmesh}:head") == master.command("GET", "{flagmesh}:head"), "the replica")
        return master, replica, sentinels

    def assert_follows(self, sentinels, replica):
        """The replica is promoted, and a change gets to the routers by it."""
        eventually(lambda: sentinels.master_port() == replica.port, "the failover", 30, every=0.1)
        switched = time.monotonic()
        eventually(lambda: b"role:master" in replica.command("INFO", "replication"), "the promotion", 10)
        self.change()
        self.assert_newest(switched)

    def test_failover_with_lost_writes_and_the_old_master_comes_back(self):
        master, replica, sentinels = self.start_replicated()
        # What comes now never gets to the replica.
        replica.pause()
        self.change()
        self.change()
        self.assert_newest()
        master.stop()
        replica.resume()
        self.assert_follows(sentinels, replica)
        # The old master is back, for a moment thinks that it still is one, with heads that nobody has any more.
        master.start()
        eventually(lambda: b"role:slave" in master.command("INFO", "replication"), "the old master to follow", 30, every=0.1)
        self.change()
        self.assert_newest()
        fresh = self.mesh.router("fresh")
        self.assert_newest(routers=[fresh])
        self.finish()

    def test_an_old_master_that_was_cut_off_leads_nobody(self):
        """It is stopped while another one is promoted; when it goes on, it thinks for a while that it is the master, with all its data."""
        master, replica, sentinels = self.start_replicated()
        master.pause()
        self.assert_follows(sentinels, replica)
        master.resume()
        for _ in range(5):
            self.change()
            self.assert_newest()
        eventually(lambda: b"role:slave" in master.command("INFO", "replication"), "the old master to follow", 30, every=0.1)
        self.change()
        self.assert_newest()
        self.finish()


def acl_rules():
    """The users of docs/redis.md: lines `user NAME on >PASSWORD RULES`."""
    text = (process.ROOT / "docs/redis.md").read_text()
    rules = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("    user ") and words[2:4] == ["on", ">PASSWORD"]:
            rules[words[1]] = " ".join(words[4:])
    return rules


def as_user(redis, user, *words):
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as connection:
        with connection.makefile("rb") as stream:
            connection.sendall(encode_words("AUTH", user, f"secret-{user}"))
            read_reply(stream)
            connection.sendall(encode_words(*words))
            return read_reply(stream)


if __name__ == "__main__":
    unittest.main()
