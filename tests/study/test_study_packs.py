"""A study whose candidates train as packs finds what one that trains them alone finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.study.real_studies import Driver, call
from unitsearch.study.folder import read_study
from unitsearch.study.manifest import read_manifest
from unitsearch.study.record import Record

pytestmark = pytest.mark.slow
WORDS = [
    "data.limit=700",
    "data.validation=200",
    "sampler=random",
    "engine.workers=1",
    "engine.device=cpu",
    "budget.trials=9",
    "seed=3",
]
FOURS = [*WORDS, "engine.pack=4"]


def proposed(record: Record) -> list[tuple[object, ...]]:
    """Return the facts that must not depend on how trials were trained."""
    return [(t.number, t.key, t.seed, t.values) for t in record.trials]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Record:
    home = tmp_path_factory.mktemp("alone")
    done = call(home, "run", *WORDS, "train.epochs=2", "name=one")
    assert done.returncode == 0, done.stderr
    return read_study(home / "studies" / "one")


def test_packs_of_four_give_the_same_trials_and_accuracies_within_noise(
    alone: Record, tmp_path: Path
) -> None:
    done = call(tmp_path, "run", *FOURS, "train.epochs=2", "name=four")
    assert done.returncode == 0, done.stderr
    record = read_study(tmp_path / "studies" / "four")
    assert proposed(record) == proposed(alone)
    for one, other in zip(record.trials, alone.trials, strict=True):
        assert one.accuracy is not None
        assert other.accuracy is not None
        # rounding that training amplifies moves a few of 200 images, another seed many
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.04)
        assert len(one.curve) == 2
    packed = [trial.plan for trial in record.trials if trial.plan.startswith("pack")]
    assert len(packed) >= 6
    assert "pack of 4, cpu" in packed
    assert all(trial.plan.startswith("pack") is False for trial in alone.trials)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study in packs of twelve, killed with its processes in the middle of one."""
    home = tmp_path_factory.mktemp("cut")
    driver = Driver(home, "run", *WORDS, "engine.pack=12", "train.epochs=5", "name=killed")
    driver.wait_for("trial 0 complete")  # it trains alone; the others of its list come next
    driver.kill_group()
    return home / "studies" / "killed"


def test_the_lag_of_a_new_study_grows_with_its_packs_and_is_written_down(cut: Path) -> None:
    assert read_manifest(cut).config.sampler.lag == 12


def test_a_driver_killed_in_the_middle_of_a_pack_loses_nothing(alone: Record, cut: Path) -> None:
    before = read_study(cut)
    assert before.trials[0].state == "complete"
    assert {trial.state for trial in before.trials[1:]} == {"waiting"}
    assert len(before.trials) >= 4
    done = call(cut.parents[1], "resume", "killed")
    assert done.returncode == 0, done.stderr
    after = read_study(cut)
    assert {trial.state for trial in after.trials} == {"complete"}
    assert proposed(after) == proposed(alone)
    assert after.trials[0].digest == before.trials[0].digest
    assert all(len(trial.curve) == 5 for trial in after.trials)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", [["run"], ["run", "--dry-run"], ["train", "lenet_hybrid:hybrid"]])
def test_a_gpu_that_is_not_there_is_refused_in_one_line(tmp_path: Path, words: list[str]) -> None:
    done = call(tmp_path, *words, "engine.device=cuda")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "unitsearch: engine.device: found 'cuda', expected a GPU that torch finds: there is none; "
        "try engine.device=cpu, or install torch for CUDA\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("pack", ["4", "null"])
def test_on_a_gpu_the_same_trials_are_proposed_and_trained_as_packs(
    alone: Record, tmp_path: Path, pack: str
) -> None:
    words = [word for word in WORDS if not word.startswith("engine")]
    words += ["engine.device=cuda", f"engine.pack={pack}", "train.epochs=2", "name=gpu"]
    done = call(tmp_path, "run", *words)
    assert done.returncode == 0, done.stderr
    record = read_study(tmp_path / "studies" / "gpu")
    assert proposed(record) == proposed(alone)
    for one, other in zip(record.trials, alone.trials, strict=True):
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.04)
        assert one.plan.endswith(", cuda")
