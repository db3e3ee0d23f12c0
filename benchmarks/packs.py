"""Does a candidate cost less in a pack than alone, and does it reach the same accuracy?

Command:  python -m benchmarks.packs --rounds 9 --sizes 1 4 8 16 --accuracy
Prints:   one row a network, device and arm: median µs an image and candidate, and the ratio of a
          candidate alone to it with its bootstrap 95 % interval. With --accuracy, for 16
          architectures of lenet_hybrid x 3 seeds on digits: mean validation accuracy alone and
          packed, the mean of the 48 differences with its 95 % interval, and the number of equal
          pairs. Then the same as one JSON line
Method:   complete steps (gather, normalise, forward, loss, backward, optimiser), all arms of a
          network in one process, in turns, after 3 warm-up rounds, one thread. Alone is the plan
          `grouped` of one network with torch's fused optimiser; packs hold different architectures
          of the space ("mixed") or one ("seeds"). On CUDA, where there is one, alone is that on
          CUDA, and packs are there with and without bfloat16 maps, as graphs, in the unit kernel
          where Triton is installed
Noise:    alone/alone from the same run; a ratio inside its interval means "no difference"
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean, median, stdev

import torch
from torch.nn import functional as F

from benchmarks.plans import interval
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.data import data_spec
from unitsearch.data.batches import normalise
from unitsearch.data.images import Images
from unitsearch.data.sets import load
from unitsearch.network.build import Network, build, initialise
from unitsearch.packs.pack_optimisers import StepSettings
from unitsearch.space import at_random, draw
from unitsearch.training import Recipe
from unitsearch.training.loop import Trained, train
from unitsearch.training.packed.loop import Member, train_pack
from unitsearch.training.packed.steps import prepared

SPACES = {"LeNet": "lenet_table1", "toy": "toy_hybrid"}
IMAGES = 1024
RECIPE = Recipe(batch=128, rate=0.01)
SEARCH = Recipe(epochs=5, batch=128, optimiser="adamw", rate=0.02, weight_decay=0.01, warmup=0.2)
Step = Callable[[], None]


def drawn(space: str, count: int, words: list[str]) -> list[Architecture]:
    bound, choose = bound_space(space, words), at_random(random.Random(0))
    return [draw(bound, choose)[1] for _ in range(count)]


def images(architecture: Architecture, device: str) -> Images:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(
        256, (IMAGES, *architecture.input), generator=generator, dtype=torch.uint8
    )
    return Images(pixels, torch.randint(10, (IMAGES,), generator=generator)).to(device)


def alone(architecture: Architecture, device: str) -> Step:
    network = build(architecture).to(device).to(memory_format=torch.channels_last)
    data, c = images(architecture, device), architecture.input[0]
    optimiser = torch.optim.SGD(network.parameters(), RECIPE.rate, momentum=0.9, fused=True)

    def step() -> None:
        rows = torch.randint(IMAGES, (RECIPE.batch,), device=device)
        x = normalise(data.pixels.index_select(0, rows), (0.3,) * c, (0.25,) * c)
        logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits, data.labels.index_select(0, rows))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def packed(
    members: list[Architecture], device: str, *, bfloat16: bool = False, batch: int = RECIPE.batch
) -> Step:
    c, count = members[0].input[0], len(members)
    recipe = replace(RECIPE, batch=batch)
    steps = prepared(
        members, images(members[0], device), recipe, ((0.3,) * c, (0.25,) * c),
        torch.device(device), bfloat16=bfloat16,
    )  # fmt: skip
    for i, architecture in enumerate(members):
        steps.pack.load(i, build(architecture))
    moments = [StepSettings(RECIPE.rate, RECIPE.momentum, 0)] * count
    numbers = torch.tensor(steps.optimiser.coefficients(moments), device=device)
    shape = (count, batch)
    return lambda: steps.take(torch.randint(IMAGES, shape, device=device), None, numbers)


def speed(label: str, space: str, sizes: list[int], rounds: int, device: str) -> list[object]:
    members = drawn(space, max(sizes), [])
    arms: dict[str, tuple[int, Step]] = {
        "alone": (1, alone(members[0], device)),
        "alone again (noise)": (1, alone(members[0], device)),
    }
    for size in sizes:
        arms[f"{size} mixed"] = size, packed(members[:size], device)
        arms[f"{size} seeds"] = size, packed([members[0]] * size, device)
        if device == "cuda":
            arms[f"{size} mixed, bfloat16"] = size, packed(members[:size], device, bfloat16=True)
    times: dict[str, list[float]] = {arm: [] for arm in arms}
    for round_ in range(rounds + 3):
        for arm, (size, step) in arms.items():
            if device == "cuda":
                torch.cuda.synchronize()
            begun = time.perf_counter()
            step()
            if device == "cuda":
                torch.cuda.synchronize()
            if round_ >= 3:
                times[arm].append(1e6 * (time.perf_counter() - begun) / (size * RECIPE.batch))
    rows: list[object] = []
    for arm, micros in times.items():
        ratios = [a / b for a, b in zip(times["alone"], micros, strict=True)]
        low, high = interval(ratios)
        print(
            f"{label:6} {device:5} {arm:22} {median(micros):8.2f} µs   "
            f"{median(ratios):5.2f}x [{low:.2f}, {high:.2f}]",
            flush=True,
        )
        rows.append([label, device, arm, median(micros), median(ratios), low, high])
    return rows


def member(architecture: Architecture, seed: int) -> tuple[Network, torch.Generator]:
    network, generator = build(architecture), torch.Generator().manual_seed(seed)
    initialise(network, SEARCH.init, generator)
    return network, generator.manual_seed(seed + 10_000)


def accuracies(device: str, seeds: int = 3) -> dict[str, float]:
    """Train 16 architectures x seeds alone on the CPU and as packs of 16 on ``device``."""
    data = load(data_spec("digits"))
    candidates = drawn("lenet_hybrid", 16, ["data=digits"]) * seeds
    alone_, packed_ = [], [0.0] * len(candidates)
    for i, architecture in enumerate(candidates):
        network, order = member(architecture, i)
        alone_.append(train(network, data, SEARCH, order).curve[-1])
    members = (Member(*member(architecture, i)) for i, architecture in enumerate(candidates))
    for finished in train_pack(members, data, SEARCH, size=16, device=device):
        assert isinstance(finished.result, Trained), finished.result
        packed_[finished.number] = finished.result.curve[-1]
    differences = [a - b for a, b in zip(packed_, alone_, strict=True)]
    error = 1.96 * stdev(differences) / math.sqrt(len(differences))
    equal = sum(each == 0 for each in differences)
    print(
        f"accuracy, pack on {device}: alone {mean(alone_):.4f} (one run's spread "
        f"{stdev(alone_):.4f}), packed {mean(packed_):.4f}, difference {mean(differences):+.5f} "
        f"± {error:.5f}, {equal} of {len(differences)} equal, "
        f"largest {max(map(abs, differences)):.4f}",
        flush=True,
    )
    return {"alone": mean(alone_), "packed": mean(packed_), "error": error, "equal": equal}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--accuracy", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    results = {
        "rows": [
            row
            for device in devices
            for label, space in SPACES.items()
            for row in speed(label, space, arguments.sizes, arguments.rounds, device)
        ]
    }
    if arguments.accuracy:
        results |= {f"accuracy on {device}": accuracies(device) for device in devices}
    print(json.dumps({"machine": platform.processor(), "torch": torch.__version__, **results}))


if __name__ == "__main__":
    main()
