"""Latency in a search is measured in the runtime that the study names, and may be limited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.exports.export_networks import CONV, SMALL, architecture, source_network
from tests.records import make_record
from unitsearch.architecture import write_architecture
from unitsearch.engine import Job
from unitsearch.engine.measuring import check_runtime
from unitsearch.engine.work import WorkerCache, run_job
from unitsearch.errors import UsageError
from unitsearch.runtimes import RUNTIMES, choosing
from unitsearch.runtimes.choosing import candidates, chosen_program
from unitsearch.runtimes.latency import latency_in
from unitsearch.study.config import compose

UNITS = [{"count": 2, "nodes": [1, 2, 1]}, {"nodes": [2, 3, 2]}]
HYBRID = architecture([CONV, {"kind": "stack", "units": UNITS}, CONV])


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_the_latency_of_a_member_is_measured_in_a_runtime(name: str) -> None:
    low, middle, high = latency_in(name, HYBRID, seed=0)
    assert 0 < low <= middle <= high


def test_a_worker_measures_in_the_runtime_that_its_job_names() -> None:
    job = Job(
        number=1, task="latency", architecture=write_architecture(HYBRID), seed=0, recipe={},
        data={}, runtime="torch",
    )  # fmt: skip
    assert run_job(job, WorkerCache()).latency is not None
    refused = run_job(replace(job, runtime="no such"), WorkerCache())
    assert refused.reason.startswith("error: latency.runtime: found 'no such'")


def test_the_form_of_a_kind_of_stack_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_network(HYBRID)
    first = chosen_program(RUNTIMES["torch"], source)[0]
    monkeypatch.delattr(choosing, "times_in_turns")  # a second measurement would fail
    assert chosen_program(RUNTIMES["torch"], source)[0] == first


def test_every_form_of_a_network_is_a_candidate() -> None:
    source = source_network(SMALL["strides, groups and pooling in units"])
    made = set(candidates(RUNTIMES["torch"], source))
    assert {"runs", "blocks", "loop"} <= made


def test_a_study_names_its_runtime_and_its_limit() -> None:
    config, _ = compose(
        ["objectives=[accuracy,latency]", "latency.runtime=torch", "limits.latency_us=250"]
    )
    assert (config.latency.runtime, config.latency_limit) == ("torch", 0.25)
    assert config.measured == ("latency",)


def test_a_limit_alone_has_latency_measured() -> None:
    config, _ = compose(["limits.latency_us=250", "train.epochs=10"])
    assert config.measured == ("latency",)
    assert config.stopping.name == "none"


def test_a_runtime_without_a_use_or_of_another_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"latency among the objectives, or limits\.latency_us"):
        compose(["latency.runtime=torch"])
    with pytest.raises(UsageError, match=r"latency\.runtime: found 'onnx', expected one of"):
        check_runtime("onnx")


def test_a_trial_beyond_the_limit_is_not_on_the_front() -> None:
    record = make_record()
    slow = next(trial for trial in record.front if not trial.is_baseline)
    trials = [
        replace(trial, searched_latency=(0.1, 0.2, 0.3) if trial.number == slow.number else None)
        for trial in record.trials
    ]
    config = record.manifest.config
    limited = replace(config, limits=replace(config.limits, latency_us=150.0))
    manifest = replace(record.manifest, config=limited)
    found = replace(record, manifest=manifest, trials=tuple(trials))
    assert slow.number not in [trial.number for trial in found.front]
    assert slow.number not in [trial.number for trial in found.raw_front]
    higher = replace(config, limits=replace(config.limits, latency_us=250.0))
    within = replace(found, manifest=replace(manifest, config=higher))
    assert slow.number in [trial.number for trial in within.front]
