#!/usr/bin/env python3
"""Every end-to-end test of heap dumps, one after the other.

    run.py --build build/release [--all-releases]

Real Go, JVM and Node programs dump their heaps; what Tidemark says is held against what their runtimes and slow computations say. Go's
releases are fetched as modules: the first with today's layout, the last before headers, the oldest and the newest, or with --all-releases
every minor from 1.19 to 1.27.
"""
import argparse
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
RELEASES = ["1.19.13", "1.21.13", "1.24.13", "1.27.3"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--all-releases", action="store_true")
    options = parser.parse_args()
    build = options.build.resolve()
    tidemark = ["--tidemark", build / "bin" / "tidemark"]
    releases = [] if options.all_releases else ["--go", *RELEASES]
    minors = [] if options.all_releases else ["--go", *(release.split(".")[1] for release in RELEASES)]
    tests = {
        "go_dump_test.py": ["--bench", build / "src" / "goheap" / "go_dump_bench", *releases],
        "go_memory_test.py": [*tidemark, *minors],
        "shrink_test.py": tidemark,
        "jvm_test.py": tidemark,
        "node_test.py": [*tidemark, "--v8-retained", build / "bench" / "heap" / "v8" / "v8_retained"],
        "report_test.py": tidemark,
    }
    failed = []
    for name, arguments in tests.items():
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, HERE / name, *arguments], check=False).returncode != 0:
            failed.append(name)
        print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
