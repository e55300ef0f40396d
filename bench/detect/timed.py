#!/usr/bin/env python3
"""timed.py COMMAND...: runs it with its output discarded and prints its CPU time, wall time and peak memory."""
import resource
import subprocess
import sys
import time

start = time.monotonic()
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("  cpu %.2f s (user %.2f), wall %.2f s, peak %.0f MiB" % (
    used.ru_utime + used.ru_stime, used.ru_utime, time.monotonic() - start, used.ru_maxrss / 1024))
sys.exit(status)
