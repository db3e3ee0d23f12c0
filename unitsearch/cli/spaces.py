"""space list, show, sample, count, check and schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import DataArguments, Format, FormatOption, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api import SpacePoint
    from unitsearch.space import Domain, Space

app = typer.Typer(no_args_is_help=True, help="Look at search spaces, and check your own.")
SpaceArgument = Annotated[str, typer.Argument(metavar="SPACE", help="A shipped name or a file.")]


@app.command("list")
def list_spaces(how: FormatOption = Format.table) -> None:
    """List the shipped spaces.

    \b
    Example: unitsearch space list
    """
    from unitsearch import resources
    from unitsearch.space import load_space

    rows = []
    for name in resources.names("search_spaces"):
        file = load_space(name)
        about = file.about.split("\n\n")[0].replace("\n", " ")
        row = {"name": name, "data": file.data, "points": len(file.points), "about": about}
        rows.append(row)
    emit(rows, how)


@app.command()
def show(
    space: SpaceArgument, overrides: DataArguments = None, how: FormatOption = Format.table
) -> None:
    """Show a space: its parameters, and its named points with printed and computed costs.

    \b
    Example: unitsearch space show toy_hybrid
    """
    from unitsearch.api import bound_space, space_points
    from unitsearch.costs import count
    from unitsearch.space import baseline, count_members, parameters

    bound = bound_space(space, overrides or [])
    points = space_points(bound)
    if how == Format.table:
        cost = count(baseline(bound))
        write(f"{bound.name}\n\n{bound.file.about}\n")
        write(f"data        {bound.file.data} ({'×'.join(map(str, bound.input))})")
        most = "at most " if bound.file.backbone is not None else ""
        write(f"members     {most}{many(count_members(bound))}")
        limits = ", ".join(f"{k} <= {v:,}" for k, v in bound.limits.items())
        write(f"limits      {limits or 'none'}; floor {bound.file.floor or 0:g} of the baseline")
        write(f"baseline    {cost.params:,} params, {cost.macs:,} MACs, {cost.flops:,} FLOPs")
        found = parameters(bound)
        write(f"parameters  {len(found)}: {', '.join(dimensions(bound, found))}\n")
        emit(_point_rows(points, brief=True), how)
        for point in points:
            if "note" in point.printed:
                write(f"{point.name}: {point.printed['note']}")
        note("flops: the papers' convention, never 2 x macs; printed: as the papers have it")
    else:
        emit(_point_rows(points, brief=False), how)


def _point_rows(points: Sequence[SpacePoint], *, brief: bool) -> list[dict[str, Any]]:
    """Return the points as rows; in brief, what fits a terminal."""
    rows = []
    is_printed = any(point.printed for point in points)
    shared = any(point.cost.macs_shared != point.cost.macs for point in points)
    for point in points:
        row: dict[str, Any] = {"point": point.name}
        if len({p.data for p in points}) > 1:
            row["data"] = point.data
        row["params"] = point.cost.params
        if is_printed:
            row["printed_params"] = point.printed.get("params")
        row["flops"] = point.cost.flops
        if is_printed:
            row["printed_flops"] = point.printed.get("flops")
        if not brief or not is_printed:
            row["macs"] = point.cost.macs
        if shared:
            row |= {"macs_shared": point.cost.macs_shared, "bits": point.cost.bits}
        if is_printed:
            row["printed_accuracy"] = point.printed.get("accuracy")
        if is_printed and not brief:
            row["note"] = point.printed.get("note")
        if point.is_checked:
            row["expected"] = "DIFFERS" if point.differences else "equal"
        rows.append(row)
    return [{_HEADS.get(k, k) if brief else k: v for k, v in row.items()} for row in rows]


_HEADS = {"printed_params": "printed", "printed_flops": "printed ", "printed_accuracy": "accuracy"}


@app.command()
def sample(
    space: SpaceArgument,
    overrides: DataArguments = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds, equal members.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A folder for one file each.")
    ] = None,
    how: FormatOption = Format.yaml,
) -> None:
    """Draw random members: a list of architectures, each of which loads.

    \b
    Example: unitsearch space sample lenet_hybrid -n 3 --seed 1 -o drawn
    """
    import random
    from dataclasses import replace

    from unitsearch.api import bound_space
    from unitsearch.architecture import key, write_architecture, yaml_text
    from unitsearch.costs import count
    from unitsearch.space import at_random, draw, within

    bound = bound_space(space, overrides or [])
    choose = at_random(random.Random(seed))
    rows: list[Mapping[str, Any]] = []
    for at in range(number):
        values, architecture = draw(bound, choose)
        cost = count(architecture)
        facts = {"space": bound.name, "seed": seed, "index": at, "values": values}
        facts |= {"params": cost.params, "macs": cost.macs, "flops": cost.flops}
        facts["within_limits"] = within(cost, bound.limits)
        plain = write_architecture(replace(architecture, provenance=facts))
        if output is not None:
            from unitsearch.study.folder import write_file

            path = output / f"{bound.name}-{seed}-{at:05d}.yaml"
            write_file(path, yaml_text(plain).encode())
            write(str(path))
        elif how in (Format.json, Format.yaml):
            rows.append(plain)
        else:
            costs = {"params": cost.params, "macs": cost.macs, "flops": cost.flops}
            rows.append({"index": at, "key": key(architecture), **costs, **values})
    if output is None:
        emit(rows, how)


@app.command("count")
def count_space(
    space: SpaceArgument, overrides: DataArguments = None, how: FormatOption = Format.table
) -> None:
    """Count a space's members, and say what random ones cost.

    \b
    Example: unitsearch space count lenet_table1
    """
    from unitsearch.api import bound_space
    from unitsearch.space import count_members, survey
    from unitsearch.space.members import distinct

    bound = bound_space(space, overrides or [])
    found = survey(bound, bound.limits)
    exact = distinct(bound, 20_000)
    row: dict[str, Any] = {
        "space": bound.name,
        "architectures": count_members(bound) if exact is None else exact,
        "dimensions": len(found.parameters),
        "within_limits_share": found.share,
        "params_least": found.cheapest.params,
        "params_most": found.dearest.params,
        "flops_least": found.cheapest.flops,
        "flops_most": found.dearest.flops,
    }
    emit([row], how)
    if how == Format.table:
        note(f"costs of the {found.admitted:,} of {found.samples:,} random members within limits")


@app.command()
def check(space: SpaceArgument, overrides: DataArguments = None) -> None:
    """Check a space file: every option is tried, a thousand members are built and counted.

    \b
    Example: unitsearch space check my_space.yaml
    """
    from unitsearch.api import bound_space, space_points
    from unitsearch.errors import CheckError
    from unitsearch.space import baseline, count_members, survey
    from unitsearch.space.members import try_every_option

    bound = bound_space(space, overrides or [])
    baseline(bound)
    tried = try_every_option(bound)
    for point in space_points(bound):
        for cost, (expected, computed) in point.differences.items():
            raise CheckError(
                place=f"points.{point.name}.expect.{cost}",
                found=f"{expected:,}",
                expected=f"{computed:,}, as computed",
            )
    found = survey(bound, bound.limits)
    write(
        f"{bound.name}: {many(count_members(bound))} members, {len(found.parameters)} parameters, "
        f"{tried} options tried, {found.samples:,} random members build; "
        f"{found.cheapest.params:,} to {found.dearest.params:,} params within limits"
    )
    if found.share < 0.05:
        note(
            f"warning: the limits leave {100 * found.share:.1f} % of random members; a search "
            "would mostly draw what it may not train. Raise limits, or narrow the space"
        )


@app.command()
def schema(
    architecture: Annotated[
        bool, typer.Option("--architecture", help="Of architecture files instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of space files, for editors and other programs.

    \b
    Example: unitsearch space schema
    """
    from unitsearch.architecture import architecture_schema
    from unitsearch.space.schema import space_schema

    write(json.dumps(architecture_schema() if architecture else space_schema(), indent=2))


