"""Is the plan that autotuning chooses ever slower than the plain loop over units?

Command:  python -m benchmarks.chooser --members 12 --rounds 5       (long; --space NAME for one)
Prints:   one row a layer or network: the chosen plan, ms of its step and of the plain loop's, their
          ratio with its bootstrap 95 % interval, the loop against itself; at the end their number,
          and each that was slower than the loop by more than 10 % and than the loop's own
          interval; exits with 1 if there is one
Method:   every stack of --members samples of every space, each stack alone between the images and
          a linear head, once for each shape; then each space's baseline and its first sample whole.
          A step is forward, loss, backward; chosen plan, loop and loop again in turns, one
          thread. The plain loop is torch's, contiguous, float32. Batch: 128, fewer where a step
          would take a core more than a second
Noise:    loop/loop from the same run
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np
import torch

from benchmarks.plans import interval
from unitsearch import resources
from unitsearch.api import bound_space
from unitsearch.architecture import (
    Architecture,
    Flatten,
    GlobalPool,
    Linear,
    Stack,
    canonical,
    stacks,
    write_layer,
)
from unitsearch.costs import count, work
from unitsearch.kernels.lanes import Lanes
from unitsearch.network.autotune import choose, entering, images_measured
from unitsearch.network.build import FORMATS, build
from unitsearch.network.timing import timings
from unitsearch.shapes import after
from unitsearch.space import at_random, baseline, draw

BATCH = 128


def stacks_with_shapes(architecture: Architecture) -> Iterator[tuple[Stack, tuple[int, ...]]]:
    """Yield every stack and the shape of its input, from one run of the network."""
    shapes = entering(build(architecture))
    yield from zip(stacks(canonical(architecture).layers), shapes.values(), strict=True)


def alone(stack: Stack, x: tuple[int, ...]) -> Architecture:
    """Return a network of one stack."""
    y = after(stack, x)
    head = (GlobalPool(), Flatten(), Linear(out=10)) if len(y) == 3 else (Linear(out=10),)
    if len(x) == 1:
        return Architecture(input=(x[0], 1, 1), layers=(Flatten(), stack, *head))
    return Architecture(input=x, layers=(stack, *head))


def torch_step(
    architecture: Architecture, plan: str, layout: torch.memory_format, images: int
) -> Callable[[], None]:
    network = build(architecture, plan=plan).to(memory_format=layout)
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (images, *architecture.input)).astype(np.uint8))
    labels = torch.zeros(images, dtype=torch.int64)

    def run() -> None:
        x = pixels.float().div_(255).contiguous(memory_format=layout)
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(x), labels).backward()

    return run


def lanes_step(architecture: Architecture, images: int) -> Callable[[], object]:
    lanes = Lanes(architecture, images)
    lanes.load({name: t.numpy() for name, t in build(architecture).state_dict().items()})
    pixels = (
        np.random.default_rng(0).integers(0, 256, (images, *architecture.input)).astype(np.uint8)
    )
    labels, rows = np.zeros(images, np.int64), np.arange(images)
    return partial(lanes.train_step, pixels, labels, rows, 0.0)


def compare(label: str, architecture: Architecture, rounds: int) -> dict[str, object]:
    choice = choose(architecture, "auto", BATCH)
    images = images_measured(work(count(architecture)), BATCH, least=8)
    if choice.plan.runs_in_lanes:
        chosen = lanes_step(architecture, images)
    else:
        chosen = torch_step(architecture, str(choice.plan), FORMATS[choice.plan.memory], images)
    plain = [torch_step(architecture, "loop", torch.contiguous_format, images) for _ in range(2)]
    times = timings([chosen, *plain], rounds)
    slower = [a / b for a, b in zip(times[0], times[1], strict=True)]
    noise = interval([a / b for a, b in zip(times[2], times[1], strict=True)])
    low, high = interval(slower)
    is_slower = low > max(1.1, noise[1]) if rounds >= 5 else median(slower) > max(1.1, noise[1])
    print(
        f"{label:60.60} {choice.plan!s:18.18} {1e3 * median(times[0]):9.3f} ms, loop "
        f"{1e3 * median(times[1]):9.3f} ms, {median(slower):5.2f} of it [{low:.2f}, {high:.2f}], "
        f"loop/loop [{noise[0]:.2f}, {noise[1]:.2f}]{'  SLOWER' if is_slower else ''}",
        flush=True,
    )
    return {"of": label, "plan": str(choice.plan), "share": median(slower), "slower": is_slower}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--space", action="append")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, compared = [], set()
    for name in arguments.space or resources.names("search_spaces"):
        space = bound_space(name)
        generator = at_random(random.Random(0))
        members = [draw(space, generator)[1] for _ in range(arguments.members)]
        for architecture in members:
            for stack, x in stacks_with_shapes(architecture):
                question = json.dumps([write_layer(stack, compared_only=True), x])
                if question not in compared:
                    compared.add(question)
                    label = f"{name} {'×'.join(map(str, x))} {words(stack)}"
                    rows.append(compare(label, alone(stack, x), arguments.rounds))
        rows.append(compare(f"{name} baseline", baseline(space), arguments.rounds))
        rows.append(compare(f"{name} a member", members[0], arguments.rounds))
    slower = [row for row in rows if row["slower"]]
    print(f"{len(rows)} layers and networks, {len(slower)} slower than the loop")
    print(json.dumps({"torch": torch.__version__, "rounds": arguments.rounds, "slower": slower}))
    sys.exit(1 if slower else 0)


def words(stack: Stack) -> str:
    units = []
    for run in stack.units:
        nodes = [run.unit.inputs, *(getattr(layer, "out", "·") for layer in run.unit.layers)]
        units.append(f"{run.count} of {'-'.join(map(str, nodes))}")
    return ", ".join(units)


if __name__ == "__main__":
    main()
