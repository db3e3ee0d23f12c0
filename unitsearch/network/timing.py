"""Timing of calls side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch

_ROUNDS = 7
_LEAST_SECONDS = 2e-3  # of one timing: shorter ones measure mostly the clock and the caller


def best_times(calls: Sequence[Callable[[], object]], rounds: int = _ROUNDS) -> list[float]:
    """Return the median seconds of each call, measured in turns after a warm-up."""
    return [median(times) for times in timings(calls, rounds)]


def timings(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Return ``rounds`` timings of each call in seconds, in turns, so that noise affects all alike.

    A timing is the mean of as many calls as take two milliseconds; on a GPU it includes their work.
    """
    repeats = []
    for call in calls:
        call()  # warm up
        seconds = max(_seconds(call, 1), 1e-7)
        repeats.append(max(1, int(_LEAST_SECONDS / seconds)))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for i, call in enumerate(calls):
            times[i].append(_seconds(call, repeats[i]) / repeats[i])
    return times


def _seconds(call: Callable[[], object], times: int) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(times):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun
