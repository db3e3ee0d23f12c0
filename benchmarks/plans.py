"""Is a training step of stacks faster grouped than as a loop, and in which memory format?

Command:  python -m benchmarks.plans --rounds 15
Prints:   one row a network and plan: median ms of a training step, and its ratio to the plain loop
          with its bootstrap 95 % interval; then the same as one JSON line
Method:   all plans in one process, in turns, after 3 warm-up rounds, one thread
Noise:    loop/loop from the same run; a ratio inside its interval means "no difference"
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections.abc import Callable
from statistics import median

import torch

from unitsearch.api import bound_space
from unitsearch.network.build import build
from unitsearch.space import point

NETWORKS = {
    "lenet_hybrid on digits": ("lenet_hybrid", "hybrid", ["data=digits"], 32),
    "lenet_hybrid on mnist": ("lenet_hybrid", "hybrid", ["data=mnist"], 128),
    "lenet_table1": ("lenet_table1", "Hybrid1", [], 128),
    "toy_hybrid": ("toy_hybrid", "No.1", [], 128),
}
ARMS = {
    "loop, contiguous": ("loop", torch.contiguous_format),
    "loop again (noise)": ("loop", torch.contiguous_format),
    "loop, channels last": ("loop", torch.channels_last),
    "grouped, contiguous": ("grouped", torch.contiguous_format),
    "grouped, channels last": ("grouped", torch.channels_last),
}


def step(space: str, name: str, data: list[str], batch: int, arm: str) -> Callable[[], float]:
    plan, layout = ARMS[arm]
    bound = bound_space(space, data)
    network = build(point(bound, name), plan=plan).to(memory_format=layout)
    images = torch.randn(batch, *bound.input).contiguous(memory_format=layout)
    labels = torch.randint(0, bound.classes, (batch,))
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)

    def run() -> float:
        start = time.perf_counter()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
        return 1000 * (time.perf_counter() - start)

    return run


def interval(ratios: list[float]) -> tuple[float, float]:
    generator = random.Random(0)
    medians = sorted(median(generator.choices(ratios, k=len(ratios))) for _ in range(1000))
    return medians[25], medians[974]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rows = []
    for label, network in NETWORKS.items():
        arms = {arm: step(*network, arm) for arm in ARMS}
        times: dict[str, list[float]] = {arm: [] for arm in ARMS}
        for round_ in range(rounds + 3):
            for arm, run in arms.items():
                step_ms = run()
                if round_ >= 3:
                    times[arm].append(step_ms)
        for arm, ms in times.items():
            ratios = [a / b for a, b in zip(times["loop, contiguous"], ms, strict=True)]
            low, high = interval(ratios)
            gain = median(ratios)
            print(f"{label:24} {arm:24} {median(ms):8.2f} ms  {gain:5.2f}x [{low:.2f}, {high:.2f}]")
            rows.append({"network": label, "arm": arm, "ms": median(ms), "gain": gain})
    host = {"machine": platform.machine(), "torch": torch.__version__, "rounds": rounds}
    print(json.dumps({**host, "results": rows}))


if __name__ == "__main__":
    main()
