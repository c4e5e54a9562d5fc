"""How much memory a process has, and whether that says anything."""
import pathlib
import re

from harness.waiting import SLOWNESS

# Sanitizers keep what was freed for a while: then a bound on memory means nothing.
TELLING = SLOWNESS == 1


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def is_below(kib, bound):
    return kib < bound or not TELLING
