"""HTTP/2 over TLS with a browser: Chromium, headless, which believes the test's authority and nobody else.

Its page asks for many things at once, uploads, downloads, breaks off, opens a WebSocket, and tells the container what it saw. Skipped
where Chromium and certutil are not installed (scripts/setup --clients)."""
import http.server
import json
import os
import queue
import shutil
import subprocess
import threading
import unittest

from harness import node, plain_router, process, tls
from harness.mesh import MeshTest
from harness.waiting import SLOWNESS

CHROMIUM = shutil.which("chromium")
CERTUTIL = shutil.which("certutil")

PAGE = """<!doctype html><meta charset="utf-8"><title>page</title><script>
const sum = (bytes) => bytes.reduce((sum, byte) => (sum + byte) % 65521, 0);
const protocols = () => [...new Set(performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol))];
const socket = () => new Promise((done, failed) => {
  const open = new WebSocket(`wss://${location.host}/echo`);
  open.binaryType = 'arraybuffer';
  const got = [];
  open.onopen = () => { open.send('hello'); open.send(new Uint8Array(200000).fill(7)); };
  open.onmessage = (event) => {
    got.push(typeof event.data === 'string' ? event.data : sum(new Uint8Array(event.data)));
    if (got.length === 2) open.close(1000, 'enough');
  };
  open.onclose = (event) => done({got, code: event.code, clean: event.wasClean});
  open.onerror = () => failed(new Error('the socket failed'));
});
const STEPS = {
  page: async () => performance.getEntriesByType('navigation')[0].nextHopProtocol,
  many: async () => {
    performance.setResourceTimingBufferSize(1000);
    const asks = [...Array(200).keys()].map(async (i) => (await (await fetch(`/bytes/${i * 100}`)).arrayBuffer()).byteLength);
    return [(await Promise.all(asks)).reduce((a, b) => a + b), protocols()];
  },
  upload: async () => (await fetch('/upload', {method: 'POST', body: new Uint8Array(3000000).fill(1)})).text(),
  download: async () => sum(new Uint8Array(await (await fetch('/bytes/5000000')).arrayBuffer())),
  breakOff: async () => {
    const stop = new AbortController();
    const reply = await fetch('/bytes/50000000', {signal: stop.signal});
    await reply.body.getReader().read();
    stop.abort();
    return (await fetch('/bytes/10')).status;
  },
  cookies: async () => { document.cookie = 'a=1'; document.cookie = 'b=2'; return (await fetch('/cookie')).text(); },
  socket,
  stranger: async () => fetch(`https://stranger.test:${location.port}/bytes/1`, {mode: 'no-cors'}).then(() => 'believed', () => 'refused'),
};
(async () => {
  const seen = {};
  for (const [name, step] of Object.entries(STEPS)) {
    try { seen[name] = await step(); } catch (error) { seen[name] = `failed: ${error}`; }
  }
  await fetch('/seen', {method: 'POST', body: JSON.stringify(seen)});
})();
</script>"""


class Container(http.server.BaseHTTPRequestHandler):
    """The page, what it asks for, and `seen`: what it tells."""
    protocol_version = "HTTP/1.1"
    seen = None

    def answer(self, body, kind="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/bytes/"):
            self.answer(b"x" * int(self.path[len("/bytes/"):]))
        elif self.path == "/cookie":
            self.answer(self.headers.get("Cookie", "").encode())
        else:
            self.answer(PAGE.encode(), "text/html")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/seen":
            self.seen.put(json.loads(body))
        self.answer(str(len(body)).encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass  # whoever breaks off


@unittest.skipUnless(CHROMIUM and CERTUTIL, "Chromium or certutil is not installed: scripts/setup --clients")
class Browser(MeshTest):
    def setUp(self):
        super().setUp()
        self.seen = queue.Queue()
        web = Server(("127.0.0.1", 0), type("WithQueue", (Container,), {"seen": self.seen}))
        threading.Thread(target=web.serve_forever, daemon=True).start()
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        ports = self.folder / "ws.json"
        sockets = self.track(process.Process("ws", ["node", node.FOLDER / "ws_container.js", ports], self.folder, node.environment()))
        self.ca = tls.Authority(self.folder / "certs")
        containers = {"web": "127.0.0.1:%d" % web.server_address[1], "ws": process.wait_for_file(sockets, ports)["address"]}
        self.router = plain_router.start(
            self, [], routes=[{"path": "/echo", "container": "ws"}, {"path": "/", "container": "web"}],
            containers={name: {"endpoints": [address]} for name, address in containers.items()},
            listeners=[{"address": "127.0.0.1:0", "tls": {"certificates": [self.ca.issue("shop", "DNS:shop.test")]}}])

    def browse(self):
        """Starts Chromium on the page."""
        home = self.folder / "home"
        for folder in (home / ".pki/nssdb", home / ".local/share/pki/nssdb"):  # the second since Chromium 146
            folder.mkdir(parents=True)
            for arguments in (["-N", "--empty-password"], ["-A", "-n", "test", "-t", "C,,", "-i", self.ca.pem]):
                subprocess.run([CERTUTIL, "-d", f"sql:{folder}", *map(str, arguments)], check=True, capture_output=True, timeout=60)
        return self.track(process.Process("chromium", [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={self.folder / 'profile'}",
            "--remote-debugging-port=0", f"--log-net-log={self.folder / 'net.log'}", "--host-resolver-rules=MAP * 127.0.0.1",
            f"https://shop.test:{self.router.address.rpartition(':')[2]}/"], self.folder, {"HOME": str(home)}))

    def test_page(self):
        browser = self.browse()
        try:
            seen = self.seen.get(timeout=90 * SLOWNESS)
        except queue.Empty:
            self.fail(f"the page told nothing\n{browser.tail()}\n{self.router.tail()}")
        self.assertEqual(seen, {
            "page": "h2", "many": [100 * 199 * 100, ["h2"]], "upload": "3000000", "download": 5_000_000 * ord("x") % 65521, "breakOff": 200,
            "cookies": "a=1; b=2", "socket": {"got": ["hello", 200_000 * 7 % 65521], "code": 1000, "clean": True}, "stranger": "refused"})
        # RFC 8441: the WebSocket is a stream of the connection that the page came over.
        browser.stop(30)
        self.assertIn(":protocol: websocket", (self.folder / "net.log").read_text(errors="replace"))


if __name__ == "__main__":
    unittest.main()
