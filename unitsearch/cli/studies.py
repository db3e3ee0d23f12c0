"""status, trials, best, report and plot: the content of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import FormatOption, OutputFormat, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api.study_facts import TrialTable

StudyArgument = Annotated[str, typer.Argument(help="A study's name or folder.")]


def status(study: StudyArgument, how: FormatOption = OutputFormat.table) -> None:
    """Print the state of a study.

    \b
    Example: unitsearch status lenet_hybrid-1
    """
    from unitsearch.api.study_facts import study_status

    row = study_status(study)
    emit([row], how)
    if row["state"] == "stopped" and how == OutputFormat.table:
        note(f"next: unitsearch resume {study}")


def trials(
    study: StudyArgument,
    how: FormatOption = OutputFormat.table,
    front: Annotated[bool, typer.Option("--front", help="The front only.")] = False,
) -> None:
    """List the trials of a study: accuracies as fractions, flops in the papers' convention.

    \b
    Examples:
      unitsearch trials lenet_hybrid-1
      unitsearch trials lenet_hybrid-1 --front -f csv
    """
    from unitsearch.api.study_facts import trial_table

    emit(_columns_for(how, trial_table(study, front_only=front)), how)


def best(study: StudyArgument, how: FormatOption = OutputFormat.table) -> None:
    """List the front of a study, the most accurate by the model first.

    \b
    Example: unitsearch best lenet_hybrid-1
    """
    from unitsearch.api.study_facts import trial_table

    rows = _columns_for(how, trial_table(study, front_only=True))
    rows.sort(key=lambda row: (-row["accuracy_model"], row["flops"]))
    emit(rows, how)


def report(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="One study, or several side by side; none for an index of all.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The HTML file.")] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", help="Another page: all, bunit_table1, …, or a file (*.yaml)."),
    ] = None,
) -> None:
    """Write a study's report and tables, a page of several studies, or an index of ./studies.

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
        str | None, typer.Option("--cost", help="A cost (tradeoff, effects): flops, params …")
    ] = None,
    show: Annotated[
        str | None, typer.Option("--show", help="both, groups or kinds (units).")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="Metrics, as in flops,accuracy (parallel).")
    ] = None,
    trials: Annotated[str | None, typer.Option("--trials", help="all or front (parallel).")] = None,
    papers: Annotated[
        bool | None,
        typer.Option(
            "--papers/--no-papers", help="Also draw the papers' printed networks (pareto)."
        ),
    ] = None,
) -> None:
    """Draw one figure of one or several studies into an HTML file that works offline.

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


def _columns_for(how: OutputFormat, table: TrialTable) -> list[dict[str, Any]]:
    """Return the rows; a table for people lacks the columns that repeat others."""
    if how != OutputFormat.table or table.shares_filters:
        return list(table.rows)
    left_out = ("macs_shared", "bits", "se_bits")
    return [{k: v for k, v in row.items() if k not in left_out} for row in table.rows]
