"""The measures of a search on a table: its recommended members by the accuracies it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.search.spec import TableSpec
from benchmarks.search.table import BASELINE, Table
from unitsearch.costs import Cost
from unitsearch.metrics import Measured, metric
from unitsearch.search.front import Point, front, hypervolume
from unitsearch.search.model import Evidence, believe, recommend
from unitsearch.search.model.search_model import evidence_of
from unitsearch.search.proposals import Observation
from unitsearch.search.reference import accuracy_reference
from unitsearch.search.seeds import derive

_CEILING_SEEDS = 100
OBJECTIVES = tuple(metric(name) for name in ("accuracy", "flops", "params"))


@dataclass(frozen=True)
class Goal:
    """The measure that searches on one table share.

    Attributes:
        table: The table.
    """

    table: Table

    @property
    def floor(self) -> float:
        """The share of the baseline's accuracy from which a member is feasible."""
        return self.table.spec.config.floor or 0.0

    @cached_property
    def reference(self) -> Point:
        """The point below which members count: an accuracy, and the costs of the baseline."""
        mean = float(self.table.baseline.accuracies.mean())
        return reference_of(self.table.spec, mean, self.table.baseline.cost)

    def volume(self, members: Sequence[int], accuracies: Sequence[float]) -> float:
        """Return the hypervolume of members with given accuracies."""
        costs = [self.table.members[place].cost for place in members]
        return volume(costs, accuracies, self.reference)

    @cached_property
    def smooth(self) -> np.ndarray:
        """The accuracies that the model believes after all trainings of the table.

        They have less noise than means of a few seeds, but are of the family of our own model.
        """
        evidence = [
            Evidence(
                member.proposal.architecture,
                member.cost,
                tuple(map(float, member.accuracies)),
                member.trainings[0].images,
                member.trainings[0].curve,
                len(member.trainings[0].curve),
                member.trainings[0].loss_curve,
            )
            for member in self.table.members
        ]
        return np.asarray(believe(evidence).accuracy)

    @cached_property
    def table_front(self) -> list[int]:
        """The places of the members on the front of the accuracies of ``smooth``."""
        points = [
            (place, (-float(accuracy), member.cost.flops, member.cost.params))
            for place, (member, accuracy) in enumerate(
                zip(self.table.members, self.smooth, strict=True)
            )
        ]
        return front(points)

    @cached_property
    def ceiling(self) -> float:
        """The hypervolume of the table's front, measured as that of a search is: the mean of seeds.

        The front of the plain means of a few seeds would be a front of lucky members.
        """
        volumes = [
            self.volume(self.table_front, [self.unseen(p, seed) for p in self.table_front])
            for seed in range(_CEILING_SEEDS)
        ]
        return sum(volumes) / len(volumes)

    @cached_property
    def smooth_ceiling(self) -> float:
        """The hypervolume of the whole table by the accuracies of ``smooth``."""
        return self.volume(range(len(self.table.members)), list(self.smooth))

    def chosen(self, place: int, seed: int) -> int:
        """Return the recorded seed that is a member's training in the search ``seed``."""
        return derive(seed, 0, self.table.members[place].proposal.key) % self.table.seeds

    def unseen(self, place: int, seed: int) -> float:
        """Return a member's mean accuracy of the trainings that the search ``seed`` cannot see."""
        return self.table.members[place].others(self.chosen(place, seed))


def reference_of(spec: TableSpec, baseline_accuracy: float, baseline_cost: Cost) -> Point:
    """Return the point below which members count: an accuracy, and the costs of the baseline."""
    accuracy = spec.reference
    if accuracy is None:
        floor = (spec.config.floor or 0.0) * baseline_accuracy
        accuracy = accuracy_reference(baseline_accuracy, spec.bound.classes, floor)
    return _point(baseline_cost, accuracy)


def volume(costs: Sequence[Cost], accuracies: Sequence[float], reference: Point) -> float:
    """Return the hypervolume of networks with given costs and accuracies."""
    return hypervolume([_point(c, a) for c, a in zip(costs, accuracies, strict=True)], reference)


def _point(cost: Cost, accuracy: float) -> Point:
    return (1.0 - accuracy, math.log10(cost.flops), math.log10(cost.params))


def raw_front(visible: Sequence[Observation], floor: float) -> list[Observation]:
    """Return the complete trials on the front of the observed accuracies.

    Args:
        visible: The trials, the baseline first.
        floor: The share of the baseline's accuracy from which a member is feasible.
    """
    first = visible[BASELINE].accuracy or 0.0
    points = [
        (place, (-o.accuracy, o.cost.flops, o.cost.params))
        for place, o in enumerate(visible)
        if o.accuracy is not None and o.accuracy >= floor * first
    ]
    return [visible[place] for place in front(points)]


def modelled_front(visible: Sequence[Observation], floor: float) -> list[Observation]:
    """Return the complete trials that the model recommends; the arguments of ``raw_front``."""
    known = [item for item in visible if item.state in ("complete", "stopped")]
    belief = believe([evidence_of(item) for item in known])
    facts = [
        None if item.accuracy is None else Measured(float(accuracy), item.cost)
        for item, accuracy in zip(known, belief.accuracy, strict=True)
    ]
    least = floor * (known[BASELINE].accuracy or 0.0)
    chosen = recommend(belief, facts, BASELINE, OBJECTIVES, least).on_front
    return [item for item, is_on in zip(known, chosen, strict=True) if is_on]
