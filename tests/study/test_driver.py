"""The driver's loop: lists of jobs to an engine, each outcome back once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest

from unitsearch.engine import Job, Outcome
from unitsearch.study.driver import UnderWay, run_jobs


def job(number: int, task: str = "train") -> Job:
    return Job(number, task, architecture={}, seed=0, recipe={}, data={})


def outcome(number: int, task: str = "train") -> Outcome:
    return Outcome(number, task, "complete")


class QuickEngine:
    """An engine whose jobs are done at once; ``first`` are outcomes without a job."""

    workers = 1

    def __init__(self, first: Sequence[Outcome] = ()) -> None:
        self.submitted: list[list[int]] = []
        self._done = deque(first)

    def submit(self, jobs: Sequence[Job]) -> None:
        self.submitted.append([job.number for job in jobs])
        self._done.extend(outcome(job.number, job.task) for job in jobs)

    def collect(self, timeout: float) -> list[Outcome]:
        return [self._done.popleft()] if self._done else []

    def close(self) -> None:
        pass


class Lists:
    """A source of some lists of jobs, one at a time unless ``at_once``; it may be left."""

    def __init__(self, *lists: Sequence[int], at_once: int = 1, left_after: int = 99) -> None:
        self.under_way = UnderWay()
        self.taken: list[int] = []
        self._lists = deque(lists)
        self._at_once = at_once
        self._left_after = left_after

    @property
    def is_left(self) -> bool:
        return len(self.taken) >= self._left_after

    def next_list(self) -> Sequence[Job]:
        if not self._lists or self.under_way.lists == self._at_once:
            return ()
        return [job(number) for number in self._lists.popleft()]

    def submitted(self, jobs: Sequence[Job]) -> None:
        pass

    def take(self, job: Job, outcome: Outcome) -> None:
        assert job.key == (outcome.number, outcome.task)
        assert job.number not in self.under_way.numbers
        self.taken.append(job.number)

    def report(self) -> None:
        pass


@pytest.mark.parametrize("at_once", [1, 2, 9])
def test_every_job_is_submitted_and_every_outcome_taken_once(at_once: int) -> None:
    source, engine = Lists([0], [1, 2], [3], at_once=at_once), QuickEngine()
    run_jobs(source, engine)
    assert engine.submitted == [[0], [1, 2], [3]]
    assert sorted(source.taken) == [0, 1, 2, 3]
    assert not source.under_way


def test_the_outcome_of_a_job_that_is_not_under_way_is_dropped() -> None:
    source = Lists([0], [1])
    run_jobs(source, QuickEngine([outcome(0, "test"), outcome(7)]))
    assert source.taken == [0, 1]


def test_a_source_that_is_left_is_not_waited_for() -> None:
    source = Lists([0, 1, 2], left_after=1)
    run_jobs(source, QuickEngine())
    assert source.taken == [0]
    assert source.under_way.numbers == (1, 2)


def test_a_list_is_under_way_until_its_last_job_has_ended() -> None:
    under_way = UnderWay()
    under_way.add([job(0), job(1)])
    under_way.add([job(2)])
    assert under_way.lists == 2
    assert under_way.end(outcome(0)) == job(0)
    assert under_way.lists == 2
    under_way.end(outcome(1))
    assert (under_way.lists, under_way.numbers) == (1, (2,))
    assert under_way.end(outcome(1)) is None


def test_a_test_of_the_front_is_no_trial_to_wait_for() -> None:
    under_way = UnderWay()
    under_way.add([job(0), job(1, "test")])
    under_way.add([job(2, "latency")])
    assert under_way.trials == 2
