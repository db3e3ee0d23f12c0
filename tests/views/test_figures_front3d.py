"""The figure of three metrics: its front and its scene."""

from __future__ import annotations

import math

import pytest

from tests.views.figure_traces import numbers, trace
from unitsearch.errors import UsageError
from unitsearch.metrics import METRICS
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record
from unitsearch.views.figures import (
    front3d,
)


@pytest.mark.parametrize("axes", [("flops", "params", "accuracy"), ("ce", "se", "tsa")])
def test_the_front_of_three_is_what_a_comparison_of_all_pairs_finds(
    record: Record, axes: tuple[str, str, str]
) -> None:
    base = believed(record, record.trials[0])
    facts = {t.number: believed(record, t) for t in record.complete}
    able = {n: new for n, new in facts.items() if new.accuracy >= record.floor}
    signs = [1 if METRICS[name].maximise else -1 for name in axes]
    value = {
        number: [
            sign * METRICS[name].formula(new, base) for sign, name in zip(signs, axes, strict=True)
        ]
        for number, new in able.items()
    }
    beaten = {
        a
        for a in value
        for b in value
        if value[a] != value[b] and all(x <= y for x, y in zip(value[a], value[b], strict=True))
    }
    shown = numbers(front3d(record, *axes), "front of these three")
    assert shown == set(value) - beaten - {0}


def test_the_front_of_three_lies_in_what_the_scene_shows(record: Record) -> None:
    figure = front3d(record)
    for name in ("front of these three", "dominated", "baseline"):
        drawn = trace(figure, name)
        for letter in "xyz":
            axis = figure.layout.scene[f"{letter}axis"]
            low, high = axis.range
            values = [math.log10(v) if axis.type == "log" else v for v in drawn[letter]]
            assert all(low <= v <= high for v in values)


def test_three_axes_are_three_metrics(record: Record) -> None:
    with pytest.raises(UsageError, match="three different metrics"):
        front3d(record, "flops", "params", "params")
