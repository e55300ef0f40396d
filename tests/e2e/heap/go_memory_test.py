#!/usr/bin/env python3
"""Heaps of Go programs that do not help: snapshots of running ones, cores of dead ones, against the runtime's own count.

    go_memory_test.py --tidemark PATH [--go MINOR...]

Builds tests/e2e/heap/go_memory with every Go minor that can be had (GOTOOLCHAIN), plain, position-independent and without DWARF, and
compares what a snapshot and a core of it hold with the HeapObjects that it read of itself just before. The difference is what the program
allocates in between: a timer, a thread, a panic. It must go on unharmed, under load too.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = {19: "1.19.8", 20: "1.20.14", 21: "1.21.13", 22: "1.22.12", 23: "1.23.12", 24: "1.24.13", 25: "1.25.12", 26: "1.26.10", 27: "1.27.3"}
NODES = 20_000
SINCE = 12  # objects that it may allocate after it counted
KINDS = {"plain": [], "no DWARF": ["-ldflags=-w"], "position-independent": ["-buildmode=pie"]}


def check(what, holds, detail=""):
    if not holds:
        raise RuntimeError(f"{what}: {detail}")


def build(version, flags, to):
    """False when this toolchain is not to be had."""
    environment = {**os.environ, "GOTOOLCHAIN": f"go{version}", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(["go", "build", *flags, "-o", to, "."], cwd=HERE / "go_memory", env=environment, capture_output=True, text=True)
    if done.returncode and "toolchain" in done.stderr:
        return False
    check(f"go {version} builds", done.returncode == 0, done.stderr)
    return True


class Subject:
    """The program, after it counted."""

    def __init__(self, program, mode, folder):
        self.program = program
        command = [program, str(NODES), mode]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder,
                                        env={**os.environ, "GOTRACEBACK": "crash"}, preexec_fn=allow_core)
        self.process.stdout.readline()
        self.objects, self.bytes = map(int, self.process.stdout.readline().split())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def tick(self):
        return int(self.process.stdout.readline())

    def end(self):
        self.process.terminate()
        return self.process.wait()


def allow_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def heap(tidemark, dump, program):
    command = [tidemark, "heap", "--format", "json", *(["--exe", program] if program else []), dump]
    done = subprocess.run(command, capture_output=True, text=True)
    check(f"tidemark heap {dump}", done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def check_heap(what, report, subject):
    everything, garbage = report["totals"]["all"], report["totals"]["garbage"]
    more = everything["objects"] - subject.objects
    check(f"{what}: objects", 0 <= more <= SINCE, f"{everything['objects']}, and the runtime counts {subject.objects}")
    check(f"{what}: whole", not report["dump"]["partial"], report["dump"])
    check(f"{what}: reached from roots", garbage["objects"] <= SINCE, garbage)
    counted = report["dump"]["facts"]["runtime objects"]
    check(f"{what}: as the spans' own counters say", counted == str(everything["objects"]), counted)
    held = {row["name"]: row["retained_bytes"] for row in report["owners"]}
    # 19,800 nodes of 96 bytes, their names and values hang on the map.
    check(f"{what}: main.byName", held.get("main.byName", 0) > NODES * 96 * 0.9, held)
    return more


def snapshot(tidemark, pid, out):
    done = subprocess.run([tidemark, "snapshot", "--pid", str(pid), "--out", out], capture_output=True, text=True)
    check("tidemark snapshot", done.returncode == 0, done.stderr)
    return float(re.search(r"stood still for ([\d.]+) ms", done.stdout)[1])


def of_running(tidemark, what, program, folder):
    with Subject(program, "tick", folder) as subject:
        out = folder / "heap.graph"
        pause = snapshot(tidemark, subject.process.pid, out)
        more = check_heap(what, heap(tidemark, out, program), subject)
        first = subject.tick()
        check(f"{what}: goes on", subject.tick() == first + 1)
        check(f"{what}: ends as told", subject.end() == -signal.SIGTERM)
    return f"snapshot {subject.objects} + {more} objects, {pause:.1f} ms"


def of_dead(tidemark, what, program, folder):
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    if pattern.startswith(("|", "/")) or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return of_gcore(tidemark, what, program, folder)
    with Subject(program, "crash", folder) as subject:
        subject.process.wait()
        cores = [path for path in folder.iterdir() if path.name.startswith(pattern.split("%")[0])]
        check(f"{what}: a core", len(cores) == 1, cores)
        more = check_heap(f"{what} core", heap(tidemark, cores[0], program), subject)
        check_heap(f"{what} core and the program it names", heap(tidemark, cores[0], None), subject)
        cores[0].unlink()
    return f"core {subject.objects} + {more}"


def of_gcore(tidemark, what, program, folder):
    if not shutil.which("gcore"):
        return "no core to be had"
    with Subject(program, "tick", folder) as subject:
        core = folder / f"gdb.{subject.process.pid}"
        subprocess.run(["gcore", "-o", folder / "gdb", str(subject.process.pid)], check=True, capture_output=True)
        more = check_heap(f"{what} gcore", heap(tidemark, core, program), subject)
        check_heap(f"{what} gcore and the program it names", heap(tidemark, core, None), subject)
        core.unlink()
    return f"gcore {subject.objects} + {more}"


def under_load(tidemark, program, folder):
    with Subject(program, "load", folder) as subject:
        pauses = []
        for _ in range(20):
            before = subject.tick()
            pauses.append(snapshot(tidemark, subject.process.pid, folder / "load.graph"))
            check("load: goes on", subject.tick() > before)
        report = heap(tidemark, folder / "load.graph", program)
        check("load: whole", not report["dump"]["partial"], report["dump"])
        check("load: ends as told", subject.end() == -signal.SIGTERM)
    print(f"go: 20 snapshots under load, {min(pauses):.1f} to {max(pauses):.1f} ms")


def check_errors(tidemark, program, folder):
    def message(*arguments):
        done = subprocess.run([tidemark, *arguments], capture_output=True, text=True)
        check(f"{arguments} fails", done.returncode != 0, done.stdout)
        return done.stderr

    sleeper = subprocess.Popen(["sleep", "100"])
    check("not Go", "not a Go program" in message("snapshot", "--pid", str(sleeper.pid), "--out", folder / "none"))
    sleeper.kill()
    sleeper.wait()
    check("gone", "is not there" in message("snapshot", "--pid", str(sleeper.pid), "--out", folder / "none"))
    check("nothing is left behind", not (folder / "none").exists())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--go", nargs="*", type=int, default=sorted(VERSIONS), metavar="MINOR")
    arguments = parser.parse_args()
    seen = 0
    with tempfile.TemporaryDirectory(prefix="tidemark-go-memory-") as temporary:
        folder = pathlib.Path(temporary)
        for minor in arguments.go:
            for kind, flags in KINDS.items():
                program = folder / "subject"
                if kind != "plain" and minor not in (arguments.go[0], arguments.go[-1]):
                    continue
                if not build(VERSIONS[minor], flags, program):
                    print(f"go: {VERSIONS[minor]} is not to be had")
                    continue
                what = f"{VERSIONS[minor]} {kind}"
                lines = [test(arguments.tidemark, what, program, folder) for test in (of_running, of_dead)]
                print(f"go: {what}: {'; '.join(lines)}", flush=True)
                seen += 1
        check("some Go", seen > 0)
        under_load(arguments.tidemark, program, folder)
        check_errors(arguments.tidemark, program, folder)
    print(f"{seen} passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
