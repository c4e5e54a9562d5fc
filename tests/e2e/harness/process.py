"""Child processes that cannot outlive the test: own session, death signal, killed on close, output kept in a file."""
import ctypes
import json
import os
import pathlib
import signal
import subprocess

from harness.waiting import SLOWNESS, eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def binary():
    """The flagmesh program under test."""
    path = pathlib.Path(os.environ.get("FLAGMESH_BIN", ROOT / "build/dev/proxy/flagmesh"))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: build the target flagmesh, or set FLAGMESH_BIN")
    return str(path)


def _before_exec():
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One running program. Its standard output and error go to `log`; `tail()` is for messages of failing tests."""

    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log = pathlib.Path(folder) / f"{name}.log"
        self._output = open(self.log, "ab")
        self._child = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, **(env or {})}, preexec_fn=_before_exec)

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=60):
        last = "\n    ".join(self.text().splitlines()[-lines:])
        state = "running" if self.running() else f"exited {self._child.returncode}"
        return f"--- {self.name} ({state}): {' '.join(self.command)}\n    {last}"

    def json_lines(self):
        """The lines of the output that are JSON objects: log and access log."""
        for line in self.text().splitlines():
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def signal(self, number):
        if self.running():
            os.killpg(self._child.pid, number)

    def wait(self, timeout=15.0):
        """The exit code; fails the test when the process does not end in time."""
        try:
            return self._child.wait(timeout * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end") from None

    def stop(self, timeout=15.0):
        """SIGTERM and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def close(self):
        """Whatever state it is in: gone afterwards, its children too."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()
        self._output.close()


def wait_for_file(process, path, timeout=20.0):
    """Waits until the process has written the JSON file `path` (atomically), and returns its content."""
    path = pathlib.Path(path)

    def look():
        if path.exists():
            return json.loads(path.read_text())
        if not process.running():
            raise RuntimeError(f"{process.name} ended before it was ready")
        return None

    return eventually(look, f"{process.name} to write {path.name}", timeout)


def run(*arguments, code=0, folder=None, env=None, timeout=30.0, stdin=None):
    """Runs `flagmesh ARGUMENTS` to its end and returns its standard output and error; checks the exit code."""
    command = [binary(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=timeout * SLOWNESS, input=stdin or "",
                          env={**os.environ, **(env or {})}, preexec_fn=_before_exec)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}, expected {code}\n"
                             f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
    return done
