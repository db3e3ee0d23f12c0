"""A long job whose worker dies is gone on with by another, from the state that was kept."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unitsearch.data import data_spec
from unitsearch.data.sets import load
from unitsearch.engine import Engine, Job, Outcome, open_engine
from unitsearch.engine import work as works
from unitsearch.training.checkpoints import State

Make = Callable[..., Job]
Collect = Callable[..., list[Outcome]]


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    folder = tmp_path / "engine"
    folder.mkdir()
    engine = open_engine(request.param, 1, None, folder)
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def kept_job(tmp_path: Path, make_job: Make) -> Job:
    """A job of a second or two, whose state is kept after every epoch."""
    job = replace(make_job(1, epochs=300), plan="grouped")
    return replace(job, checkpoint=str(tmp_path / "state"), minutes=0)


def test_a_job_that_goes_on_on_another_worker_has_the_same_outcome(
    engine: Engine,
    kept_job: Job,
    make_job: Make,
    collect: Collect,
    workers_of: Callable[..., set[int]],
) -> None:
    engine.submit([make_job(0), kept_job])
    collect(engine, 1)
    deadline = time.monotonic() + 60
    while not Path(kept_job.checkpoint).exists():
        assert time.monotonic() < deadline
        assert engine.collect(0.01) == []
    for pid in workers_of():
        os.kill(pid, signal.SIGKILL)
    (outcome,) = collect(engine, 1)
    straight = works.do(replace(kept_job, checkpoint=""), works.Bench())
    assert replace(outcome, train_seconds=0) == replace(straight, train_seconds=0)


def test_a_job_goes_on_from_its_state_and_not_anew(kept_job: Job) -> None:
    short = replace(kept_job, recipe={**kept_job.recipe, "epochs": 3})
    data = load(data_spec("digits"))
    straight = works.do(short, works.Bench())
    state = works._checkpoint(short, "grouped", data).found()
    assert isinstance(state, State)
    assert state.curve == straight.curve[:2]
    works._checkpoint(short, "grouped", data).keep(replace(state, curve=(0.123, 0.456)))
    again = works.do(short, works.Bench())
    assert again.curve == (0.123, 0.456, straight.curve[2])


def test_another_seed_begins_anew(kept_job: Job) -> None:
    short = replace(kept_job, recipe={**kept_job.recipe, "epochs": 3})
    works.do(short, works.Bench())
    other = works.do(replace(short, seed=9), works.Bench())
    alone = works.do(replace(short, seed=9, checkpoint=""), works.Bench())
    assert other.digest == alone.digest
