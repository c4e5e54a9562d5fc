"""A router's life under load: reloads, take-overs, SIGTERM. Nobody may notice.

Every failed request counts, and nothing is tried again (harness/load.py). FLAGMESH_E2E_FULL=1 runs the full size: 100
reloads, 20 take-overs, 20 SIGTERMs.
"""
import json
import os
import pathlib
import signal
import socket
import stat
import time
import unittest

from harness import client, process
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually, stays

FULL = os.environ.get("FLAGMESH_E2E_FULL") == "1"


def times(full, few):
    return full if FULL else few


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LifeTest(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, policy="unsigned")
        self.mesh.engine()

    def both_loads(self, address, name="load", **options):
        """Keep-alive and a connection for each request."""
        return [self.load(address, f"{name}-keep", connections=16, users=300, **options),
                self.load(address, f"{name}-close", connections=8, users=300, close=1, **options)]

    def assert_no_loss(self, loads, at_least=200):
        reports = [self.load_report(load) for load in loads]
        for report in reports:
            self.assert_nothing_lost(report, at_least)
        return reports

    def let_load_run(self, admin, requests=200):
        """So many more requests: the next step meets load, not its start."""
        total = lambda: client.metrics(admin).sum("flagmesh_downstream_requests_total")  # noqa: E731
        first = total()
        eventually(lambda: total() >= first + requests, "load", 30)

    def config_of(self, name):
        return json.loads((self.mesh.folder / f"{name}.json").read_text())


class Reloads(LifeTest):
    def test_listeners_routes_and_containers_come_and_go(self):
        router = self.mesh.router(workers=3, watch_file=False)
        file = self.mesh.folder / "router.json"
        plain = self.config_of("router")
        new = self.origin("new")
        other = f"127.0.0.1:{free_port()}"
        loads = self.both_loads(router.address)
        # Its listener goes and comes back: then it is refused, but never reset.
        guests = self.both_loads(other, "guest", refused_ok=1)
        rounds = times(100, 10)
        for number in range(1, rounds + 1):
            config = json.loads(json.dumps(plain))
            if number % 2:
                config["proxy"]["listeners"].append({"address": other})
                config["proxy"]["containers"]["new"] = {"endpoints": [new.address]}
                config["proxy"]["routes"].append({"path": "/new", "container": "new"})
            config["proxy"]["containers"]["checkout-v2"]["circuit_breaker"] = {"max_requests": 500 + number}
            file.write_text(json.dumps(config))
            router.signal(signal.SIGHUP)
            eventually(lambda: client.metrics(router.admin).sum("flagmesh_reloads_total", result="ok") == number,
                       f"reload {number}")
            expected = 200 if number % 2 else 404
            eventually(lambda: client.fetch(router.address, "/new").status == expected, f"route in {number}")
            if number % 2:
                eventually(lambda: client.fetch(other, "/checkout").status == 200, f"listener in {number}")
            self.let_load_run(router.admin)
        reports = self.assert_no_loss(loads) + self.assert_no_loss(guests, at_least=1)
        print(f"{rounds} reloads, {sum(r['requests'] for r in reports)} requests", end=" ", flush=True)


class FileWatch(LifeTest):
    def test_the_file_is_watched_unless_switched_off(self):
        router = self.mesh.router(watch_settle="60ms")
        file = self.mesh.folder / "router.json"
        reloads = lambda: client.metrics(router.admin).sum("flagmesh_reloads_total", result="ok")  # noqa: E731
        config = self.config_of("router")
        config["proxy"]["watch_file"] = False
        file.write_text(json.dumps(config))
        eventually(lambda: reloads() == 1, "the changed file")
        config["proxy"]["drain_timeout"] = "4s"
        file.write_text(json.dumps(config))
        stays(lambda: reloads() == 1, "nobody looks", 0.5)
        router.signal(signal.SIGHUP)
        eventually(lambda: reloads() == 2, "HUP")


