"""A training stops after the first epoch whose accuracy is below its bar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.digits import Killed, killed_after, one_network, short_digits
from unitsearch.data.sets import DataSet
from unitsearch.training import Recipe
from unitsearch.training.bars import Bars, clears_all, missed_bar
from unitsearch.training.checkpoints import Checkpoint
from unitsearch.training.loop import Trained, train
from unitsearch.training.monitor import Monitor

RECIPE = Recipe(epochs=4, batch=50, optimiser="sgd", rate=0.05)
UNREACHABLE = 2.0


@pytest.fixture(scope="module")
def data() -> DataSet:
    return short_digits()


def run(
    data: DataSet,
    bars: Bars = (),
    *,
    checkpoint: Checkpoint | None = None,
    until: int | None = None,
) -> Trained:
    monitor = Monitor(bars=bars, on_epoch=killed_after(until))
    order = torch.Generator().manual_seed(1)
    return train(one_network(), data, RECIPE, order, monitor=monitor, checkpoint=checkpoint)


def test_a_training_below_its_bar_stops_there_and_keeps_its_curve(data: DataSet) -> None:
    whole = run(data)
    stopped = run(data, (None, UNREACHABLE))
    assert stopped.is_stopped
    assert stopped.curve == whole.curve[:2]
    assert stopped.loss_curve == whole.loss_curve[:2]
    assert stopped.losses == whole.losses[:2]


def test_the_reason_gives_accuracy_epoch_and_bar(data: DataSet) -> None:
    stopped = run(data, (UNREACHABLE,))
    accuracy = f"{stopped.curve[0]:.4g}"
    assert stopped.stop_reason == f"accuracy {accuracy} after epoch 1 of 4 is below 2"


def test_a_training_that_clears_its_bars_is_as_one_without(data: DataSet) -> None:
    whole = run(data)
    cleared = run(data, whole.curve)  # an accuracy equal to its bar is not below it
    assert replace(cleared, seconds=0) == replace(whole, seconds=0)
    assert not cleared.is_stopped


def test_the_last_epoch_has_no_bar(data: DataSet) -> None:
    assert not run(data, (None, None, None, UNREACHABLE)).is_stopped


def test_an_accuracy_of_no_images_is_not_below_a_bar() -> None:
    assert missed_bar([float("nan")], [1.0], (0.5,), 4) == ""


def test_a_curve_clears_bars_if_none_of_its_epochs_misses_one() -> None:
    assert clears_all([0.3, 0.6], [1.0, 0.9], (0.3, 0.6, 0.9), 4)
    assert not clears_all([0.2, 0.6], [1.0, 0.9], (0.3, 0.6), 4)
    assert clears_all([0.2, 0.6], [1.0, 0.9], (None, 0.6), 4)


def test_a_training_that_is_killed_and_resumed_stops_where_it_would_have(
    data: DataSet, tmp_path: Path
) -> None:
    bars = (None, None, UNREACHABLE)
    straight = run(data, bars)
    checkpoint = Checkpoint(tmp_path / "state", {}, 0)
    with pytest.raises(Killed):
        run(data, bars, checkpoint=checkpoint, until=2)
    assert checkpoint.load() is not None
    resumed = run(data, bars, checkpoint=checkpoint)
    assert replace(resumed, seconds=0) == replace(straight, seconds=0)


def test_a_state_that_these_bars_would_not_have_reached_is_not_continued(
    data: DataSet, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "state", {}, 0)
    with pytest.raises(Killed):
        run(data, checkpoint=checkpoint, until=4)
    stopped = run(data, (UNREACHABLE,), checkpoint=checkpoint)
    assert len(stopped.curve) == 1
    assert stopped.is_stopped
