"""The commands draw and inspect: pictures of one network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import FormatOption, OutputFormat, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api.types import Inspection

Named = Annotated[str, typer.Argument(metavar="ARCHITECTURE", help="A file, or SPACE:POINT.")]


def draw(
    named: Named,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The SVG file; - for stdout. NAME.svg unless given."),
    ] = None,
    width: Annotated[
        float | None, typer.Option("--width", help="Width of a row of layers in pixels.")
    ] = None,
    background: Annotated[
        bool, typer.Option(help="A background, light or dark as the reader's system asks for.")
    ] = True,
) -> None:
    """Draw an architecture: its layers, and the units of each stacked layer.

    \b
    Examples:
      unitsearch draw toy_hybrid:No.1
      unitsearch draw exported/00003.yaml -o network.svg
    """
    from unitsearch.api.documents import write_text
    from unitsearch.api.pictures import draw as drawn
    from unitsearch.api.pictures import file_name

    svg = drawn(named, width, paper=background)
    if output is not None and str(output) == "-":
        write(svg.rstrip())
        return
    path = file_name(named, ".svg") if output is None else output
    write_text(path, svg)
    write(str(path))


def inspect(
    named: Annotated[
        str, typer.Argument(metavar="ARCH.yaml", help="A file with its weights beside it.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[data=NAME]...", help="Data other than the file names."),
    ] = None,
    image: Annotated[
        list[int] | None,
        typer.Option(
            "--image", help="The number of a shown image, from 0; may be repeated. [default: 0]"
        ),
    ] = None,
    sample: Annotated[int, typer.Option("--sample", help="Number of images to measure on.")] = 1000,
    part: Annotated[
        str, typer.Option("--part", help="The part of the data: validation or test.")
    ] = "validation",
    effects: Annotated[
        int, typer.Option("--effects", help="The largest number of units whose effect is measured.")
    ] = 100,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The HTML file; NAME.html unless given."),
    ] = None,
    how: FormatOption = OutputFormat.table,
) -> None:
    """Show the feature maps of each unit of a trained network, and the effect of removing it.

    The command writes a page with the feature maps of every unit, and prints measures of the units
    over many images.

    \b
    Examples:
      unitsearch inspect studies/lenet_hybrid-1/front/00003.yaml
      unitsearch inspect trained/Hybrid2.yaml --image 3 --image 8 --part test
    """
    from unitsearch.api.inspections import inspection_summary, write_inspection
    from unitsearch.api.pictures import file_name
    from unitsearch.api.pictures import inspect as inspected

    # Networks this small are slower with several threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    inspection = inspected(
        named,
        overrides or [],
        images=image or (0,),
        count=sample,
        part=part,
        most=effects,
        watch=note,
    )
    path = file_name(named, ".html") if output is None else output
    write_inspection(inspection, path)
    if how != OutputFormat.table:
        emit(inspection.rows(), how)
        note(str(path))
        return
    emit(_readable_rows(inspection), how)
    note(inspection_summary(inspection))
    note(
        f"accuracy: its change in points without the unit, ± two standard errors, over"
        f" {inspection.images:,} images;"
    )
    note(
        "share: of its stack's variance; saves: counted exactly, with channels of the layers around"
    )
    if inspection.is_same_split is not True and part == "validation":
        note("the network may have been trained on these images; --part test holds no such images")
    write(str(path))


def _readable_rows(inspection: Inspection) -> list[dict[str, Any]]:
    rows = []
    for unit, row in zip(inspection.units, inspection.rows(), strict=True):
        effect, saves = unit.effect, unit.saves
        rows.append(
            {
                "unit": f"{row['stack']} {row['unit']}",
                "kind": row["kind"],
                "still maps": f"{row['still_maps']} of {row['maps']}",
                "share": f"{100 * row['share']:.1f} %",
                "accuracy": ""
                if effect is None
                else f"{100 * effect.change:+.2f} ± {200 * effect.error:.2f}",
                "loss": "" if effect is None else f"{effect.loss:+.4f}",
                "saves params": None if saves is None else saves.params,
                "MACs": None if saves is None else saves.macs,
                "FLOPs": None if saves is None else saves.flops,
                "finding": row["finding"],
            }
        )
    return rows
