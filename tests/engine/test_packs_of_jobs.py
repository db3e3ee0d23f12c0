"""A list of jobs: jobs of one skeleton train as a pack, each with an outcome of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unitsearch.engine import Job, Outcome, batching
from unitsearch.engine import work as works
from unitsearch.network.weights import distance, load_weights

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[..., Job]


def grouped(jobs: Sequence[Job]) -> list[list[int]]:
    """The numbers of the jobs that may train as packs."""
    groups = batching.group_by_skeleton([works.PreparedJob(job) for job in jobs])
    return [[prepared.job.number for prepared in group] for group in groups]


def done(jobs: Sequence[Job], cache: works.WorkerCache | None = None) -> dict[int, Outcome]:
    outcomes = batching.run_jobs(jobs, cache or works.WorkerCache(), lambda begun: None)
    return {outcome.number: outcome for outcome in outcomes}


def test_jobs_of_one_skeleton_train_as_a_pack_and_the_others_alone(
    make_member: Make, make_job: Make
) -> None:
    other = replace(make_job(1), pack=4)
    outcomes = done([make_member(0, pack=4), other, make_member(2, pack=4), make_member(3, pack=4)])
    assert {n: outcome.plan.startswith("pack") for n, outcome in outcomes.items()} == {
        0: True, 1: False, 2: True, 3: True
    }  # fmt: skip
    assert outcomes[0].plan == "pack of 3, cpu"
    assert all(outcome.is_complete for outcome in outcomes.values())


def test_jobs_that_ask_for_no_pack_or_for_a_plan_train_alone(make_member: Make) -> None:
    jobs = [make_member(n, pack=1) for n in range(2)]
    jobs += [replace(make_member(n), plan="grouped") for n in range(2, 4)]
    assert grouped(jobs) == [[0], [1], [2], [3]]


def test_jobs_of_other_recipes_or_data_are_not_packed_together(make_member: Make) -> None:
    jobs = [make_member(0), make_member(1, batch=32), make_member(2), make_member(3, batch=32)]
    jobs.append(replace(make_member(4), data={**jobs[0].data, "limit": 500}))
    assert grouped(jobs) == [[0, 2], [1, 3], [4]]


def test_a_member_ends_as_it_would_alone_to_rounding(make_member: Make) -> None:
    jobs = [make_member(n, pack=3, epochs=2) for n in range(3)]
    for number, outcome in done(jobs).items():
        alone = works.run_job(replace(jobs[number], plan="grouped"), works.WorkerCache())
        assert outcome.curve == pytest.approx(alone.curve, abs=0.02)
        assert outcome.loss_curve == pytest.approx(alone.loss_curve, abs=0.02)
        assert distance(outcome.digest, alone.digest) < 0.01
        same = {"classes", "mean", "std", "split_hash", "images", "number", "task"}
        assert [getattr(outcome, name) for name in same] == [getattr(alone, name) for name in same]


def test_the_weights_of_a_member_are_those_that_its_digest_is_of(make_member: Make) -> None:
    from unitsearch.architecture import read_architecture
    from unitsearch.network.build import build
    from unitsearch.network.weights import digest

    jobs = [make_member(n) for n in range(2)]
    for number, outcome in done(jobs).items():
        architecture = read_architecture(jobs[number].architecture)
        network = build(replace(architecture, mean=outcome.mean, std=outcome.std))
        load_weights(network, outcome.weights, "weights")
        assert digest(network) == outcome.digest


def test_an_outcome_is_there_before_the_jobs_that_wait_have_begun(make_member: Make) -> None:
    began: list[list[int]] = []
    jobs = [make_member(n) for n in range(5)]
    outcomes = batching.run_jobs(
        jobs, works.WorkerCache(), lambda begun: began.append([job.number for job in begun])
    )
    assert next(outcomes).number == 0
    assert began == [[0, 1]]
    assert [outcome.number for outcome in outcomes] == [1, 2, 3, 4]
    assert began == [[0, 1], [2], [2, 3], [4]]


def test_a_member_that_diverges_fails_alone(make_member: Make) -> None:
    acts = ("sigmoid", "none", "sigmoid", "sigmoid")  # linear upon linear: weights multiply
    hot = {"optimiser": "sgd", "rate": 1e4, "pack": 3}
    outcomes = done([make_member(n, act=act, **hot) for n, act in enumerate(acts)])
    assert outcomes[1].kind == "diverged"
    assert outcomes[1].reason == "diverged: the loss is nan in epoch 1"
    assert [outcomes[n].plan for n in (0, 2, 3)] == ["pack of 3, cpu"] * 3


def test_a_member_below_its_bar_stops_alone(make_member: Make) -> None:
    jobs = [make_member(n, pack=3, epochs=2) for n in range(3)]
    whole = done(jobs)
    outcomes = done([jobs[0], replace(jobs[1], bars=(2.0,)), jobs[2]])
    assert {n: outcome.state for n, outcome in outcomes.items()} == {
        0: "complete", 1: "stopped", 2: "complete"
    }  # fmt: skip
    assert outcomes[1].curve == whole[1].curve[:1]
    assert outcomes[2].curve == whole[2].curve


def test_data_that_cannot_be_read_fail_each_job_by_itself(make_member: Make) -> None:
    jobs = [make_member(n) for n in range(2)]
    jobs = [replace(job, data={**job.data, "limit": 5000}) for job in jobs]
    assert {n: outcome.kind for n, outcome in done(jobs).items()} == {0: "data", 1: "data"}


def test_on_the_cpu_the_measured_size_of_a_pack_is_one(make_member: Make) -> None:
    jobs = [replace(make_member(n), pack=None) for n in range(2)]
    assert [outcome.plan for outcome in done(jobs).values()] != ["pack of 2, cpu"] * 2


_TIGHT = """
import resource, sys
from unitsearch.data import data_spec
from unitsearch.engine import Job, batching, work
from unitsearch.fields import write_all
from unitsearch.training import Recipe

