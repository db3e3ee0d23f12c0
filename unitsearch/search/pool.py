"""Candidates: members of a space that are drawn once, and mutations of good ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.search.proposals import Proposal, SearchProblem
from unitsearch.search.seeds import derive
from unitsearch.space import (
    Choice,
    Cut,
    Domain,
    Labels,
    Space,
    Steps,
    at_random,
    count_members,
    draw,
    members,
    within,
)
from unitsearch.space.members import Values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

_TRIES = 10  # draws for each member of a pool, before a smaller pool is taken
_NEAR = 0.5  # share of changes of a number that go to a neighbour
_MORE = 0.3  # probability that a mutation changes one more parameter
_SKEWS = (1.0, 1.0, 2.0, 4.0, 0.5)  # exponents: uniform draws, and draws from one end of domains


def candidate_of(values: Values, space: Space, choose: Choice) -> Proposal:
    """Return the member that ``choose`` draws, as a proposal without distributions."""
    drawn, architecture = draw(space, choose)
    values.update(drawn)
    return Proposal(values, {}, architecture, key(architecture), count(architecture))


def draw_pool(problem: SearchProblem, size: int) -> list[Proposal]:
    """Return ``size`` distinct members within the limits: all of a space that has no more.

    Half of them are drawn uniformly; the others from one end of each domain, so that the cheapest
    and the largest networks are among them.

    Args:
        problem: The study's problem; the pool derives from its seed.
        size: The most members to return.
    """
    space = problem.space
    found: dict[str, Proposal] = {}
    if count_members(space) <= size:
        for values, architecture in members(space):
            member = Proposal(values, {}, architecture, key(architecture), count(architecture))
            if within(member.cost, problem.limits):
                found.setdefault(member.key, member)
        return list(found.values())
    generator = random.Random(derive(problem.seed, 0, "pool"))
    for number in range(size * _TRIES):
        skew = _SKEWS[number % len(_SKEWS)]
        choose = at_random(generator) if skew == 1.0 else _skewed(generator, skew)
        member = candidate_of({}, space, choose)
        if within(member.cost, problem.limits):
            found.setdefault(member.key, member)
        if len(found) == size:
            break
    return list(found.values())


def mutations(
    problem: SearchProblem, number: int, parents: Sequence[Mapping[str, Any]], size: int
) -> list[Proposal]:
    """Return ``size`` mutations of ``parents``, with repeats left out.

    Args:
        problem: The study's problem.
        number: The number of the trial that they are candidates for; they derive from it.
        parents: The parameters of the members to change; none of them is empty.
        size: The number of mutations to draw.
    """
    generator = random.Random(derive(problem.seed, number, "mutate"))
    found: dict[str, Proposal] = {}
    for index in range(size if parents else 0):
        parent = parents[index % len(parents)]
        names = list(parent)
        changed = {generator.choice(names)}
        while generator.random() < _MORE:
            changed.add(generator.choice(names))
        member = candidate_of({}, problem.space, _changing(generator, parent, changed))
        if within(member.cost, problem.limits):
            found.setdefault(member.key, member)
    return list(found.values())


def _skewed(generator: random.Random, skew: float) -> Choice:
    """Return a choice from one end of each domain, the same end for labels and numbers."""

    def choose(name: str, domain: Domain) -> Any:
        share = generator.random() ** skew
        if isinstance(domain, Cut):
            return min(int(share * (domain.high + 1)), domain.high)
        options = domain.options
        return options[min(int(share * len(options)), len(options) - 1)]

    return choose


def _changing(generator: random.Random, parent: Mapping[str, Any], changed: set[str]) -> Choice:
    """Return a choice that repeats the values of ``parent``, but for the parameters ``changed``."""
    at_will = at_random(generator)

    def choose(name: str, domain: Domain) -> Any:
        value = parent.get(name)
        if name not in parent or not _holds(domain, value):
            return at_will(name, domain)
        if name not in changed:
            return value
        if isinstance(domain, Labels) or generator.random() >= _NEAR:
            return at_will(name, domain)
        step = domain.step if isinstance(domain, Steps) else 1
        low = domain.low if isinstance(domain, Steps) else 0
        reach = max((domain.high - low) // (8 * step), 1)
        moved = int(value or 0) + step * generator.choice((-1, 1)) * generator.randint(1, reach)
        return min(max(moved, low), low + (domain.high - low) // step * step)

    return choose


def _holds(domain: Domain, value: Any) -> bool:
    """Return whether ``value`` is one of the domain's."""
    if isinstance(domain, Labels):
        return value in domain.options
    if isinstance(domain, Cut):
        return isinstance(value, int) and 0 <= value <= domain.high
    return (
        isinstance(value, int)
        and domain.low <= value <= domain.high
        and (value - domain.low) % domain.step == 0
    )


def farthest_first(members: Sequence[Proposal], x: Array, count: int) -> list[int]:
    """Return the places of ``count`` members that spread over a pool.

    The cheapest in parameters is first; each next one is the farthest from all before it.

    Args:
        members: The pool.
        x: Their features, shape (members, features).
        count: The most places to return.
    """
    import numpy as np

    order = sorted(range(len(members)), key=lambda p: (members[p].cost.params, members[p].key))
    if not order:
        return []
    chosen = [order[0]]
    nearest = ((x - x[order[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(count, len(members)):
        rounded = np.round(nearest, 9)
        far = [int(place) for place in np.flatnonzero(rounded == rounded.max())]
        place = min(far, key=lambda p: members[p].key)
        chosen.append(place)
        nearest = np.minimum(nearest, ((x - x[place]) ** 2).sum(axis=1))
    return chosen
