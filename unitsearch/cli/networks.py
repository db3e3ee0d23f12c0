"""cost and train: one architecture at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import Format, FormatOption, emit, note, write

if TYPE_CHECKING:
    from unitsearch.architecture import Architecture

Named = Annotated[str, typer.Argument(metavar="ARCHITECTURE", help="A file, or SPACE:POINT.")]


def cost(
    named: Named,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[data=NAME]", help="For a point: other data.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ask other counters too; exit 4 if they differ.")
    ] = False,
    how: FormatOption = Format.table,
) -> None:
    """Print what an architecture costs, exactly.

    \b
    Examples:
      unitsearch cost toy_hybrid:No.1
      unitsearch cost lenet_table1:U2 --check
      unitsearch cost exported/00007.yaml -f json
    """
    from unitsearch.api import load_architecture, point_architecture
    from unitsearch.architecture import key
    from unitsearch.costs import count
    from unitsearch.errors import UsageError

    if overrides and Path(named).is_file():
        raise UsageError(found=overrides[0], expected="nothing more: a file has its own input")
    architecture = point_architecture(named, overrides) if overrides else load_architecture(named)
    if check:
        _check(architecture, how)
        return
    found = count(architecture)
    row: dict[str, Any] = {
        "architecture": named,
        "params": found.params,
        "macs": found.macs,
        "flops": found.flops,
        "macs_shared": found.macs_shared,
        "bits": found.bits,
        "key": key(architecture),
    }
    emit([row], how)
    if how == Format.table:
        note("params: trainable parameters; macs: of convolutions and linear layers;")
        note("flops: the papers' convention (biases and batch norm count), never 2 x macs;")
        note("macs_shared: macs if binary filters that are shared are applied once;")
        note("bits: of the stored network, 32 a number, 1 a binary weight")


def train(
    named: Named,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="data=…, train=…, train.epochs=…, seed=…"),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder.")] = Path("trained"),
    how: FormatOption = Format.table,
) -> None:
    """Train one architecture from scratch and write it with its weights.

    \b
    Example: unitsearch train exported/00007.yaml data=mnist train=paper
    """
    from unitsearch.api import train_one

    # networks this small lose by sharing a step among threads, several times over under load
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def watch(epoch: int, accuracy: float) -> None:
        note(f"epoch {epoch}: {100 * accuracy:.2f} % (validation)")

    found = train_one(named, overrides or [], output, watch)
    emit([{k: v for k, v in found.items() if k != "file" or how != Format.table}], how)
    if how == Format.table:
        write(found["file"])


def _check(architecture: Architecture, how: Format) -> None:
    from unitsearch.errors import CheckError
    from unitsearch.network.counters import opinions

    found = opinions(architecture)
    rows = [
        {
            "counter": opinion.counter,
            "counts": opinion.what,
            "counted": opinion.counted,
            "closed_form": opinion.ours,
            "difference": opinion.counted - opinion.ours,
            "from": opinion.note,
        }
        for opinion in found
    ]
    emit(rows, how)
    if not all(opinion.agrees for opinion in found):
        raise CheckError("a counter differs from the closed form", fix="please report this network")