conv = {"kind": "conv", "out": 256, "kernel": 1, "norm": "none", "act": "relu"}
layers = [conv, {"kind": "global_pool"}, {"kind": "flatten"}, {"kind": "linear", "out": 10}]
architecture = {"unitsearch": 1, "input": [1, 8, 8], "layers": layers}
recipe, data = write_all(Recipe(epochs=1, batch=1024)), write_all(data_spec("digits"))

def jobs(count):
    return [Job(n, "train", architecture, n, recipe, data, pack=count) for n in range(count)]

def run(count, cache):
    for outcome in batching.run_jobs(jobs(count), cache, lambda begun: None):
        print(outcome.number, outcome.is_complete, outcome.plan)

work.prepare_process()
run(2, work.WorkerCache())
size = next(int(s.split()[1]) for s in open("/proc/self/status") if s.startswith("VmSize"))
limit = (size + 550 * 1024) * 1024  # two members take 360 MiB more, four 740
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
cache = work.WorkerCache()
run(4, cache)
run(4, cache)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process so")
def test_a_pack_that_memory_is_too_small_for_is_halved_once_and_goes_on() -> None:
    ran = subprocess.run([sys.executable, "-c", _TIGHT], capture_output=True, text=True)
    assert ran.stderr == "memory is too small for packs of 4: 2 from now on\n"
    fours = [f"{n} True pack of 2, cpu" for n in range(4)]
    assert ran.stdout.splitlines() == [*fours[:2], *fours, *fours]


def test_memory_that_runs_out_as_members_join_makes_no_later_pack_smaller(
    make_member: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    joined: list[int] = []

    def begin(begun: Sequence[Job]) -> None:
        if begun[-1].number == 2 and not joined:
            joined.append(2)
            raise MemoryError

    cache = works.WorkerCache()
    outcomes = list(batching.run_jobs([make_member(n) for n in range(3)], cache, begin))
    assert sorted((outcome.number, outcome.is_complete) for outcome in outcomes) == [
        (0, True), (1, True), (2, True)
    ]  # fmt: skip
    lines = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("plan: ")]
    assert lines == ["memory ran out as members joined a pack: 1 for the rest"]
    assert cache.sizes == {}


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_job_for_a_gpu_that_is_not_there_is_a_failure_and_no_crash(
    make_member: Make, tmp_path: Path
) -> None:
    jobs = [replace(make_member(n), device="cuda") for n in range(2)]
    assert {outcome.kind for outcome in done(jobs).values()} == {"error"}
