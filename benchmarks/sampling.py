"""Measure the time that sampling, keying and counting members of a space take.

Command:  python -m benchmarks.sampling --space toy_hybrid -n 100000
          python -m benchmarks.sampling --space resnet18_cifar -n 2000
Prints:   seconds for all, and microseconds a member, for sampling, keys and counting; one JSON line
Expected: on one core at 2.1 GHz less than 400 us a member of toy_hybrid for all three, of which
          100 us for counting; less than 1,000 us a member of resnet18_cifar
Method:   one process; counting is measured on the members sampled before, caches warm from them
"""

from __future__ import annotations

import argparse
import json
import random
import time

from unitsearch.api import bound_space
from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.space import at_random, draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="toy_hybrid")
    parser.add_argument("-n", type=int, default=100_000)
    given = parser.parse_args()
    space = bound_space(given.space)
    choose = at_random(random.Random(0))
    times = {}
    start = time.perf_counter()
    members = [draw(space, choose)[1] for _ in range(given.n)]
    times["sample"] = time.perf_counter() - start
    start = time.perf_counter()
    keys = {key(member) for member in members}
    times["key"] = time.perf_counter() - start
    start = time.perf_counter()
    total = sum(count(member).params for member in members)
    times["count"] = time.perf_counter() - start
    for name, seconds in times.items():
        print(f"{name:8} {seconds:6.2f} s  {1e6 * seconds / given.n:6.1f} us a member")
    seconds, mean = sum(times.values()), total / given.n
    print(f"all      {seconds:6.2f} s, {len(keys):,} distinct, mean {mean:,.0f} params")
    print(json.dumps({"space": given.space, "n": given.n, **times}))


if __name__ == "__main__":
    main()
