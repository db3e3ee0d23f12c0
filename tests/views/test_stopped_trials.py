"""Trials that a stopping rule ended early: figures, tables and details that show them."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from typing import Any

import pytest

from tests.records import make_record
from tests.views.figure_records import with_stopped
from tests.views.test_figures_every import DRAWN, NAMES
from unitsearch import wording
from unitsearch.study.record import Record
from unitsearch.study.tables import rows
from unitsearch.views import report_html
from unitsearch.views.figures import FIGURES
from unitsearch.views.figures.curves import curves
from unitsearch.views.live.bar import bar_html
from unitsearch.views.pages.details import columns, entry
from unitsearch.views.pages.trial_tables import failures_table

STOPPED, FAILED = 1, 2


@pytest.fixture(scope="module")
def record() -> Record:
    return with_stopped(make_record(30))


@pytest.fixture(scope="module")
def html(record: Record) -> str:
    return report_html(record)


def shown_trials(figure: Any) -> set[int]:
    numbers = [number for t in figure.data if t.customdata is not None for number in t.customdata]
    return {int(str(number).rpartition(":")[2]) for number in numbers}


@pytest.mark.parametrize(("name", "options"), DRAWN, ids=NAMES)
def test_curves_and_the_cloud_of_trials_show_a_stopped_trial(
    record: Record, name: str, options: dict[str, str]
) -> None:
    shows = name in ("curves", "pareto") and options.get("x") != "latency"
    assert (STOPPED in shown_trials(FIGURES[name](record, **options))) == shows


def test_a_stopped_trial_is_a_cross_at_its_last_accuracy_and_on_no_front(record: Record) -> None:
    cross = next(t for t in FIGURES["pareto"](record).data if t.name == "stopped early")
    assert (cross.customdata, cross.y) == ((STOPPED,), (99.9,))
    assert cross.marker.symbol == "x-thin"
    (text,) = cross.hovertext
    assert "stopped early after epoch 3 of 20" in text
    assert "accuracy 0.999 is below 0.9991 after epoch 3" in text


def test_three_axes_count_the_stopped_trials_that_they_leave_out(record: Record) -> None:
    notes = [note.text for note in FIGURES["front3d"](record).layout.annotations]
    assert "1 stopped early left out" in notes


def test_a_stopped_curve_is_pale_dashed_and_marked_at_its_end(record: Record) -> None:
    line, end = (t for t in curves(record).data if t.legendgroup == "stopped")
    assert list(line.y)[:3] == [90.0, 99.0, 99.9]
    assert line.line.dash == "dash"
    assert line.line.color.startswith("rgba(")
    assert (end.name, end.x, end.y) == ("stopped early (1)", (3,), (99.9,))
    assert end.hovertext[0].startswith("#1 stopped early after epoch 3 of 20:<br>accuracy")


def test_the_head_of_a_report_counts_stopped_trials(html: str) -> None:
    assert "27 complete, 2 failed, 1 stopped early" in html


def test_the_head_of_a_report_says_how_much_the_stopping_rule_saved(record: Record) -> None:
    whole = sum(trial.epochs for trial in record.complete) // len(record.complete)
    seconds = 3.5 / whole * (20 - 3)  # one trial of 28 was stopped after epoch 3 of 20
    share = f"{100 * 17 / (20 * 28):.0f} % of the epochs"
    shown = f"none, saved about {wording.duration(seconds)} ({share})"
    assert f"<dt>stopping rule</dt><dd>{shown}</dd>" in report_html(record)
    assert "<dt>stopping rule</dt><dd>none</dd>" in report_html(make_record(5))


def test_a_report_with_stopped_trials_explains_the_words(html: str) -> None:
    assert "<dt>stopped early</dt>" in html
    assert "<dt>stopped early</dt>" not in report_html(make_record(5))


def test_the_details_of_a_stopped_trial_say_so(record: Record) -> None:
    details = entry(record, record.trials[STOPPED], rows(record)[STOPPED], {})
    numbers = dict(details["numbers"])
    assert details["title"] == "Trial 1 · stopped early"
    assert numbers["state"] == "stopped early"
    assert numbers["accuracy when stopped (validation)"].startswith("99.9")
    assert numbers["reason"] == "accuracy 0.999 is below 0.9991 after epoch 3"
    assert details["curve"] == [0.9, 0.99, 0.999]


def test_a_page_holds_the_details_of_stopped_trials(html: str, record: Record) -> None:
    match = re.search(r'id="details">(.*?)</script>', html)
    assert match is not None
    held = json.loads(match[1])
    chunk = held["chunks"][held["where"][f"{record.name}:{STOPPED}"]]
    assert f"{record.name}:{STOPPED}" in json.loads(zlib.decompress(b64decode(chunk)))


def test_filters_know_the_state_of_a_stopped_trial(html: str, record: Record) -> None:
    assert '<option value="stopped">stopped early</option>' in html
    table = columns(record)
    assert table["state"][STOPPED] == "stopped"
    assert STOPPED not in table["front"]


def test_failures_come_before_stopped_trials_in_their_table(record: Record) -> None:
    opened = re.findall(r'data-trial="(\d+)">#', failures_table(record))
    assert [int(number) for number in opened] == [FAILED, 11, STOPPED]


def test_the_bar_of_the_dashboard_counts_stopped_trials(record: Record) -> None:
    bar = bar_html(["digits-lenet"], "report", ([], ["report"]), record)
    assert "28 of " in bar
    assert "1 of them stopped early" in bar
