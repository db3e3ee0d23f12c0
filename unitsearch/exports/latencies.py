"""How long one image takes, by each way in which an exported network can be run here."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from unitsearch.exports.checks import Run
from unitsearch.exports.subject import Subject
from unitsearch.network.inference import for_inference
from unitsearch.network.timing import timings

_ROUNDS = 11


@dataclass(frozen=True)
class Timed:
    """How long one image takes.

    Attributes:
        what: What ran it.
        median: Milliseconds, the median of the rounds.
        low: The lower quartile.
        high: The upper quartile.
        machine: Where.
    """

    what: str
    median: float
    low: float
    high: float
    machine: str


def latencies(subject: Subject, runs: Mapping[str, Run]) -> list[Timed]:
    """Measure the network as ``unitsearch latency`` does and each of ``runs``, turn about.

    On one thread of the CPU, in one run, so that the numbers can be compared.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        image = subject.images[:1].clone()
        fast = for_inference(subject.network, 1)
        calls: dict[str, Callable[[], object]] = {
            "unitsearch, made fast for inference": partial(fast, image)
        }
        calls |= {what: partial(run, image) for what, run in runs.items()}
        with torch.inference_mode():
            times = [sorted(row) for row in timings(list(calls.values()), _ROUNDS)]
    finally:
        torch.set_num_threads(threads)
    machine = _machine()
    quarter = _ROUNDS // 4
    return [
        Timed(what, 1e3 * median(row), 1e3 * row[quarter], 1e3 * row[-1 - quarter], machine)
        for what, row in zip(calls, times, strict=True)
    ]


def _machine() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return " ".join((names or [platform.processor() or platform.machine()])[0].split())
