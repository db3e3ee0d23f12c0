"""A bar on the expected final accuracy follows from the four numbers of a curve."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tests.training.digits import one_network, short_digits
from unitsearch.engine.jobs import Job, job_from, to_message
from unitsearch.training import Recipe
from unitsearch.training.accuracy_scale import accuracy_at, to_scale
from unitsearch.training.bars import ExpectedBar, curve_numbers, missed_bar
from unitsearch.training.loop import train
from unitsearch.training.monitor import Monitor

# The last accuracy alone is expected to stay; a loss weighs nothing.
BAR = ExpectedBar(
    needed=0.9,
    images=400.0,
    offset=0.0,
    last_accuracy=1.0,
    mean_accuracy=0.0,
    last_loss=0.0,
    mean_loss=0.0,
    error=0.02,
    width=0.0,
)
LOSSES = (2.0, 1.0, 0.5)


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.97, 1.0])
def test_the_scale_and_the_way_back_are_inverse(accuracy: float) -> None:
    assert accuracy_at(to_scale(accuracy, 400), 400) == pytest.approx(accuracy, abs=1e-3)


def test_the_four_numbers_are_the_last_and_the_mean_of_accuracies_and_of_log_losses() -> None:
    numbers = curve_numbers((0.5, 0.8), (2.0, 0.5), 400)
    first, second = to_scale(0.5, 400), to_scale(0.8, 400)
    assert numbers == pytest.approx((second, (first + second) / 2, math.log(0.5), 0.0))


def test_a_training_is_stopped_when_less_than_needed_is_expected_and_told_why() -> None:
    why = missed_bar((0.5, 0.8), LOSSES[:2], (None, BAR), 4)
    assert why == (
        "after epoch 2 of 4 expected 80.0 ± 1.6 %, networks of no more cost reach 90.0 %"
    )


def test_a_training_of_which_enough_is_expected_goes_on() -> None:
    assert missed_bar((0.5, 0.92), LOSSES[:2], (None, BAR), 4) == ""


def test_the_width_lets_an_expectation_below_what_is_needed_go_on() -> None:
    wide = replace(BAR, width=10.0)
    assert missed_bar((0.5, 0.8), LOSSES[:2], (None, wide), 4) == ""


@pytest.mark.parametrize("loss", [math.nan, math.inf, None])
def test_nothing_is_expected_of_a_curve_without_a_finite_loss(loss: float | None) -> None:
    assert missed_bar((0.5, 0.8), (2.0, loss), (None, BAR), 4) == ""


def test_a_loss_of_nothing_is_a_number() -> None:
    assert missed_bar((0.5, 0.8), (2.0, 0.0), (None, BAR), 4) != ""


def test_the_loss_moves_the_expectation_by_its_weight() -> None:
    by_loss = replace(BAR, last_loss=-0.2)
    assert missed_bar((0.5, 0.8), (2.0, 1.0), (None, by_loss), 4) != ""
    assert missed_bar((0.5, 0.8), (2.0, 0.3), (None, by_loss), 4) == ""


def test_a_bar_comes_through_a_message_as_it_was() -> None:
    job = Job(1, "train", {}, 0, {}, {}, bars=(None, 0.5, BAR))
    plain, weights = to_message(job)
    assert job_from(json.loads(json.dumps(plain)), weights) == job


def test_a_real_training_stops_at_such_a_bar_with_its_curve() -> None:
    import torch

    recipe = Recipe(epochs=4, batch=50, optimiser="sgd", rate=0.05)
    monitor = Monitor(bars=(None, replace(BAR, needed=0.999)))
    stopped = train(
        one_network(), short_digits(), recipe, torch.Generator().manual_seed(1), monitor=monitor
    )
    assert len(stopped.curve) == len(stopped.loss_curve) == 2
    assert "after epoch 2 of 4 expected" in stopped.stop_reason
