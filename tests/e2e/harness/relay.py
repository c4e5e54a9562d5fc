"""A TCP relay in front of Redis: cuts connections, lets them hang half-open, talks garbage, or stops at one command."""
import contextlib
import socket
import threading


class Relay:
    """Passes bytes both ways until told otherwise. `before(words)` is called for every command of a client, before it is passed on."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.before = None
        self._mode = "pass"
        self._garbage = b""
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self):
        """Ends every connection; new ones are closed at once."""
        self._mode = "cut"
        self._end_all()

    def hang(self):
        """Nothing passes any more, and nobody is told: connections of now stay so for ever, new ones are accepted and hang."""
        with self._lock:
            self._mode = "hang"
            for pair in self._pairs:
                pair.hangs = True

    def talk_garbage(self, words):
        self._garbage = words
        self._mode = "garbage"
        self._end_all()

    def mend(self, end_old=False):
        """New connections pass. Those that hang go on hanging, or are ended."""
        self._mode = "pass"
        if end_old:
            self._end_all()

    def connections(self):
        with self._lock:
            return len(self._pairs)

    def close(self):
        self._listener.close()
        self._end_all()

    def tail(self):
        return f"--- relay {self.port} -> {self.target_port}: {self._mode}, {self.connections()} connections"

    def _end_all(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.end()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._mode == "cut":
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        if self._mode == "garbage":
            with contextlib.suppress(OSError):
                client.recv(65536)
                client.sendall(self._garbage)
                client.recv(65536)
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(self, client, server)
        with self._lock:
            pair.hangs = self._mode == "hang"
            self._pairs.add(pair)
        threading.Thread(target=pair.answers, daemon=True).start()
        pair.commands()


class _Pair:
    def __init__(self, relay, client, server):
        self.relay, self.client, self.server = relay, client, server
        self.hangs = False
        self.ended = threading.Event()

    def end(self):
        self.ended.set()
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _finish(self):
        if not self.hangs:
            with self.relay._lock:
                self.relay._pairs.discard(self)
            self.end()

    def _pass(self, data, to):
        """False when it hangs: then the bytes are lost, and nothing more is read."""
        if self.hangs:
            self.ended.wait()
            return False
        to.sendall(data)
        return True

    def answers(self):
        with contextlib.suppress(OSError):
            while data := self.server.recv(65536):
                if not self._pass(data, self.client):
                    return
        self._finish()

    def commands(self):
        held = b""
        with contextlib.suppress(OSError):
            while data := self.client.recv(65536):
                if self.relay.before is None and not held:
                    if not self._pass(data, self.server):
                        return
                    continue
                held += data
                while True:
                    words, length = _command(held)
                    if words is None:
                        break
                    if self.relay.before is not None:
                        self.relay.before(words)
                    if not self._pass(held[:length], self.server):
                        return
                    held = held[length:]
        self._finish()


def _command(data):
    """The first whole command as a list of words and its length in bytes; None when more is needed."""
    if not data.startswith(b"*") or b"\r\n" not in data:
        return None, 0
    at = data.index(b"\r\n") + 2
    words = []
    for _ in range(int(data[1:at - 2])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None, 0
        size = int(data[at + 1:end])
        if len(data) < end + 2 + size + 2:
            return None, 0
        words.append(data[end + 2:end + 2 + size])
        at = end + 2 + size + 2
    return words, at
