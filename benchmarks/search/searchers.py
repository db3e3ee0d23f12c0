"""The searchers that are compared, behind one interface, and ours among them.

A searcher that generates networks (random, NSGA-II, TPE and most rivals) proposes any member of the
space; the untried member of the table that is most like it stands for it, by the features that the
model of accuracy uses. A searcher that rates candidates (``front``, qLogNEHVI) rates the members of
the table themselves; ``front_projected`` is ``front`` treated like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from benchmarks.search.measures import OBJECTIVES, Goal
from benchmarks.search.table import Table
from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.errors import UsageError
from unitsearch.search.configured import SamplerConfig, StoppingConfig
from unitsearch.search.model.features import feature_scale, vectors
from unitsearch.search.proposals import Observation, Proposal, SearchProblem
from unitsearch.training.bars import missed_bar

PROJECTED = "_projected"


@dataclass(frozen=True)
class Asked:
    """The answer of a searcher.

    Attributes:
        place: The member's place in the table.
        state: What the searcher wants to see again with the observation.
    """

    place: int
    state: Mapping[str, Any]


class TableSearcher(Protocol):
    """A searcher of members of a table."""

    def ask(
        self, number: int, visible: Sequence[Observation], tried: Collection[int]
    ) -> Asked | None:
        """Return the next member; None when all are tried.

        Args:
            number: The trial's number, from 1.
            visible: The trials whose outcomes may be used.
            tried: The places that may not be proposed.
        """

    def epochs(self, number: int, place: int, visible: Sequence[Observation], seed: int) -> int:
        """Return after how many epochs the training ends; those of the recipe unless stopped."""


@dataclass(frozen=True)
class Projection:
    """The members of a table by likeness.

    Attributes:
        table: The table.
    """

    table: Table

    @cached_property
    def _members(self) -> tuple[Any, np.ndarray]:
        pairs = [(m.proposal.architecture, m.cost) for m in self.table.members]
        scale = feature_scale(pairs[1:])
        return scale, vectors(scale, pairs)

    def nearest(self, architecture: Architecture, cost: Cost, tried: Collection[int]) -> int | None:
        """Return the untried member most like a network; None when all are tried."""
        scale, rows = self._members
        distances = ((rows - vectors(scale, [(architecture, cost)])) ** 2).sum(axis=1)
        distances[list({0, *tried})] = np.inf
        place = int(distances.argmin())
        return place if np.isfinite(distances[place]) else None


class OurSearcher:
    """A sampler and a stopping rule of unitsearch.

    Args:
        goal: The table and its measure.
        seed: The search's seed.
        name: The sampler's name, with ``_projected`` where a rating sampler is to generate.
        stopping: The stopping rule's name.
    """

    def __init__(self, goal: Goal, seed: int, name: str, stopping: str = "none") -> None:
        self._table = goal.table
        self._projection = Projection(goal.table)
        self._rule = StoppingConfig(stopping).checked().make()
        problem = SearchProblem(
            goal.table.spec.bound, seed, OBJECTIVES, goal.floor, goal.table.spec.config.largest
        )
        self._rates = name == "front"
        config = SamplerConfig(name.removesuffix(PROJECTED)).checked()
        if self._rates:
            from unitsearch.search.samplers.front import FrontSearch, FrontSettings

            candidates = [goal.table.members[place].proposal for place in goal.table.candidates]
            self._sampler: Any = FrontSearch(problem, FrontSettings(), candidates)
        else:
            self._sampler = config.make(problem)

    def ask(
        self, number: int, visible: Sequence[Observation], tried: Collection[int]
    ) -> Asked | None:
        """Return the next member."""
        places = self._table.places
        names = {self._table.members[place].proposal.key for place in tried}

        def admits(proposal: Proposal) -> bool:
            return proposal.key not in names and (not self._rates or proposal.key in places)

        if len(names) >= len(self._table.members):
            return None
        proposal = self._sampler.propose(number, visible, admits)
        if proposal is None:
            return None
        place = places.get(proposal.key)
        if place is None:
            place = self._projection.nearest(proposal.architecture, proposal.cost, tried)
        return None if place is None else Asked(place, dict(proposal.state))

    def epochs(self, number: int, place: int, visible: Sequence[Observation], seed: int) -> int:
        """Return the first epoch whose bar is missed, or the recipe's number."""
        member = self._table.members[place]
        training = member.trainings[seed]
        epochs = len(training.curve)
        starting = Observation(
            number,
            member.proposal.key,
            member.proposal.values,
            member.cost,
            recipe_epochs=epochs,
            architecture=member.proposal.architecture,
        )
        bars = self._rule.bars(starting, visible, epochs)
        for epoch in range(1, epochs):
            curve, losses = training.curve[:epoch], training.loss_curve[:epoch]
            if missed_bar(curve, losses, bars, epochs):
                return epoch
        return epochs


Make = Callable[[Goal, int], TableSearcher]

OURS = ("front", "front_projected", "random", "nsga2", "tpe")


def searcher(name: str) -> Make:
    """Return the function that makes a searcher for a table and a seed.

    ``front+band`` is the sampler ``front`` with the stopping rule ``band``.

    Raises:
        UsageError: If there is none of that name.
    """
    sampler, _, stopping = name.partition("+")
    if sampler in OURS:
        return lambda goal, seed: OurSearcher(goal, seed, sampler, stopping or "none")
    from benchmarks.search.rivals import RIVALS

    if name not in RIVALS:
        raise UsageError(
            place="--searchers", found=name, expected=f"of {', '.join((*OURS, *RIVALS))}"
        )
    return RIVALS[name]
