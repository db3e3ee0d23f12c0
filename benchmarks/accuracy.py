"""Do networks trained in lanes reach the accuracy of the plain loop over units?

Command:  UNITSEARCH_DATA=… python -m benchmarks.accuracy --architectures 10 --seeds 5
Prints:   one row an architecture: mean test accuracy of each plan over the seeds; then the mean
          difference of all pairs with its 95 % interval, and the mean accuracies; exits with 1
          unless the interval contains 0 and is narrower than one point
Method:   random members of a space (lenet_table1 unless given), each trained with each seed by both
          plans: same weights, order of images and recipe (fast), --images of MNIST, --epochs; the
          difference is taken within each pair, its interval is Student's over the pairs; two
          worker processes, one thread each
Noise:    a pair differs by rounding alone, which training amplifies
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from statistics import mean, stdev

from unitsearch.api import bound_space
from unitsearch.architecture import write_architecture
from unitsearch.engine import Job
from unitsearch.engine.local import LocalEngine
from unitsearch.fields import write_all
from unitsearch.space import at_random, draw
from unitsearch.study.config import compose

PLANS = ("loop", "lanes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--space", default="lenet_table1")
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    settings = [f"data.limit={arguments.images}", f"train.epochs={arguments.epochs}"]
    config, _ = compose([f"space={arguments.space}", *settings])
    space, choose = bound_space(arguments.space), at_random(random.Random(0))
    members = [draw(space, choose)[1] for _ in range(arguments.architectures)]
    runs = [
        (member, seed, plan)
        for member in range(len(members))
        for seed in range(arguments.seeds)
        for plan in PLANS
    ]
    engine = LocalEngine(2)
    accuracies: dict[tuple[int, int, str], float] = {}
    try:
        for number, (member, seed, plan) in enumerate(runs):
            engine.submit([
                Job(
                    number=number, task="train", architecture=write_architecture(members[member]),
                    seed=seed, recipe=write_all(config.train), data=write_all(config.data),
                    plan=plan, watch="test",
                )
            ])  # fmt: skip
        while len(accuracies) < len(runs):
            for outcome in engine.collect(1.0):
                assert outcome.is_complete, outcome.reason
                assert outcome.plan == runs[outcome.number][2], outcome.plan
                accuracies[runs[outcome.number]] = outcome.curve[-1]
    finally:
        engine.close()
    for member in range(len(members)):
        by_plan = [
            mean(accuracies[member, seed, plan] for seed in range(arguments.seeds))
            for plan in PLANS
        ]
        row = ", ".join(f"{p} {100 * a:.2f} %" for p, a in zip(PLANS, by_plan, strict=True))
        print(f"architecture {member}: {row}")
    pairs = [(member, seed) for member, seed, plan in runs if plan == "loop"]
    differences = [100 * (accuracies[*pair, "lanes"] - accuracies[*pair, "loop"]) for pair in pairs]
    half = 2.01 * stdev(differences) / math.sqrt(len(differences))  # Student's t, 49 degrees
    low, high = mean(differences) - half, mean(differences) + half
    means = {p: 100 * mean(accuracies[*pair, p] for pair in pairs) for p in PLANS}
    is_equal = low <= 0 <= high and high - low < 1
    print(
        f"{len(pairs)} pairs: lanes {means['lanes']:.2f} %, loop {means['loop']:.2f} %, difference "
        f"{mean(differences):+.3f} points [{low:+.3f}, {high:+.3f}]: "
        f"{'equal' if is_equal else 'NOT EQUAL'}"
    )
    print(json.dumps({"pairs": len(pairs), "means": means, "interval": [low, high]}))
    sys.exit(0 if is_equal else 1)


if __name__ == "__main__":
    main()
