"""Metrics by name, for any network; the papers' printed values are held in tests/papers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitsearch.costs import COSTS, Cost
from unitsearch.errors import UsageError
from unitsearch.metrics import METRICS, Measured, ce, metric, se, se_bits, standard_error, tca, tsa

SCALE = 1_000_000  # printed costs have decimals, ours are whole


def measured(accuracy: float, cost: float) -> Measured:
    whole = round(cost * SCALE)
    return Measured(accuracy / 100, Cost(whole, whole, whole))


def test_the_worked_example_of_vgg() -> None:
    new, baseline = measured(92.82, 1.57), measured(93.25, 7.80)
    assert round(ce(new, baseline), 2) == 4.95
    assert round(tca(new, baseline), 2) == 2.21
    assert round(tca(new, baseline, 4, 1), 2) == 24.29


MEASURED = st.builds(
    Measured,
    st.floats(0.01, 1.0),
    st.builds(Cost, *[st.integers(1, 10**9)] * 5),
)


@given(MEASURED)
def test_the_baseline_scores_one(network: Measured) -> None:
    for formula in (ce, se, se_bits, tca, tsa):
        assert formula(network, network) == pytest.approx(1)


@given(MEASURED, MEASURED, st.floats(0.0, 1.0))
def test_more_accuracy_at_one_cost_never_scores_less(
    new: Measured, baseline: Measured, more: float
) -> None:
    better = Measured(min(1.0, new.accuracy + more), new.cost)
    for name in ("ce", "se", "se_bits", "tca", "tsa", "accuracy"):
        assert METRICS[name].formula(better, baseline) >= METRICS[name].formula(new, baseline)
    assert METRICS["accuracy_drop"].formula(better, baseline) <= METRICS["accuracy_drop"].formula(
        new, baseline
    )


@given(MEASURED, MEASURED)
def test_every_metric_is_a_number_for_any_two_networks(new: Measured, baseline: Measured) -> None:
    for each in METRICS.values():
        assert each.is_measured or not math.isnan(each.formula(new, baseline))


@given(MEASURED, MEASURED, st.floats(0.01, 1.0))
def test_a_metric_changes_with_the_accuracy_only_if_it_needs_it(
    new: Measured, baseline: Measured, accuracy: float
) -> None:
    other = replace(new, accuracy=accuracy)
    for each in METRICS.values():
        if not each.needs_accuracy and not each.is_measured:
            assert each.formula(new, baseline) == each.formula(other, baseline)


@given(MEASURED, MEASURED, MEASURED)
def test_a_metric_changes_with_the_baseline_only_if_it_needs_it(
    new: Measured, baseline: Measured, other: Measured
) -> None:
    for each in METRICS.values():
        if not each.needs_baseline and not each.is_measured:
            assert each.formula(new, baseline) == each.formula(new, other)


@pytest.mark.parametrize("name", METRICS)
def test_the_traits_of_a_metric_are_no_broader_than_its_formula(name: str) -> None:
    each = METRICS[name]
    new = Measured(0.8, Cost(10, 20, 30, 20, 300, 40), 2.0)
    baseline = Measured(0.9, Cost(20, 50, 80, 40, 700, 90), 3.0)
    value = each.formula(new, baseline)
    inaccurate = each.formula(replace(new, accuracy=0.5), baseline)
    alone = each.formula(new, new)
    unmeasured = each.formula(replace(new, latency=None), baseline)
    assert each.needs_accuracy == (value != inaccurate)
    assert each.needs_baseline == (value != alone)
    assert each.is_measured == math.isnan(unmeasured)
    assert each.is_exact == (not each.needs_accuracy and not each.is_measured)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_changes_with_the_costs_in_its_definition_alone(name: str) -> None:
    each = METRICS[name]
    new = Measured(0.8, Cost(10, 20, 30, 20, 300, 40), 2.0)
    baseline = Measured(0.9, Cost(20, 50, 80, 40, 700, 90), 3.0)
    changed = {cost: replace(new, cost=replace(new.cost, **{cost: 7})) for cost in COSTS}
    value = each.formula(new, baseline)
    needed = {cost for cost, other in changed.items() if each.formula(other, baseline) != value}
    assert set(each.costs) == needed


def test_latency_is_a_metric_that_less_is_better_of() -> None:
    new = Measured(0.5, Cost(1, 2, 5), latency=0.25)
    assert metric("latency").formula(new, new) == 0.25
    assert not metric("latency").maximise


def test_nothing_is_divided_by_zero() -> None:
    nothing, network = Measured(0.0, Cost()), Measured(0.5, Cost(1, 1, 1))
    for new, baseline in product((nothing, network), repeat=2):
        for each in METRICS.values():
            each.formula(new, baseline)
    assert math.isnan(ce(nothing, network))


def test_se_in_bits_knows_binary_weights_for_what_they_take() -> None:
    binary, full = Cost(100, 1, 1, 1, bits=100), Cost(100, 1, 1, 1, bits=3200)
    new, baseline = Measured(0.9, binary), Measured(0.9, full)
    assert (se(new, baseline), se_bits(new, baseline)) == (1, 32)
    assert METRICS["bits"].formula(new, baseline) == 100
    assert not METRICS["bits"].maximise
    assert METRICS["se_bits"].maximise


def test_shared_macs_are_a_metric_of_their_own() -> None:
    new = Measured(0.5, Cost(1, 20, 50, macs_shared=5))
    assert METRICS["macs_shared"].formula(new, new) == 5
    assert METRICS["macs"].formula(new, new) == 20


def test_drops_are_in_percent_and_points() -> None:
    new, baseline = measured(90, 25), measured(95, 100)
    assert METRICS["flops_drop"].formula(new, baseline) == 75
    assert METRICS["params_drop"].formula(new, baseline) == 75
    assert METRICS["accuracy_drop"].formula(new, baseline) == pytest.approx(5)


def test_flops_are_never_twice_the_macs_by_name() -> None:
    new = Measured(0.5, Cost(1, 2, 5))
    assert METRICS["flops"].formula(new, new) == 5
    assert METRICS["macs"].formula(new, new) == 2


def test_a_misspelt_metric_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'accuracy'\?") as caught:
        metric("acuracy")
    assert caught.value.exit_code == 2


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_a_standard_error_is_never_nothing_and_falls_with_images(
    accuracy: float, images: int
) -> None:
    assert 0 < standard_error(accuracy, images) <= 0.5
    assert standard_error(accuracy, 4 * images + 10) < standard_error(accuracy, images) * 1.01


def test_half_right_of_many_has_the_binomial_error() -> None:
    assert standard_error(0.5, 10_000) == pytest.approx(0.005, rel=1e-3)
