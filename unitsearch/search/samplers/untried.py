"""Random members that were not tried, for samplers that find no admitted member themselves."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from unitsearch.search.proposals import Admits, Proposal, SearchProblem, proposal_of
from unitsearch.search.seeds import derive
from unitsearch.space import at_random, count_members, draw, members

_RANDOM_TRIES = 500
_ENUMERABLE = 200_000  # a larger space is not listed to choose among its untried members


def random_untried(
    problem: SearchProblem, number: int, admits: Admits, state: Mapping[str, Any]
) -> Proposal | None:
    """Return a random member that ``admits`` accepts, None if there is none.

    Args:
        problem: The study's problem.
        number: The number of the trial that the member is for.
        admits: Whether a member may be tried.
        state: The state of the proposal.
    """
    space = problem.space
    generator = random.Random(derive(problem.seed, number, "fresh"))
    choose = at_random(generator)
    for _ in range(_RANDOM_TRIES):
        proposal = proposal_of(space, *draw(space, choose), state)
        if admits(proposal):
            return proposal
    untried = (
        proposal
        for values, architecture in members(space)
        if admits(proposal := proposal_of(space, values, architecture, state))
    )
    if count_members(space) > _ENUMERABLE:
        # so few members are admitted that random draws miss them: take the first in order
        return next(untried, None)
    left = list({proposal.key: proposal for proposal in untried}.values())
    return generator.choice(left) if left else None
