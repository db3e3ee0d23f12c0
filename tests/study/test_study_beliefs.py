"""Beliefs in a record's accuracies, and the front and the hypervolume that follow from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import ODD, make_record, manifest, trial
from unitsearch.search.front import dominates, minimised
from unitsearch.study.beliefs import judge
from unitsearch.study.record import Record, Repeat
from unitsearch.study.tables import (
    BELIEF_COLUMNS,
    rows,
    tight_reference,
    tight_reference_point,
    true_hypervolume,
    true_hypervolume_history,
)


@pytest.fixture(scope="module")
def record() -> Record:
    return make_record(40)


def with_repeats(record: Record, number: int, *accuracies: float) -> Record:
    """Return the record with repeats of one trial."""
    repeats = tuple(
        Repeat(seed, accuracy, record.trials[number].images)
        for seed, accuracy in enumerate(accuracies)
    )
    trials = [replace(t, repeats=repeats) if t.number == number else t for t in record.trials]
    return replace(record, trials=tuple(trials))


def test_each_complete_trial_has_a_belief_and_no_other_one(record: Record) -> None:
    assert set(record.beliefs) == {t.number for t in record.complete}
    for t in record.complete:
        belief = record.beliefs[t.number]
        assert 0.0 < belief.accuracy < 1.0
        assert 0.0 < belief.accuracy_se < 0.1
        assert 0.0 <= belief.probability <= 1.0
        assert belief.optimism == pytest.approx((t.accuracy or 0.0) - belief.accuracy)
        assert belief.seeds == 1


def test_a_stopped_trial_is_evidence_without_a_belief_of_its_own(record: Record) -> None:
    number = next(t.number for t in record.front if not t.is_baseline)
    stopped = replace(record.trials[number], state="stopped", curve=record.trials[number].curve[:3])
    trials = (*record.trials[:number], stopped, *record.trials[number + 1 :])
    with_stopped = replace(record, trials=trials)
    assert number not in with_stopped.beliefs
    assert number not in {t.number for t in with_stopped.front}
    assert with_stopped.trials[number].seeds == 0


def test_the_front_is_that_of_the_posterior_means(record: Record) -> None:
    baseline = record.baseline
    assert baseline is not None
    points = {
        t.number: minimised(
            replace(t.searched, accuracy=record.beliefs[t.number].accuracy),
            replace(baseline.searched, accuracy=record.beliefs[0].accuracy),
            record.objectives,
        )
        for t in record.complete
        if record.beliefs[t.number].accuracy >= record.floor
    }
    expected = [
        n for n, point in points.items() if not any(dominates(o, point) for o in points.values())
    ]
    assert [t.number for t in record.front] == expected


def test_the_raw_front_is_that_of_single_trainings(record: Record) -> None:
    for one in record.raw_front:
        assert not any(
            (other.accuracy or 0) > (one.accuracy or 0)
            and other.cost.flops <= one.cost.flops
            and other.cost.params <= one.cost.params
            for other in record.complete
        )


def test_repeats_that_are_worse_lower_a_belief_and_its_error(record: Record) -> None:
    best = max(record.front, key=lambda t: record.beliefs[t.number].accuracy)
    accuracy = best.accuracy or 0.0
    before = record.beliefs[best.number]
    after = with_repeats(record, best.number, accuracy - 0.02, accuracy - 0.02)
    belief = after.beliefs[best.number]
    assert belief.accuracy < before.accuracy
    assert belief.accuracy_se < before.accuracy_se
    assert belief.seeds == after.trials[best.number].seeds == 3
    assert belief.optimism > before.optimism


def test_the_optimism_of_a_study_is_that_of_its_raw_best(record: Record) -> None:
    best = max(record.raw_front, key=lambda t: t.accuracy or 0.0)
    assert record.optimism == record.beliefs[best.number].optimism


def test_equal_records_have_equal_beliefs_to_the_last_digit(record: Record) -> None:
    first = record.beliefs
    judge.cache_clear()
    assert replace(record).beliefs == first


@pytest.mark.parametrize("name", ODD)
def test_an_unusual_record_has_beliefs_where_it_has_a_baseline(name: str) -> None:
    odd = ODD[name]
    known = odd.complete if odd.baseline else ()
    assert set(odd.beliefs) == {t.number for t in known}
    assert {t.number for t in odd.front} <= set(odd.beliefs)
    assert (odd.optimism is None) == (not odd.raw_front)
    assert (true_hypervolume(odd) is None) == (odd.baseline is None)
    assert len(true_hypervolume_history(odd)) == len(known)


def test_the_table_says_what_is_believed(record: Record) -> None:
    for row, t in zip(rows(record), record.trials, strict=True):
        assert list(row)[-4:] == list(BELIEF_COLUMNS)
        belief = record.beliefs.get(t.number)
        assert row["accuracy_model"] == (belief and belief.accuracy)
        assert row["seeds"] == (1 if belief else 0)
        assert row["front"] == (t in record.front)


@pytest.mark.parametrize(
    ("accuracy", "floor", "expected"),
    [(0.98, 0.9, 0.95), (0.5, 0.4, 0.3), (0.5, 0.45, 0.45), (0.98, 0.97, 0.97)],
    ids=["twice the error", "halfway from chance", "floor of a poor one", "floor"],
)
def test_the_tight_reference_follows_from_the_baseline(
    accuracy: float, floor: float, expected: float, record: Record
) -> None:
    baseline = replace(record.trials[0], accuracy=accuracy)
    if expected == 0.3:
        floor = 0.2
    error, flops, params = tight_reference_point(baseline, floor, 10)
    assert error == pytest.approx(1 - expected)
    assert 10**flops == pytest.approx(baseline.cost.flops)
    assert 10**params == pytest.approx(baseline.cost.params)


def test_a_stored_tight_reference_is_kept_for_life(record: Record) -> None:
    kept = (0.5, 7.0, 6.0)
    stored = replace(record, manifest=replace(record.manifest, tight_reference=kept))
    assert tight_reference(stored) == kept
    assert tight_reference(record) != kept


def test_one_is_the_volume_of_full_accuracy_at_a_tenth_of_the_costs(record: Record) -> None:
    from unitsearch.study.tables import _volume

    baseline = record.trials[0]
    tenth = replace(
        baseline.cost, flops=baseline.cost.flops // 10, params=baseline.cost.params // 10
    )
    small = replace(record.trials[1], cost=tenth)
    two = replace(record, trials=(baseline, small))
    assert _volume(two, {1: 1.0}) == pytest.approx(1.0, abs=1e-3)
    assert _volume(two, {0: 1.0}) == 0.0


def test_a_history_of_the_true_hypervolume_has_few_points_and_ends_with_it() -> None:
    long = make_record(70)
    history = true_hypervolume_history(long)
    trials = [counted for counted, _ in history]
    assert len(history) <= 30
    assert trials == sorted(trials)
    assert history[-1] == (long.counted, pytest.approx(true_hypervolume(long)))


def test_trainings_that_reproduce_a_paper_have_no_beliefs(record: Record) -> None:
    moved = tuple(replace(t, number=t.number + 1) for t in record.trials)
    table = replace(record, trials=moved)
    assert (table.beliefs, table.front, table.optimism) == ({}, (), None)


def test_objectives_that_derive_from_accuracy_are_believed_too() -> None:
    usual = make_record(20)
    other = replace(usual, manifest=manifest(objectives=("accuracy", "ce")))
    assert other.front
    assert trial(1, usual.trials[1].architecture, 0.9).seeds == 1
