"""Redis fails in every way that is known to happen: routing goes on, and the routers are at the newest epoch soon after.

FLAGMESH_E2E_FULL=1 runs the long forms: Redis stopped for 60 seconds, 100,000 changes in a burst.
"""
import signal
import threading
import time
import unittest

from harness import client
from harness.failing_redis import FULL, RedisFailure
from harness.mesh import Mesh
from harness.relay import Relay
from harness.waiting import SLOWNESS, eventually, stays


class Restarts(RedisFailure):
    def test_restart_without_data(self):
        self.begin(routers=2)
        self.mesh.redis.stop()
        self.change()
        self.mesh.redis.start()
        self.assert_newest()
        self.finish()

    def test_restart_with_older_data(self):
        self.begin(redis=self.redis(keeps=True))
        self.mesh.redis.command("SAVE")
        for _ in range(3):
            self.change()
        self.assert_newest()
        self.mesh.redis.stop()
        self.change()
        self.mesh.redis.start()  # its head is four changes old
        self.assert_newest()
        self.finish()

    def test_everything_flushed_while_all_are_connected(self):
        self.begin()
        self.mesh.redis.command("FLUSHALL")
        flushed = time.monotonic()
        eventually(lambda: self.mesh.redis.command("GET", "{flagmesh}:head"), "the head to be back")
        fresh = self.mesh.router("fresh")
        self.assertLess(time.monotonic() - flushed, 5)
        self.change()
        self.assert_newest(routers=[*self.routers, fresh])
        self.finish()

    def test_redis_stands_still(self):
        self.begin(routers=2)
        self.mesh.redis.pause()
        changed = threading.Thread(target=self.change)  # it is told "not published yet" after some seconds
        changed.start()
        time.sleep(60 if FULL else 4)
        changed.join()
        self.mesh.redis.resume()
        self.assert_newest()
        self.finish()

    def test_full_memory(self):
        self.begin()
        self.mesh.redis.command("CONFIG", "SET", "maxmemory", "1")
        self.change()
        stays(lambda: self.enforced(self.routers[0]) == 25, "nothing new is stored", 0.5)
        self.mesh.redis.command("CONFIG", "SET", "maxmemory", "0")
        self.assert_newest()
        self.finish()

    def test_router_first_then_redis_then_engine(self):
        self.begin()
        self.engine.stop()
        self.mesh.redis.stop()
        early = self.mesh.router("early", ready=False)
        stays(lambda: client.fetch(early.admin, "/readyz").status == 503, "no flags yet", 0.3)
        self.assertEqual(client.fetch(early.address, "/checkout", headers={"x-user-id": "u"}).status, 200)  # the fallback
        self.mesh.redis.start()
        self.engine = self.mesh.engine("engine-again")
        self.routers.append(early)
        self.assert_newest()
        self.finish()


