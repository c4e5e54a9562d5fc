"""TLS on listeners and to containers, with clients that others wrote: openssl, curl, Node, Python's ssl."""
import concurrent.futures
import json
import os
import pathlib
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

from harness import client, plain_router, process, tls
from harness.mesh import Mesh, MeshTest
from harness.waiting import eventually

# Each takes more than a second: the others of the 100 are reloads by signal.
RENEWALS = 100 if os.environ.get("FLAGMESH_E2E_FULL") == "1" else 10
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class TlsTest(MeshTest):
    def setUp(self):
        super().setUp()
        self.ca = tls.Authority(self.folder / "certs")
        self.trusting = tls.context(self.ca)

    def metric(self, name, **labels):
        return client.metrics(self.router.admin).sum(name, **labels)


class Downstream(TlsTest):
    def serve(self, origin=None, certificates=None, listener=None, **proxy):
        """A router with TLS; by default for shop.test, *.wild.test and, for all else, default.test."""
        self.web = origin or self.origin("web")
        if certificates is None:
            certificates = [self.ca.issue("default", "DNS:default.test,DNS:localhost,IP:127.0.0.1"),
                            self.ca.issue("shop", "DNS:shop.test"), self.ca.issue("wild", "DNS:*.wild.test")]
        self.listener = {"address": "127.0.0.1:0", "tls": {"certificates": certificates} | (listener or {})}
        self.router = plain_router.start(self, [self.web.address], listeners=[self.listener], **proxy)
        self.address = self.router.address
        self.port = self.address.rpartition(":")[2]
        return self.router

    def get(self, name="shop.test", target="/", context=None, **options):
        return tls.fetch(self.address, name, target, tls=context or self.trusting, **options)

    def seen(self, reply):
        fields = {}
        for name, value in reply.json()["headers"]:
            fields.setdefault(name.lower(), []).append(value)
        return fields

    def test_a_proxy_header_comes_before_the_handshake(self):
        self.web = self.origin("web")
        pair = self.ca.issue("shop", "DNS:shop.test")
        listener = {"address": "127.0.0.1:0", "proxy_protocol": True, "trusted_proxies": ["127.0.0.0/8"], "tls": {"certificates": [pair]}}
        self.router = plain_router.start(self, [self.web.address], listeners=[listener])
        self.address = self.router.address
        for together in (True, False):
            with client.connect(self.router.address) as plain:
                header = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n"
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                secure = self.trusting.wrap_bio(incoming, outgoing, server_hostname="shop.test")
                with self.assertRaises(ssl.SSLWantReadError):
                    secure.do_handshake()
                hello = outgoing.read()
                if together:  # in one segment with the first bytes of TLS
                    plain.sendall(header + hello)
                else:
                    for byte in header:
                        plain.sendall(bytes([byte]))
                    plain.sendall(hello)

                def until(step):
                    while True:
                        try:
                            return step()
                        except ssl.SSLWantReadError:
                            plain.sendall(outgoing.read())
                            piece = plain.recv(65536)
                            self.assertTrue(piece, "cut")
                            incoming.write(piece)
                until(secure.do_handshake)
                secure.write(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
                answer = until(lambda: secure.read(65536))
                while b"\r\n\r\n{" not in answer or not answer.rstrip().endswith(b"}"):
                    answer += until(lambda: secure.read(65536))
                fields = {name.lower(): value for name, value in json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]}
                self.assertEqual(fields["x-forwarded-for"], "192.0.2.7")
                self.assertEqual(fields["x-forwarded-proto"], "https")
        # Without the header it is nobody we know: cut before a handshake is begun for him.
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.get()

    # --- certificates ---

    def test_certificate_by_name(self):
        self.serve()
        blind = tls.context()
        for name, expected in (("shop.test", "shop"), ("a.wild.test", "wild"), ("SHOP.test", "shop"), ("a.b.wild.test", "default"),
                               ("unknown.test", "default"), (None, "default")):
            with tls.connect(self.address, name, blind) as connection:
                pem = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))
                self.assertIn(f"CN = {expected}\n", tls.openssl("x509", "-noout", "-subject", input=pem.encode()))

    def test_curl(self):
        self.serve()
        for version in ("--tls-max 1.2", "--tlsv1.3"):
            done = subprocess.run(["curl", "-sS", *version.split(), "--cacert", self.ca.pem, "--resolve",
                                   f"shop.test:{self.port}:127.0.0.1", "-w", "%{http_code} %{ssl_verify_result}",
                                   f"https://shop.test:{self.port}/?bytes=200000", "-o", "/dev/null"],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.stdout, "200 0", done.stderr)

    def test_container_is_told(self):
        self.serve()
        seen = self.seen(self.get(headers={"X-Forwarded-Client-Cert": "forged", "X-Forwarded-Proto": "http"}))
        self.assertEqual(seen["x-forwarded-proto"], ["https"])
        self.assertNotIn("x-forwarded-client-cert", seen)

    def test_bodies_in_both_directions(self):
        self.serve()
        for size in (0, 1, 16384, 16385, 65536, 5_000_000):
            reply = self.get(target=f"/?bytes={size}")
            self.assertEqual((reply.status, len(reply.body)), (200, size))
        sent = b"x" * 3_000_000
        self.assertEqual(self.get(method="POST", body=sent).json()["body_bytes"], len(sent))

    def test_keep_alive_and_pipelining(self):
        self.serve()
        with tls.connect(self.address, "shop.test", self.trusting) as connection:
            connection.sendall(b"GET /?bytes=3000 HTTP/1.1\r\nHost: shop.test\r\n\r\n" * 20 +
                               b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertEqual(received.count(b"HTTP/1.1 200"), 21)

    def test_misdirected(self):
        self.serve()
        for name, host, status in (("shop.test", "shop.test", 200), ("shop.test", f"SHOP.test:{self.port}", 200),
                                   ("shop.test", "a.wild.test", 421), ("a.wild.test", "b.wild.test", 200),
                                   ("localhost", "127.0.0.1", 200), ("localhost", "shop.test", 421)):
            reply = self.get(name, headers={"Host": host})
            self.assertEqual(reply.status, status, (name, host))
            if status == 421:
                self.assertEqual(reply.header("x-flagmesh-reason"), "misdirected")

    def test_authority_check_can_be_switched_off(self):
        self.serve(listener={"check_authority": False})
        self.assertEqual(self.get(headers={"Host": "elsewhere.test"}).status, 200)

    def test_ocsp_stapling(self):
        pair = self.ca.issue("shop", "DNS:shop.test")
        self.serve(certificates=[pair | {"ocsp": self.ca.ocsp("shop")}])
        said = tls.s_client(self.address, "-servername", "shop.test", "-status", "-CAfile", self.ca.pem)
        self.assertIn("OCSP Response Status: successful", said)
        self.assertIn("Cert Status: good", said)

    # --- versions and resumption ---

    def test_versions(self):
        self.serve()
        for option, works in (("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False), ("-tls1", False)):
            said = tls.s_client(self.address, option, "-cipher", "DEFAULT:@SECLEVEL=0", "-CAfile", self.ca.pem)
            self.assertEqual("Verify return code: 0" in said and "Cipher is (NONE)" not in said, works, said)
        self.assertGreaterEqual(self.metric("flagmesh_tls_handshake_failures_total", reason="tls_version"), 1)

    def test_min_version(self):
        self.serve(listener={"min_version": "TLSv1.3"})
        self.assertEqual(self.get().status, 200)
        with self.assertRaises(ssl.SSLError):
            self.get(context=tls.context(self.ca, versions=(TLS12, TLS12)))

    def resumes(self, context, tries=6):
        """How many of so many connections resumed the first one's session."""
        with tls.connect(self.address, "shop.test", context) as first:
            tls.fetch(self.address, "shop.test", connection=first)
            session = first.session
        count = 0
        for _ in range(tries):
            with tls.connect(self.address, "shop.test", context, session) as again:
                tls.fetch(self.address, "shop.test", connection=again)
                count += again.session_reused
        return count

    def test_sessions_resume_at_every_worker(self):
        self.serve()
        for version in (TLS12, TLS13):
            self.assertEqual(self.resumes(tls.context(self.ca, versions=(version, version))), 6, version)
        self.assertEqual(self.metric("flagmesh_tls_handshakes_total", resumed="true"), 12)
        said = tls.s_client(self.address, "-servername", "shop.test", "-reconnect", "-tls1_2")
        self.assertEqual(said.count("Reused, TLSv1.2"), 5, said)

    def test_a_resumed_session_brings_the_next_ticket(self):
        self.serve()
        context = tls.context(self.ca, versions=(TLS13, TLS13))
        session, seen = None, set()
        for turn in range(4):
            with tls.connect(self.address, "shop.test", context, session) as connection:
                tls.fetch(self.address, "shop.test", connection=connection)
                self.assertEqual(connection.session_reused, turn > 0)
                session = connection.session
                seen.add(session.id)
        self.assertEqual(len(seen), 4, "each connection has a session of its own")

    def test_node_resumes(self):
        self.serve()
        script = """
          const https = require('https'), fs = require('fs');
          const [port, ca] = process.argv.slice(1);
          const agent = new https.Agent({ keepAlive: false, maxCachedSessions: 10 });
          const ask = () => new Promise((done, failed) => https.get({ host: '127.0.0.1', port, path: '/', agent,
            servername: 'shop.test', headers: { host: 'shop.test' }, ca: fs.readFileSync(ca) }, reply => {
            const { socket } = reply; const alpn = socket.alpnProtocol;
            reply.resume().on('end', () => done([reply.statusCode, socket.isSessionReused()])); }).on('error', failed));
          ask().then(first => ask().then(second => console.log(JSON.stringify([first, second]))));"""
        done = subprocess.run(["node", "-e", script, self.port, str(self.ca.pem)], capture_output=True, text=True, timeout=30)
        self.assertEqual(json.loads(done.stdout or "null"), [[200, False], [200, True]], done.stderr)

    def test_tickets_survive_a_reload_and_renewed_certificates(self):
        self.serve()
        context = tls.context(self.ca)
        with tls.connect(self.address, "shop.test", context) as first:
            tls.fetch(self.address, "shop.test", connection=first)
            session = first.session
        self.ca.issue("shop", "DNS:shop.test")
        eventually(lambda: self.metric("flagmesh_certificate_reloads_total", result="ok") >= 1, "the new certificate")
        self.router.signal(signal.SIGHUP)
        eventually(lambda: self.metric("flagmesh_reloads_total", result="ok") >= 1, "the reload")
        with tls.connect(self.address, "shop.test", context, session) as again:
            self.assertTrue(again.session_reused)

    def test_tickets_survive_a_take_over(self):
        self.serve(takeover_socket=str(self.folder / "door"))
        context = tls.context(self.ca)
        with tls.connect(self.address, "shop.test", context) as first:
            tls.fetch(self.address, "shop.test", connection=first)
            session = first.session
        ports = self.folder / "next.ports"
        following = self.start("next", "proxy", "-c", self.folder / "plain.json", "--ports-file", ports, "--take-over")
        process.wait_for_file(following, ports)
        self.assertEqual(self.router.wait(), 0, self.router.tail())
        with tls.connect(self.address, "shop.test", context, session) as again:
            self.assertTrue(again.session_reused)
            self.assertEqual(tls.fetch(self.address, "shop.test", connection=again).status, 200)

    def test_alpn(self):
        self.serve()
        for offered, chosen in ((["http/1.1"], "http/1.1"), (["http/1.0", "http/1.1"], "http/1.1"), (None, None)):
            context = tls.context(self.ca)
            if offered:
                context.set_alpn_protocols(offered)
            with tls.connect(self.address, "shop.test", context) as connection:
                self.assertEqual(connection.selected_alpn_protocol(), chosen)
        context.set_alpn_protocols(["spdy/1"])
        with self.assertRaises(ssl.SSLError):
            tls.connect(self.address, "shop.test", context)

    # --- clients' certificates ---

    def people(self):
        authority = tls.Authority(self.folder / "people", "people")
        return authority, authority.issue("alice", "DNS:alice.test,URI:spiffe://mesh/alice", subject="/O=Shop/CN=alice")

    def test_client_certificate_required(self):
        people, alice = self.people()
        self.serve(listener={"client_ca": str(people.pem)})
        seen = self.seen(self.get(context=tls.context(self.ca, alice), headers={"x-forwarded-client-cert": "forged"}))
        self.assertEqual(len(seen["x-forwarded-client-cert"]), 1)
        self.assertRegex(seen["x-forwarded-client-cert"][0],
                         r'^Hash=[0-9a-f]{64};Subject="O=Shop,CN=alice";DNS=alice.test;URI=spiffe://mesh/alice$')
        for stranger in (None, self.ca.issue("mallory", "DNS:mallory.test")):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.get(context=tls.context(self.ca, stranger))
        eventually(lambda: self.metric("flagmesh_tls_handshake_failures_total", reason="tls_no_certificate") == 1 and
                   self.metric("flagmesh_tls_handshake_failures_total", reason="tls_unknown_ca") == 1, "both to be counted")

    def test_client_certificate_is_remembered_by_the_session(self):
        people, alice = self.people()
        self.serve(listener={"client_ca": str(people.pem)})
        context = tls.context(self.ca, alice)
        self.assertEqual(self.resumes(context, 2), 2)
        self.assertIn("x-forwarded-client-cert", self.seen(self.get(context=context)))

    def test_client_certificate_optional(self):
        people, alice = self.people()
        self.serve(listener={"client_ca": str(people.pem), "client_auth": "optional"})
        self.assertNotIn("x-forwarded-client-cert", self.seen(self.get()))
        self.assertIn("x-forwarded-client-cert", self.seen(self.get(context=tls.context(self.ca, alice))))

    def test_curl_with_client_certificate(self):
        people, alice = self.people()
        self.serve(listener={"client_ca": str(people.pem)})
        done = subprocess.run(["curl", "-sS", "--cacert", self.ca.pem, "--cert", alice["cert"], "--key", alice["key"], "--resolve",
                               f"shop.test:{self.port}:127.0.0.1", f"https://shop.test:{self.port}/"], capture_output=True, text=True,
                              timeout=20)
        self.assertIn("spiffe://mesh/alice", done.stdout, done.stderr)

    # --- hostile ---

    def test_clear_text_gets_an_explanation(self):
        self.serve()
        reply = client.raw(self.address, b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        self.assertTrue(reply.startswith(b"HTTP/1.1 400 "), reply)
        self.assertIn(b"x-flagmesh-reason: tls_plain_http", reply)

    def test_garbage_and_cut_handshakes(self):
        self.serve()
        hello = bytearray()
        memory_in, memory_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaking = tls.context().wrap_bio(memory_in, memory_out, server_hostname="shop.test")
        with self.assertRaises(ssl.SSLWantReadError):
            shaking.do_handshake()
        hello += memory_out.read()
        for size in range(0, len(hello), 23):
            with client.connect(self.address) as cut:
                cut.sendall(hello[:size])
        for at in range(0, len(hello), 7):
            damaged = bytearray(hello)
            damaged[at] ^= 0xff
            with client.connect(self.address) as connection:
                connection.sendall(damaged)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(10)
                try:
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass
        self.assertEqual(self.get().status, 200)
        eventually(lambda: self.metric("flagmesh_downstream_connections") == 0, "every one to be gone")

    def test_slow_handshake_is_cut(self):
        self.serve(timeouts={"tls_handshake": "500ms"})
        with client.connect(self.address) as silent, client.connect(self.address) as dripping:
            began = time.monotonic()
            dripping.sendall(b"\x16")
            for connection in (silent, dripping):
                self.assertEqual(connection.recv(1), b"")
            self.assertGreater(time.monotonic() - began, 0.4)
        self.assertEqual(self.metric("flagmesh_tls_handshake_failures_total", reason="tls_timeout"), 2)

    def test_handshakes_over_the_limit_wait_their_turn(self):
        self.serve(timeouts={"tls_handshake": "3s"}, limits={"tls_handshakes": 2}, workers=1)
        blockers = [client.connect(self.address) for _ in range(2)]
        eventually(lambda: self.metric("flagmesh_downstream_connections") == 2, "the blockers")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(self.get) for _ in range(4)]
            eventually(lambda: self.metric("flagmesh_tls_handshakes_waited_total") == 4, "four to wait")
            self.assertEqual(self.metric("flagmesh_tls_handshakes_total"), 0)
            blockers[0].close()
            for one in waiting:
                self.assertEqual(one.result(10).status, 200)
        blockers[1].close()

    def test_without_descriptors_clients_get_an_alert(self):
        self.serve()
        self.untrack(self.router)
        ports = self.folder / "low.ports"
        self.router = self.track(process.Process("low", [
            "/bin/sh", "-c", 'ulimit -n 80; exec "$@"', "sh", process.binary(), "proxy", "-c", self.folder / "plain.json",
            "--ports-file", ports], self.folder))
        address = process.wait_for_file(self.router, ports)["listeners"][0]
        crowd = [client.connect(address) for _ in range(150)]
        for one in crowd:
            self.addCleanup(one.close)

        def told():
            return [one.recv(100) for one in select.select(crowd, [], [], 0)[0]]
        answers = eventually(told, "somebody to be refused")
        # fatal, internal_error (RFC 8446 §6)
        self.assertEqual({bytes(answer) for answer in answers}, {b"\x15\x03\x03\x00\x02\x02\x50"})

    def test_no_renegotiation(self):
        self.serve()
        child = subprocess.Popen(["openssl", "s_client", "-connect", self.address, "-tls1_2", "-servername", "shop.test"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            time.sleep(0.5)
            child.stdin.write(b"R\n")
            child.stdin.flush()
            said = child.communicate(timeout=10)[0].decode(errors="replace")
        finally:
            child.kill()
        self.assertRegex(said, "no renegotiation|unexpected message|ssl handshake failure|alert")

    def test_no_early_data(self):
        self.serve()
        said = tls.s_client(self.address, "-servername", "shop.test", "-tls1_3", stdin=b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        self.assertNotRegex(said, r"Max Early Data: [1-9]")

    def test_fallback_scsv(self):
        self.serve()
        said = tls.s_client(self.address, "-servername", "shop.test", "-tls1_2", "-fallback_scsv")
        self.assertIn("inappropriate fallback", said)

    # --- reload ---

    def serial(self, name="shop.test"):
        with tls.connect(self.address, name, self.trusting) as connection:
            return connection.getpeercert()["serialNumber"]

    def test_bad_pair_is_refused_and_the_old_one_stays(self):
        self.serve()
        before = self.serial()
        key = pathlib.Path(self.folder / "certs/shop.key")
        secret = key.read_text()
        key.write_text((self.folder / "certs/wild.key").read_text())
        eventually(lambda: self.metric("flagmesh_certificate_reloads_total", result="refused") == 1, "the refusal")
        self.assertIn("the key is not the one of the certificate", self.router.text())
        self.assertEqual(self.serial(), before)
        pathlib.Path(self.folder / "certs/shop.pem").write_text("-----BEGIN CERTIFICATE-----\nbroken")
        eventually(lambda: self.metric("flagmesh_certificate_reloads_total", result="refused") == 2, "the second refusal")
        self.assertEqual(self.serial(), before)
        self.router.signal(signal.SIGHUP)
        eventually(lambda: self.metric("flagmesh_reloads_total", result="refused") == 1, "the whole reload to be refused")
        self.assertEqual(self.serial(), before)
        self.ca.issue("shop", "DNS:shop.test")
        eventually(lambda: self.serial() != before, "the new certificate")
        for line in secret.splitlines()[1:-1]:
            self.assertNotIn(line, self.router.text())

    def test_reload_under_load_loses_nobody(self):
        self.serve(workers=2)
        stop, failures, done = threading.Event(), [], [0]

        def fresh_connections():
            while not stop.is_set():
                try:
                    if self.get().status != 200:
                        failures.append("status")
                    done[0] += 1
                except Exception as error:  # whatever it is, somebody was lost
                    failures.append(repr(error))

        def one_connection():
            try:
                with tls.connect(self.address, "shop.test", self.trusting) as connection:
                    while not stop.is_set():
                        if tls.fetch(self.address, "shop.test", connection=connection).status != 200:
                            failures.append("status")
                        done[0] += 1
            except Exception as error:
                failures.append(repr(error))

        threads = [threading.Thread(target=one) for one in (fresh_connections, fresh_connections, one_connection)]
        for thread in threads:
            thread.start()
        serials = set()

        def unseen():
            serial = self.serial()
            return serial if serial not in serials else None

        try:
            for round in range(RENEWALS):
                self.ca.issue("shop", "DNS:shop.test")
                eventually(lambda: self.metric("flagmesh_certificate_reloads_total", result="ok") > round, "the reload")
                serials.add(eventually(unseen, "the new certificate"))  # each worker takes it on a turn of its own
            for _ in range(100 - RENEWALS):
                reloads = self.metric("flagmesh_reloads_total", result="ok")
                self.router.signal(signal.SIGHUP)
                eventually(lambda: self.metric("flagmesh_reloads_total", result="ok") > reloads, "the reload by signal")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(serials), RENEWALS)
        self.assertGreater(done[0], 200)
        print(f"{RENEWALS} certificates: {self.metric('flagmesh_tls_handshakes_total'):.0f} handshakes, {done[0]} requests", file=sys.stderr)

    def test_mistakes_are_named_at_the_start(self):
        pair = self.ca.issue("shop", "DNS:shop.test")
        config = {"trust": {"policy": "unsigned"}, "proxy": {
            "listeners": [{"address": "127.0.0.1:0", "tls": {"certificates": [pair | {"key": str(self.folder / "none.key")}]}}],
            "routes": [{"path": "/", "container": "web"}], "containers": {"web": {"endpoints": ["127.0.0.1:1"]}}}}
        file = self.write("bad.json", config)
        router = self.start("bad", "proxy", "-c", file)
        self.assertNotEqual(router.wait(20), 0)
        self.assertIn("none.key: cannot be read", router.text())
        checked = subprocess.run([process.binary(), "check", file], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(checked.returncode, 0)
        self.assertRegex(checked.stdout + checked.stderr, r"bad\.json:\d+:\d+: error: 'tls' of a listener: .*none\.key: cannot be read")


class Targeting(TlsTest):
    def test_flags_see_the_connection(self):
        def by(condition):
            return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off",
                    "targeting": {"if": [condition, "on", "off"]}}
        asked = {"subject": {"in": ["CN=alice", {"var": "tls.client_subject"}]}, "san": {"in": ["URI:spiffe://mesh/alice", {"var": "tls.client_san"}]},
                 "known": {"!!": [{"var": "tls.client_fingerprint"}]}, "version": {"==": [{"var": "tls.version"}, "TLSv1.3"]},
                 "sni": {"==": [{"var": "tls.sni"}, "shop.test"]}, "alpn": {"==": [{"var": "tls.alpn"}, "http/1.1"]},
                 "cipher": {"starts_with": [{"var": "tls.cipher"}, "TLS_AES_"]}}
        mesh = Mesh(self, flags={key: by(condition) for key, condition in asked.items()}, containers=("a", "b"), policy="unsigned")
        mesh.engine()
        pair, people = self.ca.issue("shop", "DNS:shop.test"), tls.Authority(self.folder / "people", "people")
        alice = people.issue("alice", "URI:spiffe://mesh/alice", subject="/CN=alice/O=Shop")
        listeners = [{"address": "127.0.0.1:0", "tls": {"certificates": [pair], "client_ca": str(people.pem), "client_auth": "optional"}}]
        self.router = mesh.router(listeners=listeners, routes=[
            {"path": f"/{key}", "flag": key, "serve": {"on": "b", "off": "a"}, "fallback": "a"} for key in asked])

        def on(context):
            return {key for key in asked
                    if tls.fetch(self.router.address, "shop.test", f"/{key}", tls=context).header("x-flagmesh-variant") == "on"}
        http1 = tls.context(self.ca, alice)
        http1.set_alpn_protocols(["http/1.1"])
        self.assertEqual(on(http1), set(asked))
        self.assertEqual(on(tls.context(self.ca, versions=(TLS12, TLS12))), {"sni"})


class Upstream(TlsTest):
    def serve(self, pair, tls_options=None, client_ca=None, **container):
        self.container = tls.Container(pair, client_ca)
        self.addCleanup(self.container.close)
        port = self.container.address.rpartition(":")[2]
        options = {"ca": str(self.ca.pem)} | (tls_options or {})
        self.router = plain_router.start(self, [f"localhost:{port}"], container={"tls": options} | container)
        return self.router

    def get(self, target="/"):
        return client.fetch(self.router.address, target)

    def refused(self, reason):
        reply = self.get()
        self.assertEqual((reply.status, reply.header("x-flagmesh-reason")), (503, reason), reply)
        self.assertGreaterEqual(self.metric("flagmesh_container_tls_failures_total", container="web", reason=reason), 1)
        self.assertGreaterEqual(self.metric("flagmesh_container_connect_failures_total", container="web"), 1)

    def test_verified_by_authority_and_name(self):
        self.serve(self.ca.issue("internal", "DNS:localhost"))
        reply = self.get()
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json()["version"], "TLSv1.3")

    def test_server_name(self):
        self.serve(self.ca.issue("internal", "DNS:checkout.internal"), {"server_name": "checkout.internal"})
        self.assertEqual(self.get().status, 200)

    def test_wrong_name(self):
        self.serve(self.ca.issue("internal", "DNS:elsewhere.internal"))
        self.refused("upstream_tls_name_mismatch")

    def test_expired(self):
        self.serve(self.ca.issue("internal", "DNS:localhost", expired=True))
        self.refused("upstream_tls_certificate_expired")

    def test_unknown_authority(self):
        other = tls.Authority(self.folder / "other", "other")
        self.serve(other.issue("internal", "DNS:localhost"))
        self.refused("upstream_tls_unknown_ca")

    def test_verification_can_be_switched_off(self):
        other = tls.Authority(self.folder / "other", "other")
        self.serve(other.issue("internal", "DNS:elsewhere.internal"), {"verify": False})
        self.assertEqual(self.get().status, 200)

    def test_container_that_speaks_clear_text(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def answer():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        self.router = plain_router.start(self, ["127.0.0.1:%d" % listening.getsockname()[1]],
                                         container={"tls": {"ca": str(self.ca.pem)}})
        self.refused("upstream_tls_handshake")

    def test_client_certificate(self):
        people = tls.Authority(self.folder / "people", "people")
        own = people.issue("router", "DNS:router.test")
        self.serve(self.ca.issue("internal", "DNS:localhost"), {"cert": own["cert"], "key": own["key"]}, client_ca=people)
        self.assertIn("router", self.get().json()["client"])

    def test_sessions_are_resumed(self):
        self.serve(self.ca.issue("internal", "DNS:localhost"))
        for _ in range(6):
            self.assertEqual(self.get("/close").status, 200)
        # Each worker makes its first connection anew.
        self.assertEqual(self.container.handshakes, 6)
        self.assertGreaterEqual(self.container.resumed, 4)

    def test_health_checks_use_it(self):
        self.serve(self.ca.issue("internal", "DNS:elsewhere.internal"), health_check={"path": "/", "interval": "100ms", "unhealthy_after": 1, "healthy_after": 1})
        eventually(lambda: self.metric("flagmesh_container_healthy_endpoints", container="web") == 0, "the check to fail")

    def test_health_checks_succeed(self):
        self.serve(self.ca.issue("internal", "DNS:localhost"), health_check={"path": "/", "interval": "100ms"})
        eventually(lambda: self.container.handshakes >= 3, "some checks")
        self.assertEqual(self.metric("flagmesh_container_healthy_endpoints", container="web"), 1)

    def test_new_authority_is_followed(self):
        other = tls.Authority(self.folder / "other", "other")
        ca = self.folder / "trusted.pem"
        ca.write_text(other.pem.read_text())
        self.serve(self.ca.issue("internal", "DNS:localhost"), {"ca": str(ca)})
        self.refused("upstream_tls_unknown_ca")
        ca.write_text(self.ca.pem.read_text())
        eventually(lambda: self.get().status == 200, "the new authority")


if __name__ == "__main__":
    unittest.main()
