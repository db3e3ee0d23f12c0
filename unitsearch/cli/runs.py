"""run and resume."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from unitsearch.cli.output import note, write

if TYPE_CHECKING:
    from unitsearch.study.progress import End

Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Hydra overrides: space=…, data=…, budget.trials=…"
    ),
]


class Shown(StrEnum):
    """What --cfg shows."""

    job = "job"


def run(
    overrides: Overrides = None,
    cfg: Annotated[
        Shown | None, typer.Option("--cfg", help="Print the resolved configuration and stop.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be searched, and stop.")
    ] = False,
    multirun: Annotated[
        bool,
        typer.Option("-m", "--multirun", help="One study for each of several values: seed=1,2."),
    ] = False,
) -> None:
    """Search a space and leave a Pareto front.

    \b
    Examples:
      unitsearch run                      # lenet_hybrid on the embedded digits
      unitsearch run space=toy_hybrid data=cifar10 budget.trials=100
      unitsearch run space=my_space.yaml train.epochs=3 limits.params=5000
      unitsearch run -m seed=1,2,3 sampler=nsga2,random
    """
    from unitsearch.study.config import sweep

    jobs = sweep(overrides or []) if multirun else [list(overrides or [])]
    for job in jobs:
        if multirun and len(jobs) > 1:
            note(f"{len(jobs)} studies; now: {' '.join(job)}")
        if cfg is not None:
            _print_config(job)
        elif dry_run:
            _print_plan(job)
        else:
            _run(job)


def resume(
    study: Annotated[str, typer.Argument(help="A study's name or folder.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[budget.trials=N]...", help="Budgets to raise.")
    ] = None,
) -> None:
    """Go on with a study that was stopped, or raise its budget.

    \b
    Examples:
      unitsearch resume lenet_hybrid-1
      unitsearch resume lenet_hybrid-1 budget.trials=100
    """
    from unitsearch.api import resume_study
    from unitsearch.cli.live import closing, watching

    with watching() as watch:
        end = resume_study(study, overrides or [], watch)
    write(closing(end, study))
    _leave(end)


def _run(overrides: list[str]) -> None:
    from unitsearch.api import run_study
    from unitsearch.cli.live import closing, watching

    command = f"unitsearch {shlex.join(sys.argv[1:])}"
    with watching() as watch:
        end = run_study(overrides, watch, command)
    write(closing(end, end.record.name))
    _leave(end)


def _leave(end: End) -> None:
    if end.signal:
        raise typer.Exit(128 + end.signal)


def _print_config(overrides: list[str]) -> None:
    from unitsearch.architecture import yaml_text
    from unitsearch.study.config import compose
    from unitsearch.study.store import without_password

    config, _ = compose(overrides)
    plain = config.plain()
    if plain["storage"]:
        plain["storage"] = without_password(plain["storage"])
    write(yaml_text(plain).rstrip())


def _print_plan(overrides: list[str]) -> None:
    from unitsearch.api import dry_run
    from unitsearch.cli.spaces import dimensions, many
    from unitsearch.costs import count
    from unitsearch.data import describe
    from unitsearch.space import baseline, count_members

    config, space, survey = dry_run(overrides)
    low, high = survey.cheapest, survey.dearest
    images = (describe(config.data).train_images or 0) * config.train.epochs
    # forward and backward are three times the forward MACs; a core does some 2 GMACs/s on such nets
    each = 0.5 + 3 * images * ((low.macs + high.macs) / 2) / 2e9
    workers = config.engine.workers or 2
    lines = [
        f"space        {space.name}, {many(count_members(space))} architectures "
        f"({100 * survey.share:.1f} % of {survey.samples:,} samples keep the limits)",
        f"dimensions   {len(survey.parameters)}: {', '.join(dimensions(space, survey.parameters))}",
        f"costs        {low.params:,} to {high.params:,} parameters, {low.macs:,} to {high.macs:,} "
        f"MACs, {low.flops:,} to {high.flops:,} FLOPs (papers' convention)",
        f"baseline     {count(baseline(space)).params:,} parameters, "
        f"{count(baseline(space)).flops:,} FLOPs",
        f"data         {config.data.name}, recipe {config.train.name}, "
        f"{config.train.epochs} epochs",
        f"budget       {config.budget.trials} trials, very roughly "
        f"{each * config.budget.trials / workers / 60:.0f} min on {workers} workers",
    ]
    write("\n".join(lines))
