#!/usr/bin/env python3
"""A JVM's heap dump, ours beside hprof-slurp in turns: megabytes a second and the ratio, medians.

    run.py --tidemark PATH [--retained PATH] [--histogram PATH] [--slurp hprof-slurp] [--mebibytes 800] [--rounds 3] [--dump FILE]

Makes a dump of about 1.3 times MEBIBYTES with HeapMix.java, or takes FILE. hprof-slurp (cargo install hprof-slurp) counts classes only;
`tidemark heap` gives dominators, retained sizes, suspects and paths. --retained stops at dominators and retained sizes (bench program
hprof_retained), --histogram is our reader alone (hprof_histogram), which does what hprof-slurp does. A peer that is not there is left out, and said so. Every run reads the file from the page cache; other
load on the machine shows in elapsed seconds more than in CPU seconds.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def make_dump(directory, mebibytes):
    """Runs HeapMix until it is ready and dumps it."""
    subprocess.run(["javac", "-d", directory, HERE / "HeapMix.java"], check=True)
    command = ["java", f"-Xmx{mebibytes * 2 + 512}m", "-XX:+UseSerialGC", "-cp", directory, "HeapMix", str(mebibytes)]
    dump = directory / "mix.hprof"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("HeapMix ended early")
        subprocess.run(["jcmd", str(process.pid), "GC.heap_dump", dump], check=True, stdout=subprocess.DEVNULL)
        process.stdin.close()
    return dump


def measure(command, directory):
    """(elapsed seconds, CPU seconds, peak MiB) of one run."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def programs_of(options, dump):
    programs = {"tidemark heap": [options.tidemark, "heap", dump], "retained sizes": [options.retained, dump], "our histogram": [options.histogram, dump],
                "hprof-slurp": [options.slurp, dump]}
    there = {}
    for name, command in programs.items():
        path = shutil.which(command[0]) if command[0] else None
        if path:
            there[name] = [os.path.abspath(path), *command[1:]]
        else:
            print(f"{name}: not there, left out")
    return there


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--retained")
    parser.add_argument("--histogram")
    parser.add_argument("--slurp", default="hprof-slurp")
    parser.add_argument("--mebibytes", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dump", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        dump = (options.dump or make_dump(directory, options.mebibytes)).resolve()
        megabytes = dump.stat().st_size / 1e6
        programs = programs_of(options, dump)
        runs = {name: [] for name in programs}
        for _ in range(options.rounds):
            for name, command in programs.items():
                runs[name].append(measure(command, directory))
        print(f"{megabytes:.0f} MB, {options.rounds} rounds, {os.cpu_count()} cores")
        speed = {}
        for name, rows in runs.items():
            elapsed, cpu, peak = (statistics.median(column) for column in zip(*rows))
            speed[name] = megabytes / elapsed
            print(f"{name:14} {speed[name]:7.0f} MB/s  {elapsed:6.2f} s  {cpu:6.2f} CPU s  {peak:6.0f} MiB")
        for name in ("tidemark heap", "retained sizes"):
            if "hprof-slurp" in speed and name in speed:
                print(f"{name} / hprof-slurp: {speed[name] / speed['hprof-slurp']:.2f} (goal for dominators and retained sizes 0.5)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
