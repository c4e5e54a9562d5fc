#!/usr/bin/env python3
"""Checks every #include of the program against the edges that DESIGN.md ("Folders") allows.

Usage: check.py [ROOT]. Prints one line for each violation, `file:line: what`, and exits 1 if there is any.

A box is a folder with a CMake target. It may include itself, the boxes listed for it in BOXES, and `proxy/limits.h`.
A vendor library may be seen by the .cc files named in VENDOR, and by no header.
"""
import pathlib
import re
import sys

PROGRAM = ("proxy", "filters", "control", "merkle", "lockfile")
EVERYONE_MAY_INCLUDE = {"proxy/limits.h"}

_DATA = {
    "proxy/base": (),
    "proxy/http": ("proxy/base",),
    "proxy/event": ("proxy/base",),
    "proxy/net": ("proxy/base", "proxy/event"),
    "merkle": ("proxy/base",),
    "control/flags": ("proxy/base",),
    "lockfile": ("proxy/base", "merkle", "control/flags"),
    "control/snapshot": ("proxy/base", "merkle", "control/flags"),
}
_UPSTREAM = ("proxy/base", "proxy/http", "proxy/event", "proxy/net", "control/flags", "control/snapshot")
_STREAM = _UPSTREAM + ("proxy/upstream", "merkle")
_BELOW_CONTROL = tuple(_DATA) + ("proxy/upstream", "proxy/stream", "filters")
BOXES = _DATA | {
    "proxy/upstream": _UPSTREAM,
    "proxy/stream": _STREAM,
    "filters": _STREAM + ("proxy/stream",),
    "control/config": _BELOW_CONTROL,
    "control/redis": _BELOW_CONTROL,
    "control/ofrep": _BELOW_CONTROL + ("control/config",),
    "control/engine": _BELOW_CONTROL + ("control/config", "control/ofrep", "control/redis"),
    "control/validator": _BELOW_CONTROL + ("control/config", "control/redis"),
    "control/kube": _BELOW_CONTROL + ("control/config",),
}
# main, server, worker and admin are the files of proxy/ itself: above every box.
BOXES["proxy"] = tuple(BOXES)

# How a vendor header begins -> the .cc files that may see it.
VENDOR = {
    r"event2/|event\.h|evutil\.h": r"proxy/event/\w+",
    r"ares(_\w+)?\.h": r"proxy/event/\w+",
    r"nghttp2/": r"proxy/http/h2_\w+",
    r"openssl/": r"(proxy/net/tls_\w+|merkle/\w+)",
    r"hiredis": r"control/redis/\w+",
    r"yaml-cpp/": r"(control/(config|flags)|lockfile)/\w+",
    r"rapidjson/": r"(control/\w+|lockfile|proxy|proxy/stream|merkle)/\w+",
    r"spdlog/": r"(proxy|control/\w+|proxy/stream)/\w+",
    r"CLI/": r"proxy/\w+",
}
SYSTEM = re.compile(r"(sys|netinet|arpa|net|linux|asm|experimental)/|[a-z0-9_]+(\.h)?$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def box_of(path):
    """The box that owns a path relative to the root: the longest folder of BOXES that contains it."""
    folder = path.rpartition("/")[0]
    while folder and folder not in BOXES:
        folder = folder.rpartition("/")[0]
    return folder or None


def own_include(root, path, included):
    """Why a file may not include another file of the program, or None."""
    if not (root / included).is_file():
        return f'"{included}" is not a path from the root of the repository'
    here, there = box_of(path), box_of(included)
    if here is None:
        return f"{path} belongs to no box: name its folder in tests/include_edges/check.py and DESIGN.md"
    if there is None:
        return f'"{included}" belongs to no box that the program may use'
    if included in EVERYONE_MAY_INCLUDE or there == here or there in BOXES[here]:
        return None
    return f'{here} may not include "{included}": {there} is not below it'


def vendor_include(path, included):
    """Why a file may not include a header from outside the repository, or None."""
    for prefix, files in VENDOR.items():
        if re.match(prefix, included):
            if not path.endswith(".cc"):
                return f"<{included}> in a header: vendor headers stay in .cc files"
            if not re.fullmatch(files + r"\.cc", path):
                return f"<{included}> may be included by {files}.cc only"
            return None
    if SYSTEM.match(included):
        return None
    return f"<{included}> belongs to no library that DESIGN.md names"


def violations(root):
    for top in PROGRAM:
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            path = file.relative_to(root).as_posix()
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                quote, included = match.groups()
                ours = quote == '"' and not any(re.match(prefix, included) for prefix in VENDOR)
                why = own_include(root, path, included) if ours else vendor_include(path, included)
                if why:
                    yield f"{path}:{number}: {why}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    found = list(violations(root))
    print("\n".join(found) if found else "include edges: all allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
