"""The choice of the members of a table: all, random ones, cheap ones, ones near the front.

The choice is a function of the description and of the trainings so far, so that a recording that
was killed goes on with the members that it would have had.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.search.spec import TableSpec
from benchmarks.search.table import Recorded, baseline_proposal, member_of
from unitsearch.search.front import front
from unitsearch.search.proposals import Proposal
from unitsearch.search.seeds import derive
from unitsearch.space import Choice, Cut, Domain, Space, at_random, draw, members, within

POOL = 30  # draws for each cheap member
ROUND = 50  # members near the front that are chosen at a time
LAYERS = 3  # fronts, one behind the other, whose members are mutated
CHANGES = 1.5  # parameters that a mutation changes, in the mean
_TRIES = 400  # draws for each member that is wanted


def rounds(spec: TableSpec, recorded: Mapping[str, list[Recorded]]) -> Iterator[list[Proposal]]:
    """Yield lists of members; ``recorded`` must hold the trainings of one before the next.

    Args:
        spec: The table's description.
        recorded: Trainings by key; the caller adds to it.
    """
    space, limits = spec.bound, spec.config.largest
    known: dict[str, Proposal] = {}

    def new(proposals: Iterator[Proposal], most: int) -> list[Proposal]:
        found: list[Proposal] = []
        for proposal in proposals:
            if len(found) == most:
                break
            if proposal.key not in known and within(proposal.cost, limits):
                known[proposal.key] = proposal
                found.append(proposal)
        return found

    first = baseline_proposal(space)
    known[first.key] = first
    yield [first]
    if spec.members.all:
        yield new((member_of(space, values) for values, _ in members(space)), 10**9)
        return
    yield new(_random(space, spec.members.random, "random"), spec.members.random)
    pool = sorted(
        new(_random(space, POOL * spec.members.cheap, "cheap"), POOL * spec.members.cheap),
        key=lambda p: (math.log(p.cost.params) + math.log(p.cost.flops), p.key),
    )
    for proposal in pool[spec.members.cheap :]:
        del known[proposal.key]
    yield pool[: spec.members.cheap]
    left, number = spec.members.near_front, 0
    while left:
        parents = best(list(known.values()), recorded)
        generator = random.Random(derive(0, number, "table near the front"))
        mutated = _mutations(space, generator, parents)
        found = new(mutated, min(left, ROUND))
        if not found:
            return
        yield found
        left, number = left - len(found), number + 1


def best(known: Sequence[Proposal], recorded: Mapping[str, list[Recorded]]) -> list[Proposal]:
    """Return the members of the first fronts of mean accuracy, FLOPs and parameters."""
    points = [
        (proposal, (-_mean(recorded[proposal.key]), proposal.cost.flops, proposal.cost.params))
        for proposal in known
        if recorded.get(proposal.key) and proposal.values
    ]
    chosen: list[Proposal] = []
    for _ in range(LAYERS):
        layer = front(points)
        chosen += layer
        names = {proposal.key for proposal in layer}
        points = [(proposal, point) for proposal, point in points if proposal.key not in names]
    return chosen


def mutated(generator: random.Random, values: Mapping[str, Any]) -> Choice:
    """Return a ``choose`` that repeats ``values`` but for one or two of them."""
    share = min(CHANGES / max(len(values), 1), 1.0)
    at_will = at_random(generator)

    def choose(name: str, domain: Domain) -> Any:
        if not holds(domain, values, name) or generator.random() < share:
            return at_will(name, domain)
        return values[name]

    return choose


def holds(domain: Domain, values: Mapping[str, Any], name: str) -> bool:
    """Return whether ``values`` has a value for a parameter, and one of its domain."""
    if name not in values:
        return False
    value = values[name]
    if isinstance(domain, Cut):  # its options are those that enumeration needs
        return isinstance(value, int) and 0 <= value <= domain.high
    return value in domain.options


def _mean(trainings: Sequence[Recorded]) -> float:
    # sorted: the order in which trainings end must not change a sum
    return sum(sorted(training.accuracy for training in trainings)) / len(trainings)


def _random(space: Space, most: int, purpose: str) -> Iterator[Proposal]:
    choose = at_random(random.Random(derive(0, 0, f"table {purpose}")))
    for _ in range(_TRIES * most):
        values, _architecture = draw(space, choose)
        yield member_of(space, values)


def _mutations(
    space: Space, generator: random.Random, parents: Sequence[Proposal]
) -> Iterator[Proposal]:
    for _ in range(_TRIES * ROUND):
        parent = generator.choice(parents)
        values, _architecture = draw(space, mutated(generator, parent.values))
        yield member_of(space, values)
