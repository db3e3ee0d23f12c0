"""The command export: networks of a study, or of a file, as files for other programs."""

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
        str,
        typer.Option("--format", help="Some of yaml, safetensors, pt2, onnx, python, tflite, c."),
    ] = "yaml,safetensors",
    pick: Annotated[
        str,
        typer.Option(
            "--pick",
            help="Members of a study's front: all, knee, best-accuracy, best-ce, best-se, "
            "best-METRIC or a condition such as 'accuracy>=0.98'.",
        ),
    ] = "",
    front: Annotated[bool, typer.Option("--front", help="The same as --pick all.")] = False,
    trial: Annotated[
        list[int] | None, typer.Option("--trial", help="A trial, by number; may be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of the files.")] = Path(
        "exported"
    ),
    weights: Annotated[
        bool,
        typer.Option(help="Export the trained weights; without them the networks are untrained."),
    ] = True,
    latency: Annotated[
        bool, typer.Option(help="Measure the latency of an image for the card.")
    ] = True,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime",
            help="A file for each of these, measured there: onnxruntime, openvino, torch, tract, "
            "mnn, ncnn, litert, executorch.",
        ),
    ] = "",
    quantize: Annotated[
        str,
        typer.Option(
            "--quantize",
            help="int8: a second file in eight bits, for onnxruntime and of tflite, c.",
        ),
    ] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Keep int8 where it is slower or larger, too.")
    ] = False,
) -> None:
    """Write networks as files for other programs, check each file, and add a card.

    \b
    Examples:
      unitsearch export lenet_hybrid-1
      unitsearch export lenet_hybrid-1 --pick knee --format yaml,safetensors,pt2,onnx,python
      unitsearch export lenet_hybrid-1 --pick 'accuracy>=0.97 and flops<=1e6' -o small
      unitsearch export trained/00003.yaml --format python
      unitsearch export lenet_hybrid-1 --pick knee --runtime onnxruntime
    """
    from unitsearch.api.exports import exports
    from unitsearch.api.runtimes import RuntimeRequest
    from unitsearch.errors import UsageError

    if front and (pick or trial):
        raise UsageError("export takes one of --front, --pick and --trial")

    for done in exports(
        named,
        output,
        formats=formats,
        pick="all" if front else pick,
        trials=trial or [],
        weights=weights,
        latency=latency,
        runtimes=RuntimeRequest(names=runtime, quantize=quantize, anyway=anyway),
    ):
        _say(done)


def _say(done: Exported) -> None:
    write(str(next(iter(done.files.values()))))
    checks = ["key, costs and parameters equal"]
    checks += [
        f"{name} logits {'equal' if difference == 0 else f'equal to {difference:.1g}'}"
        for name, difference in done.differences.items()
    ]
    warning = "" if done.is_trained else "; UNTRAINED, its weights are random"
    formats_done = ", ".join(done.files)
    note(f"{done.name} ({formats_done}): {', '.join(checks)}{warning}; see {done.card}")
    for sentence in done.notes:
        note(f"{done.name}: {sentence}")
    for facts in done.runtimes:
        write(str(done.card.parent / next(iter(facts.files))))
        note(f"{done.name} {facts.said()}; stacks as {facts.form}")
        if facts.int8 is not None:
            kept = "" if facts.int8.file else "not kept: "
            note(f"{done.name} {kept}{facts.int8.said()}")
