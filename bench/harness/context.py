"""What a run of the bench owns: a work folder, the origin, the cores, ports, and a deadline."""

import os
import shutil
import signal
import subprocess
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
        self.h2_origin = None  # started for the first scenario that needs it
        self.h2_origin_ports = ()
        self._certificate = None
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
        for origin in self.origins():
            proc.stop(origin)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_origin(self):
        self.origin_ports = (self.port(), self.port())
        log = self.path("origin.log")
        self.origin = proc.start([self.tool("bench_origin"), "--ports", ",".join(map(str, self.origin_ports))],
                                 self.other_cores, log)
        for port in self.origin_ports:
            proc.wait_port(port, self.origin, log)

    def origins(self):
        return [origin for origin in (self.origin, self.h2_origin) if origin]

    def ports_of(self, setup):
        """Two ports of the origin that this setup has behind it."""
        if not setup.http2_origin:
            return self.origin_ports
        if self.h2_origin is None:
            self.h2_origin_ports = (self.port(), self.port())
            log = self.path("h2_origin.log")
            self.h2_origin = proc.start([self.tool("bench_h2_origin"), "--ports", ",".join(map(str, self.h2_origin_ports))],
                                        self.other_cores, log)
            for port in self.h2_origin_ports:
                proc.wait_port(port, self.h2_origin, log)
        return self.h2_origin_ports

    def certificate(self):
        """Paths of `cert`, `key` and, for HAProxy, `both`: ECDSA P-256 for bench.example, signed by itself."""
        if self._certificate is None:
            paths = {name: self.path(f"bench.{name}") for name in ("cert", "key", "both")}
            done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                   "-days", "2", "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example",
                                   "-keyout", paths["key"], "-out", paths["cert"]], capture_output=True, text=True)
            if done.returncode != 0:
                raise proc.Failed(f"openssl req: {done.stderr}")
            with open(paths["both"], "w") as both:
                for name in ("cert", "key"):
                    with open(paths[name]) as part:
                        both.write(part.read())
            self._certificate = paths
        return self._certificate

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
