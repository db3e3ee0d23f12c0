"""Beliefs in the accuracies of a study's trials, by the model, and the front that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unitsearch.metrics import Measured, Metric

if TYPE_CHECKING:
    from unitsearch.search.model import Evidence


@dataclass(frozen=True)
class TrialBelief:
    """The accuracy that the model gives to a complete trial, from all trainings of its study.

    Attributes:
        accuracy: The posterior mean of the network's accuracy over seeds, a fraction.
        accuracy_se: The posterior standard deviation of that, a fraction.
        probability: The probability that the trial is on the front, by joint draws.
        seeds: The number of trainings of the network itself.
        optimism: The raw accuracy of the trial's own training less ``accuracy``, a fraction.
    """

    accuracy: float
    accuracy_se: float
    probability: float
    seeds: int
    optimism: float


@dataclass(frozen=True)
class Judged:
    """The beliefs of a study and the front that follows from them.

    Attributes:
        beliefs: By the number of the complete trial.
        front: The numbers of the trials on the front.
    """

    beliefs: Mapping[int, TrialBelief] = field(default_factory=dict)
    front: frozenset[int] = frozenset()


def judge(
    numbers: Sequence[int],
    evidence: Sequence[Evidence],
    facts: Sequence[Measured | None],
    objectives: Sequence[Metric],
    floor: float,
) -> Judged:
    """Return the beliefs that follow from the trainings of a study, a pure function.

    Args:
        numbers: The numbers of the trials that were trained, the baseline's 0 among them.
        evidence: What is known of the accuracy of each.
        facts: The facts of each as the search knew them; None of a trial that is not complete.
        objectives: The study's.
        floor: The accuracy from which a trial is feasible, a fraction.
    """
    from threadpoolctl import threadpool_limits

    from unitsearch.search.model import believe, recommend  # heavy, and many reads need no beliefs

    with threadpool_limits(1, user_api="blas"):  # more threads sum in another order, and no faster
        belief = believe(evidence)
        found = recommend(belief, facts, numbers.index(0), objectives, floor)
    beliefs = {
        number: TrialBelief(
            accuracy=round(float(belief.accuracy[place]), 12),
            accuracy_se=round(float(belief.se[place]), 12),
            probability=found.probability[place],
            seeds=len(evidence[place].accuracies),
            optimism=fact.accuracy - round(float(belief.accuracy[place]), 12),
        )
        for place, (number, fact) in enumerate(zip(numbers, facts, strict=True))
        if fact is not None
    }
    front = [n for n, is_on in zip(numbers, found.on_front, strict=True) if is_on]
    return Judged(beliefs, frozenset(front))
