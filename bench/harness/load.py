"""Runs bench_load step by step, so that the proxy can be looked at exactly before and after the measured requests."""

import json
import select
import subprocess

from . import proc


class Load:
    """One bench_load process. Its connections are open from `ready` until `finish`."""

    def __init__(self, context, port, options, seconds, tool="bench_load"):
        command = [context.tool(tool), "--port", str(port), "--step"]
        for name, value in options.items():
            command += [f"--{name}"] + ([] if value is True else [str(value)])
        self.patience = seconds + 60
        self.log = context.path("load.log")
        self.process = proc.start(command, context.other_cores, self.log, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=open(self.log, "wb"), text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        proc.stop(self.process)

    def _line(self):
        if not select.select([self.process.stdout], [], [], self.patience)[0]:
            raise proc.Failed("the load generator does not answer")
        line = self.process.stdout.readline()
        if not line:
            raise proc.Failed(f"the load generator gave up: {proc.tail(self.log).strip()}")
        return line

    def ready(self):
        """Returns when every connection is open, has made a request, and the warm-up is over. Nothing is in flight."""
        if self._line().strip() != "ready":
            raise proc.Failed("the load generator is out of step")

    def go(self):
        """Makes the measured requests. Nothing is in flight afterwards, the connections are still open."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def finish(self):
        self.process.stdin.close()
        self.process.wait(30)
