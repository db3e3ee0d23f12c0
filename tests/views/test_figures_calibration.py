"""Reports of studies against trainings with fresh seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import make_record
from unitsearch.errors import UsageError
from unitsearch.study.record import Record, Repeat
from unitsearch.views.figures import calibration
from unitsearch.views.figures.calibration import mean_interval, share_interval
from unitsearch.views.figures.verified import verified


def again(record: Record, fresh: float | None = None) -> Record:
    """The record with two repeats of each member of its front, all of one accuracy if given."""
    front = {trial.number for trial in record.front}
    trials = tuple(
        replace(t, repeats=tuple(Repeat(i, fresh or (t.accuracy or 0.0), 450) for i in (1, 2)))
        if t.number in front
        else t
        for t in record.trials
    )
    return replace(record, trials=trials)


def spread(record: Record, reach: float) -> Record:
    """The record with three repeats of each member of its front, so far from their mean."""
    front = {trial.number for trial in record.front}
    trials = tuple(
        replace(t, repeats=tuple(Repeat(i, 0.9 + i * reach / 2, 450) for i in (-1, 0, 1)))
        if t.number in front
        else t
        for t in record.trials
    )
    return replace(record, trials=trials)


@pytest.fixture(scope="module")
def record() -> Record:
    return make_record(30)


def test_what_was_reported_is_what_the_model_said_before_the_repeats(record: Record) -> None:
    found = verified(again(record, fresh=0.5))
    assert {v.number for v in found} == {t.number for t in record.front if not t.is_baseline}
    for one in found:
        belief = record.beliefs[one.number]
        assert (one.by_model, one.probability) == (belief.accuracy, belief.probability)
        assert (one.own, one.fresh, one.seeds) == (record.trials[one.number].accuracy, 0.5, 2)


def test_trials_of_equal_fresh_accuracy_are_on_the_front_by_their_costs(record: Record) -> None:
    shown = again(record, fresh=0.95)
    costs = {t.number: (t.cost.flops, t.cost.params) for t in shown.complete if t.repeats}
    for one in verified(shown):
        flops, params = costs[one.number]
        dominated = any(
            f <= flops and p <= params and (f, p) != (flops, params) for f, p in costs.values()
        )
        assert one.is_on_front == (not dominated)


def test_the_expected_share_knows_the_luck_of_the_fresh_seeds(record: Record) -> None:
    steady, unsteady = (
        {v.number: v for v in verified(spread(record, points))} for points in (0.0001, 0.2)
    )
    costs = {t.number: (t.cost.flops, t.cost.params) for t in record.front}
    cheapest = min(steady, key=lambda n: costs[n])
    assert all(0 <= one.expected <= 1 for one in [*steady.values(), *unsteady.values()])
    assert steady[cheapest].expected == unsteady[cheapest].expected == 1.0  # nothing costs less
    assert (
        mean_interval([v.expected for v in unsteady.values()])[0]
        < (mean_interval([v.expected for v in steady.values()])[0])
    )


def test_accuracies_have_a_mean_and_its_interval(record: Record) -> None:
    shown = again(record)
    by_model, own = calibration(shown).data
    found = verified(shown)
    middle, reach = mean_interval([100 * (v.by_model - v.fresh) for v in found])
    assert (by_model.x[0], by_model.error_x.array[0]) == pytest.approx((middle, reach))
    assert own.x[0] == pytest.approx(0.0)  # the repeats came out as the trials' own trainings
    assert f"{len(found)} trials, {2 * len(found)} fresh seeds" in own.hovertext[0]


def test_several_studies_have_a_row_each_and_one_together(record: Record) -> None:
    other = replace(again(make_record(20, "other", seed=3)), name="other")
    figure = calibration([again(record), replace(record, name="never"), other])
    names = [text.split("<br>")[0] for text in figure.layout.yaxis.ticktext]
    assert names == ["digits-lenet", "other", "all of them"]  # one was not trained again


def test_each_bin_has_its_share_and_its_number_of_trials(record: Record) -> None:
    shown = again(record)
    _, expected, marks = calibration(shown, "probability").data
    assert expected.x == marks.x
    found = verified(shown)
    assert sum(map(int, marks.text)) == len(found)
    assert list(marks.x) == sorted(marks.x)
    last = [v for v in found if v.probability >= 0.9]
    assert marks.y[-1] == pytest.approx(100 * sum(v.is_on_front for v in last) / len(last))


def test_a_mean_of_one_value_has_no_interval_and_of_three_that_of_student() -> None:
    assert mean_interval([0.3]) == (0.3, 0.0)
    middle, reach = mean_interval([1.0, 2.0, 3.0])
    assert (middle, reach) == pytest.approx((2.0, 4.302653 / 3**0.5))


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1)],
)
def test_a_share_has_wilsons_interval(hits: int, total: int, low: float, high: float) -> None:
    assert share_interval(hits, total) == pytest.approx((low, high), abs=1e-4)


def test_without_fresh_seeds_the_figure_says_how_to_get_them(record: Record) -> None:
    text = calibration(record).layout.annotations[0].text
    assert "unitsearch verify STUDY" in text
    with pytest.raises(UsageError, match="accuracy or probability"):
        calibration(record, "luck")
