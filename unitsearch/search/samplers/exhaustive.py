"""Exhaustive search: every member of the space once, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unitsearch.architecture import Architecture
from unitsearch.search.proposals import Admits, Observation, Proposal, SearchProblem, proposal_of
from unitsearch.space import members
from unitsearch.space.members import Values


class ExhaustiveSearch:
    """A sampler that proposes the members of the space in the order of its enumeration."""

    looks_at_outcomes = False

    def __init__(self, problem: SearchProblem) -> None:
        self._space = problem.space
        self._members: Iterator[tuple[Values, Architecture]] = iter(())
        self._number: int | None = None  # the trial that was asked for last
        self._proposal: Proposal | None = None  # the proposal for it

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        """Return the first member that ``admits`` accepts."""
        if self._number is None or number <= self._number:
            self._members, self._proposal = members(self._space), None
        self._number = number
        # a member refused for an earlier trial is refused again: continue from the last proposal
        if self._proposal is not None and admits(self._proposal):
            return self._proposal
        for values, architecture in self._members:
            self._proposal = proposal_of(self._space, values, architecture, {})
            if admits(self._proposal):
                return self._proposal
        return None
