"""The recommended networks of a study: the front of what the model believes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.metrics import Measured, Metric
from unitsearch.search.front import front, minimised
from unitsearch.search.model.belief import Belief

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

_DRAWS = 400  # joint draws behind a probability
_MOST = 300  # networks that are drawn together
_PLAUSIBLE = 4.0  # standard deviations that a network may lack to the front and still be drawn


@dataclass(frozen=True)
class Recommendation:
    """The networks that belong to the front, as far as is known.

    Attributes:
        on_front: Whether each network is on the front of the posterior means.
        probability: The probability that it is on the true front, by joint draws.
    """

    on_front: tuple[bool, ...]
    probability: tuple[float, ...]


def recommend(
    belief: Belief,
    facts: Sequence[Measured | None],
    baseline: int,
    objectives: Sequence[Metric],
    floor: float,
) -> Recommendation:
    """Return which networks are on the front by the posterior means, and how likely each is.

    Args:
        belief: The posterior of the accuracies of the networks.
        facts: The facts of each network; its accuracy is not looked at. None for a network that
            is not to be recommended: its training was stopped.
        baseline: The place of the baseline.
        objectives: The study's.
        floor: The accuracy from which a network is feasible, a fraction.
    """
    rows = [row for row, fact in enumerate(facts) if fact is not None]
    means = belief.accuracy[rows]
    names = [metric for metric in objectives if metric.needs_accuracy]
    points = _points(facts, rows, means[None, :], baseline, belief.accuracy[baseline], objectives)
    feasible = [place for place in range(len(rows)) if means[place] >= floor]
    recommended = front([(place, tuple(points[0, place])) for place in feasible])
    on_front = np.zeros(len(facts), dtype=bool)
    on_front[[rows[place] for place in recommended]] = True

    probability = np.zeros(len(facts))
    drawn = _plausible(belief, facts, rows, objectives, floor, set(recommended))
    if drawn and names:
        together = sorted({*drawn, baseline})
        draws = belief.draws(together, _DRAWS, seed=0)
        columns = [together.index(row) for row in drawn]
        accuracies = draws[:, columns]
        points = _points(
            facts, drawn, accuracies, baseline, draws[:, together.index(baseline)], objectives
        )
        probability[drawn] = _share_on_front(points, accuracies >= floor)
    return Recommendation(tuple(map(bool, on_front)), tuple(map(float, probability)))


def _points(
    facts: Sequence[Measured | None],
    rows: Sequence[int],
    accuracies: Array,
    baseline: int,
    baseline_accuracy: Array | float,
    objectives: Sequence[Metric],
) -> Array:
    """Return the objectives of which less is better, shape (draws, rows, objectives).

    Args:
        facts: The facts of all networks.
        rows: The networks to compute.
        accuracies: Their accuracies, shape (draws, rows).
        baseline: The place of the baseline.
        baseline_accuracy: Its accuracy in each draw, or one number.
        objectives: The metrics.
    """
    draws = len(accuracies)
    old = facts[baseline]
    assert old is not None  # there is no front without a complete baseline
    of_baseline = np.broadcast_to(np.asarray(baseline_accuracy), (draws,))
    points = np.empty((draws, len(rows), len(objectives)))
    for place, metric in enumerate(objectives):
        sign = -1.0 if metric.maximise else 1.0
        for column, row in enumerate(rows):
            fact = facts[row]
            assert fact is not None  # rows are those with facts
            if metric.is_accuracy:
                points[:, column, place] = sign * accuracies[:, column]
            elif not metric.needs_accuracy:
                points[:, column, place] = sign * metric.formula(fact, old)
            else:
                points[:, column, place] = [
                    sign
                    * metric.formula(
                        replace(fact, accuracy=float(accuracy)),
                        replace(old, accuracy=float(base)),
                    )
                    for accuracy, base in zip(accuracies[:, column], of_baseline, strict=True)
                ]
    return points


def _plausible(
    belief: Belief,
    facts: Sequence[Measured | None],
    rows: Sequence[int],
    objectives: Sequence[Metric],
    floor: float,
    recommended: set[int],
) -> list[int]:
    """Return the networks that may be on the front: the recommended ones, and those near it."""
    old = next(fact for fact in facts if fact is not None)
    upper = belief.accuracy + _PLAUSIBLE * belief.se
    exact = [metric for metric in objectives if not metric.needs_accuracy]
    costs = {}
    for row in rows:
        fact = facts[row]
        assert fact is not None  # rows are those with facts
        costs[row] = minimised(fact, old, exact)
    best = {row: upper[row] for row in rows}
    front_rows = [rows[place] for place in sorted(recommended)]

    def is_near(row: int) -> bool:
        if best[row] < floor:
            return False
        return not any(
            all(a <= b for a, b in zip(costs[other], costs[row], strict=True))
            and belief.accuracy[other] > best[row]
            for other in front_rows
        )

    near = [row for row in rows if row not in front_rows and is_near(row)]
    near.sort(key=lambda row: (-round(float(best[row] - belief.accuracy[row]), 12), row))
    return sorted([*front_rows, *near][:_MOST])


def _share_on_front(points: Array, feasible: NDArray[np.bool_]) -> Array:
    """Return the share of draws in which each network is feasible and dominated by none.

    Args:
        points: Shape (draws, networks, objectives); less is better.
        feasible: Shape (draws, networks).
    """
    exact = (points == points[0]).all(axis=(0, 1))  # the same in every draw: compared once
    no_worse, better = _compared(points[0][:, exact])
    counts = np.zeros(points.shape[1])
    for draw, ok in zip(points[:, :, ~exact], feasible, strict=True):
        no_worse_here, better_here = _compared(draw)
        dominates = no_worse & no_worse_here & (better | better_here) & ok[:, None]
        counts += ok & ~dominates.any(axis=0)
    result: Array = counts / len(points)
    return result


def _compared(points: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each point is nowhere worse, and somewhere better, than each other one."""
    no_worse = np.ones((len(points), len(points)), dtype=bool)
    better = np.zeros_like(no_worse)
    for column in points.T:
        no_worse &= column[:, None] <= column[None, :]
        better |= column[:, None] < column[None, :]
    return no_worse, better
