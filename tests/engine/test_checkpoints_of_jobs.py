"""A job that runs again continues from its stored state (after a death: test_engines)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unitsearch.architecture import read_architecture
from unitsearch.engine import Job, Outcome
from unitsearch.engine import work as works
from unitsearch.training.checkpoints import Checkpoint, State

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[..., Job]
Collect = Callable[..., list[Outcome]]


@pytest.fixture
def kept_job(tmp_path: Path, make_job: Make) -> Job:
    """A job whose state is written after every epoch."""
    job = replace(make_job(1, epochs=3), plan="grouped")
    return replace(job, checkpoint=str(tmp_path / "state"), minutes=0)


def checkpoint_of(job: Job) -> Checkpoint:
    """The checkpoint that a worker keeps of ``job``."""
    context = works.training_context(job, works.WorkerCache())
    architecture = read_architecture(job.architecture)
    identity = works.training_identity(architecture, job.seed, context, job.plan)
    return Checkpoint(Path(job.checkpoint), identity, job.minutes)


def test_a_job_continues_from_its_state(kept_job: Job) -> None:
    straight = works.run_job(kept_job, works.WorkerCache())
    checkpoint = checkpoint_of(kept_job)
    state = checkpoint.load()
    assert isinstance(state, State)
    assert state.curve == straight.curve[:2]
    checkpoint.write(replace(state, curve=(0.123, 0.456)))
    again = works.run_job(kept_job, works.WorkerCache())
    assert again.curve == (0.123, 0.456, straight.curve[2])


def test_another_seed_begins_anew(kept_job: Job) -> None:
    works.run_job(kept_job, works.WorkerCache())
    other = works.run_job(replace(kept_job, seed=9), works.WorkerCache())
    alone = works.run_job(replace(kept_job, seed=9, checkpoint=""), works.WorkerCache())
    assert other.digest == alone.digest


def test_a_killed_job_with_bars_stops_where_it_would_have(kept_job: Job) -> None:
    bars = (None, None, 2.0)
    job = replace(kept_job, recipe={**kept_job.recipe, "epochs": 4}, bars=bars)
    straight = works.run_job(replace(job, checkpoint=""), works.WorkerCache())
    works.run_job(job, works.WorkerCache())  # leaves the state after epoch 2, as a kill does
    assert checkpoint_of(job).load() is not None
    resumed = works.run_job(job, works.WorkerCache())
    assert straight.state == "stopped"
    assert replace(resumed, train_seconds=0) == replace(straight, train_seconds=0)
