"""Metrics on axes: errors, trade-offs and latency."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.views.figure_traces import trace
from unitsearch.costs import COSTS
from unitsearch.metrics import METRICS
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record
from unitsearch.views.figures import (
    pareto,
)
from unitsearch.views.figures.plotted_trials import PlottedTrial, axis_error, plotted_trials

# Error bars.


def plotted(record: Record, number: int) -> list[PlottedTrial]:
    trials = plotted_trials(record, METRICS["flops"], METRICS["accuracy"])
    return [p for p in trials if p.trial.number == number]


def test_the_error_of_a_derived_metric_is_its_slope_times_that_of_the_accuracy(
    record: Record,
) -> None:
    base, (member,) = believed(record, record.trials[0]), plotted(record, 4)
    belief = record.beliefs[4]
    ce = METRICS["ce"].formula(member.facts, base)
    expected = ce * belief.accuracy_se / belief.accuracy
    assert axis_error(METRICS["ce"], member, base) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*COSTS, "flops_drop"])
def test_costs_are_exact(record: Record, name: str) -> None:
    (member,) = plotted(record, 4)
    assert axis_error(METRICS[name], member, record.trials[0].measured) is None


def test_the_baseline_has_no_error_where_it_is_the_measure(record: Record) -> None:
    (base,) = plotted(record, 0)
    assert axis_error(METRICS["ce"], base, base.facts) is None
    error = 100 * record.beliefs[0].accuracy_se
    assert axis_error(METRICS["accuracy"], base, base.facts) == error


# Metrics.


@pytest.mark.parametrize(("w1", "w2"), [(1, 4), (4, 1)])
def test_weighted_trade_offs_are_those_of_the_papers_tables(
    record: Record, w1: int, w2: int
) -> None:
    new, base = record.trials[3].measured, record.trials[0].measured
    drop = (base.cost.flops - new.cost.flops) / base.cost.flops
    loss = (base.accuracy - new.accuracy) / base.accuracy
    assert METRICS[f"tca_{w1}_{w2}"].formula(new, base) == pytest.approx(
        math.exp(w1 * drop) / math.exp(w2 * loss)
    )


def test_latency_is_drawn_once_it_is_measured(record: Record) -> None:
    missing = pareto(record, "latency")
    assert "unitsearch latency STUDY" in missing.layout.annotations[0].text
    fast = tuple(
        replace(t, latency=(0.9, 1.0 + t.number, 1.2)) if t.number < 5 else t for t in record.trials
    )
    figure = pareto(replace(record, trials=fast), "latency")
    shown = {d for t in figure.data if t.customdata is not None for d in t.customdata}
    assert shown == {0, 1, 2, 3, 4}
    base = trace(figure, "baseline")
    assert base.x == (1.0,)
    bar = base.error_x
    assert (bar.arrayminus[0], bar.array[0]) == pytest.approx((0.1, 0.2))  # its quartiles


def test_an_error_as_large_as_its_value_fits_a_logarithmic_axis(record: Record) -> None:
    (first, *_) = record.trials
    slow = replace(record, trials=(replace(first, latency=(0.1, 0.5, 2.0)),))
    assert pareto(slow, "latency").layout.xaxis.range[0] < math.log10(0.5)