class Partitions(RedisFailure):
    def begin_behind_relays(self):
        """Engine and router reach Redis through a relay each."""
        self.redis_server = self.redis()
        self.relays = {name: self.track(Relay(self.redis_server.port)) for name in ("engine", "router")}
        self.mesh = Mesh(self, redis=self.redis_server)
        self.mesh.redis_settings = {"url": self.relays["engine"].url}
        self.engine = self.mesh.engine()
        self.mesh.redis_settings = {"url": self.relays["router"].url}
        self.routers = [self.mesh.router("router-0")]
        self.begin_load()

    def test_router_cut_off(self):
        self.begin_behind_relays()
        self.relays["router"].cut()
        self.change()
        stays(lambda: self.enforced(self.routers[0]) == 25, "cut off", 1)
        self.relays["router"].mend()
        self.assert_newest()
        self.finish()

    def test_engine_cut_off(self):
        self.begin_behind_relays()
        self.relays["engine"].cut()
        self.assertEqual(self.change().status, 202)
        self.relays["engine"].mend()
        self.assert_newest()
        self.finish()

    def test_half_open_connections(self):
        self.begin_behind_relays()
        for name in ("router", "engine"):
            self.relays[name].hang()
            self.relays[name].mend()  # new connections pass; the old ones hang, and nobody is told
            self.change()
            self.assert_newest()
        self.finish()

    def test_nothing_passes_for_some_seconds(self):
        self.begin_behind_relays()
        for relay in self.relays.values():
            relay.hang()
        self.change()
        time.sleep(3)
        for relay in self.relays.values():
            relay.mend()
        self.assert_newest()
        self.finish()

    def test_redis_answers_garbage(self):
        self.begin_behind_relays()
        for words in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*2147483647\r\n", b"$999999999\r\n", b"*1\r\n" * 50,
                      b"+OK\r\n" * 20, b"-ERR hunter2\r\n", b"\x00" * 5000, b":" + b"9" * 100_000):
            for relay in self.relays.values():
                relay.talk_garbage(words)
            time.sleep(0.25)
        self.change()
        for relay in self.relays.values():
            relay.mend(end_old=True)
        self.assert_newest()
        self.assertNotIn("hunter2", self.routers[0].text())
        self.finish()

    def test_subscriber_is_killed_for_its_output(self):
        self.begin_behind_relays()
        self.redis_server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 65536 1")
        relay = self.relays["router"]
        relay.hang()  # it reads no more, so that the output waits in Redis
        for _ in range(400):
            self.redis_server.command("PUBLISH", "flagmesh:epochs", b"x" * 100_000)
            if self.redis_server.command("CLIENT", "LIST", "TYPE", "pubsub").count(b"\n") < 2:
                break
        self.assertEqual(self.redis_server.command("CLIENT", "LIST", "TYPE", "pubsub").count(b"\n"), 1, "the engine's")
        self.change()
        relay.mend(end_old=True)
        self.assert_newest()
        self.finish()

    def test_flushed_between_parts_and_head(self):
        self.begin_behind_relays()
        flushes = []

        def flush(words):
            moves = words[0] in (b"EVAL", b"EVALSHA") and any(word.endswith(b":deltas") for word in words)
            if moves and not flushes:
                flushes.append(self.redis_server.command("FLUSHDB"))

        self.relays["engine"].before = flush
        self.change()
        self.assert_newest()
        self.assertEqual(flushes, ["OK"])
        # All of it is there again, also for one who comes new.
        self.mesh.redis_settings = {"url": self.redis_server.url}
        self.routers.append(self.mesh.router("fresh"))
        self.finish()


class Spoiled(RedisFailure):
    def key(self, suffix):
        return "{flagmesh}:" + suffix

    def assert_fresh_router_starts(self):
        since = time.monotonic()
        fresh = self.mesh.router("fresh-%d" % len(self.routers))
        self.assertLess(time.monotonic() - since, 5)
        self.routers.append(fresh)

    def test_parts_are_evicted_or_altered(self):
        self.begin(load=False)
        redis = self.mesh.redis
        self.change()
        self.assert_newest()
        for pattern in ("tenant:default:chunk:*", "tenant:default:manifest:*", "tenants:*", "tile:*"):
            for key in redis.keys(self.key(pattern)):
                redis.command("DEL", key)
            self.assert_fresh_router_starts()
        for key in redis.keys(self.key("tenant:default:chunk:*")) + redis.keys(self.key("tenant:default:manifest:*")):
            redis.command("SET", key, b"something else")
        self.assert_fresh_router_starts()
        for key in redis.keys(self.key("tenant:default:*")) + redis.keys(self.key("tile:*")):
            redis.command("DEL", key)
            redis.command("LPUSH", key, b"of another type")
        self.change()
        self.assert_newest()
        self.assert_fresh_router_starts()
        self.finish()

    def test_bogus_heads_and_reservations(self):
        self.begin()
        redis = self.mesh.redis
        for head in (b"", b"x" * 1_000_000, b"mesh.test/flags\n99999\n" + b"A" * 43 + b"=\n\n"):
            redis.command("SET", self.key("head"), head)
            redis.command("PUBLISH", "flagmesh:epochs", "look")
            self.change()
            self.assert_newest()
        for reserved in (b"9007199254740991 " + b"A" * 43 + b"=\n", b"99999 x\nforged\n", b"\x00", b"7 7"):
            redis.command("SET", self.key("reserved"), reserved)
            self.change()
            self.assert_newest()
        redis.command("DEL", self.key("head"))
        redis.command("LPUSH", self.key("head"), "x")
        redis.command("DEL", self.key("reserved"))
        redis.command("LPUSH", self.key("reserved"), "x")
        self.change()
        self.assert_newest()
        self.finish()

    def test_nothing_stays_for_ever_that_no_head_names(self):
        self.begin(load=False)
        redis = self.mesh.redis
        for _ in range(3):
            self.change()
        # As a crash leaves them: without an end.
        for key in redis.keys(self.key("tenant*")):
            if redis.command("TYPE", key) == "string":
                redis.command("PERSIST", key)
        redis.command("SET", self.key("tenant:gone:chunk:" + "0" * 64), "x")
        named = {"chunk": 1, "manifest": 1, "tenants": 1}

        def lasting():
            kinds = [key.split(":")[-2] for key in redis.keys(self.key("tenant*"))
                     if len(key.split(":")[-1]) == 64 and redis.command("TTL", key) < 0]
            return {kind: kinds.count(kind) for kind in set(kinds)}

        eventually(lambda: lasting() == named, "what no head names to expire", 20)
        self.assert_fresh_router_starts()

    def test_wrong_password_for_a_while(self):
        self.begin()
        redis = self.mesh.redis
        redis.command("CONFIG", "SET", "requirepass", "another")
        redis.password = "another"
        redis.command("CLIENT", "KILL", "TYPE", "normal")
        redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        before = self.enforced(self.routers[0])
        self.assertEqual(self.change().status, 202)
        stays(lambda: self.enforced(self.routers[0]) == before, "nobody gets to Redis with the wrong password", 1)
        redis.command("CONFIG", "SET", "requirepass", "")
        redis.password = None
        self.assert_newest()
        self.finish()


