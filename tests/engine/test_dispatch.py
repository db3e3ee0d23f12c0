"""The states of an engine's jobs: waiting, held, begun, then done or given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from unitsearch.engine import Job
from unitsearch.engine.dispatch import Dispatch

Make = Callable[..., Job]


@pytest.fixture
def dispatch(make_job: Make) -> Dispatch:
    """A dispatch in which two lists wait: jobs 0 and 1, and job 2."""
    dispatch = Dispatch()
    dispatch.submit([make_job(0), make_job(1)])
    dispatch.submit([make_job(2)])
    return dispatch


def waiting(dispatch: Dispatch) -> list[list[int]]:
    return [[job.number for job in jobs] for jobs in dispatch.waiting]


def test_lists_are_assigned_in_the_order_of_their_submission(dispatch: Dispatch) -> None:
    assigned = [[job.number for job in dispatch.assign(slot)] for slot in (0, 1)]
    assert assigned == [[0, 1], [2]]
    assert waiting(dispatch) == []


def test_a_worker_is_idle_until_it_holds_jobs_and_once_all_are_done(dispatch: Dispatch) -> None:
    assert dispatch.is_idle(0)
    dispatch.assign(0)
    dispatch.finish(0, (0, "train"))
    assert not dispatch.is_idle(0)
    dispatch.finish(0, (1, "train"))
    assert dispatch.is_idle(0)


def test_jobs_of_a_dead_worker_are_first_in_the_queue_in_their_order(dispatch: Dispatch) -> None:
    dispatch.assign(0)
    assert dispatch.on_worker_death(0, "so") == []
    assert waiting(dispatch) == [[0], [1], [2]]
    assert dispatch.is_idle(0)


def test_a_job_that_is_done_is_not_queued_again(dispatch: Dispatch) -> None:
    dispatch.assign(0)
    dispatch.finish(0, (0, "train"))
    dispatch.on_worker_death(0, "so")
    assert waiting(dispatch) == [[1], [2]]


def test_a_worker_that_was_taken_for_dead_finishes_no_job(dispatch: Dispatch) -> None:
    dispatch.assign(0)
    dispatch.on_worker_death(0, "so")
    dispatch.assign(1)
    assert not dispatch.finish(0, (0, "train"))
    assert dispatch.finish(1, (0, "train"))


def test_a_begun_job_whose_worker_died_twice_is_a_failure_with_a_reason(make_job: Make) -> None:
    dispatch = Dispatch()
    dispatch.submit([make_job(7)])
    given_up = []
    for _ in range(2):
        dispatch.assign(0)
        dispatch.begin(0, [(7, "train")])
        given_up = dispatch.on_worker_death(0, "with signal 9")
    (outcome,) = given_up
    assert (outcome.key, outcome.state, outcome.kind) == ((7, "train"), "failed", "killed")
    assert outcome.reason == "killed: its worker ended with signal 9, 2 times"
    assert waiting(dispatch) == []
