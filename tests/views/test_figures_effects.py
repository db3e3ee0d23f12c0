"""The effects of units: estimates, intervals and messages."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from tests.records import lenet, make_record, trial
from unitsearch.architecture.description import unit_counts
from unitsearch.study.record import Record
from unitsearch.views.figures import (
    effects,
)
from unitsearch.views.figures.effects import LEAST, student_quantile, unit_effects, usable


def test_effects_equal_a_least_squares_fit_with_robust_errors_worked_out_by_hand(
    record: Record,
) -> None:
    trials = usable(record)
    effect_of = {effect.kind: effect for effect in unit_effects(record)}
    kind = "1-2-1"
    y = np.array([100 * (t.accuracy or 0) for t in trials])
    size = np.array([math.log10(t.cost.flops) for t in trials])
    count = np.array([unit_counts(t.architecture.layers)[kind] for t in trials], dtype=float)
    x = np.column_stack([np.ones(len(trials)), count, size, size**2])
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    weights = ((y - x @ beta) / (1 - np.diag(hat))) ** 2
    bread = np.linalg.inv(x.T @ x)
    error = math.sqrt((bread @ (x.T * weights) @ x @ bread)[1, 1])
    t = pytest.importorskip("scipy.stats").t.ppf(0.975, len(trials) - 4)
    assert effect_of[kind].points == pytest.approx(beta[1], rel=1e-6)
    assert effect_of[kind].high - effect_of[kind].points == pytest.approx(t * error, rel=1e-4)
    assert effect_of[kind].points - effect_of[kind].low == pytest.approx(t * error, rel=1e-4)


def test_intervals_hold_the_true_effect_as_often_as_they_say() -> None:
    """Networks of one cost each by chance; accuracy rises 0.4 points for each unit 1-3-1."""
    networks = [t for t in make_record(61).trials[1:] if t.state == "complete"]
    held = 0
    for seed in range(200):
        draw = random.Random(seed)
        noisy = tuple(
            replace(
                t,
                accuracy=0.8
                + 0.004 * unit_counts(t.architecture.layers)["1-3-1"]
                + 0.05 * (math.log10(t.cost.flops) - 4)
                + draw.gauss(0, 0.01),
            )
            for t in networks
        )
        record = replace(make_record(2), trials=noisy)
        (effect,) = [e for e in unit_effects(record) if e.kind == "1-3-1"]
        held += effect.low <= 0.4 <= effect.high
    assert 0.90 <= held / 200 <= 0.99  # 95 % but for three standard errors of 200 draws


@pytest.mark.parametrize("freedom", [10, 16, 40, 400])
@pytest.mark.parametrize("chance", [0.9, 0.975, 0.995])
def test_quantiles_of_students_t(chance: float, freedom: int) -> None:
    t = pytest.importorskip("scipy.stats").t
    assert student_quantile(chance, freedom) == pytest.approx(t.ppf(chance, freedom), abs=1e-3)


def test_too_few_trials_have_no_effects_and_the_figure_says_how_many_it_takes() -> None:
    few = make_record(15)
    assert len(usable(few)) < LEAST
    assert unit_effects(few) == []
    assert f"at least {LEAST} different networks" in effects(few).layout.annotations[0].text


def test_a_count_that_is_the_cost_has_no_effect_of_its_own() -> None:
    """Stacks of one kind alone: more units are more FLOPs and nothing else."""
    record = make_record(2)
    trials = tuple(
        trial(n, lenet(({"1-3-1": n}, {"1-3-1": n})), 0.9 + n / 1000) for n in range(1, 40)
    )
    record = replace(record, trials=(record.trials[0], *trials))
    assert unit_effects(record) == []
    assert "all of them follow" in effects(record).layout.annotations[0].text


def test_the_method_stands_on_the_figure(record: Record) -> None:
    text = " ".join(note.text for note in effects(record).layout.annotations)
    assert "least squares" in text
    assert "HC3" in text
    assert "no experiment" in text
    assert "FLOPs" in text
