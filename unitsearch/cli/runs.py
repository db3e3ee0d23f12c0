"""run, resume and verify."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from unitsearch.cli.output import OutputFormat, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api.types import End

Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Hydra overrides: space=…, data=…, budget.trials=…"
    ),
]


class ConfigurationPart(StrEnum):
    """The part of the configuration that --cfg prints."""

    job = "job"


def run(
    overrides: Overrides = None,
    cfg: Annotated[
        ConfigurationPart | None,
        typer.Option("--cfg", help="Print the resolved configuration and stop."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the planned search and its time, and stop.")
    ] = False,
    multirun: Annotated[
        bool,
        typer.Option("-m", "--multirun", help="One study for each of several values: seed=1,2."),
    ] = False,
    how: Annotated[
        OutputFormat, typer.Option("-f", "--format", help="The format of the planned search.")
    ] = OutputFormat.table,
) -> None:
    """Search a space and write its Pareto front.

    \b
    Examples:
      unitsearch run                      # lenet_hybrid on the embedded digits
      unitsearch run space=toy_hybrid data=cifar10 budget.trials=100
      unitsearch run space=my_space.yaml train.epochs=3 limits.params=5000
      unitsearch run space=resnet18_cifar --dry-run    # measures how long it would take
      unitsearch run -m seed=1,2,3 sampler=nsga2,random
    """
    from unitsearch.api.configuration import configuration_text, sweep

    jobs = sweep(overrides or []) if multirun else [list(overrides or [])]
    for job in jobs:
        if multirun and len(jobs) > 1:
            note(f"{len(jobs)} studies; now: {' '.join(job)}")
        if cfg is not None:
            write(configuration_text(job))
        elif dry_run:
            _plan(job, how)
        else:
            _run(job)


def resume(
    study: Annotated[str, typer.Argument(help="A study's name or folder.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[budget.trials=N]...", help="Budgets to raise.")
    ] = None,
) -> None:
    """Continue a study that was stopped, or raise its budget.

    \b
    Examples:
      unitsearch resume lenet_hybrid-1
      unitsearch resume lenet_hybrid-1 budget.trials=100
    """
    from unitsearch.api import resume_study
    from unitsearch.api.study_facts import closing_text
    from unitsearch.cli.live import watching

    with watching() as watch:
        end = resume_study(study, overrides or [], watch)
    write(closing_text(end, study))
    _leave(end)


def verify(
    study: Annotated[str, typer.Argument(help="A study's name or folder.")],
    seeds: Annotated[
        int, typer.Option("--seeds", help="The least number of seeds of each network on the front.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how many trainings it takes, and stop.")
    ] = False,
) -> None:
    """Train the front of a study again with fresh seeds, until each network has enough of them.

    \b
    Examples:
      unitsearch verify lenet_hybrid-1 --seeds 4
      unitsearch verify lenet_hybrid-1 --seeds 10 --dry-run
    """
    from unitsearch.api.verification import verification_text, verified_text, verify_study
    from unitsearch.cli.live import watching

    plan = verification_text(study, seeds)
    if dry_run:
        write(plan)
        return
    note(plan)
    with watching() as watch:
        end = verify_study(study, seeds, watch)
    write(verified_text(end, seeds, study))
    _leave(end)


def _plan(overrides: list[str], how: OutputFormat) -> None:
    from unitsearch.api.dry_runs import dry_run_facts, dry_run_text, planned_run

    plan = planned_run(overrides)
    if how == OutputFormat.table:
        write(dry_run_text(plan))
    else:
        emit([dry_run_facts(plan)], how)
    plan.check_data()


def _run(overrides: list[str]) -> None:
    from unitsearch.api import run_study
    from unitsearch.api.study_facts import closing_text
    from unitsearch.cli.live import watching

    command = f"unitsearch {shlex.join(sys.argv[1:])}"
    with watching() as watch:
        end = run_study(overrides, watch, command)
    write(closing_text(end, end.record.name))
    _leave(end)


def _leave(end: End) -> None:
    if end.signal:
        raise typer.Exit(128 + end.signal)
