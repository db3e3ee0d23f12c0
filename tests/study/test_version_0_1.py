"""Studies that version 0.1.0 wrote are opened, shown and continued as it would have done."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.study.real_studies import call, listed, resume
from unitsearch import load_network
from unitsearch.architecture import key
from unitsearch.exports.documents import csv_text
from unitsearch.study.folder import read_study
from unitsearch.study.manifest import read_manifest, write_manifest
from unitsearch.study.tables import COLUMNS, rows

STORED = Path(__file__).parent / "version_0_1"
NAMES = ("finished", "killed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose ./studies holds copies of the old studies."""
    for name in NAMES:
        shutil.copytree(STORED / name, tmp_path / "studies" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def continuation() -> list[tuple[int, str, int]]:
    """Return number, key and seed of the trials that version 0.1.0 went on with."""
    with (STORED / "continuation.csv").open(encoding="utf-8") as file:
        return [(int(r["number"]), r["key"], int(r["seed"])) for r in csv.DictReader(file)]


def test_the_table_of_trials_is_the_one_that_was_written_then(home: Path) -> None:
    record = read_study("finished")
    raw_front = {trial.number for trial in record.raw_front}
    # the front was that of the raw accuracies then
    as_then = [{**row, "front": row["number"] in raw_front} for row in rows(record)]
    table = csv_text(as_then, COLUMNS)
    assert table == (STORED / "finished" / "trials.csv").read_text("utf-8")


def test_status_says_that_the_one_is_done_and_the_other_stopped(home: Path) -> None:
    states = {}
    for name in NAMES:
        done = call(home, "status", name, "-f", "json")
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)
        states[name] = (row["state"], row["complete"], row["waiting"], row["stopped"])
    assert states == {"finished": ("done", 8, 0, 0), "killed": ("stopped", 5, 2, 0)}


def test_a_manifest_is_read_and_written_with_nothing_lost(home: Path) -> None:
    folder = home / "studies" / "finished"
    manifest = read_manifest(folder, strict=True)
    write_manifest(folder, manifest)
    assert read_manifest(folder, strict=True) == manifest
    assert manifest.config.stopping.name == "none"
    assert manifest.config.verify == 0.0
    assert (manifest.config.sampler.name, manifest.config.sampler.lag) == ("nsga2", 2)
    assert manifest.split == "fe66fad6c62240ce"
    assert manifest.versions["unitsearch"] == "0.1.0"


def test_the_report_is_written_anew(home: Path) -> None:
    done = call(home, "report", "finished")
    assert done.returncode == 0, done.stderr
    assert "finished" in (home / "studies" / "finished" / "report.html").read_text("utf-8")


def test_an_exported_network_is_loaded_with_its_weights() -> None:
    network = load_network(STORED / "exported" / "00003.yaml")
    assert key(network.architecture) == read_study(STORED / "finished").trials[3].key


@pytest.mark.slow
def test_a_raised_budget_goes_on_with_the_trials_that_were_next_then(home: Path) -> None:
    resume(home / "studies" / "finished", ["budget.trials=11"])
    trials = listed(home, "finished")
    assert [(row["number"], row["key"], row["seed"]) for row in trials[8:]] == continuation()
    assert read_study("finished").repeats == 0


@pytest.mark.slow
def test_a_killed_study_goes_on_with_the_trials_that_were_next_then(home: Path) -> None:
    resume(home / "studies" / "killed")
    resumed, straight = listed(home, "killed"), listed(home, "finished")
    facts = [[(row["number"], row["key"], row["seed"]) for row in study]
             for study in (resumed, straight)]  # fmt: skip
    assert facts[0] == facts[1]
    assert {row["state"] for row in resumed} == {"complete"}
