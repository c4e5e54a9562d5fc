"""Who asked: the PROXY protocol on listeners, what proxies in front are believed, and what containers and the log are told."""
import json
import os
import pathlib
import signal
import socket
import stat
import struct
import unittest

from harness import client, plain_router
from harness.mesh import MeshTest
from harness.waiting import SLOWNESS, eventually

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
GET = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def v1(client_ip, family="TCP4", here="198.51.100.1"):
    return f"PROXY {family} {client_ip} {here} 5000 443\r\n".encode()


def v2(client_ip, command=PROXY, tlvs=b"", checksum=False):
    """A header as a balancer writes it; `checksum` adds a CRC-32c over all of it."""
    family, here = (socket.AF_INET6, "2001:db8::1") if ":" in client_ip else (socket.AF_INET, "198.51.100.1")
    body = socket.inet_pton(family, client_ip) + socket.inet_pton(family, here) + struct.pack(">HH", 5000, 443) + tlvs
    if checksum:
        body += struct.pack(">BHI", 3, 4, 0)
    head = SIGNATURE + bytes([command, 0x21 if family == socket.AF_INET6 else 0x11]) + struct.pack(">H", len(body)) + body
    return head[:-4] + struct.pack(">I", crc32c(head)) if checksum else head


class WhoAsks(MeshTest):
    def setUp(self):
        super().setUp()
        self.web = self.origin("web")

    def router(self, *listeners, name="router", **proxy):
        listeners = [{"address": "127.0.0.1:0"} | listener for listener in listeners]
        return plain_router.start(self, [self.web.address], name=name, listeners=listeners, **proxy)

    def say(self, address, data, piece=None):
        """Sends bytes, in pieces if asked for, and returns all that comes back."""
        with client.connect(address) as connection:
            for at in range(0, len(data), piece or len(data)):
                connection.sendall(data[at:at + (piece or len(data))])
            received = b""
            try:
                while more := connection.recv(65536):
                    received += more
            except ConnectionResetError:
                pass
            return received

    def seen(self, answer):
        """The fields that the container saw: lower-case name -> list of values."""
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.1 200 ")
        fields = {}
        for name, value in json.loads(body)["headers"]:
            fields.setdefault(name.lower(), []).append(value)
        return fields

    def ask(self, address, *fields, before=b"", piece=None):
        lines = "".join(f"{field}\r\n" for field in fields).encode()
        return self.seen(self.say(address, before + GET + lines + b"\r\n", piece))

    def log(self, name="router"):
        text = (self.folder / f"{name}.access").read_text()
        return [json.loads(line) for line in text.splitlines()]

    # --- the PROXY protocol ---

    def test_proxy_protocol(self):
        router = self.router({"proxy_protocol": True, "trusted_proxies": ["127.0.0.0/8"]})
        headers = ((v1("203.0.113.9"), "203.0.113.9"), (v1("2001:db8::7", "TCP6", "2001:db8::1"), "2001:db8::7"),
                   (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (v2("203.0.113.10"), "203.0.113.10"),
                   (v2("2001:db8::8"), "2001:db8::8"), (v2("203.0.113.11", LOCAL), "127.0.0.1"),
                   (v2("203.0.113.12", tlvs=b"\x02\0\x04shop", checksum=True), "203.0.113.12"))
        for header, who in headers:
            for piece in (None, 1, 5):
                with self.subTest(header=header, piece=piece):
                    self.assertEqual(self.ask(router.address, before=header, piece=piece)["x-forwarded-for"], [who])
        count = 3 * len(headers)
        eventually(lambda: len(self.log()) == count, "the log")
        # Two workers write one log, each in batches.
        self.assertEqual(sorted(line["client"] for line in self.log()), sorted(3 * [who for _, who in headers]))

    def test_proxy_header_is_mandatory_and_strict(self):
        router = self.router({"proxy_protocol": True, "trusted_proxies": ["127.0.0.0/8"]},
                             timeouts={"request_header": "300ms"})
        request = GET + b"\r\n"
        bad = (request, b"PROXY TCP4 203.0.113.9 198.51.100.1 5000\r\n" + request, b"PROXY UNKNOWN\n" + request,
               v2("203.0.113.9", 0x22) + request, SIGNATURE + b"\x21\x41\0\0" + request,
               v2("203.0.113.9", checksum=True)[:-1] + b"\xff" + request, b"\x16\x03\x01\x02\x00" + request,
               b"PROXY UNKNOWN" + b" " * 200 + b"\r\n" + request)
        for data in bad:
            with self.subTest(data=data):
                self.assertEqual(self.say(router.address, data), b"")
        for late in (b"", b"PROXY TCP4 203", SIGNATURE + b"\x21"):  # cut when the time for a head is over
            with self.subTest(late=late):
                self.assertEqual(self.say(router.address, late) if late else self.wait_for_end(router.address), b"")
        metrics = client.metrics(router.admin)
        self.assertEqual(metrics.sum("flagmesh_downstream_requests_total"), 0)
        self.assertEqual(metrics.sum("flagmesh_downstream_connections_refused_total"), len(bad))

    def wait_for_end(self, address):
        with client.connect(address) as connection:
            return connection.recv(1)

    def test_proxy_header_from_somebody_else(self):
        router = self.router({"proxy_protocol": True, "trusted_proxies": ["10.0.0.0/8"]})
        self.assertEqual(self.say(router.address, v1("203.0.113.9") + GET + b"\r\n"), b"")

    def test_proxy_header_where_none_is_asked_for(self):
        router = self.router({})
        self.assertRegex(self.say(router.address, v1("203.0.113.9") + GET + b"\r\n"), rb"^HTTP/1\.1 (400|505) ")

    # --- proxies in front ---

    def test_by_default_nobody_is_believed(self):
        router = self.router({})
        seen = self.ask(router.address, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: x",
                        "X-Forwarded-Port: 1", "X-Forwarded-User: root", "Forwarded: for=203.0.113.9",
                        "X-Real-IP: 203.0.113.9", "X-Request-Id: mine")
        self.assertEqual(seen["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual((seen["x-forwarded-proto"], seen["x-forwarded-host"]), (["http"], ["h"]))
        self.assertNotEqual(seen["x-request-id"], ["mine"])
        for gone in ("x-forwarded-port", "x-forwarded-user", "forwarded", "x-real-ip"):
            self.assertNotIn(gone, seen)

    def test_trusted_proxies_and_hops(self):
        router = self.router({"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]}, {"trusted_hops": 2},
                             {"trusted_proxies": ["10.0.0.0/8"]})
        for address, who, chain in zip(router.addresses, ("203.0.113.9", "203.0.113.9", "127.0.0.1"),
                                       ("198.51.100.1, 203.0.113.9, 10.0.0.1, 127.0.0.1",
                                        "198.51.100.1, 203.0.113.9, 10.0.0.1, 127.0.0.1", "127.0.0.1")):
            seen = self.ask(address, "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.1", "X-Request-Id: r1",
                            "X-Forwarded-Proto: https")
            self.assertEqual(seen["x-forwarded-for"], [chain])
            self.assertEqual(seen["x-request-id"] == ["r1"], who != "127.0.0.1")
            self.assertEqual(seen["x-forwarded-proto"], ["https" if who != "127.0.0.1" else "http"])
        eventually(lambda: len(self.log()) == 3, "the log")
        self.assertEqual(sorted(line["client"] for line in self.log()), ["127.0.0.1", "203.0.113.9", "203.0.113.9"])

    def test_identity_headers(self):
        identity = {"identity_headers": ["x-user-id"]}
        router = self.router(identity, identity | {"trusted_proxies": ["127.0.0.1"]}, {})
        outside, inside, default = router.addresses
        self.assertNotIn("x-user-id", self.ask(outside, "X-User-ID: jack"))
        self.assertEqual(self.ask(inside, "X-User-ID: jack")["x-user-id"], ["jack"])
        self.assertEqual(self.ask(default, "X-User-ID: jack")["x-user-id"], ["jack"])

    def test_rfc_7239_and_another_name_in_via(self):
        router = self.router({"trusted_proxies": ["127.0.0.1"]}, forwarded="rfc7239", via="edge-7")
        seen = self.ask(router.address, 'Forwarded: for="[2001:db8::7]:4711";proto=https')
        self.assertEqual(seen["forwarded"], ['for="[2001:db8::7]:4711";proto=https, for=127.0.0.1;host=h;proto=http'])
        self.assertEqual(seen["via"], ["1.1 edge-7"])
        self.assertNotIn("x-forwarded-for", seen)
        eventually(lambda: self.log() != [], "the log")
        self.assertEqual(self.log()[0]["client"], "2001:db8::7")

    def test_a_reload_changes_whom_a_listener_believes(self):
        router = self.router({})
        file = self.folder / "router.json"
        config = json.loads(file.read_text())
        listener = config["proxy"]["listeners"][0]
        listener |= {"trusted_proxies": ["127.0.0.1"], "backlog": 64, "tcp_keepalive": {"idle": "30s"}}
        with client.Client(router.address) as before:
            told = {"X-Forwarded-For": "203.0.113.9"}
            fields = lambda: dict(before.request("GET", "/", told).json()["headers"])
            self.assertEqual(fields()["x-forwarded-for"], "127.0.0.1")
            file.write_text(json.dumps(config))
            router.signal(signal.SIGHUP)
            chain = lambda: self.ask(router.address, "X-Forwarded-For: 203.0.113.9")["x-forwarded-for"]
            eventually(lambda: chain() == ["203.0.113.9, 127.0.0.1"], "the new settings")
            self.assertEqual(fields()["x-forwarded-for"], "127.0.0.1")  # a connection keeps its own

    # --- Max-Forwards ---

    def test_max_forwards(self):
        router = self.router({})
        ask = lambda method, hops: self.say(router.address, f"{method} /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: {hops}\r\n"
                                            "Cookie: secret\r\nConnection: close\r\n\r\n".encode())
        self.assertIn(b'"Max-Forwards", "4"'.lower(), ask("OPTIONS", 5).lower())
        self.assertRegex(ask("OPTIONS", 0), rb"(?s)^HTTP/1\.1 200 .*\r\nallow: ")
        trace = ask("TRACE", 0)
        self.assertRegex(trace, rb"(?s)^HTTP/1\.1 200 .*\r\n\r\nTRACE /a HTTP/1\.1\r\nHost: h\r\nMax-Forwards: 0\r\n")
        self.assertNotIn(b"secret", trace)
        self.assertRegex(ask("OPTIONS", "x"), rb"(?s)^HTTP/1\.1 400 .*x-flagmesh-reason: bad_max_forwards")

    # --- limits and paths ---

    def test_limits_of_messages(self):
        router = self.router({}, limits={"header_block": "2KiB", "header_fields": 20, "target": "100B", "max_body": "10B"},
                             routes=[{"path": "/large", "container": "web", "max_body": "1MiB"},
                                     {"path": "/", "container": "web"}])

        def status(target="/", fields="", body=b""):
            head = f"POST {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
            answer = self.say(router.address, head.encode() + body)
            refused = not answer.startswith(b"HTTP/1.1 200")
            self.assertEqual(refused, b"x-flagmesh-reason" in answer)
            self.assertIn(b"connection: close", answer.lower())
            return int(answer[9:12])

        self.assertEqual(status("/" + "a" * 99), 200)
        self.assertEqual(status("/" + "a" * 100), 414)
        self.assertEqual(status(fields="X: 1\r\n" * 17), 200)
        self.assertEqual(status(fields="X: 1\r\n" * 18), 431)
        self.assertEqual(status(fields="X: " + "a" * 1800 + "\r\n"), 200)
        self.assertEqual(status(fields="X: " + "a" * 2000 + "\r\n"), 431)
        self.assertEqual(status(body=b"0123456789"), 200)
        self.assertEqual(status(body=b"01234567890"), 413)
        self.assertEqual(status("/large", body=b"a" * 5000), 200)

    def test_paths_are_forwarded_as_they_are_routed(self):
        routes = [{"path": {"exact": "/b"}, "container": "web"}, {"path": "/a", "container": "web"}]
        normal = self.router({}, routes=routes)
        raw = self.router({}, routes=routes, name="raw", normalize_path=False)

        def target(router, path):
            answer = self.say(router.address, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
            body = answer.partition(b"\r\n\r\n")[2]
            return json.loads(body)["target"] if answer.startswith(b"HTTP/1.1 200") else int(answer[9:12])

        for path, wanted, as_sent in (("/x/..//%62?q=%41/../", "/b?q=%41/../", 404), ("/a%2fb", "/a%2Fb", 404),
                                      ("/a/%2e%2e/b", "/b", "/a/%2e%2e/b"), ("/a/..%2Fb", "/a/..%2Fb", "/a/..%2Fb"),
                                      ("/a/%5cb", "/a/%5Cb", "/a/%5cb"), ("/a/%00", 400, 400), ("/a/\\b", 400, 400),
                                      ("/a/%zz", 400, 400)):
            wanted = 404 if path == "/a%2fb" else wanted
            with self.subTest(path=path):
                self.assertEqual((target(normal, path), target(raw, path)), (wanted, as_sent))

    # --- sockets ---

    def test_unix_socket_mode_trust_and_dead_files(self):
        path = self.folder / "in.sock"
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(path))
        dead.close()  # the file stays, as after a crash
        router = self.router({"address": f"unix:{path}", "mode": "0600", "proxy_protocol": True, "trusted_proxies": ["unix"]})
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10 * SLOWNESS)
            connection.connect(str(path))
            connection.sendall(v1("203.0.113.9") + GET + b"\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertEqual(self.seen(answer)["x-forwarded-for"], ["203.0.113.9"])

    def test_ipv6_takes_no_ipv4_unless_asked(self):
        router = self.router({"address": "[::]:0"}, {"address": "[::]:0", "ipv6_only": False})
        ports = [address.rpartition(":")[2] for address in router.addresses]
        with self.assertRaises(ConnectionRefusedError):
            client.connect(f"127.0.0.1:{ports[0]}")
        self.assertEqual(self.ask(f"127.0.0.1:{ports[1]}")["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual(self.ask(f"[::1]:{ports[0]}")["x-forwarded-for"], ["::1"])

    def test_one_socket_for_all_workers(self):
        router = self.router({"reuse_port": False, "backlog": 32, "tcp_keepalive": {"idle": "40s", "interval": "5s", "count": 2}})
        port = int(router.address.rpartition(":")[2])
        mine = {os.readlink(link) for link in pathlib.Path(f"/proc/{router.pid}/fd").iterdir() if link.is_symlink()}
        listening = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in listening if row[1].endswith(f":{port:04X}") and row[3] == "0A"}
        self.assertEqual(len(inodes), 1)
        self.assertTrue(f"socket:[{inodes.pop()}]" in mine)
        for _ in range(20):
            self.assertEqual(self.ask(router.address)["host"], ["h"])


if __name__ == "__main__":
    unittest.main()
