"""The latency of one image in each runtime that can run an exported network on this machine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from unitsearch.exports.checks import NetworkCall
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.inference import for_inference
from unitsearch.network.timing import timings

_ROUNDS = 11


@dataclass(frozen=True)
class RuntimeLatency:
    """The latency of one image in one runtime.

    Attributes:
        runtime: Name of the runtime.
        median: Milliseconds, the median of the rounds.
        low: The lower quartile.
        high: The upper quartile.
        machine: Name of the processor.
    """

    runtime: str
    median: float
    low: float
    high: float
    machine: str


def runtime_latencies(
    source: SourceNetwork, calls: Mapping[str, NetworkCall]
) -> list[RuntimeLatency]:
    """Measure the network in its own fastest form and in other runtimes, in alternation.

    All of them run on one thread of the CPU in one measurement, so that the numbers are comparable.

    Args:
        source: The network.
        calls: By the name of a runtime: the function that runs the network there.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        image = source.images[:1].clone()
        fast = for_inference(source.network, 1)
        timed: dict[str, Callable[[], object]] = {
            "unitsearch, made fast for inference": partial(fast, image)
        }
        timed |= {runtime: partial(call, image) for runtime, call in calls.items()}
        with torch.inference_mode():
            times = [sorted(row) for row in timings(list(timed.values()), _ROUNDS)]
    finally:
        torch.set_num_threads(threads)
    machine = _machine()
    quarter = _ROUNDS // 4
    return [
        RuntimeLatency(
            runtime, 1e3 * median(row), 1e3 * row[quarter], 1e3 * row[-1 - quarter], machine
        )
        for runtime, row in zip(timed, times, strict=True)
    ]


def _machine() -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return " ".join((names or [platform.processor() or platform.machine()])[0].split())
