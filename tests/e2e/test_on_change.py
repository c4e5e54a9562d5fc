"""What a changed variant does to the WebSockets and long responses of its users (proxy.on_change)."""
import socket
import time
import unittest

from harness import client
from harness.mesh import Mesh, MeshTest, variant
from harness.waiting import eventually, stays

UPGRADE = ("GET /checkout HTTP/1.1\r\nHost: a\r\nx-user-id: {}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


class OnChange(MeshTest):
    def start_router(self, **proxy):
        self.mesh = Mesh(self)
        self.mesh.engine()
        self.router = self.mesh.router(**proxy)
        users = [f"u{i}" for i in range(40)]
        self.on = next(user for user in users if variant(self.router.address, user) == "on")
        self.off = next(user for user in users if variant(self.router.address, user) == "off")

    def socket_of(self, user):
        tunnel = client.connect(self.router.address)
        self.addCleanup(tunnel.close)
        tunnel.sendall(UPGRADE.format(user).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += tunnel.recv(4096)
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        return tunnel

    def echoes(self, tunnel):
        try:
            tunnel.sendall(b"ping")
            return tunnel.recv(16) == b"ping"
        except OSError:
            return False

    def switch_off(self):
        """Nobody gets `on` any more."""
        epoch = self.mesh.epoch(self.router)
        self.mesh.set_rollout({"on": 0, "off": 100})
        self.mesh.wait_for_epoch(epoch + 1, self.router)

    def changed(self):
        return client.metrics(self.router.admin).sum("flagmesh_streams_changed_total")

    def test_keep(self):
        self.start_router(on_change="keep")
        tunnel = self.socket_of(self.on)
        self.switch_off()
        stays(lambda: self.echoes(tunnel), "the tunnel", 0.5)
        self.assertEqual(self.changed(), 0)

    def test_close(self):
        self.start_router(on_change="close")
        tunnels = [self.socket_of(self.on) for _ in range(300)]  # more than one turn looks at
        other = self.socket_of(self.off)
        self.assertTrue(all(self.echoes(tunnel) for tunnel in tunnels))
        long = client.connect(self.router.address)
        long.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        long.sendall(f"GET /checkout?bytes=50000000 HTTP/1.1\r\nHost: a\r\nx-user-id: {self.on}\r\n\r\n".encode())
        self.assertTrue(long.recv(100).startswith(b"HTTP/1.1 200 "))
        self.switch_off()
        eventually(lambda: self.changed() == 301, "all to be told")
        for tunnel in tunnels:
            self.assertEqual(tunnel.recv(16), b"", "an orderly end")
        self.assertTrue(self.echoes(other), "its variant is the same")
        read = 0
        with self.assertRaises(ConnectionResetError):  # a part must not look whole
            while piece := long.recv(1 << 20):
                read += len(piece)
        self.assertLess(read, 50_000_000)
        long.close()

    def test_drain(self):
        self.start_router(on_change="drain", drain_timeout="2s")
        tunnel, other = self.socket_of(self.on), self.socket_of(self.off)
        began = time.monotonic()
        self.switch_off()
        eventually(lambda: self.changed() == 1, "it to be told")
        self.assertTrue(self.echoes(tunnel), "it has time")
        tunnel.settimeout(10)
        self.assertEqual(tunnel.recv(16), b"")
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertTrue(self.echoes(other))

    def test_a_change_that_changes_nothing_for_the_user(self):
        self.start_router(on_change="close")
        tunnel = self.socket_of(self.on)
        epoch = self.mesh.epoch(self.router)
        self.mesh.set_rollout({"on": 60, "off": 40})
        self.mesh.wait_for_epoch(epoch + 1, self.router)
        stays(lambda: self.echoes(tunnel), "the tunnel", 0.5)
        self.assertEqual(self.changed(), 0)


if __name__ == "__main__":
    unittest.main()
