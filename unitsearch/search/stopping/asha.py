"""Asynchronous successive halving for several objectives: the best ranks of each rung go on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from unitsearch.fields import Int, field_
from unitsearch.search.front import Point, front
from unitsearch.search.proposals import Observation


@dataclass(frozen=True, kw_only=True)
class AshaSettings:
    """The settings of asynchronous successive halving.

    Attributes:
        first: The epoch of the first rung.
        reduction: The factor between the epochs of two rungs; one of so many trainings goes on.
        startup: Trainings that a rung has seen before it stops any.
    """

    first: int = field_(Int(1, 100_000), 1)
    reduction: int = field_(Int(2, 1000), 3)
    startup: int = field_(Int(2, 100_000), 6)


class SuccessiveHalving:
    """The rule that lets one of ``reduction`` trainings go on from each rung, by its rank there.

    A rank is the number of the front, counted from the best, that a training lies on in accuracy
    after the rung's epoch, FLOPs and parameters, when fronts are taken off one after another.

    Source:
        Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA); ranks
        instead of a single loss as in Schmucker et al. 2021, "Multi-objective Asynchronous
        Successive Halving" (arXiv:2106.12639).
    """

    Settings = AshaSettings
    looks_at_outcomes = True

    def __init__(self, settings: AshaSettings) -> None:
        self._settings = settings

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        """Return for each rung the least accuracy that puts the trial among those that go on."""
        bars: list[float | None] = [None] * epochs
        rung = self._settings.first
        while rung < epochs:
            seen = [
                (-item.curve[rung - 1], float(item.cost.flops), float(item.cost.params))
                for item in visible
                if item.number > 0 and len(item.curve) >= rung and item.recipe_epochs == epochs
            ]
            if len(seen) >= self._settings.startup:
                costs = float(trial.cost.flops), float(trial.cost.params)
                bars[rung - 1] = self._bar(costs, seen)
            rung *= self._settings.reduction
        return tuple(bars)

    def _bar(self, costs: tuple[float, float], seen: Sequence[Point]) -> float | None:
        """Return the least accuracy that goes on among the trainings ``seen`` on a rung."""
        fronts = _fronts(seen)
        accuracies = sorted({-point[0] for point in seen})

        def goes_on(accuracy: float) -> bool:
            point = (-accuracy, *costs)
            better = 0
            for members in fronts:
                if not any(all(a <= b for a, b in zip(m, point, strict=True)) for m in members):
                    break
                better += len(members)
            return better < max(len(seen) / self._settings.reduction, 1)

        if goes_on(0.0):
            return None
        place = bisect_left(accuracies, True, key=goes_on)
        return accuracies[place] if place < len(accuracies) else 1.0


def _fronts(points: Sequence[Point]) -> list[list[Point]]:
    """Return the fronts of ``points``, the best first, each taken off before the next."""
    rest = list(points)
    fronts = []
    while rest:
        on_front = set(front([(point, point) for point in rest]))
        fronts.append([point for point in rest if point in on_front])
        rest = [point for point in rest if point not in on_front]
    return fronts
