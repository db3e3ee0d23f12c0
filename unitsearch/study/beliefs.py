"""Beliefs in the accuracies of a study's trials, by the model, and the front that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from unitsearch.metrics import Measured, Metric
from unitsearch.search.front import front, minimised

if TYPE_CHECKING:
    from unitsearch.search.model import Belief, Evidence

_DIGITS = 12  # of an accuracy; further ones depend on where in memory an array lies


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


@dataclass(frozen=True, eq=False)
class TrainedTrials:
    """The trained trials of a study, as the model sees them; the baseline is complete.

    Attributes:
        numbers: The numbers of the trials, the baseline's 0 among them.
        keys: The keys of their architectures.
        evidence: What is known of the accuracy of each.
        facts: The facts of each as the search knew them; None of a trial that is not complete.
        objectives: The study's.
        floor: The accuracy from which a trial is feasible, a fraction.
    """

    numbers: tuple[int, ...]
    keys: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    facts: tuple[Measured | None, ...]
    objectives: tuple[Metric, ...]
    floor: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainedTrials) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        """Everything that beliefs depend on; the keys stand for the architectures."""
        return (
            self.numbers,
            self.keys,
            tuple((e.accuracies, e.images, e.curve, e.epochs, e.loss_curve) for e in self.evidence),
            tuple(None if fact is None else (fact.accuracy, fact.latency) for fact in self.facts),
            tuple(metric.name for metric in self.objectives),
            self.floor,
        )


@lru_cache(maxsize=4)  # a run asks several times for the same
def judge(trained: TrainedTrials) -> Judged:
    """Return the beliefs that follow from the trainings of a study, a pure function."""
    from unitsearch.search.model import recommend

    belief, place = _believed(trained), trained.numbers.index(0)
    found = recommend(belief, trained.facts, place, trained.objectives, trained.floor)
    beliefs = {}
    for place, (number, fact) in enumerate(zip(trained.numbers, trained.facts, strict=True)):
        if fact is None:
            continue
        accuracy = round(float(belief.accuracy[place]), _DIGITS)
        beliefs[number] = TrialBelief(
            accuracy=accuracy,
            accuracy_se=round(float(belief.se[place]), _DIGITS),
            probability=found.probability[place],
            seeds=len(trained.evidence[place].accuracies),
            optimism=fact.accuracy - accuracy,
        )
    on_front = [n for n, is_on in zip(trained.numbers, found.on_front, strict=True) if is_on]
    return Judged(beliefs, frozenset(on_front))


def recommended_accuracies(trained: TrainedTrials) -> dict[int, float]:
    """Return the posterior means of the trials on the front alone, by number.

    That takes a fraction of the time of ``judge``, which also draws the probabilities.
    """
    belief = _believed(trained)
    means = {
        number: Measured(float(mean), fact.cost, fact.latency)
        for number, mean, fact in zip(trained.numbers, belief.accuracy, trained.facts, strict=True)
        if fact is not None
    }
    points = [
        (number, minimised(measured, means[0], trained.objectives))
        for number, measured in means.items()
        if measured.accuracy >= trained.floor
    ]
    return {number: means[number].accuracy for number in front(points)}


def _believed(trained: TrainedTrials) -> Belief:
    from unitsearch.search.model import believe  # heavy, and many reads need no beliefs

    return believe(trained.evidence)
