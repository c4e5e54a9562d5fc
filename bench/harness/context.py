"""What a run of the bench owns: a work folder, the origin, the cores, ports, and a deadline."""

import os
import shutil
import signal
import sys
import tempfile
import time

from . import proc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Context:
    """Use as a context manager; everything is gone when it is left."""

    def __init__(self, tools, flagmesh, budget):
        self.tools, self.flagmesh = tools, flagmesh
        self.deadline = time.monotonic() + budget
        cores = sorted(os.sched_getaffinity(0))
        self.core_count = len(cores)
        self.core = cores[-1]
        self.other_cores = set(cores[:-1]) or {self.core}
        self.origin = None
        self.origin_ports = ()
        self.backstage = None  # what Flagmesh needs behind it, started with the first router

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves the context, too
        self.folder = tempfile.mkdtemp(prefix="flagmesh-bench-")
        self._ports = iter(proc.free_ports(3000))
        try:
            self._start_origin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.backstage:
            self.backstage.stop()
        if self.origin:
            proc.stop(self.origin)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_origin(self):
        self.origin_ports = (self.port(), self.port())
        log = self.path("origin.log")
        self.origin = proc.start([self.tool("bench_origin"), "--ports", ",".join(map(str, self.origin_ports))],
                                 self.other_cores, log)
        for port in self.origin_ports:
            proc.wait_port(port, self.origin, log)

    def path(self, name):
        return os.path.join(self.folder, name)

    def port(self):
        return next(self._ports)

    def tool(self, name):
        path = os.path.join(self.tools, name)
        if not os.access(path, os.X_OK):
            raise proc.Failed(f"{path} is missing: ninja -C build/release {name}, or say where with --tools")
        return path

    def over(self):
        return time.monotonic() > self.deadline
