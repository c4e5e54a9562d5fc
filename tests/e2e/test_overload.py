"""Too many connections, too much memory, no descriptors, slow clients: refused early, and nothing spins."""
import os
import pathlib
import socket
import time
import unittest

from harness import client, process
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually

GET = b"GET /checkout HTTP/1.1\r\nHost: a\r\n\r\n"
SLOWLORIS = b"GET /checkout HTTP/1.1\r\nHost: a\r\nx-user-id: slow"


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Overload(MeshTest):
    def start_router(self, **proxy):
        self.mesh = Mesh(self, policy="unsigned")
        self.mesh.engine()
        self.router = self.mesh.router(**proxy)

    def open(self, small_window=False):
        connection = socket.socket()
        if small_window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        host, port = self.router.address.rsplit(":", 1)
        connection.connect((host, int(port)))
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection):
        connection.sendall(GET)
        return connection.recv(65536)

    def refusals(self, limit):
        return client.metrics(self.router.admin).sum("flagmesh_overload_refusals_total", limit=limit)

    def test_connections_over_the_limit_are_told(self):
        self.start_router(workers=2, limits={"max_connections": 5})
        inside = [self.open() for _ in range(5)]
        for connection in inside:
            self.assertTrue(self.ask(connection).startswith(b"HTTP/1.1 200 "))
        outside = self.open()
        answer = self.ask(outside).lower()
        self.assertTrue(answer.startswith(b"http/1.1 503 "), answer)
        for field in (b"retry-after: 1", b"x-flagmesh-reason: overloaded", b"connection: close", b"date: "):
            self.assertIn(field, answer)
        self.assertEqual(outside.recv(10), b"")
        silent = self.open()
        began = time.monotonic()
        self.assertEqual(silent.recv(10), b"", "one that says nothing is not kept")
        self.assertLess(time.monotonic() - began, 8)
        for connection in inside:
            self.assertTrue(self.ask(connection).startswith(b"HTTP/1.1 200 "), "work in flight goes on")
        self.assertEqual(self.refusals("connections"), 2)
        self.assertEqual(client.fetch(self.router.admin, "/readyz").status, 200)
        inside[0].close()
        eventually(lambda: self.ask(self.open()).startswith(b"HTTP/1.1 200 "), "a place")

    def test_a_listener_has_a_limit_of_its_own(self):
        self.start_router(workers=2, listeners=[{"address": "127.0.0.1:0", "max_connections": 2},
                                                {"address": "127.0.0.1:0"}])
        inside = [self.open(), self.open()]
        for connection in inside:
            self.assertTrue(self.ask(connection).startswith(b"HTTP/1.1 200 "))
        self.assertTrue(self.ask(self.open()).startswith(b"HTTP/1.1 503 "))
        self.assertEqual(self.refusals("listener_connections"), 1)
        inside.pop().close()
        eventually(lambda: self.ask(self.open()).startswith(b"HTTP/1.1 200 "), "a place")

    def test_a_crowd_over_the_limit_is_closed(self):
        self.start_router(workers=1, limits={"max_connections": 1})
        self.assertTrue(self.ask(self.open()).startswith(b"HTTP/1.1 200 "))
        crowd = [self.open() for _ in range(200)]
        eventually(lambda: self.refusals("connections") == 200, "all to be refused")
        eventually(lambda: client.metrics(self.router.admin).sum("flagmesh_downstream_connections") <= 65, "closing")
        for connection in crowd:
            connection.close()

    def test_limits_follow_a_reload(self):
        self.start_router(workers=1, limits={"max_connections": 1})
        first = self.open()
        self.assertTrue(self.ask(first).startswith(b"HTTP/1.1 200 "))
        file = self.mesh.folder / "router.json"
        file.write_text(file.read_text().replace('"max_connections": 1', '"max_connections": 3'))
        eventually(lambda: self.ask(self.open()).startswith(b"HTTP/1.1 200 "), "the new limit")

    def test_slow_readers_do_not_eat_the_memory(self):
        self.start_router(workers=1, limits={"buffered_bytes": "1MiB"})
        slow = [self.open(small_window=True) for _ in range(12)]
        for connection in slow:
            connection.sendall(b"GET /checkout?bytes=30000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        reply = eventually(lambda: self.refused(), "a refusal", 20)
        self.assertEqual(reply.header("x-flagmesh-reason"), "overloaded")
        self.assertEqual(reply.header("retry-after"), "1")
        self.assertGreater(client.metrics(self.router.admin).sum("flagmesh_buffered_bytes"), 1 << 20)
        for connection in slow[1:]:
            connection.close()
        received = 0
        while piece := slow[0].recv(1 << 20):
            received += len(piece)
        self.assertGreater(received, 30_000_000, "what was in flight is finished")
        eventually(lambda: client.fetch(self.router.address, "/checkout").status == 200, "service")
        eventually(lambda: client.metrics(self.router.admin).sum("flagmesh_buffered_bytes") == 0, "all given back")
        self.assertGreaterEqual(self.refusals("buffered_bytes"), 1)

    def refused(self):
        reply = client.fetch(self.router.address, "/checkout")
        return reply if reply.status == 503 else None

    def test_without_descriptors_it_does_not_spin_and_recovers(self):
        self.start_router(workers=2)
        self.untrack(self.router)
        file = self.mesh.folder / "router.json"
        file.write_text(file.read_text().replace('"workers": 2', '"workers": 2, "limits": {"max_connections": 5000}'))
        ports = self.mesh.folder / "low.ports"
        self.router = self.track(process.Process("low", [
            "/bin/sh", "-c", 'ulimit -n 80; exec "$@"', "sh", process.binary(), "proxy", "-c", file,
            "--ports-file", ports], self.folder))
        bound = process.wait_for_file(self.router, ports)
        self.router.address, self.router.admin = bound["listeners"][0], bound["admin"]
        eventually(lambda: client.fetch(self.router.address, "/checkout").status == 200, "service")
        crowd = [self.open() for _ in range(300)]
        time.sleep(0.5)
        before = cpu_seconds(self.router.pid)
        time.sleep(2)
        spent = cpu_seconds(self.router.pid) - before
        self.assertLess(spent, 0.4, "it spins")
        for connection in crowd:
            connection.close()
        eventually(lambda: client.fetch(self.router.address, "/checkout").status == 200, "service again")
        self.assertGreater(self.refusals("open_files"), 0)
        self.assertIn("max_connections is 5000", self.router.text())

    def test_slowloris_and_slow_readers_are_cut(self):
        self.start_router(workers=1, timeouts={"request_header": "500ms", "request_body": "500ms",
                                               "stream_idle": "1s", "connection_idle": "500ms"})
        began = time.monotonic()
        drips = self.open()
        answer = b""
        for byte in SLOWLORIS * 20:  # a byte at a time wins no time
            try:
                drips.sendall(bytes([byte]))
                drips.settimeout(0.05)
                answer = drips.recv(4096)
                break
            except (TimeoutError, BlockingIOError):
                continue
            except OSError:
                break
        self.assertLess(time.monotonic() - began, 5)
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        body = self.open()
        body.sendall(b"POST /checkout HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        self.assertTrue(body.recv(4096).startswith(b"HTTP/1.1 408 "))
        idle = self.open()
        self.assertTrue(self.ask(idle).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(idle.recv(10), b"")
        reader = self.open(small_window=True)
        reader.sendall(b"GET /checkout?bytes=30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: client.metrics(self.router.admin).sum("flagmesh_downstream_connections") == 0, "all cut", 15)
        received = 0
        with self.assertRaises(ConnectionResetError):
            while piece := reader.recv(1 << 20):
                received += len(piece)
        self.assertLess(received, 30_000_000)


if __name__ == "__main__":
    unittest.main()
