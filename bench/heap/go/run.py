#!/usr/bin/env python3
"""One Go heap, ours beside goref and viewcore: seconds, objects a second and the ratio.

    run.py --tidemark PATH [--goref PATH] [--viewcore PATH] [--spans 3000000] [--rounds 3] [--go go1.23.12]

Runs the service of tests/e2e/heap/go, which keeps SPANS ended spans (about 660 bytes and 5 objects each), and takes its heap three ways:
a dump (`tidemark heap DUMP`, from the file to retained sizes, types, spans and paths), a snapshot (`tidemark snapshot`, with the pause) and a
core. goref (`grf attach`) attributes the process's objects to the first path it meets, viewcore (`histogram`) types the core's; neither
computes dominators. Ours are medians of ROUNDS; a peer runs once, since it takes minutes. A peer that is not given is left out.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVICE = HERE.parents[2] / "tests" / "e2e" / "heap" / "go"


class Service:
    """The service with its heap made, until the end of the block."""

    def __init__(self, directory, spans, go):
        self.program = directory / "leakyspans"
        environment = dict(os.environ, GOTRACEBACK="crash")
        if go:
            environment["GOTOOLCHAIN"] = go
        subprocess.run(["go", "build", "-o", self.program, "."], cwd=SERVICE, env=environment, check=True)
        self.process = subprocess.Popen([self.program, "-ended", str(spans), "-open", "0"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, cwd=directory, env=environment)
        self.version = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def dump(self, path):
        self.process.stdin.write(f"dump {path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.startswith("dumped"):
            raise RuntimeError(answer)


def measure(command, directory):
    """(elapsed seconds, CPU seconds, peak MiB, output) of one run."""
    began = time.monotonic()
    with open(directory / "output", "w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=directory, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.monotonic() - began
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {text[-500:]}")
    return elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def show(name, runs, objects, megabytes):
    seconds = statistics.median(run[0] for run in runs)
    cpu = statistics.median(run[1] for run in runs)
    peak = max(run[2] for run in runs)
    print(f"{name:28} {seconds:8.2f} s  {cpu:8.2f} s CPU  {objects / seconds / 1e6:7.3f} M objects/s  {megabytes / seconds:7.0f} MB/s"
          f"  {peak:6.0f} MiB, {peak * 1048576 / objects:5.1f} B an object")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--goref")
    parser.add_argument("--viewcore")
    parser.add_argument("--spans", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--go", help="a toolchain, as go1.23.12; the installed one without")
    options = parser.parse_args()
    tidemark = os.path.abspath(options.tidemark)
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        with Service(directory, options.spans, options.go) as service:
            dump = directory / "heap.dump"
            service.dump(dump)
            megabytes = dump.stat().st_size / 1e6
            command = [tidemark, "heap", dump, "--exe", service.program]
            runs = [measure(command, directory) for _ in range(options.rounds)]
            report = runs[0][3]
            print(report.split("\n\n")[0])
            objects = int(re.search(r"own count: ([\d,]+) objects", report).group(1).replace(",", ""))
            print(f"{service.version}: {objects:,} objects, dump of {megabytes:.0f} MB, {os.cpu_count()} cores")
            ours = show("tidemark heap DUMP", runs, objects, megabytes)
            taken = measure([tidemark, "snapshot", "--pid", str(service.process.pid), "--out", "snap.graph"], directory)
            print("tidemark snapshot: " + taken[3].splitlines()[0] + f", {taken[0]:.2f} s in all")
            if options.goref:
                peer = measure([options.goref, "attach", str(service.process.pid), "-o", "goref.out"], directory)
                print(f"ratio of goref's time to ours: x{show('goref attach', [peer], objects, megabytes) / ours:.1f}")
            if options.viewcore:
                subprocess.run(["gcore", "-o", directory / "core", str(service.process.pid)], check=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                core = directory / f"core.{service.process.pid}"
                peer = measure([options.viewcore, core, "--exe", service.program, "histogram"], directory)
                print("viewcore's first rows:\n" + "\n".join(peer[3].splitlines()[:4]))
                print(f"ratio of viewcore's time to ours: x{show('viewcore histogram', [peer], objects, megabytes) / ours:.1f}")


if __name__ == "__main__":
    main()
