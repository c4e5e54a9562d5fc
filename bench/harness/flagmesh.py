"""How Flagmesh is set up for the bench: the only place that knows its configuration, roles and counters."""

import http.client
import os
import re
import shutil
import subprocess
import time

from . import proc

FILTERS = ("rollout", "proof", "health", "circuit_breaker")


class Backstage:
    """redis-server and a flag engine that publishes the signed state: on the other cores, once for all routers of a run."""

    def __init__(self, context, conf):
        self.context = context
        self.processes = []
        self.redis, self.api = context.port(), context.port()
        shutil.copy(os.path.join(conf, "flags.yaml"), context.path("flags.yaml"))
        self.engine_key = self._keygen()
        self._start("redis-server", self.redis, ["redis-server", "--port", str(self.redis), "--bind", "127.0.0.1",
                                                 "--save", "", "--appendonly", "no", "--dir", context.folder])

    def _keygen(self):
        command = [self.context.flagmesh, "keygen", "--name", "bench.example/flags", "--out",
                   self.context.path("engine.key")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except OSError as error:
            raise proc.Failed(f"{self.context.flagmesh}: {error.strerror}; build it, or say where with --flagmesh")
        if done.returncode != 0:
            raise proc.Failed(f"flagmesh keygen: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _start(self, name, port, command):
        log = self.context.path(f"{name}.log")
        process = proc.start(command, self.context.other_cores, log)
        try:
            proc.wait_port(port, process, log)
        except proc.Failed:
            proc.stop(process)
            raise
        self.processes.append(process)

    def start_engine(self, config):
        self._start("engine", self.api, [self.context.flagmesh, "engine", "-c", config])

    def stop(self):
        for process in reversed(self.processes):
            proc.stop(process)


class Flagmesh:
    """One router. `prepare` writes its configuration; after the start `wait_ready`; after the load `check`."""

    def __init__(self, context, setup, conf, fill):
        if context.backstage is None:
            context.backstage = Backstage(context, conf)
        back = context.backstage
        self.port, self.admin = context.port(), context.port()
        access_log = context.path(f"flagmesh-access-{self.port}.log") if setup.logs else "off"
        tls = "tls: {{ certificates: [{{ cert: {cert}, key: {key} }}] }}".format(**context.certificate()) if setup.tls else ""
        ports = context.ports_of(setup)
        config = fill({"DIR": context.folder, "PORT": self.port, "ADMIN": self.admin, "API": back.api,
                       "REDIS": back.redis, "ENGINE_KEY": back.engine_key, "ACCESS_LOG": access_log,
                       "TLS": tls, "PROTOCOL": "http2" if setup.http2_origin else "http1",
                       "ORIGIN1": ports[0], "ORIGIN2": ports[1]})
        if len(back.processes) == 1:
            back.start_engine(config)
        self.command = [context.flagmesh, "proxy", "-c", config]

    def _admin(self, target):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        try:
            connection.request("GET", target)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def wait_ready(self, seconds=30):
        """The router has accepted signed state."""
        deadline = time.monotonic() + seconds
        status, text = self._admin("/readyz")
        while status != 200:
            if time.monotonic() > deadline:
                raise proc.Failed(f"the router is not ready: {status} {text}")
            time.sleep(0.02)
            status, text = self._admin("/readyz")

    def check(self, requests):
        """The counters must say that every filter saw every request, under a proven epoch, and that both variants were
        served."""
        status, text = self._admin("/metrics")
        if status != 200:
            raise proc.Failed(f"/metrics: {status} {text}")

        def total(name, label=""):
            pattern = rf"^{name}(?:\{{[^}}\n]*{re.escape(label)}[^}}\n]*\}})? (\S+)$"
            return sum(float(value) for value in re.findall(pattern, text, re.M))

        for name in FILTERS:
            calls = total("flagmesh_filter_calls_total", f'filter="{name}"')
            if calls < requests:
                raise proc.Failed(f"filter {name} ran {calls:.0f} times in at least {requests} requests")
        if total("flagmesh_epoch") < 1:
            raise proc.Failed("no proven epoch was in force")
        for variant in ("on", "off"):
            if total("flagmesh_flag_variant_total", f'variant="{variant}"') == 0:
                raise proc.Failed(f"nobody got the variant {variant}")
        return {}
