"""Processes: starting them pinned and bound to our own life, and what the kernel says of their CPU time and memory."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failed(Exception):
    """Something that the bench needs did not work; the message is for the user."""


def start(command, core, log_path, env=None, **popen):
    """Starts `command` on the CPUs `core` (a set). It gets SIGTERM when this process dies. Output goes to log_path."""

    def prepare():
        os.sched_setaffinity(0, core)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    if "stdout" not in popen:
        popen["stdout"] = open(log_path, "ab")
        popen["stderr"] = subprocess.STDOUT
        popen.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(command, preexec_fn=prepare, env=env, **popen)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count):
    """Ports of 127.0.0.1 below the ephemeral range that nobody listens on."""
    found, port = [], 20000 + os.getpid() % 5000
    while len(found) < count:
        port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
    return found


def wait_port(port, process, log_path, seconds=15):
    """Returns when the port accepts; raises Failed with the end of the log when it does not, or the process ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"{process.args[0]} ended with {process.returncode}:\n{tail(log_path)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise Failed(f"{process.args[0]} does not accept on port {port}:\n{tail(log_path)}")


def tail(path, lines=20):
    try:
        with open(path, errors="replace") as text:
            return "".join(text.readlines()[-lines:])
    except OSError:
        return ""


def family(pid):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        todo.extend(children.get(current, []))
    return found


def cpu_seconds(pids):
    """CPU time of all threads of these processes: schedstat's nanoseconds, or utime + stime in ticks without it."""
    total = 0.0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0]) / 1e9
            except FileNotFoundError:
                with open(f"/proc/{pid}/task/{task}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_bytes(pids):
    """Proportional set size: what these processes hold in user space, shared pages counted once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1)) * 1024
    return total


def busy_seconds():
    """Time that all CPUs were not idle, in the kernel's ticks."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
