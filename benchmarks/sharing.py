"""Measure the seconds and the memory of a further worker whose data set another one holds.

Command:  UNITSEARCH_DATA=… python -m benchmarks.sharing --data cifar10 --rounds 5
Prints:   one row an arm: median seconds in which a first and a second process have the set, and the
          PSS of each in MB (memory that is shared counts in parts) with both of them alive and all
          pixels touched; then the same as one JSON line
Method:   fresh processes, the arms in turns; ``shared`` begins with an empty cache, ``alone`` has
          none that can be written, so that each process reads for itself
Noise:    the range over the rounds; the PSS of a process without any set stands beside
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

HOLDER = """
import json, sys, time
import torch
from unitsearch.data import data_spec
from unitsearch.data.sets import load

def pss():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

torch.set_num_threads(1)
empty = pss()
begin = time.perf_counter()
data = load(data_spec(sys.argv[1]))
seconds = time.perf_counter() - begin
for part in (data.train, data.validation, data.test):
    part.pixels.max()
print(flush=True)
sys.stdin.readline()
print(json.dumps([seconds, pss(), empty]), flush=True)
sys.stdin.readline()
"""


def holder(data: str, cache: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, data],
        env={**os.environ, "UNITSEARCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    process.stdout.readline()  # it has the set
    return process


def pair(data: str, cache: Path) -> list[list[float]]:
    """Return seconds, PSS and PSS before, of two processes that hold the set together."""
    both = [holder(data, cache), holder(data, cache)]
    figures = []
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
        figures.append(json.loads(process.stdout.readline()))
    for process in both:
        process.communicate("\n")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    figures: dict[str, list[list[list[float]]]] = {"shared": [], "alone": []}
    for _ in range(given.rounds):
        with TemporaryDirectory() as folder:
            figures["shared"].append(pair(given.data, Path(folder)))
            figures["alone"].append(pair(given.data, Path(os.devnull)))
    rows = {}
    for arm, pairs in figures.items():
        for which, i in (("first", 0), ("second", 1)):
            seconds, memory, empty = zip(*(both[i] for both in pairs), strict=True)
            print(
                f"{given.data} {arm:7} {which:7} {median(seconds):6.3f} s "
                f"[{min(seconds):.3f}, {max(seconds):.3f}]  PSS {median(memory):5.0f} MB "
                f"[{min(memory):.0f}, {max(memory):.0f}], without a set {median(empty):.0f}"
            )
            rows[f"{arm} {which}"] = {"seconds": median(seconds), "pss_mb": median(memory)}
    host = {"machine": platform.machine(), "cores": os.cpu_count(), "rounds": given.rounds}
    print(json.dumps({**host, "data": given.data, "results": rows}))


if __name__ == "__main__":
    main()
