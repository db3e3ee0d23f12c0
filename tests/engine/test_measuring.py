"""A job whose task is a measurement returns the quartiles of its metric."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from unitsearch.engine import Job, measuring
from unitsearch.engine.jobs import outcome_from, to_message
from unitsearch.engine.work import WorkerCache, run_job
from unitsearch.resources import cache_folder

Make = Callable[..., Job]


@pytest.fixture
def latency_job(make_job: Make) -> Job:
    return replace(make_job(3), task="latency")


def test_a_latency_job_returns_ordered_quartiles_of_milliseconds(latency_job: Job) -> None:
    outcome = run_job(latency_job, WorkerCache())
    assert outcome.is_complete
    assert outcome.latency is not None
    low, middle, high = outcome.latency
    assert 0 < low <= middle <= high


def test_a_latency_job_reads_no_data(latency_job: Job) -> None:
    cache = WorkerCache()
    unreadable = replace(latency_job, data={**latency_job.data, "limit": 5000})
    assert run_job(unreadable, cache).is_complete
    assert not cache.sets


def test_a_latency_job_of_a_broken_architecture_is_a_failure(latency_job: Job) -> None:
    outcome = run_job(replace(latency_job, architecture={"unitsearch": 1}), WorkerCache())
    assert (outcome.state, outcome.latency) == ("failed", None)


def test_a_measurement_is_the_same_on_the_other_end_of_a_pipe(latency_job: Job) -> None:
    outcome = run_job(latency_job, WorkerCache())
    assert outcome_from(*to_message(outcome)) == outcome


def test_where_the_cache_has_no_locks_it_is_measured_all_the_same(
    latency_job: Job, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", "/dev/null/cache")
    cache = WorkerCache()
    assert all(run_job(latency_job, cache).is_complete for _ in range(2))
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["latency: /dev/null/cache has no locks: others may measure at the same time"]


def test_a_new_metric_is_one_more_entry_of_the_table(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"seed": lambda architecture, seed, device: (seed - 1.0, seed, seed + 1.0)}
    monkeypatch.setattr(measuring, "MEASUREMENTS", table)
    monkeypatch.setattr("unitsearch.engine.work.MEASUREMENTS", table)
    outcome = run_job(replace(make_job(0), task="seed", seed=7), WorkerCache())
    assert outcome.measurement == (6.0, 7, 8.0)


def test_no_other_process_measures_meanwhile(
    latency_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def try_lock(architecture: object, seed: int, device: str) -> tuple[float, float, float]:
        with (cache_folder() / "measuring.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another holds it
        return 1.0, 1.0, 1.0

    monkeypatch.setattr(measuring, "MEASUREMENTS", {"latency": try_lock})
    outcome = run_job(latency_job, WorkerCache())
    assert outcome.reason.startswith("error: BlockingIOError")


def test_a_latency_is_measured_on_one_thread_and_leaves_the_number_of_threads(
    latency_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    original = measuring.inference_times

    def times(*arguments: Any) -> Any:
        threads.append(torch.get_num_threads())
        return original(*arguments)

    monkeypatch.setattr(measuring, "inference_times", times)
    before = torch.get_num_threads()
    run_job(latency_job, WorkerCache())
    assert threads == [1]
    assert torch.get_num_threads() == before
