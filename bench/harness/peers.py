"""The proxies that are compared. Each one is started anew for every measurement, one worker, pinned to the proxy core."""

import os
import resource
import shutil

from . import proc
from .flagmesh import Flagmesh

CONF = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conf")
NGINX_REQUEST_ID = "proxy_set_header X-Forwarded-Host $http_host;\n    proxy_set_header X-Request-Id $request_id;"
HAPROXY_REQUEST_ID = ("http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
                      "    unique-id-format %[uuid()]\n    unique-id-header X-Request-Id")
NAMES = ("nginx", "haproxy", "forwarder", "flagmesh")


def fill(context, template, name, values):
    """Writes conf/TEMPLATE with every @KEY@ replaced to the work folder; returns its path."""
    with open(os.path.join(CONF, template)) as source:
        text = source.read()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for key, value in dict(values, FILES=files).items():
        text = text.replace(f"@{key}@", str(value))
    path = context.path(name)
    with open(path, "w") as target:
        target.write(text)
    return path


def installed(program):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise proc.Failed(f"{program} is not installed")
    return found


class Running:
    """A proxy that accepts connections. `check` raises Failed when it did not do what it was measured for."""

    def __init__(self, process, port, check=lambda requests: {}):
        self.process, self.port, self.check = process, port, check

    @property
    def pids(self):
        """Looked up anew: a listener may accept before its workers are forked."""
        return proc.family(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        proc.stop(self.process)


def _run(context, command, name, port, prefix=(), env=None):
    """prefix: a program that runs the command, such as valgrind with its options."""
    log = context.path(f"{name}.log")
    process = proc.start([*prefix, *command], {context.core}, log, env=env)
    try:
        proc.wait_port(port, process, log, seconds=60 if prefix else 15)
    except proc.Failed:
        proc.stop(process)
        raise
    return Running(process, port)


def _listen(setup):
    """nginx's words for how clients are served."""
    return " ".join(["ssl"] * setup.tls + ["http2"] * setup.http2)


def _bind(context, setup):
    """HAProxy's."""
    if setup.tls:
        return f"ssl crt {context.certificate()['both']} alpn {'h2,' if setup.http2 else ''}http/1.1"
    return "proto h2" if setup.http2 else ""


# Each starter: (context, setup, prefix=, env=) -> Running
def nginx(context, setup, **start):
    port = context.port()
    access_log = f"{context.path('nginx-access.log')} combined buffer=64k flush=1s" if setup.logs else "off"
    path = fill(context, "nginx.conf", "nginx.conf",
                {"DIR": context.folder, "PORT": port, "ORIGIN": context.origin_ports[0], "KEEP": setup.keep,
                 "ACCESS_LOG": access_log, "LISTEN": _listen(setup),
                 "TLS": "ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;".format(
                     **context.certificate()) if setup.tls else "",
                 "REQUEST_ID": NGINX_REQUEST_ID if setup.request_ids else ""})
    return _run(context, [installed("nginx"), "-c", path, "-p", context.folder], "nginx", port, **start)


def haproxy(context, setup, **start):
    port = context.port()
    path = fill(context, "haproxy.cfg", "haproxy.cfg",
                {"PORT": port, "ORIGIN": context.ports_of(setup)[0], "KEEP": setup.keep, "BIND": _bind(context, setup),
                 "SCHEME": "https" if setup.tls else "http", "SERVER": "proto h2" if setup.http2_origin else "",
                 "LOG": "log stdout format raw local0" if setup.logs else "",
                 "LOG_GLOBAL": "log global\n    option httplog" if setup.logs else "",
                 "REQUEST_ID": HAPROXY_REQUEST_ID if setup.request_ids else ""})
    return _run(context, [installed("haproxy"), "-db", "-f", path], "haproxy", port, **start)


def forwarder(context, setup, **start):
    port = context.port()
    command = [context.tool("bench_forwarder"), "--port", str(port), "--to", str(context.origin_ports[0]),
               "--preconnect", str(setup.keep)]
    return _run(context, command, "forwarder", port, **start)


def flagmesh(context, setup, **start):
    mesh = Flagmesh(context, setup, CONF, lambda values: fill(context, "flagmesh.yaml", "flagmesh.yaml", values))
    running = _run(context, mesh.command, "flagmesh", mesh.port, **start)
    try:
        mesh.wait_ready()
    except proc.Failed as failed:
        proc.stop(running.process)
        raise proc.Failed(f"{failed}\n{proc.tail(context.path('flagmesh.log'))}")
    running.check = mesh.check
    return running


STARTERS = {"nginx": nginx, "haproxy": haproxy, "forwarder": forwarder, "flagmesh": flagmesh}