class TakeOver(LifeTest):
    def setUp(self):
        super().setUp()
        self.door = self.mesh.folder / "takeover.sock"

    def first(self, **proxy):
        proxy = {"takeover_socket": str(self.door), "drain_timeout": "10s"} | proxy
        return self.mesh.router("router", **proxy)

    def successor(self, number, change=None, ready=True):
        """Starts the next router with --take-over; waits until it serves."""
        config = self.config_of("router")
        if change:
            change(config)
        file = self.write(f"{self.mesh.name}/next-{number}.json", config)
        ports = self.mesh.folder / f"next-{number}.ports"
        started = self.start(f"next-{number}", "proxy", "-c", file, "--ports-file", ports, "--take-over")
        if ready:
            bound = process.wait_for_file(started, ports)
            started.address, started.admin = bound["listeners"][0], bound["admin"]
        return started

    def test_one_after_the_other_under_load(self):
        current = self.first(workers=1)
        address, admin = current.address, current.admin
        loads = self.both_loads(address)
        rounds = times(20, 4)
        for number in range(1, rounds + 1):
            workers = (3, 2, 1, 4)[number % 4]
            following = self.successor(number, lambda config: config["proxy"].update(workers=workers))
            self.assertEqual((following.address, following.admin), (address, admin))
            self.assertEqual(current.wait(), 0, current.tail())
            self.untrack(current)
            self.assertEqual(client.fetch(admin, "/readyz").status, 200)
            self.let_load_run(admin)
            current = following
        reports = self.assert_no_loss(loads)
        print(f"{rounds} take-overs, {sum(r['requests'] for r in reports)} requests", end=" ", flush=True)

    def test_every_inherited_queue_is_served(self):
        current = self.first(workers=4)
        self.successor(1, lambda config: config["proxy"].update(workers=1))
        self.assertEqual(current.wait(), 0)
        for _ in range(200):  # spread over four sockets by the kernel
            self.assertEqual(client.fetch(current.address, "/checkout", headers={"x-user-id": "u"}).status, 200)

    def test_unix_socket_and_a_listener_that_the_successor_does_not_want(self):
        path, other = self.mesh.folder / "in.sock", f"127.0.0.1:{free_port()}"
        current = self.first(listeners=[{"address": "127.0.0.1:0"}, {"address": f"unix:{path}"}, {"address": other}])
        self.assertEqual(client.fetch(other, "/checkout").status, 200)
        self.successor(1, lambda config: config["proxy"]["listeners"].pop())
        self.assertEqual(current.wait(), 0)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            caller.sendall(b"GET /checkout HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertTrue(caller.recv(100).startswith(b"HTTP/1.1 200 "))
        with self.assertRaises(ConnectionRefusedError):
            client.fetch(other, "/checkout")

    def test_a_request_in_flight_is_finished_by_the_old_one(self):
        current = self.first()
        slow = client.connect(current.address)
        slow.sendall(b"GET /checkout?delay=2 HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: client.metrics(current.admin).sum("flagmesh_downstream_requests_total") >= 1, "the request")
        self.successor(1)
        answer = slow.recv(65536)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertIn(b"connection: close", answer.lower())
        slow.close()
        self.assertEqual(current.wait(), 0)

    def test_one_that_does_not_become_ready_changes_nothing(self):
        current = self.first()
        load = self.load(current.address, connections=8)

        def bad_listener(config):
            config["proxy"]["listeners"].append({"address": "192.0.2.1:80"})

        self.let_load_run(current.admin, 20)
        failed = self.successor(1, bad_listener, ready=False)
        self.assertEqual(failed.wait(), 1)
        # A stranger who says nothing, or nonsense.
        for nonsense in (b"", b"hello", b"FMTO\x00\x09\x01\x00\x00\x00\x00", b"FMTO\x00\x01\x05\x00\x00"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
                stranger.connect(str(self.door))
                if nonsense:
                    stranger.send(nonsense)
                    stranger.settimeout(5)
                    try:
                        stranger.recv(100)  # a refusal or the end
                    except ConnectionResetError:
                        pass
        following = self.successor(2)
        self.assertEqual(current.wait(), 0)
        self.assertEqual(client.fetch(following.admin, "/readyz").status, 200)
        self.assert_nothing_lost(self.load_report(load))

    def test_a_successor_serves_when_the_old_one_is_stopped_meanwhile(self):
        current = self.first(shutdown_delay="100ms")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:  # a successor that takes its time
            asking.connect(str(self.door))
            asking.send(b"FMTO\x00\x01\x01\x00\x00\x00\x07")
            _, fds, _, _ = socket.recv_fds(asking, 65536, 200)
            asking.settimeout(10)
            self.assertEqual(current.stop(), 0)
            # The sockets still take connections.
            caller = client.connect(current.address)
            for fd in fds:
                os.set_blocking(fd, False)
            listening = [socket.socket(fileno=fd) for fd in fds]

            def accepted():
                for each in listening:
                    try:
                        return each.accept()[0]
                    except BlockingIOError:
                        continue

            eventually(accepted, "the connection in a queue").close()
            caller.close()
            for each in listening:
                each.close()

    def test_usr2_starts_the_program_on_disk(self):
        current = self.first()
        notices = self.folder / "notify.sock"
        self.assertEqual(current.stop(), 0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(notices))
            manager.settimeout(20)
            file, ports = self.mesh.folder / "router.json", self.mesh.folder / "usr2.ports"
            current = self.start("usr2", "proxy", "-c", file, "--ports-file", ports, env={"NOTIFY_SOCKET": str(notices)})
            bound = process.wait_for_file(current, ports)
            address = bound["listeners"][0]
            self.assertEqual(manager.recv(200), b"READY=1\nMAINPID=%d" % current.pid)
            load = self.load(address, connections=8)
            self.let_load_run(bound["admin"], 20)
            current.signal(signal.SIGUSR2)
            main = manager.recv(200)
            self.assertRegex(main, rb"READY=1\nMAINPID=\d+$")
            successor = int(main.rsplit(b"=", 1)[1])
            self.assertNotEqual(successor, current.pid)
            self.assertEqual(current.wait(), 0)
            self.assertEqual(client.fetch(address, "/checkout").status, 200)
            self.assert_nothing_lost(self.load_report(load), 1)
            os.kill(successor, signal.SIGTERM)
            self.assertEqual(manager.recv(200), b"STOPPING=1")

    def test_the_door_is_private_and_a_second_router_is_refused(self):
        current = self.first()
        self.assertEqual(stat.S_IMODE(os.stat(self.door).st_mode), 0o600)
        file = self.mesh.folder / "router.json"
        refused = self.start("second", "proxy", "-c", file)
        self.assertEqual(refused.wait(), 1)
        self.assertIn("--take-over", refused.text())
        self.assertEqual(current.stop(), 0)
        self.assertFalse(self.door.exists())
        # Nobody there: it starts afresh.
        self.successor(1)


class Shutdown(LifeTest):
    def test_not_ready_at_once_but_accepting_for_the_delay(self):
        router = self.mesh.router(shutdown_delay="2s")
        router.signal(signal.SIGTERM)
        eventually(lambda: client.fetch(router.admin, "/readyz").status == 503, "not ready", timeout=1)
        began = time.monotonic()
        while time.monotonic() < began + 1:
            self.assertEqual(client.fetch(router.address, "/checkout").status, 200)
        self.assertEqual(router.wait(), 0)

    def test_quit_does_not_wait_and_a_second_signal_ends_at_once(self):
        router = self.mesh.router(shutdown_delay="60s", drain_timeout="60s")
        router.signal(signal.SIGQUIT)
        self.assertEqual(router.wait(10), 0)
        router = self.mesh.router("again", shutdown_delay="60s")
        router.signal(signal.SIGTERM)
        eventually(lambda: client.fetch(router.admin, "/readyz").status == 503, "not ready")
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait(5), 0)

    def test_drain_timeout_ends_what_never_ends(self):
        router = self.mesh.router(drain_timeout="1s")
        endless = client.connect(router.address)
        endless.sendall(b"GET /checkout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        self.assertTrue(endless.recv(1000).startswith(b"HTTP/1.1 101 "))
        began = time.monotonic()
        self.assertEqual(router.stop(10), 0)
        self.assertGreater(time.monotonic() - began, 0.9)
        endless.close()

    def test_behind_a_second_router_nobody_notices(self):
        ports = [free_port(), free_port()]
        starts = 0

        def back(which):
            nonlocal starts
            starts += 1
            return self.mesh.router(f"back-{which}-{starts}", workers=2, shutdown_delay="300ms", drain_timeout="10s",
                                    listeners=[{"address": f"127.0.0.1:{ports[which]}"}])

        backs = [back(0), back(1)]
        front = self.mesh.router("front", routes=[{"path": "/", "container": "backs"}], containers={
            "backs": {"endpoints": [f"127.0.0.1:{port}" for port in ports]}})
        loads = self.both_loads(front.address)
        rounds = times(20, 4)
        for number in range(rounds):
            which = number % 2
            self.assertEqual(backs[which].stop(), 0)
            self.untrack(backs[which])
            backs[which] = back(which)
            self.let_load_run(front.admin)
        reports = self.assert_no_loss(loads)
        print(f"{rounds} SIGTERMs, {sum(r['requests'] for r in reports)} requests", end=" ", flush=True)


if __name__ == "__main__":
    unittest.main()
