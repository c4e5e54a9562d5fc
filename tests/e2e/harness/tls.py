"""Certificates from the openssl program, HTTPS clients and containers."""
import http.client
import http.server
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading

from harness import client

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60, **options)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


class Authority:
    """A certificate authority in a folder; NAME.pem is what others trust."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.serial = 4096
        self.pem, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        openssl("req", "-x509", *EC, "-nodes", "-days", 30, "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.pem)
        self.index = self.folder / f"{name}.index"
        self.index.write_text("")

    def issue(self, file, san, expired=False, subject=None, days=30, more=""):
        """Writes FILE.pem (with its authority) and FILE.key, each at once; returns their paths for the configuration. `more`: lines of
        extensions."""
        base = self.folder / file
        base.with_suffix(".ext").write_text(f"subjectAltName={san}\nbasicConstraints=CA:FALSE\n{more}")
        openssl("req", *EC, "-nodes", "-subj", subject or f"/CN={file}", "-keyout", f"{base}.key.new", "-out", f"{base}.csr")
        self.serial += 1
        config = self.folder / f"{self.name}.cnf"
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.index}\nserial={self.folder}/{self.name}.serial\n"
                          f"new_certs_dir={self.folder}\ndefault_md=sha256\nunique_subject=no\npolicy=p\n[p]\n"
                          "commonName=supplied\norganizationName=optional\n")
        (self.folder / f"{self.name}.serial").write_text(f"{self.serial:x}\n")
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else ["-days", days]
        openssl("ca", "-batch", "-notext", "-config", config, "-in", f"{base}.csr", "-cert", self.pem, "-keyfile", self.key,
                "-extfile", base.with_suffix(".ext"), *dates, "-out", f"{base}.leaf")
        pathlib.Path(f"{base}.pem.new").write_text(pathlib.Path(f"{base}.leaf").read_text() + self.pem.read_text())
        for kind in ("key", "pem"):
            pathlib.Path(f"{base}.{kind}.new").replace(f"{base}.{kind}")
        return {"cert": f"{base}.pem", "key": f"{base}.key"}

    def ocsp(self, file):
        """An OCSP answer that says the certificate is good; its path."""
        base = self.folder / file
        request, answer = f"{base}.ocsp.req", f"{base}.ocsp"
        openssl("ocsp", "-issuer", self.pem, "-cert", f"{base}.leaf", "-no_nonce", "-reqout", request)
        openssl("ocsp", "-index", self.index, "-CA", self.pem, "-rsigner", self.pem, "-rkey", self.key, "-reqin", request,
                "-respout", answer, "-ndays", 7)
        return answer


def context(authority=None, pair=None, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
    made = ssl.create_default_context(cafile=str(authority.pem) if authority else None)
    if authority is None:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.minimum_version, made.maximum_version = versions
    if pair:
        made.load_cert_chain(pair["cert"], pair["key"])
    return made


def connect(address, name, tls, session=None, timeout=10.0):
    return tls.wrap_socket(client.connect(address, timeout), server_hostname=name, session=session)


def fetch(address, name, target="/", tls=None, headers=None, method="GET", body=None, connection=None):
    """One request over TLS with `name` as SNI and host."""
    opened = connection or connect(address, name, tls)
    try:
        asked = http.client.HTTPConnection(name)
        asked.sock = opened
        asked.request(method, target, body=body, headers=headers or {})
        reply = asked.getresponse()
        return client.Response(reply.status, reply.getheaders(), reply.read())
    finally:
        if connection is None:
            opened.close()


def s_client(address, *arguments, stdin=b"", timeout=20):
    """openssl s_client; returns what it printed, whatever its exit status."""
    done = subprocess.run(["openssl", "s_client", "-connect", address, *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=timeout)
    return (done.stdout + done.stderr).decode(errors="replace")


class Container:
    """An HTTPS container in this process: answers every GET with what it saw."""

    def __init__(self, pair, client_ca=None):
        self.handshakes = self.resumed = 0
        self.connections = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                tls = self.connection
                if tls not in outer.connections:
                    outer.connections.append(tls)
                    outer.handshakes += 1
                    outer.resumed += bool(tls.session_reused)
                certificate = tls.getpeercert()
                body = json.dumps({"host": self.headers["Host"], "client": certificate and str(certificate["subject"]),
                                   "headers": self.headers.items(), "version": tls.version()}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                if "close" in self.path:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pair["cert"], pair["key"])
        if client_ca:
            self.tls.load_verify_locations(str(client_ca.pem))
            self.tls.verify_mode = ssl.CERT_REQUIRED
        self.server = Server(("127.0.0.1", 0), Handler)
        # The handshake is done by the thread of the connection.
        self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
