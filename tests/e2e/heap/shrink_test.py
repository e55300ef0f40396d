#!/usr/bin/env python3
"""`tidemark shrink` over dumps of real Go, JVM and Node programs: through files, pipes and FIFOs; what the file says equals what
the dump says; no secret is in it.

    shrink_test.py --tidemark PATH        needs go, java and node
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import graph_file  # noqa: E402

MAX_RESIDENT_BYTES = 64 << 20
# What a report says of the file rather than of the heap; facts: those of the shrinker are more; names of spans: some are lost.
OF_THE_FILE = {"file", "file_bytes", "time", "facts", "names", "traces"}
# A type that only references speak of has its key for a name, or what the reader made of it.
UNNAMED_TYPE = re.compile(r"type 0x[0-9a-f]+|\((behind|of) type 0x[0-9a-f]+\)")


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, holds, what):
        print(("ok    " if holds else "FAILED") + " " + what, flush=True)
        self.failed += not holds


def build(folder, package):
    program = folder / ("program-" + package.strip("./"))
    subprocess.run(["go", "build", "-o", program, package], cwd=HERE / "go", check=True)
    return program


def shrink(tidemark, *words, **keywords):
    return subprocess.run([tidemark, "shrink", *map(str, words)], check=True, capture_output=True, **keywords)


def heap_facts(tidemark, dump):
    """The report as JSON, without what it says of the file."""
    out = subprocess.run([tidemark, "heap", "--format", "json", dump], check=True, capture_output=True).stdout

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(each) for key, each in value.items() if key not in OF_THE_FILE}
        if isinstance(value, list):
            return [strip(each) for each in value]
        return UNNAMED_TYPE.sub("type", value).replace(str(dump), "DUMP") if isinstance(value, str) else value
    return strip(json.loads(out))


def test_leak(check, tidemark, folder):
    program = build(folder, ".")
    dump = folder / "leak.dump"
    subprocess.run([program, "-ended", "20000", "-open", "30"], input=f"dump {dump}\nquit\n", text=True, check=True,
                   capture_output=True)
    small = folder / "leak.graph"
    report = shrink(tidemark, dump, "--out", small).stdout.decode()
    print(report, end="")
    strict = folder / "strict.graph"
    shrink(tidemark, dump, "--strict", "--out", strict)
    check.that("times of 20030 spans" in report, "every span was seen")
    check.that(heap_facts(tidemark, dump) == heap_facts(tidemark, small), "the report of the shrunk dump is the dump's")
    again = folder / "again.graph"
    shrink(tidemark, small, "--strict", "--out", again)
    kept = graph_file.GraphFile(again)
    check.that(not any(contents for *_, contents in kept.objects.values()), "shrunk once more, --strict, nothing is left")
    check.that(small.stat().st_mtime == dump.stat().st_mtime, "it is as old as its dump")
    shown = subprocess.run([tidemark, "heap", small], check=True, capture_output=True).stdout
    check.that(b"trace 0000000000" not in shown, "no trace without its id is shown")
    refused = subprocess.run([tidemark, "shrink", small], capture_output=True)
    check.that(refused.returncode == 2 and b"is shrunk already" in refused.stderr, "a shrunk dump is not shrunk twice")
    resident = float(re.search(r"([\d.]+) MiB resident", report).group(1))
    check.that(resident * (1 << 20) <= MAX_RESIDENT_BYTES, f"at most 64 MiB resident: {resident} MiB")
    check.that(small.stat().st_size * 20 < dump.stat().st_size, "a twentieth of the size even of a small dump")
    return dump


def test_streams(check, tidemark, folder, dump):
    of_file, of_pipe, of_fifo = folder / "of_file", folder / "of_pipe", folder / "of_fifo"
    shrink(tidemark, dump, "--out", of_file)
    with open(dump, "rb") as source, open(of_pipe, "wb") as out:
        cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE)
        subprocess.run([tidemark, "shrink", "-"], stdin=cat.stdout, stdout=out, stderr=subprocess.DEVNULL, check=True)
        cat.stdout.close()
        cat.wait()
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen([tidemark, "shrink", fifo, "--out", of_fifo], stdout=subprocess.DEVNULL)
    with open(fifo, "wb") as into:
        into.write(dump.read_bytes())
    check.that(reader.wait() == 0, "a FIFO is read while it is written")
    whole = graph_file.GraphFile(of_file)
    for name, path in (("pipe", of_pipe), ("FIFO", of_fifo)):
        check.that(graph_file.GraphFile(path).objects == whole.objects, f"from a {name} the same objects as from the file")
    full = subprocess.run([tidemark, "shrink", dump, "--out", "/dev/full"], capture_output=True)
    check.that(full.returncode == 2 and b"No space left" in full.stderr, "a full disk is said")
    cut = folder / "cut.dump"
    cut.write_bytes(dump.read_bytes()[:-1000])
    warned = shrink(tidemark, cut, "--out", folder / "cut.graph")
    check.that(b"the dump is damaged" in warned.stderr, "a dump that is cut short is shrunk up to there, and that is said")
    check.that(b"" != subprocess.run([tidemark, "heap", folder / "cut.graph"], check=True, capture_output=True).stdout,
               "what was there of it can be read")


def test_secrets(check, tidemark, folder):
    program = build(folder, "./secrets")
    dump, small, strict = folder / "secrets.dump", folder / "secrets.graph", folder / "secrets-strict.graph"
    subprocess.run([program, dump], check=True)
    secret = re.compile(rb"HUNTER\d*TWO")
    found = len(set(secret.findall(dump.read_bytes())))
    check.that(found == 2000, f"the dump has all 2000 secrets ({found})")
    print(shrink(tidemark, dump, "--all-span-ids", "--out", small).stdout.decode(), end="")
    shrink(tidemark, dump, "--strict", "--out", strict)
    for path in (small, strict):
        read = graph_file.GraphFile(path)
        contents = b"\0".join(each for *_, each in read.objects.values())
        words = b"".join(target.to_bytes(8, "little") + kind.to_bytes(8, "little")
                         for _, _, links, _ in read.objects.values() for _, target, kind in links)
        for where, text in (("inflated bytes", read.raw), ("contents", contents), ("references", words),
                            ("texts", b"\0".join(read.texts))):
            # Four letters: a word of memory cut anywhere would show.
            check.that(not re.search(rb"HUNT|UNTE|NTER|TER\d", text), f"{path.name}: no secret in its {where}")
        names = contents.count(b"PUBLIC /route/")
        check.that(names > 1000 if path == small else not contents.strip(b"\0"), f"{path.name}: {names} names of spans")


def same_report(check, tidemark, dump, what):
    small = dump.with_suffix(".graph")
    report = shrink(tidemark, dump, "--out", small).stdout.decode()
    print(report, end="")
    of_dump, of_small = heap_facts(tidemark, dump), heap_facts(tidemark, small)
    check.that(of_dump["totals"]["all"]["objects"] > 200_000 and of_dump == of_small, f"{what}: the report is the dump's")
    check.that(of_dump["totals"] == of_small["totals"], f"{what}: so are its sums")
    resident = float(re.search(r"([\d.]+) MiB resident", report).group(1))
    check.that(resident * (1 << 20) <= MAX_RESIDENT_BYTES, f"{what}: at most 64 MiB resident: {resident} MiB")


def test_jvm(check, tidemark, folder):
    dump = folder / "wide.hprof"
    subprocess.run(["javac", "-d", folder, HERE / "jvm" / "Wide.java"], check=True)
    subprocess.run(["java", "-Xmx256m", "-cp", folder, "Wide", dump], check=True, stdout=subprocess.DEVNULL)
    same_report(check, tidemark, dump, "HPROF")


def test_node(check, tidemark, folder):
    dump = folder / "wide.heapsnapshot"
    wide = "global.wide = Array.from({length: 200000}, (_, i) => ({i, half: i % 2 ? {i} : null}));"
    subprocess.run(["node", "-e", wide + f"require('v8').writeHeapSnapshot({json.dumps(str(dump))})"], check=True)
    same_report(check, tidemark, dump, "V8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", required=True)
    tidemark = pathlib.Path(parser.parse_args().tidemark).resolve()
    check = Checks()
    with tempfile.TemporaryDirectory(prefix="tidemark-shrink-") as name:
        folder = pathlib.Path(name)
        test_streams(check, tidemark, folder, test_leak(check, tidemark, folder))
        test_secrets(check, tidemark, folder)
        test_jvm(check, tidemark, folder)
        test_node(check, tidemark, folder)
    print(f"{check.failed} checks failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
