from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from tests.records import ODD, binary_record, make_record
from unitsearch.errors import UsageError
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record
from unitsearch.study.tables import front_trials
from unitsearch.views import FIGURES, hypervolume, pareto, tradeoff, units, write_figure
from unitsearch.views.figures.plotted_trials import own_front, plotted_trials


def trace(figure, name: str):  # type: ignore[no-untyped-def]
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_for_every_odd_study(name: str, odd: str) -> None:
    assert FIGURES[name](ODD[odd]).to_json()


@pytest.mark.parametrize(
    ("x", "y"),
    list(combinations([name for name, by in METRICS.items() if not by.is_measured], 2)),
)
def test_any_two_metrics_can_stand_against_each_other(record: Record, x: str, y: str) -> None:
    assert pareto(record, x, y).data


def test_a_metric_against_itself_is_refused(record: Record) -> None:
    with pytest.raises(UsageError, match="two different metrics"):
        pareto(record, "ce", "ce")


def test_an_unknown_metric_is_refused(record: Record) -> None:
    with pytest.raises(UsageError, match="did you mean 'flops'"):
        pareto(record, "flop")


def test_costs_have_a_logarithmic_axis_and_accuracy_has_none(record: Record) -> None:
    layout = pareto(record, "flops", "accuracy").layout
    assert (layout.xaxis.type, layout.yaxis.type) == ("log", None)


def test_the_study_front_is_highlighted(record: Record) -> None:
    chosen = {t.number for t in front_trials(record) if not t.is_baseline}
    assert set(trace(pareto(record), "study's front").customdata) == chosen


def test_trials_stand_at_their_accuracies_by_model_or_at_their_own(record: Record) -> None:
    by_model, raw = (trace(pareto(record, raw=raw), "baseline") for raw in (False, True))
    assert by_model.y[0] == pytest.approx(100 * record.beliefs[0].accuracy)
    assert raw.y[0] == pytest.approx(100 * (record.trials[0].accuracy or 0))
    chosen = {t.number for t in record.raw_front if not t.is_baseline}
    assert set(trace(pareto(record, raw=True), "study's front").customdata) == chosen


def test_an_accuracy_has_one_standard_error_as_its_bar(record: Record) -> None:
    drawn = trace(pareto(record), "baseline")
    assert drawn.error_y.array[0] == pytest.approx(100 * record.beliefs[0].accuracy_se)
    drawn = trace(pareto(record, raw=True), "baseline")
    assert drawn.error_y.array[0] == pytest.approx(100 * (record.trials[0].accuracy_se or 0))


@pytest.mark.parametrize(("x", "steps"), [("flops", "hv"), ("ce", "vh")])
def test_no_feasible_point_lies_beyond_the_steps(record: Record, x: str, steps: str) -> None:
    along, up = METRICS[x], METRICS["accuracy"]
    trials = plotted_trials(record, along, up)
    best = own_front(trials, along, up)
    assert trace(pareto(record, x), "front of these two").line.shape == steps
    for p in (p for p in trials if p.feasible):
        reached = [q.y for q in best if (q.x >= p.x if along.maximise else q.x <= p.x)]
        assert max(reached) >= p.y


def test_a_line_of_equal_ce_has_that_ce_all_along(record: Record) -> None:
    figure = pareto(record, "flops", "accuracy")
    base = record.trials[0]
    line = trace(figure, "equal CE")
    ces = [
        (y / 100 / x) / ((base.accuracy or 0) / base.cost.flops)
        for x, y in zip(line.x, line.y, strict=True)
    ]
    assert ces == pytest.approx([ces[0]] * len(ces))


def test_trials_below_the_floor_are_not_on_the_front_of_two(record: Record) -> None:
    drawn = trace(pareto(record), "front of these two")
    assert min(drawn.y) >= 100 * record.floor


def test_the_printed_points_say_that_they_are_read_off(record: Record) -> None:
    printed = [t for t in tradeoff(record).data if t.legendgroup]
    assert len(printed) == 6
    assert all("read off" in t.hovertemplate for t in printed)


def test_printed_cifar100_waits_for_the_legend(record: Record) -> None:
    assert trace(tradeoff(record), "FPGM, CIFAR-100").visible == "legendonly"


def test_the_reference_point_is_said(record: Record) -> None:
    notes = [note.text for note in hypervolume(record, by="trainings").layout.annotations]
    assert any("reference point: 0.0\xa0% accuracy" in note for note in notes)


def test_single_and_hybrid_stand_apart(record: Record) -> None:
    names = [t.name for t in units(record, show="groups").data]
    assert "single, best at no more FLOPs" in names
    assert "hybrid, best at no more FLOPs" in names


def test_networks_without_a_stack_are_neither_single_nor_hybrid(record: Record) -> None:
    plain = replace(record.trials[0], number=len(record.trials))
    more = units(replace(record, trials=(*record.trials, plain)), show="groups")
    marks = [t.name for t in units(record, show="groups").data if "each trial" in t.name]
    assert [t.name for t in more.data if "each trial" in t.name] == marks
    drawn = units(binary_record(), show="groups")
    assert not drawn.data
    assert drawn.layout.annotations[0].text == "No complete trial has a stack of units."


def test_shares_of_kinds_add_up_to_all_units(record: Record) -> None:
    for bars in units(record, show="kinds").data:
        assert sum(bars.x) == pytest.approx(100)


def test_a_written_figure_is_one_page_that_asks_for_nothing(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "pareto.html"
    write_figure(pareto(record), path)
    text = path.read_text()
    assert "default-src 'none'" in text
    assert "<script src" not in text
    assert [p.name for p in path.parent.iterdir()] == ["pareto.html"]


@pytest.mark.slow
def test_importing_views_loads_no_plotly_and_no_torch() -> None:
    code = (
        "import sys, unitsearch.views;"
        "assert not {'plotly', 'torch', 'ray', 'typer'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_thousands_of_trials_are_drawn_by_webgl_and_the_front_in_full() -> None:
    record = make_record(1_700)
    figure = pareto(record)
    assert trace(figure, "other trials").type == "scattergl"
    front = trace(figure, "study's front")
    assert front.type == "scatter"
    assert len(front.x) == len([t for t in front_trials(record) if not t.is_baseline])
