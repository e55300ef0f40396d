#!/usr/bin/env python3
"""`tidemark heap` and the server's heap dumps, with dumps of real programs: a Go service that keeps its spans, a JVM, Node.

    report_test.py --tidemark build/release/bin/tidemark

What a machine has no tool for (go, java, node) is said and left out, unless TIDEMARK_REQUIRE_ALL is set.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))
import harness  # noqa: E402

SPANS_ENDED, SPANS_OPEN = 30_000, 10
JAVA = """
import java.util.*;
public class Keeper {
  static final Map<String, byte[]> SESSIONS = new HashMap<>();
  public static void main(String[] a) throws Exception {
    for (int i = 0; i < Integer.parseInt(a[1]); i++) SESSIONS.put("session-" + i, new byte[1000]);
    java.lang.management.ManagementFactory.newPlatformMXBeanProxy(
        java.lang.management.ManagementFactory.getPlatformMBeanServer(), "com.sun.management:type=HotSpotDiagnostic",
        com.sun.management.HotSpotDiagnosticMXBean.class).dumpHeap(a[0], true);
  }
}
"""
NODE = """
class Session { constructor(i) { this.id = 'session-' + i; this.data = new Array(20).fill(i); } }
globalThis.sessionCache = new Map();
for (let i = 0; i < +process.argv[3]; i++) sessionCache.set('k' + i, new Session(i));
require('v8').writeHeapSnapshot(process.argv[2]);
"""


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, what, holds, detail=""):
        print(f"{'ok  ' if holds else 'FAIL'} {what}{'' if holds else ': ' + str(detail)[:2000]}", flush=True)
        self.failed += not holds


class Heap:
    """The command, run."""

    def __init__(self, tidemark):
        self.tidemark = tidemark

    def run(self, *arguments, stdin=None):
        return subprocess.run([self.tidemark, "heap", *map(str, arguments)], input=stdin, capture_output=True, check=False)

    def text(self, *arguments):
        return self.run(*arguments).stdout.decode()

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--format", "json").stdout)


def add_up(report):
    totals = report["totals"]
    parts = [totals[part] for part in ("owned", "shared", "garbage")]
    return not report["broken"] and all(sum(p[key] for p in parts) == totals["all"][key] for key in ("objects", "bytes"))


def go_dump(folder):
    program, dump = folder / "leakyspans", folder / "go.dump"
    subprocess.run(["go", "build", "-o", program, "."], cwd=HERE / "go", check=True)
    with subprocess.Popen([program, "-ended", str(SPANS_ENDED), "-open", str(SPANS_OPEN)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as service:
        service.stdin.write(f"dump {dump}\nquit\n")
        service.stdin.flush()
        service.stdout.read()
    return program, dump


def check_go(heap, folder, checks):
    program, dump = go_dump(folder)
    text = heap.text(dump, "--exe", program)
    first = " ".join(text.split("\n\n")[0].split())
    checks.that("go: the first sentence names the cache, the spans and how many have ended",
                "is held by main.leakySpanCache -> map[string]trace.Span" in first
                and f"{SPANS_ENDED + SPANS_OPEN:,} spans, {SPANS_ENDED:,} of them ended, newest " in first, text)
    checks.that("go: the runtime counted the same", ": the same." in text, text)
    checks.that("go: no line is wider than 100 columns", all(len(line) <= 100 for line in text.splitlines()), text)
    report = heap.json(dump, "--exe", program)
    checks.that("go: every byte is owned, shared or garbage", add_up(report), report["broken"])
    checks.that("go: spans are counted in JSON too", report["spans"][0]["spans"] == SPANS_ENDED + SPANS_OPEN, report["spans"][:1])
    checks.that("go: --check finds it", heap.run(dump, "--exe", program, "--check").returncode == 1)

    packed = folder / "go.dump.gz"
    packed.write_bytes(gzip.compress(dump.read_bytes(), 1))
    for what, same in (("gzip", heap.json(packed, "--exe", program)),
                       ("standard input", json.loads(heap.run("-", "--exe", program, "--format", "json",
                                                              stdin=dump.read_bytes()).stdout))):
        checks.that(f"go: {what} gives the same report", same["totals"] == report["totals"], same["totals"])
    shrunk = folder / "go.graph"
    subprocess.run([heap.tidemark, "shrink", dump, "--out", shrunk], check=True)
    small = heap.json(shrunk, "--exe", program)
    checks.that("go: a shrunk dump retains the same", small["totals"] == report["totals"], small["totals"])
    checks.that("go: and says the same", small["headline"].split(", newest")[0] == report["headline"].split(", newest")[0],
                small["headline"])

    profile = folder / "held.pb.gz"
    heap.run(dump, "--exe", program, "--format", "pprof", "--out", profile)
    top = subprocess.run(["go", "tool", "pprof", "-top", "-cum", profile], capture_output=True, text=True, check=False).stdout
    checks.that("go: go tool pprof reads what is retained", "main.leakySpanCache" in top, top)
    page = heap.run(dump, "--exe", program, "--format", "html").stdout.decode()
    checks.that("go: the page stands alone", page.startswith("<!doctype html>") and "http://" not in page and "https://" not in page)

    whole = dump.read_bytes()
    cut = folder / "cut.dump"
    cut.write_bytes(whole[:len(whole) * 2 // 3])
    partial = heap.run(cut, "--exe", program)
    checks.that("go: a cut dump is PARTIAL in the first line and says where", partial.returncode == 0
                and partial.stdout.startswith(b"PARTIAL") and b"offset" in partial.stdout, partial)
    return dump


def check_jvm(heap, folder, checks):
    (folder / "Keeper.java").write_text(JAVA)
    subprocess.run(["javac", "-d", folder, folder / "Keeper.java"], check=True)
    dumps = []
    for count in (2000, 12000):
        dumps.append(folder / f"{count}.hprof")
        subprocess.run(["java", "-cp", folder, "Keeper", dumps[-1], str(count)], check=True)
    report = heap.json(dumps[1])
    checks.that("jvm: the static field is named first", "Keeper.SESSIONS" in report["headline"], report["headline"])
    checks.that("jvm: every byte is owned, shared or garbage", add_up(report), report["broken"])
    grown = heap.json(*dumps)
    checks.that("jvm: two dumps say that it grew there", "The heap grew by" in grown["headline"]
                and "Keeper.SESSIONS" in grown["headline"].split("Now")[0], grown["headline"])


def check_node(heap, folder, checks):
    (folder / "keeper.js").write_text(NODE)
    dumps = []
    for count in (2000, 12000):
        dumps.append(folder / f"{count}.heapsnapshot")
        subprocess.run(["node", folder / "keeper.js", dumps[-1], str(count)], check=True)
    report = heap.json(dumps[1])
    checks.that("node: the map of sessions is named", "Map -> Session" in report["headline"] and ": 12,000 objects" in report["headline"], report["headline"])
    checks.that("node: every byte is owned, shared or garbage", add_up(report), report["broken"])
    grown = heap.json(*dumps)
    checks.that("node: two dumps say that it grew there", "The heap grew by" in grown["headline"]
                and "Session" in grown["headline"].split("Now")[0], grown["headline"])


def check_errors(heap, folder, checks):
    unknown = folder / "unknown.zip"
    unknown.write_bytes(b"PK\x03\x04 and so on")
    answer = heap.run(unknown)
    checks.that("an unknown file is told by its first bytes", answer.returncode == 2 and b"50 4b 03 04" in answer.stderr
                and b"HPROF" in answer.stderr, answer)
    missing = heap.run(folder / "missing")
    checks.that("a missing file is named", missing.returncode == 2 and b"missing" in missing.stderr, missing)


def fetch(url, data=None, method="GET"):
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def posted(base, dump, seconds=120):
    """Posts a dump and waits for its report."""
    status, body = fetch(f"{base}?service=shop&name=one", dump, "POST")
    if status != 202:
        return status, body
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        one = json.loads(fetch(f"{base}/{json.loads(body)['id']}")[1])
        if one["state"] in ("done", "failed"):
            return status, one
        time.sleep(0.05)
    return status, {"state": "late"}


def check_server(tidemark, folder, dump, checks):
    server = harness.Server(tidemark, str(folder / "data"), folder / "server.log")
    server.start()
    try:
        base = f"http://127.0.0.1:{server.api}/api/v1/heap-dumps"
        status, one = posted(base, dump.read_bytes())
        checks.that("server: a posted dump gets a report", status == 202 and one["state"] == "done"
                    and one["report"]["version"] == 1, one)
        status, page = fetch(f"{base}/{one['id']}/html")
        checks.that("server: and a page", status == 200 and page.startswith(b"<!doctype html>"), page[:200])
        status, body = fetch(base, b"PK\x03\x04" * 1000, "POST")
        checks.that("server: what is no dump is refused", status == 400, body)
        status, body = fetch(f"{base}?incident=0123456789abcdef", dump.read_bytes()[:1000], "POST")
        checks.that("server: an unknown incident is refused", status == 404, body)
        server.kill()
        server.start()
        again = json.loads(fetch(f"{base}/{one['id']}")[1])
        checks.that("server: the report is there after kill -9", again.get("headline") == one["headline"], again)
        metrics = fetch(f"http://127.0.0.1:{server.api}/metrics")[1].decode()
        checks.that("server: metrics count them", "tidemark_heap_dumps_kept 1\n" in metrics, metrics[-500:])
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", default="build/release/bin/tidemark")
    tidemark = str(pathlib.Path(parser.parse_args().tidemark).resolve())
    heap, checks = Heap(tidemark), Checks()
    needed = {"go": check_go, "javac": check_jvm, "node": check_node}
    with tempfile.TemporaryDirectory(prefix="tidemark-heap-") as folder:
        folder = pathlib.Path(folder)
        check_errors(heap, folder, checks)
        dump = None
        for tool, check in needed.items():
            if shutil.which(tool) is None:
                checks.that(f"{tool} is not here; left out", "TIDEMARK_REQUIRE_ALL" not in os.environ)
                continue
            dump = check(heap, folder, checks) or dump
        if dump is not None:
            check_server(tidemark, folder, dump, checks)
    print(f"{checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
