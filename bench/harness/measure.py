"""One measurement: a fresh proxy, its warm-up, the measured requests, and what they cost."""

import glob
import os
import time

from . import peers, proc
from .load import Load

SETTLE = 0.02  # seconds after the last answer, so that the kernel has accounted the proxy's last run
WARM = 0.4     # seconds of load before what is measured
BLOCK = bytes(2**20)
TOUCHED = 256 * 2**20


def _sample(context, running, load, check=True):
    """Runs the measured phase; what it cost, by request."""
    pids = running.pids
    everyone = pids + [load.process.pid] + [origin.pid for origin in context.origins()]
    time.sleep(SETTLE)
    busy, all_cpu = proc.busy_seconds(), proc.cpu_seconds(everyone)
    cpu, begin = proc.cpu_seconds(pids), time.monotonic()
    result = load.go()
    time.sleep(SETTLE)
    cpu = proc.cpu_seconds(pids) - cpu
    elapsed = time.monotonic() - begin
    foreign = (proc.busy_seconds() - busy) - (proc.cpu_seconds(everyone) - all_cpu)
    if result["errors"]:
        raise proc.Failed(f"{result['errors']} requests failed, the first: {result['first_error']}")
    if not result["requests"]:
        raise proc.Failed("no request was answered")
    result.update(cpu_us=cpu * 1e6 / result["requests"], proxy_load=cpu / elapsed,
                  foreign=max(0.0, foreign / elapsed / context.core_count),
                  memory_mib=proc.memory_bytes(pids) / 2**20)
    if check:
        result.update(running.check(result["requests"]))
    return result


def _active(context, running, scenario, seconds, rate):
    options = dict(scenario.load, seconds=seconds, **{"warm-seconds": WARM})
    if rate:
        options["rate"] = rate
    with Load(context, running.port, options, seconds) as load:
        load.ready()
        result = _sample(context, running, load)
        load.finish()
    return result


def _handshakes(context, running, scenario):
    """The proxy sees no request, so its own counters say nothing; that each handshake was full, or resumed, the tool has looked at."""
    with Load(context, running.port, scenario.load, 60, "bench_handshakes") as load:
        load.ready()
        result = _sample(context, running, load, check=False)
        load.finish()
    return result


def _idle(context, running, scenario):
    """Memory that each idle connection adds to a proxy that has already served 64 of them."""
    small = dict(scenario.load, connections=64, seconds=0, **{"warm-seconds": WARM})
    with Load(context, running.port, small, 1) as load:
        load.ready()
        before = proc.memory_bytes(running.pids)
        load.finish()
    with Load(context, running.port, dict(scenario.load, seconds=0), 10) as load:
        load.ready()
        time.sleep(0.5)
        after = proc.memory_bytes(running.pids)
        load.finish()
    return {"idle_bytes": (after - before) / scenario.load["connections"], "memory_mib": after / 2**20}


def _touch_memory(context):
    """Free memory that the access logs of one measurement fit in, as a machine has it that has run for a while. A host may take free
    memory back from a virtual machine within seconds; the first write to a page then costs ten times a later one (bench/README.md)."""
    scratch = context.path("scratch")
    with open(scratch, "wb") as file:
        for _ in range(TOUCHED // len(BLOCK)):
            file.write(BLOCK)
    os.remove(scratch)


def measure(context, scenario, peer, setup, seconds, rate=0):
    """One row of figures for this peer. Raises proc.Failed when a request or the proxy failed."""
    if setup.logs:
        _touch_memory(context)
    try:
        return _measure(context, scenario, peer, setup, seconds, rate)
    finally:
        for log in glob.glob(context.path("*access*.log")) + glob.glob(context.path("haproxy.log")):
            os.remove(log)


def _measure(context, scenario, peer, setup, seconds, rate):
    with peers.STARTERS[peer](context, setup) as running:
        if scenario.kind == "idle":
            return _idle(context, running, scenario)
        if scenario.kind == "handshakes":
            return _handshakes(context, running, scenario)
        return _active(context, running, scenario, seconds, rate)
