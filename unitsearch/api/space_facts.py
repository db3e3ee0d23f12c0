"""The facts of a space that the commands of ``unitsearch space`` print."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unitsearch import resources
from unitsearch.api.spaces import bound_space, space_points
from unitsearch.architecture import Architecture, architecture_schema, key, write_architecture
from unitsearch.costs import Cost, count
from unitsearch.errors import CheckError
from unitsearch.space import (
    Cut,
    Domain,
    Space,
    Steps,
    Survey,
    at_random,
    baseline,
    count_members,
    draw,
    load_space,
    parameters,
    survey,
    within,
)

_MOST_LISTED = 20_000  # members that are listed one by one to count the distinct ones


def shipped_spaces() -> list[dict[str, Any]]:
    """Return a row for each shipped space: name, data, number of points, first paragraph."""
    rows = []
    for name in resources.names("search_spaces"):
        file = load_space(name)
        about = file.about.split("\n\n")[0].replace("\n", " ")
        rows.append({"name": name, "data": file.data, "points": len(file.points), "about": about})
    return rows


def space_heading(space: Space) -> str:
    """Return the lines that introduce a space: data, members, limits, baseline, parameters."""
    cost = count(baseline(space))
    most = "at most " if space.file.backbone is not None else ""
    limits = ", ".join(f"{name} <= {limit:,}" for name, limit in space.limits.items())
    domains = parameters(space)
    lines = [
        f"{space.name}\n\n{space.file.about}\n",
        f"data        {space.file.data} ({'×'.join(map(str, space.input))})",
        f"members     {most}{count_text(count_members(space))}",
        f"limits      {limits or 'none'}; floor {space.file.floor or 0:g} of the baseline",
        f"baseline    {cost.params:,} params, {cost.macs:,} MACs, {cost.flops:,} FLOPs",
        f"parameters  {len(domains)}: {', '.join(parameter_texts(space, domains))}\n",
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class SpaceSample:
    """A random member of a space.

    Attributes:
        index: Its place in the sequence of its seed, from 0.
        values: The value of each parameter.
        architecture: The architecture, whose provenance says space, seed, index, values and cost.
        cost: Its exact cost.
    """

    index: int
    values: Mapping[str, Any]
    architecture: Architecture
    cost: Cost

    @property
    def document(self) -> dict[str, Any]:
        """The content of its architecture file."""
        return write_architecture(self.architecture)

    @property
    def row(self) -> dict[str, Any]:
        """Index, key, cost and values in one flat row."""
        costs = {name: getattr(self.cost, name) for name in ("params", "macs", "flops")}
        return {"index": self.index, "key": key(self.architecture), **costs, **self.values}


def space_samples(space: Space, number: int, seed: int) -> Iterator[SpaceSample]:
    """Yield ``number`` random members; equal seeds give equal members."""
    choose = at_random(random.Random(seed))
    for index in range(number):
        values, architecture = draw(space, choose)
        cost = count(architecture)
        facts = {"space": space.name, "seed": seed, "index": index, "values": values}
        facts |= {"params": cost.params, "macs": cost.macs, "flops": cost.flops}
        facts["within_limits"] = within(cost, space.limits)
        yield SpaceSample(index, values, replace(architecture, provenance=facts), cost)


def space_size(space: Space) -> tuple[dict[str, Any], Survey]:
    """Return a row with a space's number of members and their costs, and the survey behind it."""
    from unitsearch.space.members import distinct

    seen = survey(space, space.limits)
    exact = distinct(space, _MOST_LISTED)
    row: dict[str, Any] = {
        "space": space.name,
        "architectures": count_members(space) if exact is None else exact,
        "dimensions": len(seen.parameters),
        "within_limits_share": seen.share,
        "params_least": seen.cheapest.params,
        "params_most": seen.dearest.params,
        "flops_least": seen.cheapest.flops,
        "flops_most": seen.dearest.flops,
    }
    return row, seen


@dataclass(frozen=True)
class SpaceCheck:
    """The result of a check that a space passed.

    Attributes:
        name: The space.
        members: The number of its members.
        options: The number of options of its parameters that were tried.
        survey: A thousand random members, built and counted.
    """

    name: str
    members: int
    options: int
    survey: Survey


def check_space(name: str | Path, overrides: Sequence[str] = ()) -> SpaceCheck:
    """Try every option of a space, check the costs of its points, and build random members.

    Raises:
        CheckError: If a point costs something else than its file expects.
        SpecError: If a member does not build.
    """
    from unitsearch.space.members import try_every_option

    space = bound_space(name, overrides)
    baseline(space)
    options = try_every_option(space)
    for point in space_points(space):
        for cost, (expected, computed) in point.differences.items():
            raise CheckError(
                place=f"points.{point.name}.expect.{cost}",
                found=f"{expected:,}",
                expected=f"{computed:,}, as computed",
            )
    return SpaceCheck(space.name, count_members(space), options, survey(space, space.limits))


def json_schema(*, of_architectures: bool) -> dict[str, Any]:
    """Return the JSON Schema of space files, or of architecture files."""
    from unitsearch.space.schema import space_schema

    return architecture_schema() if of_architectures else space_schema()


def count_text(number: int) -> str:
    """Return a count in full, or as a power of ten where the digits would not be read."""
    return f"{number:,}" if number < 10**15 else f"{number:.1e}".replace("e+", "e")


def parameter_texts(space: Space, domains: Mapping[str, Domain]) -> list[str]:
    """Return the parameters with their domains, for people.

    Parameters that many sites have alike are listed once: ``*.run {body, conv1} (8 sites)``.
    """
    sites_of: dict[str, int] = {}
    sites = _site_names(space)
    for name, domain in domains.items():
        site = next((site for site in sites if name.startswith(f"{site}.")), None)
        short = name if site is None else f"*{name.removeprefix(site)}"
        text = f"{short} {_domain_text(domain)}"
        sites_of[text] = sites_of.get(text, 0) + 1
    return [f"{text} ({n} sites)" if n > 1 else text for text, n in sites_of.items()]


def _site_names(space: Space) -> list[str]:
    """Return the names of the backbone's sites, the longest first."""
    if space.file.backbone is None:
        return []
    base = space.drawn_base(space.start_draw(lambda name, domain: domain.options[0]))
    return sorted(base.sites, key=len, reverse=True)


def _domain_text(domain: Domain) -> str:
    match domain:
        case Cut(high=high):
            return f"0…{high}"
        case Steps(low=low, high=high, step=step):
            return f"{low}…{high}" + (f" by {step}" if step > 1 else "")
        case _:
            return f"{{{', '.join(map(str, domain.options))}}}"
