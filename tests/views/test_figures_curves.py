"""Learning curves, of all trials and of the best ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import make_record
from tests.views.figure_records import case, with_stopped
from tests.views.figure_traces import numbers, trace
from unitsearch.study.record import Record
from unitsearch.study.tables import (
    front_trials,
)
from unitsearch.views.figures import (
    convergence,
    curves,
)
from unitsearch.views.figures.curves import MOST_CURVES


def test_stopped_and_failed_trials_are_marked_where_they_ended() -> None:
    record = with_stopped(case("30 trials"))
    figure = curves(record)
    stopped = next(t for t in figure.data if t.name == "stopped early (1)")
    failed = next(t for t in figure.data if t.name == "failed (1)")
    assert (stopped.customdata, stopped.x) == ((1,), (3,))
    assert (failed.customdata, failed.x) == ((2,), (2,))
    assert stopped.y[0] == pytest.approx(100 * record.trials[1].curve[-1])


def test_what_failed_before_an_epoch_is_counted() -> None:
    record = case("30 trials")
    blind = sum(t.state == "failed" and not t.curve for t in record.trials)
    assert blind
    assert f"{blind} failed or stopped before an epoch ended" in [
        note.text for note in curves(record).layout.annotations
    ]


def test_of_many_curves_some_are_drawn_and_the_front_whole() -> None:
    record = make_record(900)
    figure = curves(record)
    drawn = numbers(figure, "other trials")
    assert 100 < len(drawn) <= MOST_CURVES
    chosen = {t.number for t in front_trials(record) if not t.is_baseline}
    assert numbers(figure, "the study's front") == chosen
    assert any("off the front drawn" in note.text for note in figure.layout.annotations)


def test_curves_of_one_trace_do_not_touch(record: Record) -> None:
    drawn = trace(curves(record), "other trials")
    for here, there, x in zip(drawn.customdata, drawn.customdata[1:], drawn.x, strict=False):
        assert here == there or x is None


def test_convergence_shows_the_best_single_and_hybrid_of_the_front(record: Record) -> None:
    figure = convergence(record)
    front = [t for t in front_trials(record) if not t.is_baseline]
    for word, hybrid in (("single", False), ("hybrid", True)):
        best = max(
            (t for t in front if t.is_hybrid == hybrid),
            key=lambda t: (record.beliefs[t.number].accuracy, -t.cost.flops),
        )
        drawn = trace(figure, f"{word}, best of the front: #{best.number}")
        assert [y for y in drawn.y if y is not None] == pytest.approx(
            [100 * v for v in best.curve], abs=1e-3
        )
    assert trace(figure, "baseline").customdata[0] == 0


def test_convergence_of_the_loss_shows_what_was_stored_and_leaves_gaps(record: Record) -> None:
    known = (2.0, None, 0.5)
    base = replace(record.trials[0], loss_curve=known)
    figure = convergence(replace(record, trials=(base, *record.trials[1:])), "loss")
    assert list(trace(figure, "baseline").y) == [*known, None]
    assert figure.layout.yaxis.title.text == "validation loss (cross-entropy, nats)"


def test_a_study_without_losses_says_so(record: Record) -> None:
    old = replace(record, trials=tuple(replace(t, loss_curve=()) for t in record.trials))
    assert "No trial has a loss after an epoch." in str(convergence(old, "loss").layout)
