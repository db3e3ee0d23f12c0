"""Trials that were trained again with fresh seeds, against what was believed of them before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import mean, variance
from typing import TYPE_CHECKING, Any

from unitsearch.metrics import Measured, standard_error
from unitsearch.search.front import front, minimised
from unitsearch.study.record import Record, Trial

if TYPE_CHECKING:
    import numpy as np

_DRAWS = 200  # draws behind an expected share
_ENOUGH = 5  # degrees of freedom from which the spread between seeds is used


@dataclass(frozen=True)
class Verified:
    """A trial that was trained again: what was reported of it before, and what came out.

    Attributes:
        number: The trial's number.
        by_model: Its accuracy by model before the repeats, a fraction.
        own: The accuracy of its own training.
        fresh: The mean accuracy of its trainings with fresh seeds.
        seeds: The number of these.
        probability: The probability before the repeats that it is on the front.
        is_on_front: Whether no other trial that was trained again dominates it, by ``fresh``.
        expected: How likely ``is_on_front`` was by the model before the repeats, with the luck of
            the fresh seeds.
    """

    number: int
    by_model: float
    own: float
    fresh: float
    seeds: int
    probability: float
    is_on_front: bool
    expected: float


def verified(record: Record) -> list[Verified]:
    """Return the trials of a study that were trained again, without the baseline."""
    if "verified" not in record.derived:
        record.derived["verified"] = tuple(_verified(record))
    return list(record.derived["verified"])


def _verified(record: Record) -> list[Verified]:
    # what was believed when nothing was verified yet
    before = replace(record, trials=tuple(replace(t, repeats=()) for t in record.trials))
    again = [t for t in record.complete if t.repeats and t.number in before.beliefs]
    if not again:
        return []
    fresh = [mean(repeat.accuracy for repeat in trial.repeats) for trial in again]
    on_front = _on_front(record, again, fresh)
    draws = _fresh_draws(before, again)
    fronts = [_on_front(record, again, accuracies) for accuracies in draws.tolist()]
    shares = [mean(drawn) for drawn in zip(*fronts, strict=True)]
    return [
        Verified(
            number=trial.number,
            by_model=before.beliefs[trial.number].accuracy,
            own=trial.accuracy or 0.0,
            fresh=fresh[place],
            seeds=len(trial.repeats),
            probability=before.beliefs[trial.number].probability,
            is_on_front=on_front[place],
            expected=shares[place],
        )
        for place, trial in enumerate(again)
        if not trial.is_baseline
    ]


def _on_front(record: Record, trials: Sequence[Trial], accuracies: Sequence[float]) -> list[bool]:
    """Return whether each of some trials is dominated by none of them, with these accuracies."""
    baseline = record.baseline
    assert baseline is not None  # without it there are no beliefs
    facts = [
        Measured(accuracy, trial.cost, trial.searched.latency)
        for trial, accuracy in zip(trials, accuracies, strict=True)
    ]
    points = [minimised(new, baseline.searched, record.objectives) for new in facts]
    members = set(front(list(enumerate(points))))
    return [place in members for place in range(len(trials))]


def _fresh_draws(before: Record, again: Sequence[Trial]) -> np.ndarray[Any, Any]:
    """Return joint draws of the mean accuracies of fresh seeds, shape (draws, trials).

    They are drawn from the model before the repeats. The luck of a seed is the spread between the
    fresh seeds of one network, or where too few networks have two the binomial standard error.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from unitsearch.search.model import believe

    trained = before.trained
    assert trained is not None  # the baseline is complete
    rows = [trained.numbers.index(trial.number) for trial in again]
    with threadpool_limits(1, user_api="blas"):  # more threads sum in another order
        drawn = believe(trained.evidence).draws(rows, _DRAWS, seed=0)
    spreads = [
        _spread(again) or standard_error(trial.accuracy or 0.0, trial.images) for trial in again
    ]
    errors = [s / sqrt(len(trial.repeats)) for s, trial in zip(spreads, again, strict=True)]
    luck = np.random.default_rng(1).standard_normal(drawn.shape) * np.array(errors)
    # digits beyond these depend on where in memory an array lies
    return np.asarray((drawn + luck).round(9))


def _spread(again: Sequence[Trial]) -> float:
    """Return the standard deviation between fresh seeds of one network; 0 if too few tell it."""
    repeated = [trial.repeats for trial in again if len(trial.repeats) > 1]
    degrees = sum(len(repeats) - 1 for repeats in repeated)
    if degrees < _ENOUGH:
        return 0.0
    squares = [
        variance([repeat.accuracy for repeat in repeats]) * (len(repeats) - 1)
        for repeats in repeated
    ]
    return sqrt(sum(squares) / degrees)
