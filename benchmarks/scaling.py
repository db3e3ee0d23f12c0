"""The time of a training step by the number of its images and the size of the network.

Command:  python -m benchmarks.scaling --rounds 5 --batches 16,64,256,1024
Prints:   for each network a table: a row a plan, a column a batch size, in it median microseconds
          for each image (and candidate) of a step, and how far quartiles lie from it; then the
          share of the peak; then the same as one JSON line
Method:   complete steps as in benchmarks.lanes, all plans of one network and batch in turns in
          one process after 2 warm-up rounds, one thread, in seconds of the CPU: other work on the
          machine takes turns with this one without being counted, and still takes cache and memory
          bandwidth from it. At least 3 rounds, and no more than fit into --seconds a cell; a plan
          that took longer than --longest at a batch is not tried at a larger one
Noise:    ``loop again``: its distance from ``loop`` means nothing
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

import torch

from benchmarks.lanes import Step, flops_of, in_lanes, in_torch, peak
from benchmarks.packs import packed
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture, read_architecture, write_architecture
from unitsearch.costs import count
from unitsearch.errors import UnitSearchError
from unitsearch.space import point

WARM_UP = 2


@dataclass(frozen=True)
class Arm:
    """A way to take a training step.

    Attributes:
        make: Returns the step of a network on batches of a size, or of several networks of one
            skeleton: then all of them are in one step.
        candidates: The number of networks that a step trains.
    """

    make: Callable[[Architecture, int], Step]
    candidates: int = 1


def _loop(network: Architecture, batch: int) -> Step:
    return in_torch(network, batch, "loop", torch.contiguous_format)


def _grouped(network: Architecture, batch: int) -> Step:
    return in_torch(network, batch, "grouped", torch.channels_last)


def _pack(size: int) -> Arm:
    return Arm(lambda network, batch: packed([network] * size, "cpu", batch=batch), size)


ARMS = {
    "loop": Arm(_loop),
    "loop again": Arm(_loop),
    "grouped": Arm(_grouped),
    "lanes": Arm(in_lanes),
    **{f"pack of {size}": _pack(size) for size in (2, 8, 32)},
}
USUAL = ("loop", "loop again", "grouped", "lanes")


def widened(network: Architecture, times: int) -> Architecture:
    """Return the network with so many times the units in its stacks, its convolutions as wide."""
    plain = write_architecture(network)
    for layer in plain["layers"]:
        if layer["kind"] == "conv":
            layer["out"] *= times
        for unit in layer.get("units", ()):
            unit["count"] = unit.get("count", 1) * times
    return read_architecture(plain)


def vgg_like() -> Architecture:
    """Return four stages of 32, 64, 128 and 256 channels: a convolution, a stack of units 2-4-2."""
    layers: list[dict[str, object]] = []
    for width in (32, 64, 128, 256):
        units = [{"count": width // 2, "nodes": [2, 4, 2]}]
        layers += [
            {"kind": "conv", "out": width},
            {"kind": "stack", "units": units},
            {"kind": "pool", "op": "max", "kernel": 2},
        ]
    head = [{"kind": "flatten"}, {"kind": "linear", "out": 10}]
    return read_architecture({"unitsearch": 1, "input": [3, 32, 32], "layers": [*layers, *head]})


def networks() -> dict[str, Architecture]:
    lenet, toy = bound_space("lenet_table1"), bound_space("toy_hybrid")
    named = {f"LeNet {name}": point(lenet, name) for name in ("U1", "Hybrid1", "U3")}
    named["toy"] = point(toy, "No.1")
    named["toy, twice the units"] = widened(named["toy"], 2)
    named["toy, 4 times the units"] = widened(named["toy"], 4)
    named["VGG-like"] = vgg_like()
    return named


def cell(
    network: Architecture, batch: int, arms: dict[str, Arm], given: argparse.Namespace
) -> dict[str, list[float]]:
    """Return seconds of each step by arm; fewer rounds where they take long."""
    steps = {name: arm.make(network, batch) for name, arm in arms.items()}
    times: dict[str, list[float]] = {name: [] for name in arms}
    begin = time.perf_counter()
    for round_ in range(WARM_UP + given.rounds):
        if round_ >= WARM_UP + 3 and time.perf_counter() - begin > given.seconds:
            break
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return {name: taken[WARM_UP:] for name, taken in times.items()}


def supported(network: Architecture, arms: dict[str, Arm]) -> dict[str, Arm]:
    """Return the arms that can train ``network``; say why the others cannot."""
    able = {}
    for name, arm in arms.items():
        try:
            arm.make(network, 16)
            able[name] = arm
        except UnitSearchError as error:
            print(f"  {name} is left out: {error}")
    return able


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", default="16,32,64,128,256,512,1024")
    parser.add_argument("--arms", default=",".join(USUAL), help=", ".join(ARMS))
    parser.add_argument(
        "--networks", default="", help="the beginning of their names; all of them unless given"
    )
    parser.add_argument("--seconds", type=float, default=30, help="of one network and batch")
    parser.add_argument("--longest", type=float, default=2, help="seconds of a step")
    given = parser.parse_args()
    batches = [int(word) for word in given.batches.split(",")]
    torch.set_num_threads(1)
    measure_peak, results, peaks = peak(), [], []
    for label, network in networks().items():
        if not label.lower().startswith(given.networks.lower()):
            continue
        megaflops = flops_of(network) / 1e6
        print(
            f"{label}: {count(network).params:,} parameters, "
            f"{megaflops:.2f} MFLOP an image and step"
        )
        arms = supported(network, {name: ARMS[name] for name in given.arms.split(",")})
        cells: dict[str, dict[int, tuple[float, float, float]]] = {name: {} for name in arms}
        late: dict[str, int] = {}
        for batch in batches:
            for name, seconds in cell(
                network, batch, {n: a for n, a in arms.items() if n not in late}, given
            ).items():
                images = batch * arms[name].candidates
                low, middle, high = (1e6 * q / images for q in quantiles(seconds, n=4))
                cells[name][batch] = (middle, low, high)
                if median(seconds) > given.longest:
                    late[name] = batch
            peaks.append(measure_peak())
        top = median(peaks)
        print(f"  {'µs an image, batch':20}" + "".join(f"{batch:>16}" for batch in batches))
        for name, row in cells.items():
            cells_shown = [
                f"{row[b][0]:9.1f} ±{50 * (row[b][2] - row[b][1]) / row[b][0]:3.0f} %" if b in row
                else "-" for b in batches
            ]  # fmt: skip
            print(f"  {name:20}" + "".join(f"{text:>16}" for text in cells_shown))
            for b, (middle, low, high) in row.items():
                share = megaflops / middle * 1e3 / top
                results.append(
                    {"network": label, "arm": name, "batch": b, "us": middle, "low": low,
                     "high": high, "of_peak": share, "candidates": arms[name].candidates}
                )  # fmt: skip
        for name, row in cells.items():
            shares = [
                f"{megaflops / row[b][0] * 1e3 / top:.1%}" if b in row else "-" for b in batches
            ]
            print(f"  {name + ' of the peak':20}" + "".join(f"{text:>16}" for text in shares))
        for name, batch in late.items():
            print(f"  {name}: a step of {batch} took more than {given.longest:g} s; no larger ones")
    host = {"machine": platform.machine(), "torch": torch.__version__, "peak": median(peaks)}
    print(json.dumps({**host, "load": os.getloadavg()[0], "results": results}))


if __name__ == "__main__":
    main()
