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
    from unitsearch.api.fronts import state_of_study

    state = state_of_study(study)
    if how != OutputFormat.table:
        emit([state.row], how)
        return
    emit([state.displayed], how)
    if state.sentence:
        note(state.sentence)
    if state.row["state"] == "stopped":
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
    """List the front of a study by model, the most accurate first; of a large one the main members.

    Other formats than the table list all members, with the columns of front.csv.

    \b
    Examples:
      unitsearch best lenet_hybrid-1
      unitsearch best lenet_hybrid-1 -f json
    """
    from unitsearch.api.fronts import front_of_study

    front = front_of_study(study)
    if how != OutputFormat.table:
        emit(front.rows, how)
        return
    emit(front.displayed, how)
    for sentence in front.sentences:
        note(sentence)


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
            help="pareto, front_belief, front3d, tradeoff, units, effects, parallel, convergence,"
            " curves, hypervolume, printed, compare_fronts, compare_hypervolume or calibration.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The HTML file.")],
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="STUDY", help="Another study to compare with; repeatable."),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            help="A metric (pareto, front3d, compare_fronts), a cost (front_belief); trials or"
            " seconds.",
        ),
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
        str | None,
        typer.Option(
            "--show",
            help="both, groups or kinds (units); accuracy or probability (calibration).",
        ),
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
    raw: Annotated[
        bool | None,
        typer.Option(
            "--raw/--by-model",
            help="The accuracies of single trainings (pareto, compare_fronts).",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="model or trainings (hypervolume, compare_hypervolume)."),
    ] = None,
) -> None:
    """Draw one figure of one or several studies into an HTML file that works offline.

    \b
    Examples:
      unitsearch plot lenet_hybrid-1 pareto --x ce --y accuracy -o ce.html
      unitsearch plot lenet_hybrid-1 front_belief --x params -o belief.html
      unitsearch plot lenet_hybrid-1 effects --cost params -o effects.html
      unitsearch plot first compare_fronts --also second -o both.html
    """
    from unitsearch.api import plot as draw

    options = {
        "x": x, "y": y, "z": z, "cost": cost, "show": show, "trials": trials, "papers": papers,
        "raw": raw, "by": by,
        "metrics": None if metrics is None else metrics.split(","),
    }  # fmt: skip
    write(str(draw([study, *(also or [])], name, output, **options)))


def _columns_for(how: OutputFormat, table: TrialTable) -> list[dict[str, Any]]:
    """Return the rows; a table for people lacks the columns that repeat others."""
    if how != OutputFormat.table or table.shares_filters:
        return list(table.rows)
    left_out = ("macs_shared", "bits", "se_bits")
    return [{k: v for k, v in row.items() if k not in left_out} for row in table.rows]
