"""export: networks out of a study, or out of a file, for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unitsearch.cli.output import note, write

if TYPE_CHECKING:
    from unitsearch.api.types import Exported


def export(
    named: Annotated[
        str, typer.Argument(metavar="STUDY|ARCH.yaml", help="A study, a file, or SPACE:POINT.")
    ],
    formats: Annotated[
        str, typer.Option("--format", help="Some of yaml, safetensors, pt2, onnx, python.")
    ] = "yaml,safetensors",
    pick: Annotated[
        str,
        typer.Option(
            "--pick",
            help="Of a study's front: all, knee, best-accuracy, best-ce, best-se, best-METRIC or "
            "a condition such as 'accuracy>=0.98'.",
        ),
    ] = "",
    front: Annotated[bool, typer.Option("--front", help="The same as --pick all.")] = False,
    trial: Annotated[
        list[int] | None, typer.Option("--trial", help="A trial, by number; may be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder.")] = Path("exported"),
    weights: Annotated[
        bool, typer.Option(help="With the trained weights; without them networks are untrained.")
    ] = True,
    latency: Annotated[
        bool, typer.Option(help="Measure how long an image takes, for the card.")
    ] = True,
) -> None:
    """Write networks in files for other programs, each read back and checked, with a card.

    \b
    Examples:
      unitsearch export lenet_hybrid-1
      unitsearch export lenet_hybrid-1 --pick knee --format yaml,safetensors,pt2,onnx,python
      unitsearch export lenet_hybrid-1 --pick 'accuracy>=0.97 and flops<=1e6' -o small
      unitsearch export trained/00007.yaml --format python
    """
    from unitsearch.api import export as write_out
    from unitsearch.errors import UsageError

    if front and (pick or trial):
        raise UsageError("export takes one of --front, --pick and --trial")

    def watch(done: Exported) -> None:
        write(str(next(iter(done.files.values()))))
        said = [
            f"{name} logits {'equal' if apart == 0 else f'equal to {apart:.1g}'}"
            for name, apart in done.differences.items()
        ]
        told = ", ".join(["key, costs and parameters equal", *said])
        told += "" if done.is_trained else "; UNTRAINED, its weights are random"
        note(f"{done.name} ({', '.join(done.files)}): {told}; see {done.card}")

    write_out(
        named,
        output,
        formats=formats,
        pick="all" if front else pick,
        trials=trial or [],
        weights=weights,
        latency=latency,
        watch=watch,
    )
