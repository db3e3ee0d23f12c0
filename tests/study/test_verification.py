"""The trainings with fresh seeds that a verification does: a function of the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.records import ODD, make_record, manifest
from unitsearch.search.seeds import derive
from unitsearch.study.record import Record, Repeat
from unitsearch.study.settings import Budget
from unitsearch.study.verification import FreshTraining, due_at_end, due_for_seeds


def verified(record: Record, share: float, trials: int = 40) -> Record:
    """Return the record with another share of verification and another budget."""
    config = manifest(verify=share, budget=Budget(trials=trials))
    return replace(record, manifest=config)


def with_stored(record: Record, due: list[FreshTraining], accuracy: float = 0.9) -> Record:
    """Return the record after these trainings, all of one accuracy."""
    trials = []
    for trial in record.trials:
        new = [Repeat(t.seed, accuracy, trial.images) for t in due if t.number == trial.number]
        trials.append(replace(trial, repeats=(*trial.repeats, *new)))
    return replace(record, trials=tuple(trials))


@pytest.fixture(scope="module")
def record() -> Record:
    return verified(make_record(40), 0.1)


def members(record: Record) -> list[int]:
    return [trial.number for trial in record.front if not trial.is_baseline]


@pytest.mark.parametrize(
    ("share", "budget", "expected"), [(0.1, 30, 3), (0.1, 31, 4), (0.0, 30, 0), (1.0, 30, 30)]
)
def test_the_share_of_the_budget_is_rounded_up(share: float, budget: int, expected: int) -> None:
    assert len(due_at_end(verified(make_record(40), share, budget))) == expected


def test_a_study_that_ended_before_its_budget_has_a_share_of_what_it_trained() -> None:
    short = verified(make_record(20), 0.1, trials=1000)
    assert short.counted == 19  # one failed
    assert len(due_at_end(short)) == 2


def test_recommended_trials_are_trained_and_never_the_baseline(record: Record) -> None:
    assert record.beliefs[0].accuracy >= record.floor
    assert {training.number for training in due_at_end(record)} <= set(members(record))


def test_trainings_take_turns_where_the_front_is_small() -> None:
    small = verified(make_record(12), 1.0)
    due = due_at_end(small)
    counts = Counter(training.number for training in due)
    assert len(due) == small.counted
    assert set(counts) == set(members(small))
    numbers = [training.number for training in due]
    front = len(counts)
    assert len(set(numbers[:front])) == front  # each once before any twice
    assert numbers[front : 2 * front] == numbers[:front][: len(numbers) - front]
    assert len({(training.number, training.seed) for training in due}) == len(due)


def test_seeds_derive_from_study_trial_and_turn(record: Record) -> None:
    seed = record.manifest.config.seed
    for training in due_at_end(record):
        assert training.seed == derive(seed, training.number, "verify 1")
        assert training.seed != record.trials[training.number].seed


def test_what_is_due_does_not_depend_on_what_is_stored(record: Record) -> None:
    due = due_at_end(record)
    assert due_at_end(with_stored(record, due[:2])) == due
    assert due_at_end(with_stored(record, due)) == due


def test_stopped_and_failed_trials_are_never_due(record: Record) -> None:
    number = due_at_end(record)[0].number
    for state in ("stopped", "failed"):
        changed = replace(record.trials[number], state=state)
        trials = (*record.trials[:number], changed, *record.trials[number + 1 :])
        due = due_at_end(replace(record, trials=trials))
        assert number not in {training.number for training in due}


@pytest.mark.parametrize("name", ODD)
def test_a_study_without_a_member_but_the_baseline_has_nothing_due(name: str) -> None:
    odd = replace(ODD[name], manifest=replace(ODD[name].manifest, config=replace(
        ODD[name].manifest.config, verify=0.5)))  # fmt: skip
    assert bool(due_at_end(odd)) == bool(members(odd))
    assert bool(due_for_seeds(odd, 2)) == bool(members(odd))


def test_seeds_are_filled_up_to_the_number_asked_for(record: Record) -> None:
    after = with_stored(record, due_for_seeds(record, 4))
    assert {after.trials[number].seeds for number in members(record)} == {4}


def test_what_is_stored_is_not_due_again(record: Record) -> None:
    due = due_for_seeds(record, 3)
    half = with_stored(record, due[: len(due) // 2], accuracy=0.97)
    again = due_for_seeds(half, 3)
    stored = {(t.number, repeat.seed) for t in half.trials for repeat in t.repeats}
    assert not stored & {(training.number, training.seed) for training in again}
    full = with_stored(half, again)
    assert all(full.trials[number].seeds >= 3 for number in members(half))


def test_each_member_gets_its_second_seed_before_any_gets_its_third(record: Record) -> None:
    due = due_for_seeds(record, 3)
    front = members(record)
    assert [training.number for training in due] == front + front
