"""cost and train: one architecture at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unitsearch.cli.output import Format, FormatOption, emit, note, write

Named = Annotated[str, typer.Argument(metavar="ARCHITECTURE", help="A file, or SPACE:POINT.")]


def cost(
    named: Named,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[data=NAME]", help="For a point: other data.")
    ] = None,
    how: FormatOption = Format.table,
) -> None:
    """Print what an architecture costs, exactly.

    \b
    Examples:
      unitsearch cost toy_hybrid:No.1
      unitsearch cost exported/00007.yaml -f json
    """
    from unitsearch.api import load_architecture, point_architecture
    from unitsearch.architecture import key
    from unitsearch.costs import count
    from unitsearch.errors import UsageError

    if overrides and Path(named).is_file():
        raise UsageError(found=overrides[0], expected="nothing more: a file has its own input")
    architecture = point_architecture(named, overrides) if overrides else load_architecture(named)
    found = count(architecture)
    row: dict[str, Any] = {
        "architecture": named,
        "params": found.params,
        "macs": found.macs,
        "flops": found.flops,
        "key": key(architecture),
    }
    emit([row], how)
    if how == Format.table:
        note("params: trainable parameters; macs: of convolutions and linear layers;")
        note("flops: the papers' convention (biases and batch norm count), never 2 x macs")


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

    def watch(epoch: int, accuracy: float) -> None:
        note(f"epoch {epoch}: {100 * accuracy:.2f} % (validation)")

    found = train_one(named, overrides or [], output, watch)
    emit([{k: v for k, v in found.items() if k != "file" or how != Format.table}], how)
    if how == Format.table:
        write(found["file"])
