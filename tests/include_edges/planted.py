#!/usr/bin/env python3
"""Plants forbidden includes in a copy of the tree and expects check.py to name each of them."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOPS = ("proxy", "filters", "control", "merkle", "lockfile")

# (file to write, the line planted on line 2, part of the message)
PLANTS = [
    ("proxy/base/planted.cc", '#include "proxy/http/planted_target.h"', "proxy/base may not include"),
    ("proxy/http/planted.cc", '#include "proxy/net/planted_target.h"', "proxy/http may not include"),
    ("merkle/planted.h", '#include "control/flags/planted_target.h"', "merkle may not include"),
    ("proxy/stream/planted.h", '#include "filters/planted_target.h"', "proxy/stream may not include"),
    ("control/engine/planted.cc", '#include "control/validator/planted_target.h"', "control/engine may not include"),
    ("filters/planted.cc", '#include "proxy/planted_target.h"', "filters may not include"),
    ("proxy/net/planted.cc", '#include "planted_target.h"', "not a path from the root"),
    ("proxy/event/planted.h", "#include <event2/event.h>", "vendor headers stay in .cc files"),
    ("proxy/net/planted_event.cc", "#include <event2/event.h>", "may be included by"),
    ("control/config/planted.cc", "#include <openssl/sha.h>", "may be included by"),
    ("proxy/upstream/planted.cc", "#include <boost/asio.hpp>", "belongs to no library"),
]


def check(root):
    run = subprocess.run([sys.executable, HERE / "check.py", root], capture_output=True, text=True)
    return run.returncode, run.stdout.splitlines() if run.returncode else []


def main():
    with tempfile.TemporaryDirectory(prefix="flagmesh-edges-") as folder:
        copy = pathlib.Path(folder)
        for top in TOPS:
            shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("*.txt"))
        _, before = check(copy)
        for file, line, _ in PLANTS:
            (copy / file).write_text("// planted\n" + line + "\n")
            if line.startswith('#include "') and "/" in line:
                (copy / line.split('"')[1]).write_text("#pragma once\n")
        code, after = check(copy)
    failures = [] if code == 1 else [f"check.py exited {code}, expected 1"]
    for file, line, message in PLANTS:
        if not any(found.startswith(f"{file}:2: ") and message in found for found in after):
            failures.append(f"not found: {line} in {file} ({message})")
    extra = len(after) - len(before) - len(PLANTS)
    if extra:
        failures.append(f"{extra} findings more than were planted:\n" + "\n".join(after))
    print("\n".join(failures) if failures else f"include edges: all {len(PLANTS)} planted violations found")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
