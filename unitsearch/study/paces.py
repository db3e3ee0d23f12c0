"""The paces of a few networks of a space, measured by workers side by side as in a run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from unitsearch.architecture import Architecture, write_architecture
from unitsearch.costs import Cost, count
from unitsearch.data import Facts
from unitsearch.engine import Engine, Job, Outcome, open_engine
from unitsearch.engine.devices import cores, gpus
from unitsearch.engine.jobs import PACE, StepTimes
from unitsearch.errors import StudyError
from unitsearch.fields import write_all
from unitsearch.study.config import Config, pack_request
from unitsearch.study.schedule import workers_and_list

_ENOUGH = 15.0  # seconds after which two networks do
_LONGEST = 60.0  # seconds after which one does
_NONE = 300.0  # seconds after which there is no measurement


@dataclass(frozen=True)
class Pace:
    """The times of one network.

    Attributes:
        name: ``smallest``, ``middle``, ``largest`` or ``baseline``.
        cost: Its cost.
        plan: The plan that it ran in.
        times: Its times, over all workers that measured it.
    """

    name: str
    cost: Cost
    plan: str
    times: StepTimes


def workers_of(config: Config) -> int:
    """Return the number of workers that a run would have on this machine."""
    device, wanted = config.engine.resolved_device, config.engine.workers
    if wanted is None:
        wanted = gpus() if device == "cuda" else len(cores())
    return workers_and_list(pack_request(config, device, max(wanted, 1)))[0]


def measured_paces(
    config: Config, facts: Facts, networks: Mapping[str, Architecture]
) -> tuple[Pace, ...]:
    """Return the paces of ``networks``, by name; not of those that take too long to measure.

    All workers are busy meanwhile, as in a run: they share the memory and the cores.

    Args:
        config: The configuration of the run.
        facts: The facts about its data.
        networks: The networks; the first are measured first.

    Raises:
        StudyError: If none can be measured.
    """
    workers = workers_of(config)
    names = list(networks)
    rounds = -(-len(names) // workers)
    jobs = [
        _job(config, facts, number, networks[names[number % len(names)]])
        for number in range(workers * rounds)
    ]
    with tempfile.TemporaryDirectory(prefix="unitsearch-") as folder:
        engine = open_engine("local", workers, None, Path(folder), config.engine.resolved_device)
        try:
            outcomes = _outcomes(engine, jobs)
        finally:
            engine.close()
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.is_complete:
            by_name.setdefault(names[outcome.number % len(names)], []).append(outcome)
    if not by_name:
        reason = outcomes[0].reason if outcomes else f"nothing was measured in {_NONE:.0f} s"
        raise StudyError(f"the time of a training cannot be measured: {reason}")
    return tuple(_pace(name, networks[name], by_name[name]) for name in names if name in by_name)


def _job(config: Config, facts: Facts, number: int, architecture: Architecture) -> Job:
    recipe = write_all(config.train)
    if facts.train_images is not None:
        recipe["batch"] = min(config.train.batch, facts.train_images)
    return Job(
        number=number,
        task=PACE,
        architecture=write_architecture(architecture),
        seed=0,
        recipe=recipe,
        data=write_all(config.data),
        plan=config.plan,
        device=config.engine.resolved_device,
    )


def _outcomes(engine: Engine, jobs: Sequence[Job]) -> list[Outcome]:
    """Return the outcomes of jobs that ended in time, waiting longer for the first."""
    for job in jobs:
        engine.submit([job])
    began = time.monotonic()
    outcomes: list[Outcome] = []
    while len(outcomes) < len(jobs):
        passed = time.monotonic() - began
        measured = sum(outcome.is_complete for outcome in outcomes)
        if passed > _NONE or (passed > (_ENOUGH if measured > 1 else _LONGEST) and measured):
            break
        outcomes += engine.collect(0.1)
    return outcomes


def _pace(name: str, architecture: Architecture, outcomes: Sequence[Outcome]) -> Pace:
    times = [outcome.pace for outcome in outcomes if outcome.pace is not None]
    return Pace(
        name,
        count(architecture),
        outcomes[0].plan,
        StepTimes(
            beside=fmean(one.beside for one in times),
            train=fmean(one.train for one in times),
            evaluate=fmean(one.evaluate for one in times),
            tuning=max(one.tuning for one in times),
            share=fmean(one.share for one in times),
        ),
    )
