"""Compare closed-form costs with two counters of torch's, on networks of every space.

Command:  python -m benchmarks.counters -n 200
Prints:   for each space the number compared and the largest difference, then a line for all
Method:   n random members over all shipped spaces; each is built, its parameters are summed and
          torch.utils.flop_counter follows one image through it (on the meta device: no arithmetic)
"""

from __future__ import annotations

import argparse
import random
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from unitsearch import resources
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.costs import count
from unitsearch.network.build import build
from unitsearch.space import at_random, draw


def differences(architecture: Architecture) -> tuple[int, int]:
    """Return the differences of the parameters and MACs counted from the closed form."""
    cost = count(architecture)
    network = build(architecture).eval()
    params = sum(p.numel() for p in network.parameters())
    network.to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, *architecture.input, device="meta"))
    return abs(params - cost.params), abs(counter.get_total_flops() - 2 * cost.macs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    given = parser.parse_args()
    names = resources.names("search_spaces")
    worst, begun = 0, time.perf_counter()
    for i, name in enumerate(names):
        space = bound_space(name)
        choose = at_random(random.Random(i))
        each = given.n // len(names) + (i < given.n % len(names))
        pairs = [differences(draw(space, choose)[1]) for _ in range(each)]
        params, macs = (max(column) for column in zip(*pairs, strict=True))
        worst = max(worst, params, macs)
        print(f"{name:26} {each:4}  parameters differ by {params}, MACs by {macs // 2}", flush=True)
    seconds = time.perf_counter() - begun
    what = f"{given.n} architectures of {len(names)} spaces"
    print(f"{what}: largest difference {worst} ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
