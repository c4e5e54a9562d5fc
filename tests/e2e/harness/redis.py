"""A real redis-server of the test's own, and the few commands that tests use to look into it and to spoil it."""
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.process import Process
from harness.waiting import eventually


def free_port():
    """A port that was free a moment ago: for programs that cannot report the one they were given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """Starts empty and without persistence; stop() and start() keep the port and lose the data.

    With `keeps`, what SAVE wrote is there after the next start. `options` are redis-server's own and may be changed between starts.
    """

    def __init__(self, folder, options=(), keeps=False, password=None, port=None):
        if not shutil.which("redis-server"):
            raise FileNotFoundError("redis-server: run scripts/setup --test")
        self._folder = folder
        self._starts = 0
        self._process = None
        self.options = list(options)
        self.password = password  # for command(), once the server wants one
        self.port = port or free_port()
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="redis-", dir=folder) if keeps else folder)
        self._keeps = keeps
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        for _ in range(5):
            self._starts += 1
            self._process = Process(f"redis-{self.port}-{self._starts}", [
                "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dbfilename", "dump.rdb" if self._keeps else f"none-{self.port}-{self._starts}.rdb",
                "--dir", self.data, *self.options], self._folder)
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

    def pause(self):
        self._process.signal(signal.SIGSTOP)

    def resume(self):
        self._process.signal(signal.SIGCONT)

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
            with connection.makefile("rb") as stream:
                if self.password:
                    connection.sendall(encode_words("AUTH", self.password))
                    read_reply(stream)
                connection.sendall(encode_words(*arguments))
                return read_reply(stream)

    def keys(self, pattern="*"):
        return sorted(key.decode() for key in self.command("KEYS", pattern))


class Sentinels:
    """Three redis-sentinels that watch one master under the name `flagmesh`."""

    def __init__(self, folder, master_port, down_ms=600):
        self._processes = []
        self.ports = []
        for number in range(3):
            port = free_port()
            file = folder / f"sentinel-{number}-{port}.conf"
            file.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
                            f"sentinel monitor flagmesh 127.0.0.1 {master_port} 2\n"
                            f"sentinel down-after-milliseconds flagmesh {down_ms}\n"
                            "sentinel failover-timeout flagmesh 3000\n")
            self._processes.append(Process(f"sentinel-{number}", ["redis-server", file, "--sentinel"], folder))
            self.ports.append(port)
        for port in self.ports:
            eventually(lambda: self.ask(port, "PING") == "PONG", "a sentinel to answer")
        eventually(lambda: all(self._knows_all(port) for port in self.ports), "the sentinels to know each other", 20)

    def ask(self, port, *words):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(encode_words(*words))
            with connection.makefile("rb") as stream:
                return read_reply(stream)

    def _knows_all(self, port):
        fields = self.ask(port, "SENTINEL", "MASTER", "flagmesh")
        fields = dict(zip(fields[::2], fields[1::2]))
        return fields[b"num-other-sentinels"] == b"2" and fields[b"num-slaves"] == b"1"

    def master_port(self):
        return int(self.ask(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "flagmesh")[1])

    @property
    def addresses(self):
        return [f"127.0.0.1:{port}" for port in self.ports]

    def close(self):
        for running in self._processes:
            running.close()

    def tail(self):
        return "\n".join(running.tail(15) for running in self._processes)


def encode_words(*words):
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def read_reply(stream):
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
        return None if int(rest) < 0 else [read_reply(stream) for _ in range(int(rest))]
    raise OSError(f"not a Redis reply: {line!r}")
