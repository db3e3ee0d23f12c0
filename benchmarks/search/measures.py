"""The measures of a search on a table: its recommended members by the accuracies it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.search.table import BASELINE, Table
from unitsearch.metrics import Measured, metric
from unitsearch.search.front import Point, front, hypervolume
from unitsearch.search.model import Evidence, believe, recommend
from unitsearch.search.proposals import Observation
from unitsearch.search.reference import accuracy_reference

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
        accuracy = self.table.spec.reference
        if accuracy is None:
            mean = float(self.table.baseline.accuracies.mean())
            classes = self.table.spec.bound.classes
            accuracy = accuracy_reference(mean, classes, self.floor * mean)
        cost = self.table.baseline.cost
        return (1.0 - accuracy, math.log10(cost.flops), math.log10(cost.params))

    def volume(self, members: Sequence[int], accuracies: Sequence[float]) -> float:
        """Return the hypervolume of members with given accuracies."""
        points = []
        for place, accuracy in zip(members, accuracies, strict=True):
            cost = self.table.members[place].cost
            points.append((1.0 - accuracy, math.log10(cost.flops), math.log10(cost.params)))
        return hypervolume(points, self.reference)

    @cached_property
    def ceiling(self) -> float:
        """The hypervolume of the whole table by the mean accuracies of all trainings."""
        means = [float(member.accuracies.mean()) for member in self.table.members]
        return self.volume(range(len(means)), means)

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
    def smooth_ceiling(self) -> float:
        """The hypervolume of the whole table by the accuracies of ``smooth``."""
        return self.volume(range(len(self.table.members)), list(self.smooth))


def raw_front(goal: Goal, visible: Sequence[Observation]) -> list[int]:
    """Return the places of the complete trials on the front of the observed accuracies."""
    first = visible[BASELINE].accuracy or 0.0
    points = [
        (goal.table.places[o.key], (-o.accuracy, o.cost.flops, o.cost.params))
        for o in visible
        if o.accuracy is not None and o.accuracy >= goal.floor * first
    ]
    return front(points)


def modelled_front(goal: Goal, visible: Sequence[Observation]) -> list[int]:
    """Return the places of the complete trials that the model recommends."""
    known = [item for item in visible if item.state in ("complete", "stopped")]
    evidence = []
    for item in known:
        assert item.architecture is not None  # the table gives it
        accuracies = () if item.accuracy is None else (item.accuracy,)
        evidence.append(
            Evidence(
                item.architecture, item.cost, accuracies, item.images, item.curve,
                item.recipe_epochs, item.loss_curve,
            )
        )  # fmt: skip
    belief = believe(evidence)
    facts = [
        None if item.accuracy is None else Measured(float(accuracy), item.cost)
        for item, accuracy in zip(known, belief.accuracy, strict=True)
    ]
    floor = goal.floor * (known[BASELINE].accuracy or 0.0)
    chosen = recommend(belief, facts, BASELINE, OBJECTIVES, floor).on_front
    return [goal.table.places[item.key] for item, is_on in zip(known, chosen, strict=True) if is_on]
