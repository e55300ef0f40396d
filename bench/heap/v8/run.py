#!/usr/bin/env python3
"""A large heap snapshot of Node.js: `tidemark heap` beside memlab, both from the file to retained sizes of every node.

    run.py --tidemark PATH [--objects 900000] [--rounds 3] [--snapshot FILE] [--no-peer]

Makes a snapshot of about 700 bytes times --objects (900,000: 630 MB; takes node 5 GB of memory), or takes FILE. memlab is installed by
npm into a temporary folder. Prints medians of wall and CPU time, peak resident memory a node, and the ratio. Wall time depends on what
else runs; CPU time less so.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

MAKE = """
const leak = new Map();
for (let i = 0; i < +process.argv[1]; ++i) {
  leak.set(`trace-${i}`, {name: `span-${i % 100}`, id: i * 1.5, attributes: {url: `/x/${i}`, status: 200 + i % 5}, events: [{t: i + 0.5}]});
}
global.leak = leak;
require('v8').writeHeapSnapshot(process.argv[2]);
"""
PEER = """
require('@memlab/heap-analysis').getFullHeapFromFile(process.argv[1]).then((heap) => {
  let largest = 0;
  heap.nodes.forEach((node) => { if (node.id !== 1) largest = Math.max(largest, node.retainedSize); });
  console.log('largest', largest);
});
"""


def measured(command, **options):
    """(wall s, CPU s, peak MiB) of a command that succeeds."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(f"{command[0]} ended with {status}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def medians(rounds, command, **options):
    runs = [measured(command, **options) for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*runs)]


def nodes_of(snapshot):
    with open(snapshot, "rb") as file:
        return int(re.search(rb'"node_count":(\d+)', file.read(1 << 16)).group(1))


def say(what, figures, size, nodes):
    wall, cpu, peak = figures
    print(f"{what:10} {wall:8.2f} s wall {cpu:8.2f} s CPU {size / cpu / 1e6:8.1f} MB/s of CPU {peak * 2**20 / nodes:8.1f} bytes a node at peak",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--objects", type=int, default=900_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--snapshot")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        snapshot = pathlib.Path(options.snapshot) if options.snapshot else folder / "large.heapsnapshot"
        if not options.snapshot:
            subprocess.run(["node", "--max-old-space-size=8000", "-e", MAKE, str(options.objects), str(snapshot)], check=True)
        size, nodes = snapshot.stat().st_size, nodes_of(snapshot)
        print(f"{size / 1e6:.0f} MB, {nodes} nodes")
        ours = medians(options.rounds, [options.tidemark, "heap", "--format", "json", str(snapshot)])
        say("tidemark", ours, size, nodes)
        if options.no_peer:
            return
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), "@memlab/heap-analysis"], check=True)
        peer = medians(options.rounds, ["node", "--max-old-space-size=10000", "-e", PEER, str(snapshot)], cwd=folder)
        say("memlab", peer, size, nodes)
        print(f"memlab takes {peer[0] / ours[0]:.1f} times the wall time, {peer[1] / ours[1]:.1f} times the CPU time")


if __name__ == "__main__":
    sys.exit(main())
