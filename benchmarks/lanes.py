"""The speed of a training step in lanes, against the loop over units and the grouped plan of torch.

Command:  python -m benchmarks.lanes --rounds 15
Prints:   one row a network and arm: median µs an image with the quartiles, the ratio to the plain
          loop with its bootstrap 95 % interval, GFLOP/s and the share of the peak; then the same as
          one JSON line
Method:   complete steps (gather, normalise, forward, loss, backward, optimiser) of all arms in one
          process, in turns, each after an untimed step of its own as in training, after 3
          warm-up rounds, one thread; FLOPs are 2 x the multiply-adds of convolutions and linear
          layers, three passes, the images' gradient not counted; the peak is that of the best
          register tile on data in the nearest cache, in the same rounds
Noise:    loop/loop from the same run; a ratio inside its interval means "no difference"
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import time
from collections.abc import Callable
from statistics import median, quantiles

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.plans import interval
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.costs import count
from unitsearch.data.batches import normalise
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.lanes import Lanes
from unitsearch.kernels.machine_code import kernels
from unitsearch.kernels.tiles import output_tiles
from unitsearch.kernels.vectors import REGISTER_BYTES, lanes
from unitsearch.network.build import build
from unitsearch.space import point

NETWORKS = {
    "LeNet": ("lenet_table1", "Hybrid1", 128),
    "LeNet, batch 32": ("lenet_table1", "Hybrid1", 32),
    "toy": ("toy_hybrid", "No.1", 128),
}
IMAGES = 1024
Step = Callable[[], None]


def data(architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (IMAGES, *architecture.input)).astype(np.uint8)
    return pixels, rng.integers(0, 10, IMAGES)


def in_torch(
    architecture: Architecture, batch: int, plan: str, layout: torch.memory_format
) -> Step:
    network = build(architecture, plan=plan).to(memory_format=layout)
    pixels, labels = (torch.from_numpy(values) for values in data(architecture))
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, fused=True)
    c = architecture.input[0]
    order = torch.Generator().manual_seed(0)

    def step() -> None:
        chosen = torch.randperm(IMAGES, generator=order)[:batch]
        images = normalise(pixels.index_select(0, chosen), (0.3,) * c, (0.25,) * c)
        loss = F.cross_entropy(network(images.contiguous(memory_format=layout)), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def in_lanes(architecture: Architecture, batch: int) -> Step:
    c = architecture.input[0]
    network = Lanes(architecture, batch, mean=(0.3,) * c, std=(0.25,) * c)
    state = build(architecture).state_dict()
    network.load({name: value.numpy() for name, value in state.items()})
    pixels, labels = data(architecture)
    rng = np.random.default_rng(0)
    return lambda: _step(network, pixels, labels, rng.permutation(IMAGES)[:batch])


def _step(network: Lanes, pixels: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> None:
    network.train_step(pixels, labels, chosen, 0.01)


def peak() -> Callable[[], float]:
    """Return a function that measures multiply-adds in registers: GFLOP/s."""
    tile = max(output_tiles(), key=lambda size: (size[0] == 4) * size[0] * size[1] * size[2])
    channels, rows, columns = tile
    network = Lanes(point(bound_space("mlp", []), "n4"), 16)
    job, frame = np.zeros((), t.CONVOLVE_JOB), network._frame
    memory = np.zeros(1 << 16, np.float32)
    start = -memory.ctypes.data % REGISTER_BYTES + memory.ctypes.data
    taps = np.zeros((400, 2), np.int32)
    repeats = 200
    for field, value in {
        "x": start, "x_row": 0, "x_column": 1, "taps": taps.ctypes.data, "tap_count": len(taps),
        "w": start, "w_channel": 1, "bias": start,
        "y": start, "y_column": 1, "y_channel": 40,
        "channels": channels, "rows": repeats * rows, "columns": columns,
        "tile_channels": channels, "tile_rows": rows, "tile_columns": columns,
        "z": start, "into": start,
    }.items():  # fmt: skip
        job[field] = value
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(
        int(kernels("float32").addresses[t.CONVOLVE])
    )
    flops = 2 * lanes("float32") * channels * rows * columns * len(taps) * repeats

    def measure(kept: object = (memory, taps)) -> float:
        """Time the tile once; the default value keeps the memory alive that the job points to."""
        begin = time.perf_counter()
        call(job.ctypes.data, ctypes.addressof(frame), network._work.ctypes.data)
        return flops / (time.perf_counter() - begin) / 1e9

    return measure


def flops_of(architecture: Architecture) -> int:
    """Return the FLOPs of one image's training step that every plan has to do."""
    network = build(architecture)
    first = next(m for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)))
    saved = 0
    if isinstance(first, torch.nn.Conv2d):
        _, h, w = architecture.input
        side = first.kernel_size[0] - 1 - 2 * int(first.padding[0])
        saved = first.weight.numel() * (h - side) * (w - side)
    return 2 * (3 * count(architecture).macs - saved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    results, peaks, measure = [], [], peak()
    for name, (space, key, batch) in NETWORKS.items():
        architecture = point(bound_space(space, []), key)
        arms: dict[str, Step] = {
            "loop": in_torch(architecture, batch, "loop", torch.contiguous_format),
            "loop again (noise)": in_torch(architecture, batch, "loop", torch.contiguous_format),
            "grouped, channels last": in_torch(architecture, batch, "grouped", torch.channels_last),
            "lanes": in_lanes(architecture, batch),
        }
        times: dict[str, list[float]] = {arm: [] for arm in arms}
        for at_round in range(rounds + 3):
            for arm, step in arms.items():
                step()  # a step follows one of its own arm, as in training: the caches are warm
                begin = time.perf_counter()
                step()
                if at_round >= 3:
                    times[arm].append((time.perf_counter() - begin) / batch * 1e6)
            peaks.append(measure())
        top = median(peaks)
        for arm, took in times.items():
            ratios = [a / b for a, b in zip(times["loop"], took, strict=True)]
            low, high = interval(ratios)
            first, _, third = quantiles(took, n=4)
            speed = flops_of(architecture) / median(took) / 1e3
            print(
                f"{name:16} {arm:24} {median(took):8.1f} µs [{first:.1f}, {third:.1f}] "
                f"{median(ratios):6.2f}x [{low:.2f}, {high:.2f}] {speed:6.1f} GFLOP/s "
                f"{speed / top:5.1%}"
            )
            results.append(
                {"network": name, "arm": arm, "us": median(took), "gain": median(ratios)}
            )
    host = {"machine": platform.machine(), "torch": torch.__version__, "peak": median(peaks)}
    print(json.dumps({**host, "lanes": lanes("float32"), "rounds": rounds, "results": results}))


if __name__ == "__main__":
    main()
