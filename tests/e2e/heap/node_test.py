#!/usr/bin/env python3
"""Heap snapshots of real Node.js: retained sizes equal those of a slow computation written apart, and leaks are named.

    node_test.py --tidemark PATH --v8-retained PATH [--node PATH]

--v8-retained: bench/heap/v8/v8_retained of the build.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "node"))
sys.path.insert(0, str(HERE.parent / "common"))
from harness import Checks  # noqa: E402
from slow_dominators import retained_sizes  # noqa: E402

SHAPES = ("map", "closures", "weakmap", "timers", "mixture")


def ours(program, path):
    """{id: (own bytes, retained bytes)} by the engine."""
    lines = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = (line.split(" ", 3) for line in lines)
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows if len(row) == 4 and row[0].isdigit()}


def check_sizes(program, shape, path, checks):
    expected, found = retained_sizes(path), ours(program, path)
    differ = [id_ for id_ in expected if found.get(id_) != expected[id_]]
    example = f", as {differ[0]}: {found.get(differ[0])} not {expected[differ[0]]}" if differ else ""
    checks.that(len(found) == len(expected) > 10_000 and not differ,
                f"{shape}: {len(expected)} nodes, {len(differ)} retained sizes differ{example}")


def report(tidemark, *paths):
    command = [tidemark, "heap", "--format", "json", *paths]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def check_report(tidemark, path, checks):
    said = report(tidemark, path)
    totals = said["totals"]
    checks.that(totals["garbage"]["objects"] == 0, "nothing that V8 kept is called garbage")
    checks.that(totals["owned"]["bytes"] > 0.9 * totals["all"]["bytes"], "owners with names hold nearly all")
    checks.that(said["owners"][0]["name"] == "global", f"the largest owner is {said['owners'][0]['name']}")


def check_pipe(tidemark, path, checks):
    command = [tidemark, "heap", "--format", "json", "-"]
    piped = json.loads(subprocess.run(command, check=True, capture_output=True, input=path.read_bytes()).stdout)
    checks.that(piped["totals"] == report(tidemark, path)["totals"], "a pipe is read as well as a file")


def check_cut(tidemark, path, folder, checks):
    whole = path.read_bytes()
    for section in ("nodes", "edges", "strings"):
        cut = folder / "cut.heapsnapshot"
        at = whole.index(b'"%s":[' % section.encode()) + 1000
        cut.write_bytes(whole[:at])
        done = subprocess.run([tidemark, "heap", cut], capture_output=True, text=True)
        said = " ".join((done.stdout + done.stderr).split())
        expected = done.returncode == (0 if section == "strings" else 2)
        checks.that(expected and f"{section} at offset" in said, f"cut in {section}, exit {done.returncode}: {done.stderr.strip()}")


def check_ways(options, folder, checks):
    """Two leaks between two snapshots come out as two ways, with every object counted; bad orders are told."""
    first, second = folder / "ways.1.heapsnapshot", folder / "ways.2.heapsnapshot"
    subprocess.run([options.node, HERE / "node" / "shapes.js", "ways", first, second], check=True, stdout=subprocess.DEVNULL)
    since = report(options.tidemark, first, second)["growth"]["since"]
    ways = [(row["objects"], row["path"]) for row in since["held"][:2]]
    checks.that([objects for objects, _ in ways] == [6000, 3000], f"6000 closures and 3000 orders leaked: {ways}")
    checks.that(ways[0][1][:2] == ["global", ".handlers Map"] and ways[0][1][-1] == "[] Function", f"closures: {ways[0]}")
    checks.that(ways[1][1] == ["global", ".orders Array", "[] Object"], f"orders: {ways[1]}")
    in_all = since["held_in_all"]
    checks.that(in_all["objects"] == sum(row["objects"] for row in since["held"]), f"none are held in other ways: {in_all}")
    os.utime(first, (2_000_000_000, 2_000_000_000))
    notes = report(options.tidemark, first, second)["notes"]
    checks.that(any("written after the other" in note for note in notes), f"the wrong order is noted: {notes}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--v8-retained", required=True)
    parser.add_argument("--node", default="node")
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for shape in SHAPES:
            first, second = folder / f"{shape}.1.heapsnapshot", folder / f"{shape}.2.heapsnapshot"
            subprocess.run([options.node, HERE / "node" / "shapes.js", shape, first, second], check=True, stdout=subprocess.DEVNULL)
            check_sizes(options.v8_retained, shape, first, checks)
        check_report(options.tidemark, folder / "map.1.heapsnapshot", checks)
        check_pipe(options.tidemark, folder / "map.1.heapsnapshot", checks)
        check_cut(options.tidemark, folder / "map.1.heapsnapshot", folder, checks)
        grown = subprocess.run([options.tidemark, "heap", folder / "map.1.heapsnapshot", folder / "map.2.heapsnapshot"],
                               check=True, capture_output=True, text=True).stdout
        checks.that("Span" in grown and "300" in grown, "the second snapshot has 300 spans more")
        since = report(options.tidemark, folder / "map.1.heapsnapshot", folder / "map.2.heapsnapshot")["growth"]["since"]
        classes = {row["name"]: row["allocated"]["objects"] for row in since["classes"]}
        checks.that(classes.get("Span", 0) >= 300, f"by their ids 300 spans came since: {classes.get('Span')}")
        ways = [row for row in since["held"] if row["path"][-1].endswith(" Span")]
        checks.that(ways and ways[0]["objects"] >= 300 and len(ways) == 1, f"all of them held in one way: {ways}")
        check_ways(options, folder, checks)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
