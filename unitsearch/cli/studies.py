"""status, trials, best, report, plot and export: what a study holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unitsearch.cli.output import Format, FormatOption, emit, note, write

StudyArgument = Annotated[str, typer.Argument(help="A study's name or folder.")]


def status(study: StudyArgument, how: FormatOption = Format.table) -> None:
    """Say how a study stands.

    \b
    Example: unitsearch status lenet_hybrid-1
    """
    from unitsearch.api import best_trial, load_study
    from unitsearch.study.lock import is_driven
    from unitsearch.study.tables import front_trials, hypervolume_history

    record = load_study(study).record
    best = best_trial(record)
    history = hypervolume_history(record)
    states = [trial.state for trial in record.trials]
    wanted = record.config["budget"]["trials"]
    state = "running" if is_driven(record.folder) else "stopped"
    if state == "stopped" and len(record.complete) >= wanted:
        state = "done"
    row: dict[str, Any] = {
        "name": record.name,
        "state": state,
        "budget_trials": wanted,
        **{name: states.count(name) for name in ("complete", "failed", "running", "waiting")},
        "front": len(front_trials(record)),
        "best_accuracy": best.accuracy if best else None,
        "hypervolume": history[-1][1] if history else None,
        "folder": str(record.folder),
    }
    emit([row], how)
    if state == "stopped" and how == Format.table:
        note(f"next: unitsearch resume {study}")


def trials(
    study: StudyArgument,
    how: FormatOption = Format.table,
    front: Annotated[bool, typer.Option("--front", help="The front only.")] = False,
) -> None:
    """List the trials of a study: accuracies are fractions, flops the papers' convention.

    \b
    Examples:
      unitsearch trials lenet_hybrid-1
      unitsearch trials lenet_hybrid-1 --front -f csv
    """
    from unitsearch.api import load_study
    from unitsearch.study.tables import rows

    record = load_study(study).record
    found = [row for row in rows(record) if row["front"] or not front]
    emit(_shown(found, how, record.shares_filters), how)


def best(study: StudyArgument, how: FormatOption = Format.table) -> None:
    """List the front of a study, the most accurate first.

    \b
    Example: unitsearch best lenet_hybrid-1
    """
    from unitsearch.api import load_study
    from unitsearch.study.tables import rows

    record = load_study(study).record
    found = [row for row in rows(record) if row["front"]]
    found.sort(key=lambda row: (-row["accuracy"], row["flops"]))
    emit(_shown(found, how, record.shares_filters), how)


def report(
    study: Annotated[
        str | None, typer.Argument(help="A study; an index of all without it.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The HTML file.")] = None,
) -> None:
    """Write a study's report and tables anew, or an index of ./studies.

    \b
    Examples:
      unitsearch report lenet_hybrid-1
      unitsearch report
    """
    from unitsearch.api import report as write_report

    write(str(write_report(study, output)))


def plot(
    study: StudyArgument,
    name: Annotated[
        str, typer.Argument(metavar="FIGURE", help="pareto, tradeoff, hypervolume or units.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The HTML file.")],
    x: Annotated[str, typer.Option("--x", help="Metric on the x axis (pareto).")] = "",
    y: Annotated[str, typer.Option("--y", help="Metric on the y axis (pareto).")] = "",
) -> None:
    """Draw one figure of a study.

    \b
    Example: unitsearch plot lenet_hybrid-1 pareto --x ce --y accuracy -o ce.html
    """
    from unitsearch.api import plot as draw

    write(str(draw(study, name, output, x, y)))


def export(
    study: StudyArgument,
    front: Annotated[bool, typer.Option("--front", help="Every member of the front.")] = False,
    trial: Annotated[
        list[int] | None, typer.Option("--trial", help="A trial, by number; may be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder.")] = Path("exported"),
    weights: Annotated[
        bool, typer.Option(help="Write the trained weights too, and check the outputs.")
    ] = True,
) -> None:
    """Write architectures and weights, rebuild what was written and check it.

    \b
    Examples:
      unitsearch export lenet_hybrid-1 --front -o exported
      unitsearch export lenet_hybrid-1 --trial 7 -o exported
    """
    from unitsearch.api import load_study
    from unitsearch.errors import StudyError, UsageError
    from unitsearch.study.tables import front_trials
    from unitsearch.views.exports.export import export as write_out
    from unitsearch.views.exports.export import export_architectures

    if front == bool(trial):
        raise UsageError("export needs either --front or --trial N")
    record = load_study(study).record
    known = {t.number: t for t in record.complete}
    for number in trial or []:
        if number not in known:
            raise StudyError(f"study {record.name} has no complete trial {number}")
    chosen = front_trials(record) if front else [known[number] for number in trial or []]
    if not chosen:
        raise StudyError(f"the front of {record.name} is empty, so there is nothing to export")
    if not weights:
        for path in export_architectures(record, chosen, output):
            write(str(path))
        return
    for done in write_out(record, chosen, output):
        write(str(done.architecture))
        equal = "equal" if done.difference == 0 else f"equal to {done.difference:.1g}"
        note(f"trial {done.number}: key, costs and parameters equal, logits {equal}")


def _shown(rows: list[dict[str, Any]], how: Format, shared: bool) -> list[dict[str, Any]]:
    """Return rows for people without the columns that tell them nothing."""
    if how != Format.table or shared:
        return rows
    left_out = ("macs_shared", "bits", "se_bits")
    return [{k: v for k, v in row.items() if k not in left_out} for row in rows]
