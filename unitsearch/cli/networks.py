"""cost, train and latency: one architecture at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from unitsearch.cli.output import FormatOption, OutputFormat, emit, note, write

Named = Annotated[str, typer.Argument(metavar="ARCHITECTURE", help="A file, or SPACE:POINT.")]


def cost(
    named: Named,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[data=NAME]", help="Data other than the space's own, for a point."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with other counters; exit 4 if they differ.")
    ] = False,
    how: FormatOption = OutputFormat.table,
) -> None:
    """Print the exact costs of an architecture.

    \b
    Examples:
      unitsearch cost toy_hybrid:No.1
      unitsearch cost lenet_table1:U2 --check
      unitsearch cost exported/00003.yaml -f json
    """
    from unitsearch.api.network_facts import cost_row, counter_rows, named_architecture
    from unitsearch.errors import CheckError

    architecture = named_architecture(named, overrides or [])
    if check:
        rows = counter_rows(architecture)
        emit(rows, how)
        if any(row["difference"] for row in rows):
            raise CheckError(
                "a counter differs from the closed form", fix="please report this network"
            )
        return
    emit([cost_row(named, architecture)], how)
    if how == OutputFormat.table:
        note("params: trainable parameters; macs: of convolutions and linear layers;")
        note("flops: the papers' convention (biases and batch norm count), never 2 x macs;")
        note("macs_shared: macs if binary filters that are shared are applied once;")
        note("bits: of the stored network, 32 a number, 1 a binary weight;")
        note("activation_bytes: most bytes of int8 activations that live at one time")


def train(
    named: Named,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="data=…, train=…, train.epochs=…, seed=…"),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder.")] = Path("trained"),
    how: FormatOption = OutputFormat.table,
) -> None:
    """Train one architecture from scratch and write it with its weights.

    \b
    Example: unitsearch train exported/00003.yaml data=mnist train=paper
    """
    from unitsearch.api import train_one

    # networks this small lose by sharing a step among threads, several times over under load
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def watch(epoch: int, accuracy: float) -> None:
        note(f"epoch {epoch}: {100 * accuracy:.2f} % (validation)")

    row = train_one(named, overrides or [], output, watch)
    emit([{k: v for k, v in row.items() if k != "file" or how != OutputFormat.table}], how)
    if how == OutputFormat.table:
        write(row["file"])


def latency(
    named: Annotated[
        str, typer.Argument(metavar="ARCHITECTURE", help="A file, SPACE:POINT, or a study.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against", help="The baseline: ARCH.yaml or SPACE:POINT; unless given the space's."
        ),
    ] = None,
    batch: Annotated[str, typer.Option("--batch", help="Batch sizes, as in 1,16,64.")] = "1,16",
    rounds: Annotated[
        int, typer.Option("--rounds", min=3, help="Measurements of each network.")
    ] = 30,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of the CPU.")] = 1,
    how: FormatOption = OutputFormat.table,
) -> None:
    """Measure the time of a network for a batch, and its baseline's in the same run.

    For a study, the command measures the baseline and the front with the first
    of --batch, and writes the result to the study's folder for its figures.

    \b
    Examples:
      unitsearch latency exported/00003.yaml
      unitsearch latency resnet18_cifar:n6 --batch 1,32 --threads 2
      unitsearch latency lenet_hybrid-1
    """
    import torch

    from unitsearch.api import latency as measure
    from unitsearch.api.study_facts import is_study
    from unitsearch.errors import UsageError

    if device not in ("cpu", "cuda"):
        raise UsageError(place="--device", found=device, expected="cpu or cuda")
    try:
        batches = [int(word) for word in batch.split(",")]
    except ValueError:
        batches = []
    if not batches or min(batches) < 1:
        raise UsageError(place="--batch", found=batch, expected="whole numbers, as in 1,16,64")
    torch.set_num_threads(threads)
    if is_study(named):
        _study_latency(named, batches[0], rounds, device, how)
        return
    rows = [
        {
            "network": measured.network,
            "batch": measured.batch,
            "median_ms": round(measured.median, 4),
            "quartiles_ms": f"{measured.low:.4f} to {measured.high:.4f}",
            "speedup": round(measured.speedup, 2),
            "plan": measured.plan,
        }
        for measured in measure(named, against, batches, rounds, device)
    ]
    emit(rows, how)
    if how == OutputFormat.table:
        note(
            f"milliseconds a batch, measured in turns, {rounds} rounds, {device}, "
            f"{threads} thread(s), "
            "batch norm folded; speedup: over the first row of the same batch"
        )


def _study_latency(study: str, batch: int, rounds: int, device: str, how: OutputFormat) -> None:
    from unitsearch.api import load_study
    from unitsearch.api.study_latency import study_latency

    measured = study_latency(study, batch, rounds, device, note)
    trials = {t.key: t for t in reversed(load_study(study).record.complete)}
    base = next((k for k, t in trials.items() if t.is_baseline), "")
    emit(
        [
            {
                "trial": trials[key].number,
                "batch": measured.batch,
                "median_ms_an_image": round(median, 4),
                "quartiles_ms": f"{low:.4f} to {high:.4f}",
                "speedup": round(measured.networks[base][1] / median, 2) if base else None,
                "accuracy": trials[key].accuracy,
            }
            for key, (low, median, high) in measured.networks.items()
        ],
        how,
    )
