"""The front by model over a cost: its band, its members, the single trainings beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import judged, make_record
from tests.views.figure_traces import numbers, trace
from unitsearch.errors import UsageError
from unitsearch.study.beliefs import TrialBelief
from unitsearch.study.record import Record, Repeat
from unitsearch.views.figures import front_belief


@pytest.fixture(scope="module")
def record() -> Record:
    return make_record(40)


def three(record: Record) -> Record:
    """The record with three members, of which the second is doubtful."""
    chosen = sorted(record.complete[1:], key=lambda t: t.cost.flops)[:3]
    beliefs = {
        trial.number: TrialBelief(accuracy, 0.01, probability, 1, 0.0)
        for trial, accuracy, probability in zip(
            chosen, (0.9, 0.92, 0.95), (0.9, 0.4, 0.5), strict=True
        )
    }
    members = set(beliefs)
    beliefs[0] = TrialBelief(0.94, 0.01, 0.0, 1, 0.0)
    return judged(replace(record, trials=(record.trials[0], *chosen)), beliefs, members)


def test_the_band_is_nearly_two_standard_errors_around_each_step(record: Record) -> None:
    figure = front_belief(three(record))
    line, band = trace(figure, "by model"), trace(figure, "95 % band")
    half = len(band.y) // 2
    upper, lower = band.y[:half], tuple(reversed(band.y[half:]))
    assert len(line.y) == half
    for middle, low, high in zip(line.y, lower, upper, strict=True):
        assert (middle - low, high - middle) == pytest.approx((1.96, 1.96))


def test_the_line_is_the_highest_accuracy_at_no_more_of_the_cost(record: Record) -> None:
    line = trace(front_belief(record), "by model")
    assert list(line.x) == sorted(line.x)
    assert list(line.y) == sorted(line.y)


def test_members_below_a_half_are_hollow_and_pale(record: Record) -> None:
    shown = three(record)
    figure = front_belief(shown)
    _, likely, doubtful, sure = (t.number for t in shown.trials)
    assert numbers(figure, "member, 50 % or more") == {likely, sure}
    assert numbers(figure, "doubtful member") == {doubtful}
    drawn = trace(figure, "doubtful member").marker
    assert drawn.symbol[0].endswith("-open")
    assert drawn.opacity < 1


def test_the_hover_text_of_a_member_says_what_is_believed_and_what_was_measured(
    record: Record,
) -> None:
    (text,) = trace(front_belief(three(record)), "doubtful member").text
    assert "accuracy by model 92.0 ± 1.0 % (1 seed, 450 images)" in text
    assert "its own training" in text
    assert "on the front with 40 %" in text


def test_every_training_is_a_faint_mark_those_of_fresh_seeds_too(record: Record) -> None:
    own = trace(front_belief(record), "own trainings")
    assert set(own.customdata) == {trial.number for trial in record.complete}
    member = next(trial for trial in record.front if not trial.is_baseline)
    again = replace(member, repeats=(Repeat(7, 0.95, 450), Repeat(8, 0.96, 450)))
    trials = tuple(again if t == member else t for t in record.trials)
    fresh = trace(front_belief(replace(record, trials=trials)), "fresh seeds")
    assert fresh.customdata == (member.number, member.number)
    assert fresh.y == (95.0, 96.0)


def test_any_cost_may_be_the_axis_but_no_accuracy(record: Record) -> None:
    assert "parameters" in front_belief(record, "params").layout.xaxis.title.text
    assert "latency" in front_belief(record, "latency").layout.annotations[0].text
    with pytest.raises(UsageError, match="a cost: flops, params"):
        front_belief(record, "ce")


def test_trainings_that_reproduce_a_paper_have_no_front_by_model(record: Record) -> None:
    again = replace(record, manifest=replace(record.manifest, accuracy="test"))
    assert "No trial has an accuracy by model" in front_belief(again).layout.annotations[0].text
