#!/usr/bin/env python3
"""summary.py SCORE.json...: one line a corpus and one over all; counts are summed, medians averaged."""
import json
import os
import sys

MEANS = ("delay_med_min", "mult_med", "rate_err_med", "one_incident", "jaccard", "ci_cover")


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else float("nan")


def line(name, scores):
    true, false = sum(s["tp"] for s in scores), sum(s["fp"] for s in scores)
    leaks, days = sum(s["leaks"] for s in scores), sum(s["clean_days"] for s in scores)
    print("%-10s %9.3f %7.3f %10.4f %9.1f %7.2f %8.3f %8.2f %8.2f %6.2f   true %d of %d, false %d in %.0f days" % (
        name, true / (true + false) if true + false else float("nan"), true / leaks if leaks else float("nan"),
        false / days, *(mean(s[k] for s in scores) for k in MEANS), true, leaks, false, days))


print("%-10s %9s %7s %10s %9s %7s %8s %8s %8s %6s" % (
    "corpus", "precision", "recall", "false/day", "delay min", "x noise", "rate err", "one inc", "jaccard", "ci"))
corpora = [json.load(open(path)) for path in sys.argv[1:]]
for path, score in zip(sys.argv[1:], corpora):
    line(os.path.basename(path)[6:-5], [score])
line("all", corpora)
for score in corpora:
    for kind, count in score["false_kinds"].items():
        print("false: %s x %d" % (kind, count))
    for kind, service in score["missed"]:
        print("missed: %s (%s)" % (kind, service))
