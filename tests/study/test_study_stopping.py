"""Trials that a stopping rule ends early: stored, counted, shown, and the same after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.study.real_studies import QUICK, Driver, call, command, listed
from tests.study.trial_facts import facts_of_trials
from unitsearch.study.folder import read_study
from unitsearch.study.record import Record
from unitsearch.study.store import JOURNAL
from unitsearch.study.tables import front_trials

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]
TRIALS = 8
# The bar divides the networks of this study after their first epoch of two.
WORDS = [*QUICK, "train.epochs=2", "stopping=fixed", "stopping.bar=0.5", "stopping.after=1",
         f"budget.trials={TRIALS}"]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a study some of whose trials were stopped; not to be changed."""
    home = tmp_path_factory.mktemp("stopping")
    done = call(home, "run", *WORDS, "name=bars")
    assert done.returncode == 0, done.stderr
    (home / "stdout").write_text(done.stdout)
    (home / "stderr").write_text(done.stderr)
    return home


@pytest.fixture(scope="module")
def record(home: Path) -> Record:
    return read_study(home / "studies" / "bars")


def test_some_trials_are_stopped_and_others_complete(record: Record) -> None:
    states = {trial.state for trial in record.trials}
    assert states == {"complete", "stopped"}


def test_a_stopped_trial_keeps_its_curve_and_says_why(record: Record) -> None:
    for trial in record.trials:
        if trial.state == "stopped":
            assert trial.epochs == len(trial.loss_curve) == 1
            assert trial.accuracy == trial.curve[-1] < 0.5
            assert trial.reason.endswith("after epoch 1 of 2 is below 0.5")
            assert trial.train_seconds is not None
        else:
            assert trial.epochs == 2
            assert trial.is_baseline or trial.curve[0] >= 0.5


def test_the_baseline_is_given_no_bar(tmp_path: Path) -> None:
    words = [*WORDS, "stopping.bar=1", "budget.trials=3"]
    done = call(tmp_path, "run", *words, "name=high")
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in listed(tmp_path, "high")] == ["complete", "stopped", "stopped"]


def test_complete_and_stopped_trials_count_for_the_budget(record: Record) -> None:
    assert record.counted == len(record.trials) == TRIALS
    assert len(record.complete) < TRIALS


def test_no_stopped_trial_is_on_the_front_or_tested_or_has_weights(record: Record) -> None:
    stopped = {trial.number for trial in record.trials if trial.state == "stopped"}
    assert not stopped & {trial.number for trial in front_trials(record)}
    assert all(record.trials[number].test_accuracy is None for number in stopped)
    weights = {int(path.stem) for path in (record.folder / "trials").glob("*.safetensors")}
    assert not stopped & weights


def test_status_and_trials_show_them(home: Path, record: Record) -> None:
    (status,) = json.loads(call(home, "status", "bars", "-f", "json").stdout)
    stopped = TRIALS - len(record.complete)
    assert (status["state"], status["stopped"], status["failed"]) == ("done", stopped, 0)
    rows = listed(home, "bars")
    assert sum(row["state"] == "stopped" for row in rows) == stopped
    assert all("is below 0.5" in row["reason"] for row in rows if row["state"] == "stopped")


def test_the_run_reports_them(home: Path, record: Record) -> None:
    stopped = TRIALS - len(record.complete)
    assert (home / "stderr").read_text().count(" stopped: accuracy 0.") == stopped
    assert f"{stopped} stopped early" in (home / "stdout").read_text()


def test_optuna_reads_them_as_pruned(home: Path, record: Record) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(record.folder / JOURNAL))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna.load_study(study_name="bars", storage=storage)
    pruned = [trial.number for trial in study.get_trials(states=[TrialState.PRUNED])]
    assert pruned == [trial.number for trial in record.trials if trial.state == "stopped"]
    assert {trial.number for trial in study.best_trials}.isdisjoint(pruned)
    assert len(study.trials_dataframe()) == TRIALS


def test_a_killed_and_resumed_study_stops_the_same_trials(
    home: Path, tmp_path: Path, driver: Start
) -> None:
    killed = driver("run", *WORDS, "name=bars")
    killed.wait_for("trial 3 ")
    killed.kill_group()
    done = call(tmp_path, "resume", "bars")
    assert done.returncode == 0, done.stderr
    folder = Path("studies") / "bars"
    assert facts_of_trials(tmp_path / folder) == facts_of_trials(home / folder)


def test_a_database_holds_the_same(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/all.db"
    done = call(tmp_path, "run", *WORDS, "name=bars", f'storage="{url}"')
    assert done.returncode == 0, done.stderr
    folder = Path("studies") / "bars"
    assert facts_of_trials(tmp_path / folder) == facts_of_trials(home / folder)


@pytest.mark.ray
def test_ray_completes_and_stops_the_same_trials(home: Path, tmp_path: Path) -> None:
    done = command(tmp_path, "run", *WORDS, "name=bars", "engine=ray", "engine.workers=2")
    assert done.returncode == 0, done.stderr
    folder = Path("studies") / "bars"
    assert facts_of_trials(tmp_path / folder) == facts_of_trials(home / folder)


def test_the_report_lists_them_with_their_reasons(home: Path) -> None:
    text = (home / "studies" / "bars" / "report.html").read_text("utf-8")
    assert "after epoch 1 of 2 is below 0.5" in text
