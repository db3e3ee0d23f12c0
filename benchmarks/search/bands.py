"""Means with bootstrap bands over seeds, and the trainings that one searcher saves another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.running import Measurement

DRAWS = 2000


@dataclass(frozen=True)
class Band:
    """A number with its 95 % interval.

    Attributes:
        value: The number; NaN where it is not reached.
        low: The lower end.
        high: The upper end.
        n: The number of searches behind it.
    """

    value: float
    low: float
    high: float
    n: int

    def over(self, whole: float) -> Band:
        """Return it as a share of ``whole``."""
        return Band(self.value / whole, self.low / whole, self.high / whole, self.n)

    def text(self, digits: int = 3) -> str:
        """Return the number and its interval."""
        if np.isnan(self.value):
            return "not reached"
        if self.n < 2:
            return f"{self.value:.{digits}f} (n=1)"
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True)
class Curve:
    """One measure of a search along its trainings.

    Attributes:
        x: Trainings or seconds, ascending.
        y: The measure.
    """

    x: np.ndarray
    y: np.ndarray

    def at(self, x: float) -> float:
        """Return the measure at ``x``, between two measurements on a line."""
        return float(np.interp(x, self.x, self.y))


def curves(
    searches: Sequence[Sequence[Measurement]],
    x: Callable[[Measurement], float],
    y: Callable[[Measurement], float],
) -> list[Curve]:
    """Return one curve a search."""
    return [
        Curve(np.array([x(m) for m in search]), np.array([y(m) for m in search]))
        for search in searches
    ]


def band_at(searches: Sequence[Curve], x: float) -> Band:
    """Return the mean measure at ``x`` of the searches that got there."""
    values = np.array([curve.at(x) for curve in searches if curve.x[-1] >= x - 1])
    if not len(values):
        return Band(np.nan, np.nan, np.nan, 0)
    generator = np.random.default_rng(0)
    means = values[generator.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Band(float(values.mean()), float(low), float(high), len(values))


def needed(searches: Sequence[Curve], goal: float) -> float:
    """Return the first ``x`` from which the mean of the searches is at least ``goal``; NaN if none.

    The mean's best so far is taken, on a line between two measurements.
    """
    x = np.unique(np.concatenate([curve.x for curve in searches]))
    x = x[x <= min(curve.x[-1] for curve in searches)]
    mean = np.mean([np.interp(x, curve.x, curve.y) for curve in searches], axis=0)
    best = np.maximum.accumulate(mean)
    if not len(best) or best[-1] < goal:
        return float("nan")
    first = int(np.argmax(best >= goal))
    if first == 0:
        return float(x[0])
    share = (goal - best[first - 1]) / (best[first] - best[first - 1])
    return float(x[first - 1] + share * (x[first] - x[first - 1]))


def saved(ours: Sequence[Curve], other: Sequence[Curve], at: Sequence[float]) -> tuple[Band, Band]:
    """Return what ours needs to reach the mean of ``other``, and the ratio, with bands.

    Args:
        ours: Our searches.
        other: The searches to reach.
        at: The ``x`` of each of ``other`` at which it is to be reached.
    """
    generator = np.random.default_rng(0)
    there = np.array([curve.at(x) for curve, x in zip(other, at, strict=True)])
    spent = np.array(at, float)
    needs, ratios = [], []
    value = needed(ours, float(there.mean()))
    for _ in range(DRAWS // 4):
        own = generator.integers(len(ours), size=len(ours))
        its = generator.integers(len(other), size=len(other))
        need = needed([ours[i] for i in own], float(there[its].mean()))
        needs.append(np.inf if np.isnan(need) else need)
        ratios.append(0.0 if np.isnan(need) else float(spent[its].mean()) / need)
    low, high = np.quantile(needs, [0.025, 0.975], method="nearest")
    few, many = np.quantile(ratios, [0.025, 0.975], method="nearest")
    ratio = float(spent.mean()) / value
    n = min(len(ours), len(other))
    return Band(value, float(low), float(high), n), Band(ratio, float(few), float(many), n)
