"""Measure the time that the front and the hypervolumes of many trials take.

Command:  python -m benchmarks.fronts
          python -m benchmarks.fronts --trials 2000 --all-on-front
Prints:   milliseconds of CPU time for the front, the hypervolume, the hypervolume after each trial,
          and the choice of 30 points of the front that keep most of it; one JSON line
Expected: on one core at 2.1 GHz, for 10,000 trials of which 731 are on the front, 4 ms for the
          front, 4 ms for its hypervolume, 200 ms for the growth, 60 ms for the choice
Method:   one process, one run after a first small one; trials drawn from one seed, cost and error
          related with noise, or all on one plane, where none dominates another
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable
from typing import Any

from unitsearch.search.front import Point, front, hypervolume, hypervolumes, most_of_hypervolume

REFERENCE = (1.0, 7.0, 6.5)


def drawn(trials: int, *, all_on_front: bool) -> list[Point]:
    """Return (error, log10 FLOPs, log10 parameters) of trials that are like those of a search."""
    source = random.Random(0)
    points: list[Point] = []
    for _ in range(trials):
        flops = source.uniform(4, 6)
        if all_on_front:
            params = source.uniform(2, 5)
            points.append((1 - (flops - 4) / 4 - (params - 2) / 6, flops, params))
        else:
            params = flops + source.gauss(-1.5, 0.25)
            error = 0.02 + 0.3 * math.exp(-1.2 * (flops - 4)) + abs(source.gauss(0, 0.02))
            points.append((min(error, 1.0), flops, params))
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--all-on-front", action="store_true")
    given = parser.parse_args()
    points = drawn(given.trials, all_on_front=given.all_on_front)
    items = [(point, point) for point in points]
    members = front(items)
    hypervolumes(points[:10], REFERENCE)
    work: dict[str, Callable[[], Any]] = {
        "front": lambda: front(items),
        "hypervolume": lambda: hypervolume(points, REFERENCE),
        "growth": lambda: hypervolumes(points, REFERENCE),
        "choice of 30": lambda: most_of_hypervolume(members, REFERENCE, 30),
    }
    times = {}
    for name, job in work.items():
        start = time.process_time()
        job()
        times[name] = 1000 * (time.process_time() - start)
        print(f"{name:12} {times[name]:8.1f} ms")
    print(f"{len(members):,} of {len(points):,} trials are on the front")
    print(json.dumps({"trials": len(points), "front": len(members), **times}))


if __name__ == "__main__":
    main()
