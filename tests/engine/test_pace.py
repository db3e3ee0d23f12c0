"""The pace of a network, measured in this process: its plan, its times, its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from unitsearch.architecture import write_architecture
from unitsearch.data import data_spec
from unitsearch.data.sets import DataSet
from unitsearch.engine.jobs import PACE, Job
from unitsearch.engine.pace import measure_pace
from unitsearch.engine.work import WorkerCache, run_job
from unitsearch.fields import write_all
from unitsearch.space import baseline, bind, load_space, point

Make = Callable[..., Job]


def unread(spec: Any, device: str) -> DataSet:
    raise AssertionError("images in memory are made, not read")


def pace_job(make: Make, space: str, image: tuple[int, int, int], **fields: Any) -> Job:
    architecture = baseline(bind(load_space(space), image, 10))
    job = make(0, write_architecture(architecture))
    return replace(job, task=PACE, **fields)


@pytest.mark.slow
def test_a_small_network_is_timed_in_the_plan_of_a_run_with_full_steps(make_job: Make) -> None:
    job = pace_job(make_job, "lenet_hybrid", (1, 8, 8))
    outcome = run_job(job, WorkerCache())
    assert outcome.is_complete, outcome.reason
    assert (outcome.task, outcome.plan, outcome.images) == (PACE, "lanes", 64)
    times = outcome.pace
    assert times is not None
    assert min(times.beside, times.train, times.evaluate) > 0
    assert 0 < times.share <= 1


def test_a_plan_that_is_asked_for_is_timed(make_job: Make) -> None:
    job = pace_job(make_job, "lenet_hybrid", (1, 8, 8), plan="loop")
    outcome = measure_pace(job, unread)
    assert (outcome.plan, outcome.pace and outcome.pace.tuning) == ("loop", 0.0)


@pytest.mark.slow
def test_a_large_network_is_timed_on_a_few_images_only(make_job: Make) -> None:
    network = point(bind(load_space("resnet34_imagenet"), (3, 224, 224), 1000), "baseline")
    job = replace(
        make_job(0, write_architecture(network), batch=128),
        task=PACE,
        data=write_all(data_spec("imagenet", root="/nowhere")),
    )
    outcome = measure_pace(job, unread)
    assert (outcome.plan, outcome.images) == ("grouped", 2)
    assert outcome.pace is not None
    assert outcome.pace.tuning > 0