def many(number: int) -> str:
    """Return a count in full, or in powers of ten where nobody would read its digits."""
    return f"{number:,}" if number < 10**15 else f"{number:.1e}".replace("e+", "e")


def dimensions(space: Space, parameters: Mapping[str, Domain]) -> list[str]:
    """Return the parameters with their domains, as people read them.

    What many sites have alike is told once: ``*.run {body, conv1} (8 sites)``.
    """
    found: dict[str, int] = {}
    sites = _site_names(space)
    for name, domain in parameters.items():
        site = next((site for site in sites if name.startswith(f"{site}.")), None)
        told = name if site is None else f"*{name.removeprefix(site)}"
        found[f"{told} {_said(domain)}"] = found.get(f"{told} {_said(domain)}", 0) + 1
    return [f"{told} ({n} sites)" if n > 1 else told for told, n in found.items()]


def _site_names(space: Space) -> list[str]:
    """Return the names of the backbone's sites, the longest first."""
    if space.file.backbone is None:
        return []
    base = space.drawn_base(space.start_draw(lambda name, domain: domain.options[0]))
    return sorted(base.sites, key=len, reverse=True)


def _said(domain: Domain) -> str:
    from unitsearch.space import Cut, Steps

    match domain:
        case Cut(high=high):
            return f"0…{high}"
        case Steps(low=low, high=high, step=step):
            return f"{low}…{high}" + (f" by {step}" if step > 1 else "")
        case _:
            return f"{{{', '.join(map(str, domain.options))}}}"
