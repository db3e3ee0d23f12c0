"""Picks select members of a front by a word or a condition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import ODD, make_record, manifest, trial
from unitsearch.errors import StudyError, UsageError
from unitsearch.exports.picks import check_pick, knee, picked
from unitsearch.metrics import ce
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record
from unitsearch.study.tables import front_trials


def numbers(record: Record, pick: str) -> list[int]:
    return [member.number for member in picked(record, pick)]


def test_all_is_the_front(record: Record) -> None:
    assert picked(record, "all") == front_trials(record)


def test_the_knee_is_the_point_farthest_above_the_chord() -> None:
    points = [(1.0, 0.5), (2.0, 0.9), (3.0, 0.95), (4.0, 1.0)]
    assert knee(points) == 1
    assert knee(points[::-1]) == 2


def test_the_knee_does_not_depend_on_units() -> None:
    points = [(4.0, 0.90), (4.4, 0.93), (5.0, 0.975), (6.5, 0.98)]
    scaled = [(1000 * cost - 7, accuracy / 50) for cost, accuracy in points]
    assert knee(points) == knee(scaled) == 2


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(3.0, 0.9)], 0),
        ([(3.0, 0.9), (4.0, 0.95)], 1),
        ([(1.0, 0.1), (2.0, 0.2), (3.0, 0.3)], 2),
        ([(1.0, 0.5), (2.0, 0.51), (3.0, 1.0)], 2),
        ([(1.0, 0.9), (1.0, 0.9)], 0),
        ([(2.0, 0.9), (1.0, 0.9)], 1),
        ([(1.0, 0.8), (1.0, 0.9)], 1),
    ],
    ids=["one", "two", "a line", "bent inwards", "equal", "equal accuracy", "equal cost"],
)
def test_a_front_without_a_bend_gives_its_most_accurate_point(
    points: list[tuple[float, float]], expected: int
) -> None:
    assert knee(points) == expected


def test_the_knee_of_a_study_is_on_its_front_and_not_the_baseline(record: Record) -> None:
    (member,) = picked(record, "knee")
    assert member in front_trials(record)
    assert not member.is_baseline


def test_the_knee_follows_the_cost_that_the_study_searched_for(record: Record) -> None:
    other = replace(record, manifest=manifest(objectives=("accuracy", "params")))
    assert picked(other, "knee")[0] in front_trials(other)


def test_the_best_of_a_metric_is_a_member_that_none_exceeds(record: Record) -> None:
    base = record.baseline
    assert base is not None
    members = [one for one in front_trials(record) if not one.is_baseline]
    (most_efficient,) = picked(record, "best-ce")
    assert ce(most_efficient.measured, base.measured) == max(
        ce(one.measured, base.measured) for one in members
    )
    (cheapest,) = picked(record, "best-params")
    assert cheapest.cost.params == min(one.cost.params for one in members)
    (best,) = picked(record, "best-accuracy")
    assert best.accuracy == max(one.accuracy or 0 for one in members)


def test_every_word_picks_a_baseline_that_is_alone_on_the_front() -> None:
    record = ODD["one trial"]
    for pick in ("all", "knee", "best-accuracy", "best-ce", "best-se"):
        assert numbers(record, pick) == [0]


def test_a_baseline_without_accuracy_has_no_ce_and_is_still_no_error() -> None:
    assert len(picked(ODD["zero accuracy"], "best-ce")) == 1


def test_conditions_keep_the_members_that_meet_all_of_them(record: Record) -> None:
    front = front_trials(record)
    middle = sorted(one.cost.flops for one in front)[len(front) // 2]
    selected = numbers(record, f"accuracy>=0.9 and flops<={middle:.1f}")
    expected = [
        t.number for t in front if believed(record, t).accuracy >= 0.9 and t.cost.flops <= middle
    ]
    assert selected == expected
    assert 0 < len(selected) < len(front)
    assert numbers(record, " accuracy >= 9e-1 ") == numbers(record, "accuracy>=0.9")
    cheapest = min(one.cost.flops for one in front)
    assert cheapest not in [one.cost.flops for one in picked(record, f"flops>{cheapest}")]
    assert cheapest in [one.cost.flops for one in picked(record, f"flops<{cheapest + 1}")]


def test_a_condition_that_no_member_meets_is_an_error_with_the_range_of_the_front(
    record: Record,
) -> None:
    best = max(believed(record, one).accuracy for one in front_trials(record))
    with pytest.raises(StudyError, match=rf"accuracy of the front goes from .* to {best:.6g}"):
        picked(record, "accuracy>0.9999")


def test_an_empty_front_has_nothing_to_export() -> None:
    with pytest.raises(StudyError, match="is empty"):
        picked(ODD["no trials"], "knee")
    with pytest.raises(StudyError, match="is empty"):
        picked(ODD["nothing feasible"], "all")


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        ("kne", "did you mean 'knee'"),
        ("", "best-METRIC"),
        ("best-", "a metric"),
        ("best-speed", "a metric"),
        ("speed>3", "a metric"),
        ("accuracy>=", "a number"),
        ("accuracy>=high", "a number"),
        ("accuracy>=nan", "a number"),
        ("accuracy>=0.9 or flops<3", "a number"),
        ("accuracy>=98", "try 'accuracy>=0.98'"),
        ("0.9<=accuracy", "a number"),
    ],
)
def test_an_invalid_pick_is_refused_before_a_study_is_read(pick: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        check_pick(pick)


def test_equal_members_are_told_apart_by_cost() -> None:
    record = make_record(3)
    one, two = record.trials[1:3]
    cheap, dear = sorted((one, two), key=lambda t: t.cost.flops)
    trials = tuple(
        trial(number, each.architecture, 0.99) for number, each in ((1, dear), (2, cheap))
    )
    members = picked(replace(record, trials=(record.trials[0], *trials)), "best-accuracy")
    assert members[0].number == 2


@pytest.mark.parametrize("pick", ["best-latency", "latency<=0.2"])
def test_a_pick_by_latency_says_that_none_was_measured(record: Record, pick: str) -> None:
    trials = tuple(replace(trial, latency=None) for trial in record.trials)
    with pytest.raises(StudyError, match="was not measured; measure it with unitsearch latency"):
        picked(replace(record, trials=trials), pick)
