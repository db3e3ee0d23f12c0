"""The members of a space: drawn at random, enumerated, counted, compared with limits."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unitsearch.architecture import Architecture, key
from unitsearch.costs import COSTS, Cost, count
from unitsearch.errors import SpecError, UsageError
from unitsearch.space.bound import Space
from unitsearch.space.checking import checked
from unitsearch.space.counting import count_members
from unitsearch.space.draws import Choice, Cut, Domain, Steps
from unitsearch.space.sampling import sample

Values = dict[str, Any]


def draw(space: Space, choose: Choice) -> tuple[Values, Architecture]:
    """Return a member together with the values that made it, by parameter name."""
    values: Values = {}

    def recorded(name: str, domain: Domain) -> Any:
        value = choose(name, domain)
        values[name] = value
        return value

    with space.file.document.located():
        architecture = sample(space, recorded)
    return values, architecture


def at_random(generator: random.Random) -> Choice:
    """Return a ``choose`` that takes every value of a domain with equal probability."""
    below = generator.randrange

    def choose(name: str, domain: Domain) -> Any:
        if isinstance(domain, Cut):
            return below(domain.high + 1)
        if isinstance(domain, Steps):
            return domain.low + domain.step * below((domain.high - domain.low) // domain.step + 1)
        return domain.options[below(len(domain.options))]

    return choose


def replay(values: Mapping[str, Any]) -> Choice:
    """Return a ``choose`` that repeats stored values."""

    def choose(name: str, domain: Domain) -> Any:
        if name not in values:
            raise SpecError(f"no stored value for the parameter {name!r}; the space has changed")
        return values[name]

    return choose


def members(space: Space) -> Iterator[tuple[Values, Architecture]]:
    """Yield every member in a fixed order; some may be equal networks."""
    script: list[tuple[tuple[Any, ...], int]] = []
    while True:
        depth = 0

        def choose(name: str, domain: Domain) -> Any:
            nonlocal depth
            if depth == len(script):
                script.append((tuple(domain.options), 0))
            options, index = script[depth]
            depth += 1
            return options[index]

        yield draw(space, choose)
        del script[depth:]
        while script and script[-1][1] + 1 == len(script[-1][0]):
            script.pop()
        if not script:
            return
        options, index = script[-1]
        script[-1] = (options, index + 1)


def parameters(space: Space, samples: int = 200) -> dict[str, Domain]:
    """Return the parameters of ``samples`` random members, with their domains, in order."""
    domains: dict[str, Domain] = {}
    choose = at_random(random.Random(0))

    def noted(name: str, domain: Domain) -> Any:
        domains.setdefault(name, domain)
        return choose(name, domain)

    for _ in range(samples):
        with space.file.document.located():
            sample(space, noted)
    return domains


def within(cost: Cost, limits: Mapping[str, int | None]) -> bool:
    """Return whether ``cost`` keeps every limit."""
    return all(limit is None or getattr(cost, name) <= limit for name, limit in limits.items())


@dataclass(frozen=True)
class Survey:
    """The costs of random members of a space.

    Attributes:
        samples: The number of members drawn.
        admitted: The number of them that keep the limits.
        cheapest: The smallest of each cost among those that keep the limits.
        dearest: The largest of each cost among those that keep the limits.
        parameters: Names and domains of the parameters.
    """

    samples: int
    admitted: int
    cheapest: Cost
    dearest: Cost
    parameters: Mapping[str, Domain]

    @property
    def share(self) -> float:
        """The share of random members that keep the limits."""
        return self.admitted / self.samples if self.samples else 0.0


def survey(
    space: Space, limits: Mapping[str, int | None], samples: int = 1000, seed: int = 0
) -> Survey:
    """Draw ``samples`` random members, check that they build, and return their costs.

    Raises:
        SpecError: If a member's layers do not fit each other.
        UsageError: If no member keeps the limits.
    """
    drawn = drawn_within(space, limits, samples, seed)
    return survey_of(space, limits, samples, [cost for _, cost in drawn], seed)


def survey_of(
    space: Space,
    limits: Mapping[str, int | None],
    samples: int,
    costs: Sequence[Cost],
    seed: int = 0,
) -> Survey:
    """Return the survey of ``samples`` random members, ``costs`` being those within the limits.

    Raises:
        UsageError: If no member keeps the limits.
    """
    known = costs or [admissible(space, limits, seed)]
    low = Cost(*(min(getattr(c, name) for c in known) for name in COSTS))
    high = Cost(*(max(getattr(c, name) for c in known) for name in COSTS))
    return Survey(samples, len(costs), low, high, parameters(space))


def drawn_within(
    space: Space, limits: Mapping[str, int | None], samples: int, seed: int = 0
) -> list[tuple[Architecture, Cost]]:
    """Draw ``samples`` random members, check that they build, and return those within the limits.

    Raises:
        SpecError: If a member's layers do not fit each other.
    """
    choose = at_random(random.Random(seed))
    drawn = []
    for _ in range(samples):
        _, architecture = draw(space, choose)
        with space.file.document.located():
            checked(space, architecture, "")
        drawn.append((architecture, count(architecture)))
    return [(architecture, cost) for architecture, cost in drawn if within(cost, limits)]


def admissible(space: Space, limits: Mapping[str, int | None], seed: int = 0) -> Cost:
    """Return the cost of a member that keeps the limits, found by descent in cost.

    Raises:
        UsageError: If descent from twenty random members finds none.
    """
    generator = random.Random(seed)
    least: Cost | None = None
    for _ in range(20):
        values, architecture = draw(space, at_random(generator))
        cost = count(architecture)
        while not within(cost, limits):
            better = _descend(space, values, cost, limits)
            if better is None:
                break
            values, cost = better
        if within(cost, limits):
            return cost
        if least is None or _excess(cost, limits) < _excess(least, limits):
            least = cost
    given = ", ".join(f"{name} <= {limit:,}" for name, limit in limits.items() if limit)
    nearest = ", ".join(
        f"{name} {getattr(least, name):,}" for name, limit in limits.items() if limit
    )
    raise UsageError(
        f"no architecture of {space.name} keeps the limits {given}",
        fix=f"the nearest found has {nearest}; raise limits.*",
        place="limits",
    )


def _descend(
    space: Space, values: Values, cost: Cost, limits: Mapping[str, int | None]
) -> tuple[Values, Cost] | None:
    """Return the first single change of a value that lowers the excess over the limits."""
    domains: dict[str, Domain] = {}

    def choose_from(changed: Values) -> Choice:
        def choose(name: str, domain: Domain) -> Any:
            domains.setdefault(name, domain)
            return changed.get(name, domain.options[0])

        return choose

    draw(space, choose_from(values))
    for name, domain in list(domains.items()):
        options = (0, domain.high) if isinstance(domain, Cut) else domain.options
        for option in options:
            if option == values.get(name):
                continue
            new, architecture = draw(space, choose_from({**values, name: option}))
            new_cost = count(architecture)
            if _excess(new_cost, limits) < _excess(cost, limits):
                return new, new_cost
    return None


def _excess(cost: Cost, limits: Mapping[str, int | None]) -> float:
    over = [getattr(cost, name) / limit for name, limit in limits.items() if limit]
    return float(sum(max(0.0, ratio - 1.0) for ratio in over))


def distinct(space: Space, most: int) -> int | None:
    """Return the exact number of distinct networks, or None if enumeration would take too long.

    Enumeration meets a network more than once if some choices do not change it.
    """
    if count_members(space) > most:
        return None
    keys: set[str] = set()
    for steps, (_, architecture) in enumerate(members(space)):
        if steps >= 2 * most:
            return None
        keys.add(key(architecture))
    return len(keys)


def try_every_option(space: Space) -> int:
    """Build a member with each option of each parameter at least once; return their number.

    Raises:
        SpecError: If an option makes no network; the message names the line.
    """
    tried = 0
    done: set[tuple[str, Any]] = set()
    waiting: list[tuple[str, Any, Values]] = [("", None, {})]
    generator = random.Random(0)
    while waiting:
        name, option, before = waiting.pop()
        if (name, option) in done:
            continue
        done.add((name, option))
        domains: dict[str, Domain] = {}
        choose = _wanting({**before, name: option}, at_random(generator), domains)
        values, architecture = draw(space, choose)
        with space.file.document.located():
            checked(space, architecture, "")
        tried += 1
        for other, domain in domains.items():
            options = (0, domain.high) if isinstance(domain, Cut) else domain.options
            waiting += [(other, o, values) for o in options if (other, o) not in done]
    return tried


def _wanting(wanted: Values, otherwise: Choice, domains: dict[str, Domain]) -> Choice:
    def choose(name: str, domain: Domain) -> Any:
        domains[name] = domain
        return wanted[name] if name in wanted else otherwise(name, domain)

    return choose
