"""The drop of accuracy against the drop of a cost."""

from __future__ import annotations

import pytest

from tests.views.figure_traces import trace
from unitsearch.errors import UsageError
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record
from unitsearch.views.figures import (
    tradeoff,
)
from unitsearch.views.figures.plotted_trials import plotted_trials


def test_both_drops_stand_beside_what_the_paper_prints(record: Record) -> None:
    flops = {t.name for t in tradeoff(record).data if t.legendgroup}
    params = {t.name for t in tradeoff(record, "params").data if t.legendgroup}
    assert {"BUnit-Net, CIFAR-10", "FPGM, CIFAR-10", "SFP, CIFAR-10"} <= flops
    assert {"BUnit-Net, CIFAR-10", "other methods, CIFAR-100"} <= params


def test_a_drop_of_parameters_is_the_table_s(record: Record) -> None:
    drawn = trace(tradeoff(record, "params"), "BUnit-Net, CIFAR-10")
    points = {(round(x, 2), round(y, 2)) for x, y in zip(drawn.x, drawn.y, strict=True)}
    assert (72.90, 0.43) in points  # Table IV, VGG-16: 93.25 to 92.82 %


def test_the_study_s_own_drops_are_those_of_its_trials(record: Record) -> None:
    x, y = METRICS["params_drop"], METRICS["accuracy_drop"]
    where = {p.trial.number: (p.x, p.y) for p in plotted_trials(record, x, y)}
    drawn = trace(tradeoff(record, "params"), "this study's front")
    for number, px, py in zip(drawn.customdata, drawn.x, drawn.y, strict=True):
        assert where[number] == (px, py)


def test_there_is_no_trade_off_of_another_cost(record: Record) -> None:
    with pytest.raises(UsageError, match="flops or params"):
        tradeoff(record, "macs")
