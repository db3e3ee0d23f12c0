"""The recommended members of a front, and the few that are displayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import ODD, judged, make_record, manifest
from unitsearch import wording
from unitsearch.study.beliefs import TrialBelief
from unitsearch.study.recommended import (
    adding_most_of,
    believed,
    best_training,
    best_trial,
    displayed,
    growth_by_model,
)
from unitsearch.study.record import Record
from unitsearch.study.tables import true_hypervolume


def belief(accuracy: float, probability: float = 0.8, **more: float) -> TrialBelief:
    return TrialBelief(accuracy, 0.004, probability, 1, more.get("optimism", 0.0))


@pytest.fixture(scope="module")
def record() -> Record:
    return make_record(60)


def test_a_trial_has_the_accuracy_of_its_belief_and_else_its_own(record: Record) -> None:
    some = judged(record, {3: belief(0.91)}, {3})
    assert believed(some, record.trials[3]).accuracy == 0.91
    assert believed(some, record.trials[4]) == record.trials[4].measured


def test_trainings_that_reproduce_a_paper_are_shown_as_they_came_out(record: Record) -> None:
    again = replace(record, manifest=replace(record.manifest, accuracy="test"))
    assert all(believed(again, trial) == trial.measured for trial in again.complete)


def test_the_best_trial_is_that_of_the_highest_accuracy_by_model(record: Record) -> None:
    beliefs = {0: belief(0.99), 3: belief(0.95), 4: belief(0.96)}
    best = best_trial(judged(record, beliefs, {0, 3, 4}))
    assert best is not None
    assert best.number == 4  # the baseline is no result of the search
    alone = best_trial(judged(record, beliefs, {0}))
    assert alone is not None
    assert alone.is_baseline
    assert best_trial(ODD["no trials"]) is None


def test_a_small_front_is_displayed_whole_the_best_first(record: Record) -> None:
    few = judged(record, {3: belief(0.95), 4: belief(0.96), 5: belief(0.9)}, {3, 4, 5})
    assert [trial.number for trial in displayed(few)] == [4, 3, 5]
    assert wording.displayed_members(few) == ""


def test_a_large_front_is_displayed_by_its_best_and_those_that_add_most(record: Record) -> None:
    assert len(record.front) > 12
    shown = displayed(record)
    accuracies = [believed(record, trial).accuracy for trial in shown]
    assert len(shown) == 12
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] == max(believed(record, trial).accuracy for trial in record.front)
    assert {trial.number for trial in shown} <= {trial.number for trial in record.front}
    assert wording.displayed_members(record).startswith(f"12 of {len(record.front)} members shown")


@pytest.mark.parametrize("objectives", [("accuracy", "ce"), ("accuracy", "latency"), ("flops",)])
def test_members_are_chosen_by_whatever_the_study_optimises(
    record: Record, objectives: tuple[str, ...]
) -> None:
    other = replace(record, manifest=manifest(objectives=objectives))
    chosen = adding_most_of(other, record.complete, 5)
    assert len({trial.number for trial in chosen}) == 5


def test_the_growth_by_model_ends_at_the_hypervolume_of_the_recommended(record: Record) -> None:
    growth = growth_by_model(record)
    assert len(growth) == len(record.complete)
    assert growth == sorted(growth)
    assert growth[-1] == pytest.approx(true_hypervolume(record))
    assert growth_by_model(ODD["no trials"]) == []


def test_the_best_training_is_the_luckiest_of_the_raw_front(record: Record) -> None:
    best = best_training(record)
    assert best is not None
    assert best.accuracy == max(trial.accuracy or 0.0 for trial in record.complete)
    assert best_training(Record("new", Path("new"), record.manifest)) is None


def test_the_optimism_of_the_best_training_is_a_sentence(record: Record) -> None:
    poor = replace(record.trials[0], accuracy=0.95)  # the baseline's would be no luck of a search
    record = replace(record, trials=(poor, *record.trials[1:]))
    best = best_training(record)
    assert best is not None
    lucky = judged(record, {best.number: belief(0.97, optimism=0.0061)}, {best.number})
    assert wording.optimism(lucky) == (
        f"The best single training, {100 * (best.accuracy or 0):.1f} % (trial {best.number}), is"
        " expected to be 0.6 points too high."
    )
    fair = judged(record, {best.number: belief(0.99, optimism=-0.001)}, {best.number})
    assert wording.optimism(fair) == ""


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (None, "–"),
        (0.0, "< 1 %"),
        (0.005, "< 1 %"),
        (0.873, "87 %"),
        (0.994, "99 %"),
        (1, "> 99 %"),
    ],
)
def test_no_share_of_draws_is_called_certain(probability: float | None, words: str) -> None:
    assert wording.share(probability) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0.4 s"),
        (41, "41 s"),
        (120, "2 min"),
        (1500, "25 min"),
        (7200, "2.0 hours"),
        (2e5, "2.3 days"),
    ],
)
def test_a_time_has_the_unit_that_fits(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words
