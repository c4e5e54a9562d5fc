"""What the counted checks share: their options, and a proxy with open connections that answers an exact number."""

import argparse
import contextlib
import os
import sys

from . import peers, proc, scenarios
from .context import ROOT, Context
from .load import Load
from .scenarios import Setup


def arguments(about, requests, more=lambda parser: None):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"), help="build folder, default %(default)s")
    parser.add_argument("--flagmesh", help="the program; default BUILD/proxy/flagmesh")
    parser.add_argument("--peer", default="flagmesh", choices=peers.NAMES, help="what to look at, default %(default)s")
    parser.add_argument("--requests", type=int, default=requests, help="default %(default)s")
    parser.add_argument("--path", default="/bytes/128")
    parser.add_argument("--scenario", choices=[name for name, one in scenarios.ALL.items() if one.kind == "closed"], metavar="NAME",
                        help="connections, protocol and path of this one of bench/peers instead")
    more(parser)
    options = parser.parse_args()
    options.flagmesh = options.flagmesh or os.path.join(options.build, "proxy/flagmesh")
    return options


def context(options):
    return Context(os.path.join(options.build, "bench"), options.flagmesh, 600)


@contextlib.contextmanager
def loaded(bench, options, connections, **start):
    """(running, load): the proxy runs, every connection is open and warm, `load.go()` makes options.requests requests."""
    setup, what = Setup(keep=connections), {"connections": connections, "path": options.path}
    if options.scenario:
        setup, what = scenarios.ALL[options.scenario].setup, scenarios.ALL[options.scenario].load
    with peers.STARTERS[options.peer](bench, setup, **start) as running:
        wanted = dict(what, requests=options.requests, **{"warm-seconds": 0.3})
        with Load(bench, running.port, wanted, 300) as load:
            load.ready()
            yield running, load
            load.finish()


def answered(load):
    """Makes the measured requests; all of them must be answered as they should."""
    result = load.go()
    if result["errors"]:
        raise proc.Failed(f"{result['errors']} requests failed, the first: {result['first_error']}")
    return result["requests"]


def finish(check):
    """Runs check() -> list of complaints; exit code 0, 1 with complaints, 2 when it could not be measured."""
    try:
        complaints = check()
    except proc.Failed as failed:
        print(f"{os.path.basename(sys.argv[0])}: {failed}", file=sys.stderr)
        return 2
    for complaint in complaints:
        print(f"MISSED  {complaint}")
    return 1 if complaints else 0
