#!/usr/bin/env python3
"""Heap dumps of a real Go service, of every minor release from 1.19 to 1.27: what the reader tells is what the runtime counts.

    go_dump_test.py --bench build/release/src/goheap/go_dump_bench [--go 1.24.13 ...]

Of each release: objects and bytes equal to the runtime's own (record 10), in both passes; globals named by the executable, also
of position-independent and unstripped-but-DWARF-less ones. Of one: the dump cut at every kind of record and at random places, and
with flipped bits. Needs go, which fetches the other releases as modules.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))
import harness  # noqa: E402

RELEASES = ["1.19.13", "1.20.14", "1.21.13", "1.22.12", "1.23.12", "1.24.13", "1.25.12", "1.26.8", "1.27.3"]
SOURCE = HERE / "go"
WORK = harness.ROOT / "build/e2e-heap-go"
ENDED, OPEN = 5000, 10
SECONDS = 60  # the longest that reading one dump may take, on a busy machine


def build(release, name="leakyspans", options=()):
    """The service, built by a release of Go."""
    folder = WORK / release
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    subprocess.run(["go", "build", "-o", program, *options, "."], cwd=SOURCE, check=True,
                   env={**os.environ, "GOTOOLCHAIN": f"go{release}", "GOFLAGS": "-mod=mod -buildvcs=false"})
    return program


def dump(program):
    """A heap dump of the service with its spans in place."""
    path = program.with_suffix(".dump")
    answer = subprocess.run([program, "-ended", str(ENDED), "-open", str(OPEN)], input=f"dump {path}\nquit\n", text=True,
                            stdout=subprocess.PIPE, check=True, timeout=SECONDS).stdout
    assert f"dumped {path}" in answer, answer
    return path


def read(bench, path, mode="references", executable=None):
    """({key: value}, [holders]) of a dump; the error's text under "error"."""
    command = [bench, path, mode] + ([executable] if executable else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr}")
    told, holders = {"error": done.stderr.strip()}, {}
    for line in done.stdout.splitlines():
        words = line.split("\t")
        if words[0] == "holder":
            holders[words[1]] = int(words[2])
        elif words[0] != "type":
            told[words[0]] = words[1]
    return told, holders


class Walk:
    """The records of a dump, found by the plainest means: an independent reading of the format."""

    FIELDS = {2: "tn", 3: "nntn", 4: "nnnnnnnntnnnn", 6: "nnnnttn", 7: "nnnnn", 8: "nn", 9: "nnn", 10: "n" * 281,
              11: "nnnnn", 14: "nnnnnnn", 15: "nnnnnn", 17: "nn", 1: "ntl", 12: "ntl", 13: "ntl", 5: "nnntnnntl"}

    def __init__(self, raw):
        self.raw, self.at, self.lengths = raw, 16, []

    def number(self):
        value = shift = 0
        while True:
            byte = self.raw[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        self.lengths.append(self.number())
        self.at += self.lengths[-1]

    def records(self):
        """(tag, first byte, byte behind it, lengths of its texts) of each."""
        tag = None
        while tag != 0:
            begin, self.lengths = self.at, []
            tag = self.number()
            if tag == 16:
                self.number(), self.number()
                for _ in range(self.number()):
                    self.text(), self.text(), self.number()
                self.number(), self.number()
            for field in self.FIELDS.get(tag, ""):
                if field == "n":
                    self.number()
                elif field == "t":
                    self.text()
                else:
                    while self.number() != 0:
                        self.number()
            yield tag, begin, self.at, self.lengths


def check_counts(checks, bench, release, path):
    for mode in ("objects", "references", "all"):
        told, _ = read(bench, path, mode)
        checks.that(told["objects"] == told["runtime objects"] and told["bytes"] == told["runtime bytes"] and
                    told["damage"] == "" and int(told["objects"]) > ENDED,
                    f"go{release}, {mode}: {told['objects']} objects and {told['bytes']} bytes, the runtime's own "
                    f"{told['runtime objects']} and {told['runtime bytes']}, {told['phantom objects dropped']} phantoms dropped")
    raw = path.read_bytes()
    records = list(Walk(raw).records())
    objects = sum(tag == 1 for tag, *_ in records)
    checks.that(objects == int(told["objects"]) + int(told["phantom objects dropped"]),
                f"go{release}: {objects} object records, told or dropped; {len(records)} records in {len(raw)} bytes")
    return records


def check_names(checks, bench, release, path, program, slid=False):
    told, holders = read(bench, path, "references", program)
    checks.that(holders.get("main.leakySpanCache") == 1 and holders.get("main.routes") == 1,
                f"go{release}, {program.name}: main.leakySpanCache and main.routes are named, {len(holders)} holders hold something")
    checks.that((told.get("executable slide", "0x0") != "0x0") == slid and "executable" not in told,
                f"go{release}, {program.name}: lies at {told.get('executable slide')} {told.get('executable', '')}")


def check_damage(checks, bench, path, records):
    raw, rng = path.read_bytes(), random.Random(4)
    firsts = {}
    for tag, begin, end, _ in records:
        firsts.setdefault(tag, (begin, end))
    cuts = [at for begin, end in firsts.values() for at in (begin, begin + 1, (begin + end) // 2, end - 1)]
    cuts = [at for at in cuts if at < len(raw)] + [rng.randrange(len(raw)) for _ in range(30)]
    target, silent = path.with_suffix(".damaged"), []
    for at in cuts:
        target.write_bytes(raw[:at])
        told, _ = read(bench, target)
        if not told["error"] and not told.get("damage"):
            silent.append(at)
    checks.that(not silent, f"{len(cuts)} cuts at {len(firsts)} kinds of records: each is an error or said to be damage {silent}")
    answers = {"whole": 0, "damage": 0, "error": 0}
    for _ in range(60):
        flipped = bytearray(raw)
        flipped[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        target.write_bytes(flipped)
        told, _ = read(bench, target)
        answers["error" if told["error"] else "damage" if told["damage"] else "whole"] += 1
    checks.that(sum(answers.values()) == 60, f"60 flipped bits: {answers}; most lie in contents, where nothing tells them")
    target.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--go", nargs="*", default=RELEASES)
    arguments = parser.parse_args()
    bench, checks = pathlib.Path(arguments.bench).resolve(), harness.Checks()
    for release in arguments.go:
        program = build(release)
        path = dump(program)
        records = check_counts(checks, bench, release, path)
        check_names(checks, bench, release, path, program)
    last = arguments.go[-1]
    check_damage(checks, bench, path, records)
    nodwarf = build(last, "without-dwarf", ["-ldflags=-w"])
    check_names(checks, bench, last, dump(nodwarf), nodwarf)
    pie = build(last, "pie", ["-buildmode=pie"])
    pie_dump = dump(pie)
    check_names(checks, bench, last, pie_dump, pie, slid=True)
    told, _ = read(bench, pie_dump, "references", nodwarf)
    checks.that("is not what was dumped" in told.get("executable", ""), f"another executable: {told.get('executable')}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
