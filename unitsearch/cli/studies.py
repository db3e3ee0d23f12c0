"""status, trials, best, report and plot: what a study holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unitsearch.cli.output import Format, FormatOption, emit, note, write

_STATES = ("complete", "stopped", "failed", "running", "waiting")
StudyArgument = Annotated[str, typer.Argument(help="A study's name or folder.")]


def status(study: StudyArgument, how: FormatOption = Format.table) -> None:
    """Say how a study stands.

    \b
    Example: unitsearch status lenet_hybrid-1
    """
    from unitsearch.api import best_trial, load_study
    from unitsearch.study.state import study_state
    from unitsearch.study.tables import front_trials, hypervolume_history

    record = load_study(study).record
    best = best_trial(record)
    history = hypervolume_history(record)
    states = [trial.state for trial in record.trials]
    state = study_state(record)
    row: dict[str, Any] = {
        "name": record.name,
        "state": state,
        "budget_trials": record.manifest.config.budget.trials,
        **{name: states.count(name) for name in _STATES},
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
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...", help="A study, or several side by side; an index of all without."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The HTML file.")] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", help="Another page: all, bunit_table1, …, or a file (*.yaml)."),
    ] = None,
) -> None:
    """Write a study's report and tables anew, a page of several, or an index of ./studies.

    \b
    Examples:
      unitsearch report lenet_hybrid-1
      unitsearch report first second -o both.html
      unitsearch report
    """
    from unitsearch.api import report as write_report

    write(str(write_report(studies, output, board)))


def plot(
    study: StudyArgument,
    name: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="pareto, front3d, tradeoff, units, effects, parallel, convergence, curves,"
            " hypervolume, printed, compare_fronts or compare_hypervolume.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The HTML file.")],
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="STUDY", help="Another study to compare with; repeatable."),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option("--x", help="A metric (pareto, front3d, compare_fronts); trials or seconds."),
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(
            "--y",
            help="A metric (pareto, front3d, compare_fronts); accuracy or loss (convergence).",
        ),
    ] = None,
    z: Annotated[str | None, typer.Option("--z", help="A metric (front3d).")] = None,
    cost: Annotated[
        str | None, typer.Option("--cost", help="Which cost (tradeoff, effects): flops, params …")
    ] = None,
    show: Annotated[
        str | None, typer.Option("--show", help="both, groups or kinds (units).")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="As in flops,accuracy (parallel).")
    ] = None,
    trials: Annotated[str | None, typer.Option("--trials", help="all or front (parallel).")] = None,
    papers: Annotated[
        bool | None,
        typer.Option("--papers/--no-papers", help="The papers' printed networks too (pareto)."),
    ] = None,
) -> None:
    """Draw one figure of a study, or of several, into an HTML file that works offline.

    \b
    Examples:
      unitsearch plot lenet_hybrid-1 pareto --x ce --y accuracy -o ce.html
      unitsearch plot lenet_hybrid-1 effects --cost params -o effects.html
      unitsearch plot first compare_fronts --also second -o both.html
    """
    from unitsearch.api import plot as draw

    options = {
        "x": x, "y": y, "z": z, "cost": cost, "show": show, "trials": trials, "papers": papers,
        "metrics": None if metrics is None else metrics.split(","),
    }  # fmt: skip
    write(str(draw([study, *(also or [])], name, output, **options)))


def _shown(rows: list[dict[str, Any]], how: Format, shared: bool) -> list[dict[str, Any]]:
    """Return rows for people without the columns that tell them nothing."""
    if how != Format.table or shared:
        return rows
    left_out = ("macs_shared", "bits", "se_bits")
    return [{k: v for k, v in row.items() if k not in left_out} for row in rows]
