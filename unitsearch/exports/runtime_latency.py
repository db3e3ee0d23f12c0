"""The latency of one image in each runtime that can run an exported network on this machine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unitsearch.exports.checks import NetworkCall
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.inference import for_inference
from unitsearch.network.latency import one_thread, times_in_turns

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
    image = source.images[:1].clone()
    with one_thread():
        fast = for_inference(source.network, 1)
    timed: dict[str, Callable[[], object]] = {
        "unitsearch, made fast for inference": partial(fast, image)
    }
    timed |= {runtime: partial(call, image) for runtime, call in calls.items()}
    return [
        RuntimeLatency(runtime, 1e3 * time.median, 1e3 * time.low, 1e3 * time.high, machine())
        for runtime, time in times_in_turns(timed, _ROUNDS).items()
    ]


def machine() -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return " ".join((names or [platform.processor() or platform.machine()])[0].split())
