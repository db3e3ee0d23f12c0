"""The promises of every engine; each test runs on all of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.waiting import wait_until
from unitsearch.architecture import write_architecture
from unitsearch.engine import Engine, Job, Outcome, open_engine
from unitsearch.engine import work as works
from unitsearch.space import bind, load_space, point

Make = Callable[..., Job]
Collect = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    engine = open_engine(request.param, 1, None, folder)  # many tests end all of its workers
    yield engine
    engine.close()


@pytest.mark.usefixtures("one_thread")
def test_a_worker_trains_as_this_process_does(
    engine: Engine, make_job: Make, collect: Collect
) -> None:
    space = bind(load_space("lenet_hybrid"), (1, 8, 8), 10)
    named = [write_architecture(point(space, name)) for name in list(space.file.points)[:2]]
    jobs = [make_job(i, architecture, batch=128) for i, architecture in enumerate(named)]
    for job in jobs:
        engine.submit([job])
    here = [works.run_job(job, works.WorkerCache()) for job in jobs]
    there = collect(engine, 2)
    assert [outcome.digest for outcome in there] == [outcome.digest for outcome in here]
    assert [replace(outcome, train_seconds=0.0) for outcome in there] == [
        replace(outcome, train_seconds=0.0) for outcome in here
    ]


def test_a_list_of_two_jobs_has_two_outcomes(
    engine: Engine, make_job: Make, collect: Collect
) -> None:
    engine.submit([make_job(0), make_job(1)])
    assert [(outcome.number, outcome.is_complete) for outcome in collect(engine, 2)] == [
        (0, True),
        (1, True),
    ]


def test_a_diverging_job_is_an_outcome(engine: Engine, make_job: Make, collect: Collect) -> None:
    layers = [{"kind": "flatten"}, *({"kind": "linear", "out": 10} for _ in range(2))]
    architecture = {"unitsearch": 1, "input": [1, 8, 8], "layers": layers}
    engine.submit([make_job(0, architecture, optimiser="sgd", rate=1e30)])
    (outcome,) = collect(engine, 1)
    assert (outcome.state, outcome.kind) == ("failed", "diverged")


def test_a_training_below_its_bar_stops_and_says_why(
    engine: Engine, make_job: Make, collect: Collect
) -> None:
    job = make_job(0, epochs=3)
    engine.submit([replace(job, bars=(None, 2.0))])
    (stopped,) = collect(engine, 1)
    engine.submit([job])
    (whole,) = collect(engine, 1)
    assert (stopped.state, stopped.epochs) == ("stopped", 2)
    assert stopped.curve == whole.curve[:2]
    assert stopped.accuracy == whole.curve[1]
    accuracy = f"{stopped.accuracy:.4g}"
    assert stopped.reason == f"accuracy {accuracy} after epoch 2 of 3 is below 2"
    assert stopped.weights == b""


def test_a_latency_job_has_the_quartiles_of_one_image(
    engine: Engine, make_job: Make, collect: Collect
) -> None:
    engine.submit([replace(make_job(0), task="latency")])
    (measured,) = collect(engine, 1)
    assert (measured.task, measured.state) == ("latency", "complete")
    assert measured.latency is not None
    low, middle, high = measured.latency
    assert 0 < low <= middle <= high


def test_a_limit_above_the_number_of_images_is_a_failure_of_the_data(make_job: Make) -> None:
    job = make_job(0)
    failed = works.run_job(replace(job, data={**job.data, "limit": 5000}), works.WorkerCache())
    assert failed.kind == "data"
    assert "data.limit: found 5000" in failed.reason
    assert "to 1450, the training images there are" in failed.reason


def test_weights_travel_both_ways(engine: Engine, make_job: Make, collect: Collect) -> None:
    job = make_job(0, epochs=3)
    engine.submit([job])
    (trained,) = collect(engine, 1)
    engine.submit([replace(job, task="test", weights=trained.weights)])
    (tested,) = collect(engine, 1)
    assert (tested.task, tested.state) == ("test", "complete")
    assert tested.accuracy is not None
    assert tested.accuracy > 0.5


def test_a_job_whose_worker_dies_is_done_by_another(
    engine: Engine, make_job: Make, collect: Collect, workers_of: Callable[..., set[int]]
) -> None:
    long = make_job(1, epochs=300)
    engine.submit([make_job(0), long])
    collect(engine, 1)  # so that the long one is under way
    workers = workers_of()
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    (outcome,) = collect(engine, 1)
    assert (outcome.number, outcome.state) == (1, "complete")
    assert len(outcome.curve) == 300


@pytest.mark.usefixtures("one_thread")
def test_a_job_that_another_worker_continues_has_the_same_outcome(
    engine: Engine,
    tmp_path: Path,
    make_job: Make,
    collect: Collect,
    workers_of: Callable[..., set[int]],
) -> None:
    straight = replace(make_job(1, epochs=300), plan="grouped")  # a second or two
    checkpointed = replace(straight, checkpoint=str(tmp_path / "state"), minutes=0)
    engine.submit([make_job(0), checkpointed])
    collect(engine, 1)
    wait_until(lambda: engine.collect(0.01) == [] and Path(checkpointed.checkpoint).exists())
    for pid in workers_of():
        os.kill(pid, signal.SIGKILL)
    (outcome,) = collect(engine, 1)
    alone = works.run_job(straight, works.WorkerCache())
    assert replace(outcome, train_seconds=0) == replace(alone, train_seconds=0)


@pytest.mark.slow
def test_jobs_of_a_pack_whose_worker_is_killed_are_all_done_in_halves(
    engine: Engine,
    make_job: Make,
    make_member: Make,
    collect: Collect,
    workers_of: Callable[..., set[int]],
) -> None:
    members = [make_member(n, pack=4, epochs=30) for n in (1, 2, 3, 4)]
    engine.submit([make_job(0), *members])
    (first,) = collect(engine, 1)
    assert first.number == 0  # so the pack is next
    for pid in workers_of():
        os.kill(pid, signal.SIGKILL)
    outcomes = collect(engine, 4)
    assert [(outcome.number, outcome.is_complete) for outcome in outcomes] == [
        (n, True) for n in (1, 2, 3, 4)
    ]
    assert {outcome.plan for outcome in outcomes} == {"pack of 2, cpu"}


def test_a_job_that_takes_two_workers_down_is_killed(
    engine: Engine,
    make_job: Make,
    collect: Collect,
    workers_of: Callable[..., set[int]],
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    endless = replace(make_job(1, epochs=100_000), checkpoint=str(state), minutes=0)
    engine.submit([make_job(0), endless])
    outcomes = collect(engine, 1)

    def kill_what_has_begun() -> bool:  # a worker that is only starting is let live
        if state.exists():
            for pid in workers_of():
                os.kill(pid, signal.SIGKILL)
            state.unlink()
        outcomes.extend(engine.collect(0.1))
        return len(outcomes) > 1

    wait_until(kill_what_has_begun, "an outcome of a job whose workers die")
    first, outcome = outcomes
    assert first.number == 0
    assert (outcome.number, outcome.kind) == (1, "killed")
    assert "killed: its worker ended" in outcome.reason
    assert "2 times" in outcome.reason


def test_a_death_before_a_job_begins_is_not_blamed_on_it(
    folder: Path, make_job: Make, collect: Collect, workers_of: Callable[..., set[int]]
) -> None:
    others = workers_of()  # the shared engine's
    engine = open_engine("local", 1, None, folder)
    engine.submit([make_job(1)])
    collect(engine, 1)
    (idle,) = workers_of() - others
    os.kill(idle, signal.SIGSTOP)
    engine.submit([make_job(0), make_job(1, epochs=300)])  # never read: the worker is stopped
    os.kill(idle, signal.SIGKILL)
    collect(engine, 1)  # so that job 1 is under way, on a new worker
    (busy,) = workers_of() - others
    os.kill(busy, signal.SIGKILL)
    (outcome,) = collect(engine, 1)
    engine.close()
    assert (outcome.number, outcome.state) == (1, "complete")


@dataclass(frozen=True)
class Unreadable(Job):
    """A job that takes its worker down before it begins: a worker knows no such field."""

    more: int = 0


@pytest.mark.slow
def test_a_job_that_no_worker_lives_to_begin_is_given_up(
    folder: Path, make_job: Make, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unitsearch.engine.retries.UNBEGUN_TRIES", 2)  # 5 take seconds longer
    engine = open_engine("local", 1, None, folder)
    engine.submit([Unreadable(**vars(make_job(0)))])
    engine.submit([make_job(1)])
    lost, done = collect(engine, 2)
    engine.close()
    assert (lost.kind, done.state) == ("killed", "complete")
    assert lost.reason == (
        "killed: 2 workers that were handed it ended with exit code 1 before they began"
    )


def test_work_goes_on_after_a_killed_job(engine: Engine, make_job: Make, collect: Collect) -> None:
    engine.submit([make_job(2)])
    assert collect(engine, 1)[0].is_complete


def test_nothing_to_collect_is_an_empty_list(engine: Engine) -> None:
    assert engine.collect(0.01) == []


def test_close_ends_the_workers_in_the_middle_of_a_job(
    engine: Engine, make_job: Make, collect: Collect, workers_of: Callable[..., set[int]]
) -> None:
    # the last test of this file: the engine is shared
    engine.submit([make_job(0), make_job(1, epochs=100_000)])
    collect(engine, 1)
    workers = workers_of()
    assert workers
    engine.close()  # to wait for the job's end would take hours
    assert workers_of(among=workers) == set()
    engine.close()


def test_a_closed_engine_leaves_only_its_log(engine: Engine, folder: Path) -> None:
    engine.close()
    assert [path.name for path in folder.iterdir()] == ["workers.log"]
