#!/usr/bin/env python3
"""Checks that includes point down only. The table is the one drawn in docs/architecture.md.

    layers.py [SOURCE_ROOT]      exits 1 and names every include that points up or sideways
"""
import pathlib
import re
import sys

# Folder -> folders of src/ it may include. Whatever is not listed is refused.
GROUND = {"base"}
VOCABULARY = GROUND | {"model"}
DOMAIN = VOCABULARY | {"net"}
HEAP = GROUND | {"heapgraph"}
ALLOWED = {
    # 0 ground
    "base": set(),
    "ledger": {"base"},
    "net": {"base"},
    # 1 vocabulary
    "model": GROUND,
    # 2 domain: none knows another
    "codec": VOCABULARY,
    "storage": VOCABULARY,
    "detect": VOCABULARY,
    "symbolize": VOCABULARY,
    "flame": VOCABULARY,
    "heapgraph": GROUND,
    # readers and writers of heaps: they know the graph, not each other
    "goheap": HEAP | {"symbolize"},
    "hprof": HEAP,
    "v8heap": HEAP,
    "graphfile": HEAP,
    "heapreport": HEAP | VOCABULARY | {"codec"},
    # 3 services: none knows another
    "ingest": VOCABULARY | {"codec"},
    "scrape": DOMAIN | {"codec"},
    "collect": DOMAIN | {"ledger", "symbolize", "codec"},
    "diagnose": VOCABULARY | {"detect", "flame"},
    "query": DOMAIN | {"codec", "storage", "flame"},
    "heapdump": HEAP | {"goheap", "hprof", "v8heap", "graphfile", "heapreport"},
    # 4 programs
    "recorder": {"ledger"},
    "sdk": set(),
    "telemetry": DOMAIN | {"codec", "detect", "ledger", "symbolize", "collect"},
    "server": None,  # wiring: everything but the other programs
    "cli": None,
}
PROGRAMS = {"cli", "recorder", "sdk", "telemetry"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/[^"]+"', re.MULTILINE)


def allowed(folder):
    """The folders that `folder` may include, itself among them."""
    below = ALLOWED[folder]
    if below is None:
        below = set(ALLOWED) - PROGRAMS
    return below | {folder}


def violations(root):
    """(file, included folder) of every include that is not allowed, and of every folder the table does not know."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cc") or not path.is_file():
            continue
        folder = path.relative_to(root).parts[0]
        if folder not in ALLOWED:
            found.append((path, "a folder missing from the table"))
            continue
        for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if included in ALLOWED and included not in allowed(folder):
                found.append((path, included))
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "src")
    found = violations(root)
    for path, included in found:
        print(f"{path}: may not include {included}/")
    print(f"{len(found)} includes against the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
