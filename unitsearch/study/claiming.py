"""What trains next: how many trials may begin, which they are, and the jobs they make."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from unitsearch.architecture import Architecture, key, write_architecture
from unitsearch.costs import count
from unitsearch.engine import Job
from unitsearch.fields import write_all
from unitsearch.search.proposals import Proposal, admission
from unitsearch.search.seeds import derive
from unitsearch.space import baseline
from unitsearch.study import lists
from unitsearch.study.config import wanted_packs
from unitsearch.study.folder import checkpoint_path
from unitsearch.study.record import Trial
from unitsearch.study.running import Run


def wants_more(run: Run, waiting: Sequence[int]) -> bool:
    """Say whether a trial may begin now; where none ever will, ``run.why`` says why."""
    if run.signal:
        return False
    minutes = run.config.budget.minutes
    if minutes is not None and time.monotonic() - run.began > 60 * minutes:
        run.why = "minutes"
        return False
    if waiting:
        return True
    if run.why == "exhausted":
        return False
    if run.complete + len(run.running) >= run.config.budget.trials:
        run.why = "budget"
        return False
    # the outcomes that the next proposal sees must be there
    seen = len(run.trials) - run.config.sampler.lag
    return not any(number < seen for number in run.running)


def room(run: Run, waiting: Sequence[int]) -> int:
    """Return how many trials the next list has; 0 while it is better to wait for outcomes."""
    workers, lag = run.engine.workers, run.config.sampler.lag
    under_way, number = len(run.running) + len(waiting), len(run.trials)
    seen = min([*run.running, *waiting, number]) + lag + 1  # proposals from here on see too little
    new = min(seen - number, run.config.budget.trials - run.complete - under_way)
    free = len(waiting) + (0 if run.why == "exhausted" else max(new, 0))
    free = min(free, lists.at_once(workers, run.size, lag, run.longest) - len(run.running))
    run.lists = [
        left for numbers in run.lists if (left := [n for n in numbers if n in run.running])
    ]
    return lists.room(run.size, free, workers, len(run.lists))


def submit(run: Run, waiting: list[int], size: int) -> bool:
    """Start a list of up to ``size`` trials, those that wait first; say whether there is one."""
    jobs: list[Job] = []
    while len(jobs) < size and wants_more(run, waiting):
        number = waiting.pop(0) if waiting else len(run.trials)
        if number not in run.trials and not _claim(run, number):
            break
        trial = run.trials[number]
        jobs.append(job_of(run, number, "train", trial.architecture, trial.seed))
        run.running[number] = jobs[-1]
    if jobs:
        run.engine.submit(jobs)
        run.lists.append([job.number for job in jobs])
    for job in jobs:
        run.report(f"trial {job.number} started")
    return bool(jobs)


def _claim(run: Run, number: int) -> bool:
    """Write the start of trial ``number``; False when the space has nothing left to try."""
    if number == 0:
        architecture = baseline(run.problem.space)
        proposal = Proposal({}, {}, architecture, key(architecture), count(architecture))
    else:
        visible = run.past[: max(0, number - run.config.sampler.lag)]
        tried = {observation.key for observation in run.past}
        found = run.sampler.propose(number, visible, admission(tried, run.config.largest))
        if found is None:
            run.why = "exhausted"
            return False
        proposal = found
    seed = derive(run.config.seed, number, "train")
    run.store.start(
        number,
        proposal.architecture,
        proposal.key,
        seed,
        proposal.cost,
        proposal.values,
        proposal.distributions,
        proposal.state,
    )
    run.sampler_states[number] = proposal.state
    run.put(
        Trial(
            number,
            "running",
            proposal.key,
            seed,
            proposal.values,
            proposal.architecture,
            proposal.cost,
        )
    )
    return True


def job_of(
    run: Run, number: int, task: str, architecture: Architecture, seed: int, weights: bytes = b""
) -> Job:
    """Return the job of trial ``number``.

    Args:
        run: The run.
        number: The trial's number.
        task: ``train`` or ``test``.
        architecture: The trial's.
        seed: The trial's.
        weights: Those to test, as safetensors.
    """
    kept: dict[str, Any] = {}
    if task == "train" and run.config.engine.checkpoint is not None:
        path = checkpoint_path(run.folder.absolute(), number)
        kept = {"checkpoint": str(path), "minutes": run.config.engine.checkpoint}
    if task == "train" and run.size > 1:
        kept["pack"] = wanted_packs(run.config, run.device, 1).size
    return Job(
        number=number,
        task=task,
        architecture=write_architecture(architecture),
        seed=seed,
        recipe=write_all(run.config.train),
        data=write_all(run.config.data),
        plan=run.config.plan,
        weights=weights,
        device=run.device,
        **kept,
    )
