"""A study with a ladder: who climbs, what is stored, and that no kill and no worker changes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.study.real_studies import QUICK, Driver, call
from tests.study.trial_facts import facts_of_trials
from unitsearch.study.folder import read_study
from unitsearch.study.record import Record
from unitsearch.study.trial_log import TrialLog

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]
WORDS = [*QUICK, "train.epochs=2", "stopping=fixed", "stopping.bar=0.3", "stopping.after=1",
         "ladder=[{images:0.3,epochs:2},{size:6}]", "budget.trials=8", "name=ladder"]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a study some of whose trials did not climb; not to be changed."""
    home = tmp_path_factory.mktemp("ladder")
    done = call(home, "run", *WORDS)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def record(home: Path) -> Record:
    return read_study(home / "studies" / "ladder")


def test_some_networks_climb_to_the_full_training_and_others_do_not(record: Record) -> None:
    on_ladder = [trial for trial in record.trials if "on rung" in trial.reason]
    assert on_ladder
    assert record.complete
    for trial in on_ladder:
        assert (trial.state, trial.accuracy, trial.curve) == ("stopped", None, ())
        assert trial.rungs[-1] < 0.3
    for trial in record.complete:
        assert (len(trial.rungs), len(trial.rung_losses), len(trial.curve)) == (2, 2, 2)


def test_the_baseline_climbs_without_bars(record: Record) -> None:
    assert record.baseline is not None
    assert len(record.baseline.rungs) == 2


def test_the_search_sees_the_rungs_as_the_first_points_of_a_curve(record: Record) -> None:
    observed = TrialLog(record.trials, record.manifest.config.points).observations
    for trial, seen in zip(record.trials, observed, strict=True):
        assert seen.curve == (*trial.rungs, *trial.curve)
        assert len(seen.loss_curve) == len(seen.curve) == seen.epochs
        assert seen.recipe_epochs == 4


def test_a_killed_and_resumed_study_climbs_alike(home: Path, tmp_path: Path, driver: Start) -> None:
    killed = driver("run", *WORDS)
    killed.wait_for("trial 3 ")
    killed.kill_group()
    done = call(tmp_path, "resume", "ladder")
    assert done.returncode == 0, done.stderr
    folder = Path("studies") / "ladder"
    assert facts_of_trials(tmp_path / folder) == facts_of_trials(home / folder)
    rungs = [trial.rungs for trial in read_study(tmp_path / folder).trials]
    assert rungs == [trial.rungs for trial in read_study(home / folder).trials]


def test_two_workers_climb_as_one(home: Path, tmp_path: Path) -> None:
    done = call(tmp_path, "run", *WORDS, "engine.workers=2")
    assert done.returncode == 0, done.stderr
    folder = Path("studies") / "ladder"
    assert facts_of_trials(tmp_path / folder) == facts_of_trials(home / folder)


def test_the_report_and_the_figures_show_such_trials(home: Path) -> None:
    assert "on rung 1 of 2 is below" in call(home, "trials", "ladder", "-f", "json").stdout
    assert call(home, "report", "ladder").returncode == 0
    for figure in ("curves", "convergence", "tradeoff"):
        done = call(home, "plot", "ladder", figure, "-o", str(home / f"{figure}.html"))
        assert done.returncode == 0, done.stderr


def test_a_size_at_which_members_do_not_build_is_refused(tmp_path: Path) -> None:
    done = call(tmp_path, "run", "stopping=fixed", "ladder=[{size:3}]")
    assert done.returncode == 2
    assert "ladder[0].size: found 3, expected images that every member takes" in done.stderr
    assert not list(tmp_path.iterdir())


def test_packs_and_a_ladder_do_not_go_together(tmp_path: Path) -> None:
    done = call(tmp_path, "run", "stopping=fixed", "ladder=[{epochs:1}]", "engine.pack=4")
    assert done.returncode == 2
    assert "engine.pack: found 4, expected 1 with a ladder" in done.stderr
