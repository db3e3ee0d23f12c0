"""Latency of networks made fast for inference, measured beside each other in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import NamedTuple

import torch

from unitsearch.network.build import Network
from unitsearch.network.inference import for_inference
from unitsearch.network.timing import timings


class Quartiles(NamedTuple):
    """Lower quartile, median and upper quartile of some rounds."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class InferenceTime:
    """The time that a network takes for a batch of images.

    Attributes:
        seconds: Of a batch.
        plan: The form that was measured: the memory format, and each stack's form by name.
    """

    seconds: Quartiles
    plan: Mapping[str, str]

    def ms(self, images: int = 1) -> tuple[float, float, float]:
        """Return the quartiles in milliseconds, divided by ``images``."""
        low, middle, high = (1e3 * seconds / images for seconds in self.seconds)
        return low, middle, high


def inference_times(
    networks: Sequence[Network], batch: int, rounds: int, device: str = "cpu"
) -> list[InferenceTime]:
    """Return the time of each network for ``batch`` images, each in its fastest inference form.

    The networks are warmed up and timed in turns, so that noise affects all alike. Weights do not
    matter. They use as many threads as torch is set to.
    """
    fast = [for_inference(network.to(device), batch) for network in networks]
    calls = [
        partial(network, torch.zeros(batch, *network.architecture.input, device=device))
        for network in fast
    ]
    with torch.inference_mode():
        rows = timings(calls, rounds)
    return [
        InferenceTime(quartiles(row), network.plan) for row, network in zip(rows, fast, strict=True)
    ]


def times_in_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Quartiles]:
    """Return the seconds of each call, all measured in turns on one thread."""
    with one_thread(), torch.inference_mode():
        rows = timings(list(calls.values()), rounds)
    return {name: quartiles(row) for name, row in zip(calls, rows, strict=True)}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return lower quartile, median and upper quartile of ``values``, the outer two by rank."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return Quartiles(ordered[quarter], median(ordered), ordered[-1 - quarter])
