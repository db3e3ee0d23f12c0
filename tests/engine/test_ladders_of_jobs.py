"""A job with a ladder: shorter trainings come first, and one below its bar is the last."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from unitsearch.data import data_spec
from unitsearch.engine.batching import group_by_skeleton
from unitsearch.engine.jobs import Job, Outcome, job_from, outcome_from, to_message
from unitsearch.engine.work import PreparedJob, WorkerCache, run_job
from unitsearch.fields import write_all
from unitsearch.training import Recipe

Make = Callable[..., Job]
UNREACHABLE = 2.0
RECIPE = Recipe(epochs=2, batch=64, optimiser="adamw", rate=0.02)


def rung(epochs: int = 1, **data: Any) -> dict[str, Any]:
    recipe = replace(RECIPE, epochs=epochs)
    return {"recipe": write_all(recipe), "data": write_all(data_spec("digits", **data))}


@pytest.fixture
def job(make_job: Make) -> Job:
    """A job of two rungs and a full training."""
    ladder = (rung(images=100), rung(size=4, images=0.5))
    return replace(make_job(1, **write_all(RECIPE)), ladder=ladder)


def run(job: Job) -> Outcome:
    return run_job(job, WorkerCache())


def test_a_network_that_climbs_has_an_accuracy_for_each_rung_and_each_epoch(job: Job) -> None:
    outcome = run(job)
    assert outcome.is_complete, outcome.reason
    assert (len(outcome.rungs), len(outcome.rung_losses), len(outcome.curve)) == (2, 2, 2)
    assert all(0 < accuracy < 1 for accuracy in outcome.rungs)


def test_the_full_training_is_the_same_with_and_without_a_ladder(job: Job) -> None:
    assert run(job).digest == run(replace(job, ladder=())).digest


def test_a_rung_is_trained_as_a_job_of_its_own(job: Job) -> None:
    outcome = run(job)
    alone = run(replace(job, ladder=(), **job.ladder[0]))
    assert outcome.rungs[0] == alone.curve[-1]


@pytest.mark.parametrize("missed", [1, 2])
def test_a_network_below_the_bar_of_a_rung_stops_there(job: Job, missed: int) -> None:
    bars = (None,) * (missed - 1) + (UNREACHABLE,)
    outcome = run(replace(job, bars=bars))
    assert outcome.state == "stopped"
    assert outcome.rungs == run(job).rungs[:missed]
    assert outcome.curve == ()
    assert outcome.accuracy is None
    assert outcome.reason == f"accuracy {outcome.rungs[-1]:.4g} on rung {missed} of 2 is below 2"
    assert outcome.weights == b""


def test_bars_behind_those_of_the_rungs_are_those_of_the_epochs(job: Job) -> None:
    outcome = run(replace(job, bars=(None, None, UNREACHABLE)))
    assert (outcome.state, len(outcome.rungs), len(outcome.curve)) == ("stopped", 2, 1)
    assert "after epoch 1 of 2 is below" in outcome.reason


def test_a_ladder_comes_through_a_message_as_it_was(job: Job) -> None:
    plain, weights = to_message(job)
    assert job_from(json.loads(json.dumps(plain)), weights) == job
    outcome = run(replace(job, bars=(UNREACHABLE,)))
    plain, weights = to_message(outcome)
    assert outcome_from(json.loads(json.dumps(plain)), weights) == outcome


def test_a_job_with_a_ladder_trains_in_no_pack(job: Job) -> None:
    jobs = [replace(job, number=number, pack=4) for number in range(3)]
    assert [len(group) for group in group_by_skeleton([PreparedJob(j) for j in jobs])] == [1, 1, 1]


def test_a_worker_keeps_the_data_of_all_rungs(job: Job) -> None:
    cache = WorkerCache()
    run_job(job, cache)
    sets = list(cache.sets.values())
    run_job(job, cache)
    assert [id(data) for data in cache.sets.values()] == [id(data) for data in sets]
    assert len(sets) == 3
