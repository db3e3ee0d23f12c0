"""Searches with a measured objective: each network is trained, then its latency is measured."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from shutil import copytree

import pytest

from tests.study.real_studies import QUICK, Driver, call, listed, resume
from unitsearch.study.folder import read_study, study_store, weights_path
from unitsearch.study.latencies import Latencies, write_latencies
from unitsearch.study.manifest import read_manifest
from unitsearch.study.record import Record, Trial
from unitsearch.study.store import JOURNAL
from unitsearch.study.tables import (
    BELIEF_COLUMNS,
    COLUMNS,
    LATER_COSTS,
    columns,
    front_trials,
    rows,
)

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]
TRIALS = 5
WORDS = [*QUICK, "objectives=[accuracy,latency]", f"budget.trials={TRIALS}"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a study that searched for latency; not to be changed."""
    home = tmp_path_factory.mktemp("measured")
    done = call(home, "run", *WORDS, "name=fast")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def record(home: Path) -> Record:
    return read_study(home / "studies" / "fast")


@pytest.fixture
def cut(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy whose last trial was trained and not yet measured when it was killed."""
    folder = tmp_path / "studies" / "fast"
    copytree(home / "studies" / "fast", folder)
    monkeypatch.chdir(tmp_path)
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if '"trained"' in line)
    (folder / JOURNAL).write_text("".join(lines[: last + 1]))
    store = study_store(folder, read_manifest(folder))
    for number in store.held():
        weights_path(folder, number).write_bytes(weights_path(folder, 0).read_bytes())
    store.close()
    return folder


def trained(folder: Path, number: int) -> int:
    """Return how often trial ``number`` was trained."""
    lines = map(json.loads, (folder / JOURNAL).read_text().splitlines())
    return sum(
        line.get("trial_id") == number and "trained" in line.get("user_attr", {}) for line in lines
    )


def values(record: Record, trial: Trial) -> tuple[float, float]:
    """Return the model's accuracy and the latency as numbers of which less is better."""
    assert trial.searched_latency is not None
    return -record.beliefs[trial.number].accuracy, trial.searched_latency[1]


def test_every_trial_has_accuracy_and_latency(record: Record) -> None:
    assert len(record.complete) == TRIALS
    for trial in record.complete:
        assert trial.accuracy is not None
        assert trial.searched_latency is not None
        low, median, high = trial.searched_latency
        assert 0 < low <= median <= high


def test_the_front_is_that_of_accuracy_and_latency(record: Record) -> None:
    front = front_trials(record)
    assert front
    for one, other in permutations(front, 2):
        assert not all(
            a <= b for a, b in zip(values(record, one), values(record, other), strict=True)
        )
    feasible = [t for t in record.complete if -values(record, t)[0] >= record.floor]
    assert min(feasible, key=lambda t: values(record, t)[1]) in front


def test_the_tables_have_a_column_for_it(home: Path, record: Record) -> None:
    assert columns(record) == (*COLUMNS, *LATER_COSTS, "latency", *BELIEF_COLUMNS)
    medians = [values(record, trial)[1] for trial in record.trials]
    assert [row["latency"] for row in rows(record)] == medians
    assert [row["latency"] for row in listed(home, "fast")] == medians
    with (record.folder / "front.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert float(row["latency"]) == medians[int(row["number"])]


def test_a_study_without_it_has_no_such_column(straight: Path) -> None:
    assert columns(read_study(straight)) == (*COLUMNS, *LATER_COSTS, *BELIEF_COLUMNS)


def test_a_trial_that_lacks_its_measurement_has_not_ended(cut: Path) -> None:
    last = read_study(cut).trials[-1]
    assert (last.state, last.accuracy) == ("waiting", None)
    store = study_store(cut, read_manifest(cut))
    assert last.number in store.held()
    store.close()


def test_a_resumed_trial_is_measured_without_a_second_training(cut: Path, record: Record) -> None:
    number = len(read_study(cut).trials) - 1
    resume(cut)
    resumed = read_study(cut)
    assert {trial.state for trial in resumed.trials} == {"complete"}
    assert trained(cut, number) == 1
    last = resumed.trials[number]
    assert (last.accuracy, last.curve, last.digest) == (
        record.trials[number].accuracy,
        record.trials[number].curve,
        record.trials[number].digest,
    )
    assert last.searched_latency is not None


def test_a_resumed_trial_whose_weights_are_lost_is_trained_again(cut: Path) -> None:
    number = len(read_study(cut).trials) - 1
    weights_path(cut, number).unlink()
    resume(cut)
    assert {trial.state for trial in read_study(cut).trials} == {"complete"}
    assert trained(cut, number) == 2


def test_latencies_measured_afterwards_are_shown_and_change_no_front(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "fast"
    copytree(home / "studies" / "fast", folder)
    before = read_study(folder)
    slow = {trial.key: (1e3, 2e3, 3e3) for trial in before.front}
    write_latencies(folder, Latencies(batch=1, device="cpu", threads=1, rounds=3, networks=slow))
    after = read_study(folder)
    assert [t.number for t in after.front] == [t.number for t in before.front]
    assert all(trial.latency == (1e3, 2e3, 3e3) for trial in after.front)
    assert all(trial.measured.latency == 2e3 for trial in after.front)
    assert rows(after) == rows(before)


def test_a_stopped_training_is_not_measured(tmp_path: Path) -> None:
    words = [*WORDS, "train.epochs=2", "stopping=fixed", "stopping.bar=1", "stopping.after=1"]
    done = call(tmp_path, "run", *words, "budget.trials=2", "name=both")
    assert done.returncode == 0, done.stderr
    first, second = read_study(tmp_path / "studies" / "both").trials
    assert (first.state, second.state) == ("complete", "stopped")
    assert (first.searched_latency is None, second.searched_latency is None) == (False, True)
