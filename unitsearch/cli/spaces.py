"""space list, show, sample, count, check and schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import DataArguments, FormatOption, OutputFormat, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api import SpacePoint

app = typer.Typer(no_args_is_help=True, help="Show search spaces, and check your own.")
SpaceArgument = Annotated[str, typer.Argument(metavar="SPACE", help="A shipped name or a file.")]
_FEW = 0.05  # share of random members: with fewer in the limits most draws of a search are refused


@app.command("list")
def list_spaces(how: FormatOption = OutputFormat.table) -> None:
    """List the shipped spaces.

    \b
    Example: unitsearch space list
    """
    from unitsearch.api.space_facts import shipped_spaces

    emit(shipped_spaces(), how)


@app.command()
def show(
    space: SpaceArgument, overrides: DataArguments = None, how: FormatOption = OutputFormat.table
) -> None:
    """Show a space: its parameters, and its named points with printed and computed costs.

    \b
    Example: unitsearch space show toy_hybrid
    """
    from unitsearch.api import bound_space, space_points
    from unitsearch.api.space_facts import space_heading

    bound = bound_space(space, overrides or [])
    points = space_points(bound)
    if how != OutputFormat.table:
        emit(_point_rows(points, brief=False), how)
        return
    write(space_heading(bound))
    emit(_point_rows(points, brief=True), how)
    for point in points:
        if "note" in point.printed:
            write(f"{point.name}: {point.printed['note']}")
    note("flops: the papers' convention, never 2 x macs; printed: the papers' numbers")


def _point_rows(points: Sequence[SpacePoint], *, brief: bool) -> list[dict[str, Any]]:
    """Return the points as rows; the brief ones fit a terminal."""
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
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="The number of members.")
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The seed; equal seeds give equal members.")
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A folder, with one file for each member.")
    ] = None,
    how: FormatOption = OutputFormat.yaml,
) -> None:
    """Draw random members, and print them as a list of architectures.

    \b
    Example: unitsearch space sample lenet_hybrid -n 3 --seed 1 -o drawn
    """
    from unitsearch.api import bound_space
    from unitsearch.api.documents import write_text, yaml_text
    from unitsearch.api.space_facts import space_samples

    bound = bound_space(space, overrides or [])
    rows: list[Mapping[str, Any]] = []
    for member in space_samples(bound, number, seed):
        if output is not None:
            path = output / f"{bound.name}-{seed}-{member.index:05d}.yaml"
            write_text(path, yaml_text(member.document))
            write(str(path))
        elif how in (OutputFormat.json, OutputFormat.yaml):
            rows.append(member.document)
        else:
            rows.append(member.row)
    if output is None:
        emit(rows, how)


@app.command("count")
def count_space(
    space: SpaceArgument, overrides: DataArguments = None, how: FormatOption = OutputFormat.table
) -> None:
    """Count a space's members, and show the costs of random ones.

    \b
    Example: unitsearch space count lenet_table1
    """
    from unitsearch.api import bound_space
    from unitsearch.api.space_facts import space_size

    row, seen = space_size(bound_space(space, overrides or []))
    emit([row], how)
    if how == OutputFormat.table:
        note(f"costs of the {seen.admitted:,} of {seen.samples:,} random members within limits")


@app.command()
def check(space: SpaceArgument, overrides: DataArguments = None) -> None:
    """Check a space file: try every option, and build and count a thousand members.

    \b
    Example: unitsearch space check my_space.yaml
    """
    from unitsearch.api.space_facts import check_space, count_text

    checked = check_space(space, overrides or [])
    seen = checked.survey
    write(
        f"{checked.name}: {count_text(checked.members)} members, {len(seen.parameters)} parameters,"
        f" {checked.options} options tried, {seen.samples:,} random members build; "
        f"{seen.cheapest.params:,} to {seen.dearest.params:,} params within limits"
    )
    if seen.share < _FEW:
        note(
            f"warning: the limits leave {100 * seen.share:.1f} % of random members; a search "
            "would mostly draw members that it may not train. Raise limits, or narrow the space"
        )


@app.command()
def schema(
    architecture: Annotated[
        bool, typer.Option("--architecture", help="Print the schema of architecture files instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of space files, for editors and other programs.

    \b
    Example: unitsearch space schema
    """
    from unitsearch.api.space_facts import json_schema

    write(json.dumps(json_schema(of_architectures=architecture), indent=2))
