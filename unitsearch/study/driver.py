"""The driver's loop: jobs of a source to an engine, their outcomes back to the source.

A search, the test of its front, and trainings that are repeated with several seeds are sources of
jobs; this is the only loop that drives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from unitsearch.engine import Engine, Job, Outcome

TICK = 0.25  # seconds between two looks at the engine


class UnderWay:
    """The jobs that are with an engine."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[int, str], Job] = {}
        self._lists: list[set[tuple[int, str]]] = []

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the jobs, sorted."""
        return tuple(sorted(number for number, _ in self._jobs))

    @property
    def trials(self) -> int:
        """The number of jobs that trials wait for; a test of the front is none of them."""
        return sum(task != "test" for _, task in self._jobs)

    @property
    def lists(self) -> int:
        """The number of lists that have a job that has not ended."""
        return len(self._lists)

    def add(self, jobs: Sequence[Job]) -> None:
        """Add the jobs of one list."""
        self._jobs |= {job.key: job for job in jobs}
        self._lists.append({job.key for job in jobs})

    def end(self, outcome: Outcome) -> Job | None:
        """Remove and return the job of ``outcome``; None if it is not under way."""
        key = (outcome.number, outcome.task)
        job = self._jobs.pop(key, None)
        self._lists = [rest for keys in self._lists if (rest := keys - {key})]
        return job


class JobSource(Protocol):
    """Jobs to do, and what is made of their outcomes."""

    @property
    def under_way(self) -> UnderWay:
        """The jobs that are with the engine; the loop adds and ends them."""

    @property
    def is_left(self) -> bool:
        """Whether the jobs that are under way are not to be waited for."""

    def next_list(self) -> Sequence[Job]:
        """Return the jobs that one worker is given next; none while it is better to wait.

        Raises:
            UnitSearchError: If the work cannot go on.
        """

    def submitted(self, jobs: Sequence[Job]) -> None:
        """Take note that ``jobs`` are with the engine."""

    def take(self, job: Job, outcome: Outcome) -> None:
        """Take the outcome of ``job``, which has ended."""

    def report(self) -> None:
        """Report how things stand; called at least four times a second."""


def run_jobs(source: JobSource, engine: Engine) -> None:
    """Give ``engine`` the jobs of ``source`` until it has none and all have ended."""
    under_way = source.under_way
    while True:
        while jobs := source.next_list():
            engine.submit(jobs)
            under_way.add(jobs)
            source.submitted(jobs)
        if not under_way or source.is_left:
            return
        for outcome in engine.collect(TICK):
            job = under_way.end(outcome)
            if job is not None:
                source.take(job, outcome)
        source.report()
