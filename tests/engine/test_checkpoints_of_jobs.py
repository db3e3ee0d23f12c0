"""A job that is done again goes on from the state that was kept (after a death: test_engines)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unitsearch.data import data_spec
from unitsearch.data.sets import load
from unitsearch.engine import Job, Outcome
from unitsearch.engine import work as works
from unitsearch.training.checkpoints import State

Make = Callable[..., Job]
Collect = Callable[..., list[Outcome]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def kept_job(tmp_path: Path, make_job: Make) -> Job:
    """A job whose state is kept after every epoch."""
    job = replace(make_job(1, epochs=3), plan="grouped")
    return replace(job, checkpoint=str(tmp_path / "state"), minutes=0)


def test_a_job_goes_on_from_its_state_and_not_anew(kept_job: Job) -> None:
    data = load(data_spec("digits"))
    straight = works.run_job(kept_job, works.WorkerCache())
    state = works._checkpoint(kept_job, "grouped", data).found()
    assert isinstance(state, State)
    assert state.curve == straight.curve[:2]
    works._checkpoint(kept_job, "grouped", data).keep(replace(state, curve=(0.123, 0.456)))
    again = works.run_job(kept_job, works.WorkerCache())
    assert again.curve == (0.123, 0.456, straight.curve[2])


def test_another_seed_begins_anew(kept_job: Job) -> None:
    works.run_job(kept_job, works.WorkerCache())
    other = works.run_job(replace(kept_job, seed=9), works.WorkerCache())
    alone = works.run_job(replace(kept_job, seed=9, checkpoint=""), works.WorkerCache())
    assert other.digest == alone.digest
