#!/usr/bin/env python3
"""Heap dumps of real JVMs: sizes are those of the JVM's own histogram, retained sizes follow from them.

    jvm_test.py --tidemark PATH [--java DIRECTORY]

Runs tests/e2e/heap/jvm/Known.java under several layouts of objects and collectors, dumps it by jcmd (plain and gzip), at an
OutOfMemoryError and through a pipe, and compares what `tidemark heap --format json` says with `jcmd GC.class_histogram`. DIRECTORY: the
bin directory of a JDK; the one on PATH unless given.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent / "jvm" / "Known.java"
LAYOUTS = {
    "as it comes": [],
    "wide references": ["-XX:-UseCompressedOops"],
    "wide class pointers": ["-XX:-UseCompressedClassPointers"],
    "both wide": ["-XX:-UseCompressedOops", "-XX:-UseCompressedClassPointers"],
    "objects at multiples of 16": ["-XX:ObjectAlignmentInBytes=16"],
    "serial collector": ["-XX:+UseSerialGC"],
    "Z collector": ["-XX:+UseZGC"],
}
PRIMITIVES = {"Z": "boolean", "B": "byte", "C": "char", "S": "short", "I": "int", "J": "long", "F": "float", "D": "double"}


def java_name(name):
    """'[Ljava.lang.String;' as Java writes it."""
    dimensions = len(name) - len(name.lstrip("["))
    element = name[dimensions:]
    if dimensions:
        element = PRIMITIVES.get(element) or element[1:-1]
    return element + "[]" * dimensions


class Subject:
    """The program, running and ready."""

    def __init__(self, java, classes, flags):
        self.java = java
        command = [java / "java", "-Xmx256m", *flags, "-cp", classes, "Known"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.expect("ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def expect(self, line):
        for got in self.process.stdout:
            if got.strip() == line:
                return
        raise RuntimeError(f"the program ended without saying {line}")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def jcmd(self, *arguments):
        command = [self.java / "jcmd", str(self.process.pid), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def histogram(self):
        """{class: (objects, bytes)} of live objects."""
        rows = {}
        for count, size, name in re.findall(r"^\s*\d+:\s+(\d+)\s+(\d+)\s+(\S+)", self.jcmd("GC.class_histogram"), re.MULTILINE):
            before = rows.get(java_name(name), (0, 0))
            rows[java_name(name)] = (before[0] + int(count), before[1] + int(size))
        return rows


def check(what, got, expected):
    if got != expected:
        raise RuntimeError(f"{what}: {got}, expected {expected}")


class Report:
    """What `tidemark heap` says of dumps."""

    def __init__(self, tidemark, *dumps, stdin=None):
        command = [tidemark, "heap", "--format", "json", *map(str, dumps)]
        done = subprocess.run(command, check=True, capture_output=True, stdin=stdin)
        self.json = json.loads(done.stdout)
        check("partial", self.json["dump"]["partial"], False)
        self.types = {row["name"]: (row["objects"], row["bytes"]) for row in self.json["types"]}
        self.owners = {row["name"]: row["retained_bytes"] for row in self.json["owners"]}


def check_sizes(report, histogram):
    """The program's own classes to the object; of the library's, which go on living, the size of one instance."""
    own = {name: row for name, row in histogram.items() if name.startswith("Known$")}
    check("classes of the program", len(own) >= 7, True)
    for name, row in own.items():
        if "$Lambda" not in name:
            check(name, report.types.get(name), row)
    wrong = []
    for name, (count, size) in report.types.items():
        told = histogram.get(name)
        if told and not name.endswith("[]") and name != "java.lang.Class" and size * told[0] != told[1] * count:
            wrong.append((name, size // count, told[1] // told[0]))
    check("classes with another size of their instances", wrong, [])


def check_retained(report, histogram):
    """Who holds what: a chain, a list whose elements are also watched weakly, two that share, a thread's local."""
    size = {name: row[1] for name, row in histogram.items()}
    check("Known.chain", report.owners["Known.chain"], size["Known$Link"] + size["Known$LongerLink"])
    check("Known.left", report.owners["Known.left"], size["Known$LeftNode"])
    check("Known.right", report.owners["Known.right"], size["Known$RightNode"])
    owned = report.owners["Known.owner"] - size["Known$Watched"]
    check("the list of Known.owner, beside its elements", 0 < owned < 60_000, True)
    threads = [retained for name, retained in report.owners.items() if re.fullmatch(r"thread #\d+ in Known.holdLocally", name)]
    check("the thread that keeps its local", [size["Known$Local"] <= kept < size["Known$Local"] + 2000 for kept in threads], [True])


def layouts(tidemark, java, classes, directory):
    for name, flags in LAYOUTS.items():
        with Subject(java, classes, flags) as subject:
            subject.histogram()  # what a first one leaves behind is in the second
            dump = directory / "known.hprof"
            dump.unlink(missing_ok=True)
            subject.jcmd("GC.heap_dump", dump)
            histogram = subject.histogram()
            report = Report(tidemark, dump)
            check_sizes(report, histogram)
            check_retained(report, histogram)
        print(f"jvm: {name}: {len(report.types)} classes of {report.json['totals']['all']['objects']} objects as the JVM counts them, "
              f"{report.json['dump']['facts']['object layout']}")


def packed_and_piped(tidemark, java, classes, directory):
    with Subject(java, classes, []) as subject:
        plain, packed, later = (directory / name for name in ("plain.hprof", "packed.hprof.gz", "later.hprof"))
        subject.histogram()
        subject.jcmd("GC.heap_dump", plain)
        subject.jcmd("GC.heap_dump", "-gz=1", packed)
        histogram = subject.histogram()
        report = Report(tidemark, packed)
        check_sizes(report, histogram)
        check_retained(report, histogram)
        print("jvm: gzip: the same")
        with plain.open("rb") as stdin, subprocess.Popen(["cat"], stdin=stdin, stdout=subprocess.PIPE) as cat:
            report = Report(tidemark, "-", stdin=cat.stdout)
            check_retained(report, histogram)
        print("jvm: through a pipe: the same")
        subject.tell("grow")
        subject.expect("done")
        subject.jcmd("GC.heap_dump", later)
        growth = Report(tidemark, plain, later).json["growth"]
        grown = {row["name"]: row["objects"] for row in growth["types"]}
        check("links that came", (grown["Known$Link"], grown["Known$LongerLink"]), (5000, 5000))
        print("jvm: two dumps: 10,000 links more, named")


def out_of_memory(tidemark, java, classes, directory):
    dump = directory / "oom.hprof"
    flags = ["-XX:+HeapDumpOnOutOfMemoryError", f"-XX:HeapDumpPath={dump}", "-Xmx64m"]
    with Subject(java, classes, flags) as subject:
        histogram = subject.histogram()
        subject.tell("fill")
        subject.process.stdin.close()
        subject.process.wait(timeout=120)
    report = Report(tidemark, dump)
    check_retained(report, histogram)
    check("Known.filled", report.owners["Known.filled"] > 20 << 20, True)
    print("jvm: at an OutOfMemoryError: Known.filled is named")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", required=True, type=pathlib.Path)
    parser.add_argument("--java", type=pathlib.Path, help="bin directory of a JDK")
    options = parser.parse_args()
    java = options.java or pathlib.Path("/usr/bin")
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        subprocess.run([java / "javac", "-d", directory, SOURCE], check=True)
        layouts(options.tidemark, java, directory, directory)
        packed_and_piped(options.tidemark, java, directory, directory)
        out_of_memory(options.tidemark, java, directory, directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
