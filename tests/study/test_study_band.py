"""A study whose trainings the band ends: the same trials, for any workers and after a kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.study.real_studies import QUICK, Driver, call
from tests.study.trial_facts import facts_of_trials
from unitsearch.study.folder import read_study
from unitsearch.study.record import Record

pytestmark = pytest.mark.slow
Start = Callable[..., Driver]
FOLDER = Path("studies") / "bands"
# Four epochs: the band is the default; it has bars after the first two of them.
WORDS = [*QUICK, "train.epochs=4", "sampler=nsga2", "budget.trials=26", "name=bands"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a study some of whose trials were stopped; not to be changed."""
    home = tmp_path_factory.mktemp("bands")
    done = call(home, "run", *WORDS)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def record(home: Path) -> Record:
    return read_study(home / FOLDER)


def test_trials_are_stopped_below_what_networks_of_no_more_cost_reach(record: Record) -> None:
    assert record.manifest.config.stopping.name == "band"
    stopped = [trial for trial in record.trials if trial.state == "stopped"]
    assert stopped
    for trial in stopped:
        assert trial.epochs <= 2
        assert f"after epoch {trial.epochs} of 4 expected" in trial.reason
        assert any(
            other.cost.params <= trial.cost.params and other.cost.flops <= trial.cost.flops
            for other in record.trials
            if other.state == "complete"
        )


def test_two_workers_that_are_killed_and_resumed_stop_the_same_trials(
    home: Path, tmp_path: Path, driver: Start
) -> None:
    killed = driver("run", *WORDS, "engine.workers=2")
    killed.wait_for("trial 18 ")
    killed.kill_group()
    done = call(tmp_path, "resume", "bands")
    assert done.returncode == 0, done.stderr
    assert facts_of_trials(tmp_path / FOLDER) == facts_of_trials(home / FOLDER)
