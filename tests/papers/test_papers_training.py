"""Trainings of named networks: several seeds, resumable, beside the printed accuracies."""

from __future__ import annotations

from pathlib import Path

import pytest

from unitsearch.api import reproduce_training
from unitsearch.errors import StudyError, UsageError
from unitsearch.study.trainings import read_trainings

NETWORKS = ["lenet_hybrid:hybrid", "lenet_hybrid:single_U1"]
FEW = ["train=fast", "train.epochs=2", "data.limit=400", "data.validation=0.2", "engine.workers=1"]


def news(folder: Path, seeds: int, overrides: list[str] = FEW) -> list[str]:
    lines: list[str] = []
    reproduce_training(NETWORKS, seeds, folder, overrides, lines.append)
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reference")
    news(made, 1)
    return made


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the trainings of ``folder`` were made a second time."""
    made = tmp_path_factory.mktemp("again")
    news(made, 1)
    return made


def test_a_training_says_its_last_and_its_best_epoch(folder: Path) -> None:
    for training in read_trainings(folder):
        assert len(training.curve) == 2
        assert training.last == training.curve[-1]
        assert training.best == max(training.curve) == training.curve[training.best_epoch - 1]
        assert training.images == 347  # the test images of the digits


def test_a_training_that_is_there_is_not_made_again(folder: Path) -> None:
    before = read_trainings(folder)
    assert news(folder, 1) == []
    lines = news(folder, 2)
    assert lines[0] == "2 trainings to do, 2 done before"
    after = read_trainings(folder)
    assert [training for training in after if training.seed == 0] == [
        training for training in before if training.seed == 0
    ]
    assert sorted({training.seed for training in after}) == [0, 1]


def test_the_spread_is_over_seeds_and_one_seed_has_none(folder: Path, again: Path) -> None:
    training, *_ = reproduce_training(NETWORKS, 1, again, FEW)
    assert (training.count, training.last_spread) == (1, None)
    many, *_ = reproduce_training(NETWORKS, 2, folder, FEW)
    assert many.count == 2
    assert many.last_spread is not None


def test_a_training_is_the_same_made_again(folder: Path, again: Path) -> None:
    made = {training.network: training.curve for training in read_trainings(again)}
    before = {
        training.network: training.curve
        for training in read_trainings(folder)
        if training.seed == 0
    }
    assert made == before


def test_seeds_that_train_as_a_pack_reach_the_accuracy_of_each_alone(
    folder: Path, tmp_path: Path
) -> None:
    news(tmp_path, 1, [*FEW, "engine.pack=2"])
    before = {
        training.network: training.last for training in read_trainings(folder) if training.seed == 0
    }
    for training in read_trainings(tmp_path):
        assert training.plan == "pack of 2, cpu"
        assert training.last == pytest.approx(before[training.network], abs=0.04)


def test_trainings_of_other_settings_are_not_mixed(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"train.epochs is 2 there and 3 here"):
        news(folder, 1, ["train=fast", "train.epochs=3", *FEW[2:]])


def test_a_damaged_table_is_reported_with_its_line(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "trainings.csv").read_text().splitlines()
    (tmp_path / "trainings.csv").write_text("\n".join([*lines[:2], "lenet_hybrid:hybrid,zero"]))
    with pytest.raises(StudyError, match=r"trainings.csv:3: not a training"):
        read_trainings(tmp_path)


def test_a_network_named_twice_is_trained_once(folder: Path) -> None:
    (training,) = reproduce_training([NETWORKS[0], NETWORKS[0]], 1, folder, FEW)
    assert training.count == len(
        {t.seed for t in read_trainings(folder) if t.network == NETWORKS[0]}
    )


def test_one_that_fails_does_not_take_the_others_along(tmp_path: Path) -> None:
    diverging = [*FEW, "train.rate=1e30"]
    with pytest.raises(StudyError, match=r"diverged: .*, and 1 more"):
        reproduce_training(NETWORKS, 1, tmp_path, diverging)
    assert read_trainings(tmp_path) == []


def test_data_that_do_not_fit_a_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="data cifar100 has 3×32×32"):
        reproduce_training(["lenet_table1:U1"], 1, tmp_path, ["data=cifar100"])


def test_a_setting_that_is_not_of_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sampler=tpe"):
        news(tmp_path, 1, ["sampler=tpe"])


@pytest.mark.parametrize("named", ["lenet_table1", "lenet_table1:", ":U1"])
def test_a_network_without_space_or_point_is_refused(tmp_path: Path, named: str) -> None:
    with pytest.raises(UsageError, match="expected SPACE:POINT"):
        reproduce_training([named], 1, tmp_path)
