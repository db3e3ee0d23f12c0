"""The configuration of a run, as ``unitsearch run`` prints it without running."""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.api.space_facts import count_text, parameter_texts
from unitsearch.api.studies import dry_run
from unitsearch.architecture import yaml_text
from unitsearch.costs import count
from unitsearch.space import baseline, count_members

_SECONDS_TO_START = 0.5  # of a trial, before its first step
_MACS_A_SECOND = 2e9  # of a core, on networks this small


def sweep(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each study of a multirun: ``seed=1,2`` gives two."""
    from unitsearch.study.config import sweep as sweep_overrides

    return sweep_overrides(list(overrides))


def configuration_text(overrides: Sequence[str]) -> str:
    """Return the resolved configuration as YAML, without a password."""
    from unitsearch.study.config import compose
    from unitsearch.study.store import without_password

    config, _ = compose(overrides)
    plain = config.plain()
    if plain["storage"]:
        plain["storage"] = without_password(plain["storage"])
    return yaml_text(plain).rstrip()


def dry_run_text(overrides: Sequence[str]) -> str:
    """Return the plan of a run with its estimated time, after every check but training."""
    from unitsearch.data import describe

    config, space, survey = dry_run(overrides)
    low, high = survey.cheapest, survey.dearest
    base = count(baseline(space))
    images = (describe(config.data).train_images or 0) * config.train.epochs
    # forward and backward are three times the forward MACs
    each = _SECONDS_TO_START + 3 * images * ((low.macs + high.macs) / 2) / _MACS_A_SECOND
    workers = config.engine.workers or 2
    minutes = each * config.budget.trials / workers / 60
    parameters = ", ".join(parameter_texts(space, survey.parameters))
    lines = [
        f"space        {space.name}, {count_text(count_members(space))} architectures "
        f"({100 * survey.share:.1f} % of {survey.samples:,} samples keep the limits)",
        f"dimensions   {len(survey.parameters)}: {parameters}",
        f"costs        {low.params:,} to {high.params:,} parameters, {low.macs:,} to {high.macs:,} "
        f"MACs, {low.flops:,} to {high.flops:,} FLOPs (papers' convention)",
        f"baseline     {base.params:,} parameters, {base.flops:,} FLOPs",
        f"data         {config.data.name}, recipe {config.train.name}, "
        f"{config.train.epochs} epochs",
        f"budget       {config.budget.trials} trials, very roughly "
        f"{minutes:.0f} min on {workers} workers",
    ]
    return "\n".join(lines)
