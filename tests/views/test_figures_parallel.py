"""Parallel coordinates: their axes and their lines."""

from __future__ import annotations

import math
from dataclasses import replace

from unitsearch.architecture.description import unit_counts
from unitsearch.study.record import Record
from unitsearch.study.tables import (
    front_trials,
)
from unitsearch.views.figures import (
    parallel,
)


def drawn_axis(figure, label: str):  # type: ignore[no-untyped-def]
    return next(d for d in figure.data[0].dimensions if d.label == label)


def test_counts_of_units_are_axes(record: Record) -> None:
    figure = parallel(record)
    by_number = {t.number: t for t in record.trials}
    axis = drawn_axis(figure, "units 1-2-1")
    for number, value in zip(figure.data[0].customdata, axis.values, strict=True):
        assert value == unit_counts(by_number[number].architecture.layers)["1-2-1"]


def test_parameters_that_vary_are_axes_and_cut_points_are_not(record: Record) -> None:
    trials = tuple(
        replace(t, values={"k": 3 + 2 * (t.number % 2), "same": 1, "s1.units.cut0": t.number})
        for t in record.trials[1:]
    )
    figure = parallel(replace(record, trials=(record.trials[0], *trials)))
    labels = [d.label for d in figure.data[0].dimensions]
    assert "k" in labels
    assert not {"same", "s1.units.cut0"} & set(labels)
    assert drawn_axis(figure, "k").ticktext == ("–", "3", "5")  # the baseline is outside the space


def test_words_are_ticks(record: Record) -> None:
    trials = tuple(
        replace(t, values={"sites": ("all", "r")[t.number % 2]}) for t in record.trials[1:]
    )
    axis = drawn_axis(parallel(replace(record, trials=trials)), "sites")
    assert axis.ticktext == ("all", "r")
    assert set(axis.values) == {0.0, 1.0}


def test_logarithmic_metrics_are_drawn_in_powers_of_ten(record: Record) -> None:
    figure = parallel(record)
    axis = drawn_axis(figure, "parameters")
    by_number = {t.number: t for t in record.trials}
    numbers = figure.data[0].customdata
    assert list(axis.values) == [math.log10(by_number[n].cost.params) for n in numbers]


def test_lines_of_the_front_lie_above_the_others(record: Record) -> None:
    ranks = list(parallel(record).data[0].line.color)
    assert ranks == sorted(ranks)
    assert ranks.count(1) == len([t for t in front_trials(record) if not t.is_baseline])


def test_the_front_alone_can_be_shown(record: Record) -> None:
    shown = set(parallel(record, trials="front").data[0].customdata)
    assert shown == {t.number for t in front_trials(record)} | {0}
