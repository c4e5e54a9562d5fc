"""A real redis-server of the test's own, and the few commands that tests use to look into it and to spoil it."""
import shutil
import socket
import subprocess

from harness.process import Process
from harness.waiting import eventually


def free_port():
    """A port that was free a moment ago: for programs that cannot report the one they were given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """Starts empty and without persistence; stop() and start() keep the port and lose the data."""

    def __init__(self, folder):
        if not shutil.which("redis-server"):
            raise FileNotFoundError("redis-server: run scripts/setup --test")
        self._folder = folder
        self._starts = 0
        self._process = None
        self.port = free_port()
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        for _ in range(5):
            self._starts += 1
            self._process = Process(f"redis-{self._starts}", [
                "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", self._folder], self._folder)
            if eventually(self._answers_or_ended, "redis-server to listen") == "answers":
                return
            if self._starts > 1:
                raise RuntimeError(self._process.tail())
            self.port = free_port()

    def _answers_or_ended(self):
        if not self._process.running():
            return "ended"
        return "answers" if self.command("PING") == "PONG" else None

    def stop(self):
        self._process.close()

    def close(self):
        self._process.close()

    def tail(self):
        return self._process.tail()

    def cli(self, *arguments, stdin=""):
        """redis-cli, as a person would type it; with -x its last argument is `stdin`."""
        return subprocess.run(["redis-cli", "-p", str(self.port), *arguments], capture_output=True, text=True,
                              input=stdin, check=True, timeout=30).stdout

    def command(self, *arguments):
        """One command; strings and bytes in; str for status, bytes, int, list or None out."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            parts = [part if isinstance(part, bytes) else str(part).encode() for part in arguments]
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            with connection.makefile("rb") as stream:
                return _reply(stream)

    def keys(self, pattern="*"):
        return sorted(key.decode() for key in self.command("KEYS", pattern))


def _reply(stream):
    line = stream.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        raise OSError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if int(rest) < 0:
            return None
        data = stream.read(int(rest))
        stream.read(2)
        return data
    if kind == b"*":
        return None if int(rest) < 0 else [_reply(stream) for _ in range(int(rest))]
    raise OSError(f"not a Redis reply: {line!r}")
