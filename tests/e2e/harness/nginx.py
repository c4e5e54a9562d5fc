"""nginx as a fast feature container that answers every path with its name."""
import os
import shutil

from harness import client
from harness.process import Process
from harness.redis import free_port
from harness.waiting import eventually

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log stderr warn;
{user}
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi;
  uwsgi_temp_path {folder}/{name}-uwsgi;
  scgi_temp_path {folder}/{name}-scgi;
  server {{
    listen 127.0.0.1:{port} {listen} backlog=1024;
    {tls}
    default_type application/json;
    {fields}
    location / {{ return 200 '{{"container": "{name}", "protocol": "$server_protocol"}}'; }}
  }}
}}
"""


def start(test, name, port=0, pair=None, http2=False, fields=None):
    """Starts nginx as container `name`; returns the process with its `address`. `pair`: TLS with that certificate, with `http2` by ALPN.
    `fields`: of each answer."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        raise FileNotFoundError("nginx: run scripts/setup --test")
    port = port or free_port()
    listen = " ".join(["ssl"] * bool(pair) + ["http2"] * http2)
    tls = f"ssl_certificate {pair['cert']}; ssl_certificate_key {pair['key']};" if pair else ""
    user = "user root;" if os.geteuid() == 0 else ""
    config = test.write(f"{name}.nginx.conf", CONFIG.format(folder=test.folder, name=name, port=port, user=user, listen=listen, tls=tls,
                                                                fields=" ".join(f'add_header {k} "{v}";' for k, v in (fields or {}).items())))
    running = test.track(Process(f"nginx-{name}", [program, "-c", config, "-e", "stderr", "-p", test.folder], test.folder))
    running.address = f"127.0.0.1:{port}"
    if pair:
        eventually(lambda: client.connect(running.address).close() is None, "nginx to listen")
    else:
        eventually(lambda: client.fetch(running.address).status == 200, "nginx to listen")
    return running