class Engines(RedisFailure):
    def state_of(self, engine):
        return client.fetch(engine.api, "/readyz").json()

    def begin_two(self):
        """An active engine, and one that stands by; a lease is three seconds."""
        self.begin(max_age="10s")
        self.second = self.mesh.engine("second", state_dir=str(self.mesh.folder / "second"))
        self.mesh.api = self.engine.api
        eventually(lambda: self.state_of(self.second)["standby"], "the second one to stand by")

    def refused(self, engine):
        reply = client.post_json(engine.api, "/api/v1/flags/checkout/rollout", {"on": 99, "off": 1})
        return reply.status == 503 and reply.json()["error"]["code"] == "standby"

    def assert_one_is_active(self, active, standby):
        self.assertTrue(self.refused(standby))
        self.assertFalse(self.state_of(active)["standby"])
        ready = client.fetch(standby.api, "/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn("it takes over 3 s after", ready.json()["reason"])
        self.assertEqual(client.metrics(standby.api).sum("flagmesh_engine_standby"), 1)
        self.assertEqual(client.metrics(active.api).sum("flagmesh_engine_standby"), 0)
        self.change(active.api)
        self.assert_newest()

    def test_two_engines_by_mistake(self):
        """The second one refuses changes, however long it runs, also when it is started again and when Redis was away."""
        self.begin_two()
        self.assert_one_is_active(self.engine, self.second)
        stays(lambda: self.refused(self.second), "the active one signs, so the second one stands by", 5)
        self.second.kill()
        self.second = self.mesh.engine("second-again", state_dir=str(self.mesh.folder / "second"))
        self.assertTrue(self.refused(self.second), "it has not forgotten that")
        self.mesh.redis.stop()
        time.sleep(4)  # longer than a lease: nobody can be seen, so nobody takes over
        self.mesh.redis.start()
        eventually(lambda: self.mesh.redis.command("GET", "{flagmesh}:head"), "the active one to publish again", 15)
        self.assert_one_is_active(self.engine, self.second)
        self.mesh.api = self.engine.api
        self.finish()

    def test_a_standby_takes_over(self):
        self.begin_two()
        self.change()
        self.assert_newest()
        eventually(lambda: self.state_of(self.second)["epoch"] == self.state_of(self.engine)["epoch"], "it to follow")
        self.engine.kill()
        killed = time.monotonic()
        eventually(lambda: not self.refused(self.second), "the standby to take over", 15)
        took = time.monotonic() - killed
        print(f"[took over after {took:.2f} s]", end=" ", flush=True)
        self.assertLess(took, 8 * SLOWNESS)  # the lease is 3 s and a random half; a process that stood still for 1 s begins it anew
        self.mesh.api = self.second.api
        self.change()
        self.assert_newest()
        # The old one comes back: it follows, and does not bring its own flags back.
        self.engine = self.mesh.engine("engine-again")
        self.mesh.api = self.second.api
        eventually(lambda: self.state_of(self.engine)["standby"], "the old one to stand by")
        self.assert_one_is_active(self.second, self.engine)
        self.finish()

    def test_an_engine_that_stood_still_does_not_fork(self):
        """It is stopped for longer than a lease, the other one takes over, then it goes on."""
        self.begin_two()
        self.change()
        self.assert_newest()
        eventually(lambda: self.state_of(self.second)["epoch"] == self.state_of(self.engine)["epoch"], "it to follow")
        self.engine.signal(signal.SIGSTOP)
        eventually(lambda: not self.refused(self.second), "the standby to take over", 15)
        self.mesh.api = self.second.api
        self.change()
        self.engine.signal(signal.SIGCONT)
        eventually(lambda: self.state_of(self.engine)["standby"], "the one that stood still to stand by")
        self.assert_newest()
        self.assert_one_is_active(self.second, self.engine)
        self.finish()

    def test_two_engines_on_one_folder(self):
        self.begin(load=False)
        config = self.mesh.folder / "engine.json"
        third = self.start("third", "engine", "-c", config)
        self.assertEqual(third.wait(), 1)
        self.assertIn("another process has the epoch log", third.text())

    def test_killed_between_any_two_commands(self):
        """The engine dies after its first command, after its second, ... after every one that a change takes."""
        redis = self.redis()
        relay = self.track(Relay(redis.port))
        self.mesh = Mesh(self, redis=redis)
        self.routers = [self.mesh.router("router-0", ready=False)]
        self.mesh.redis_settings = {"url": relay.url}
        engine = self.mesh.engine()
        eventually(lambda: self.enforced(self.routers[0]) == 25, "the first epoch")
        self.begin_load()
        gate = threading.Event()
        seen, before = [], 25
        for number in range(1, 40):
            seen.clear()
            gate.clear()
            before_it = {before, self.weight}  # the change before it may have been written down, and come late

            def count(words):
                if words[0] in (b"PING", b"INFO", b"SCAN", b"EXISTS", b"STRLEN", b"MGET"):
                    return
                seen.append(words[0])
                if len(seen) == number:
                    gate.set()
                    engine.kill()
                    raise OSError("the engine is dead")

            relay.before = count
            try:
                self.change(engine.api)
            except OSError:
                pass  # killed before it could answer: the change was made, or was not
            dead = gate.wait(0.3)
            relay.before = None
            if dead:
                engine.kill()
                engine = self.mesh.engine(f"engine-{number}")
            # The engine goes on from what it had written down: the change, or the state before it.
            eventually(lambda: self.state_of(engine)["ready"], "the engine to be ready", 10)
            eventually(lambda: self.mesh.epoch(self.routers[0]) == self.state_of(engine)["epoch"], "the newest epoch", 5)
            before = self.enforced(self.routers[0])
            self.assertIn(before, before_it | {self.weight})
            if not dead:
                break
        print(f"[killed at {number - 1} places: {b' '.join(seen).decode()}]", end=" ", flush=True)
        self.assertGreater(number, 6)
        self.assertFalse(dead)
        self.finish()

    def test_changes_in_a_burst(self):
        self.begin(routers=2, load=False)
        self.begin_load()
        total, hands = (100_000, 32) if FULL else (2_000, 16)
        failures = []

        def change_many(hand):
            with client.Client(self.mesh.api) as api:
                for number in range(total // hands):
                    on = (hand + number) % 100
                    reply = api.request("POST", "/api/v1/flags/checkout/rollout", {"content-type": "application/json"},
                                        b'{"on":%d,"off":%d}' % (on, 100 - on))
                    if reply.status not in (200, 202):
                        failures.append(reply)

        began = time.monotonic()
        workers = [threading.Thread(target=change_many, args=(hand,)) for hand in range(hands)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took = time.monotonic() - began
        self.assertEqual(failures, [])
        self.change()
        self.assert_newest()
        epoch = client.fetch(self.mesh.api, "/readyz").json()["epoch"]
        print(f"[{total} changes, {epoch} epochs, {took:.1f} s]", end=" ", flush=True)
        self.finish()


if __name__ == "__main__":
    unittest.main()
