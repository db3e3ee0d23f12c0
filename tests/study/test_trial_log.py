"""The trials of a study under way: counted as they change, observed as samplers see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import architecture, trial
from unitsearch.study.trial_log import TrialLog

NETWORK = architecture(
    "{unitsearch: 1, input: [1, 8, 8], layers: [{kind: flatten}, {kind: linear, out: 10}]}"
)
COMPLETE = replace(trial(1, NETWORK, 0.9), curve=(0.5, 0.9), searched_latency=(0.1, 0.2, 0.4))
STOPPED = replace(COMPLETE, state="stopped", accuracy=0.3, curve=(0.3,), searched_latency=None)
FAILED = replace(STOPPED, state="failed", accuracy=None, curve=(), train_seconds=None)
RUNNING = replace(FAILED, state="running")


@pytest.fixture
def log() -> TrialLog:
    return TrialLog([replace(COMPLETE, number=0), RUNNING], points=2)


@pytest.mark.parametrize(
    ("ended", "complete", "counted"), [(COMPLETE, 2, 2), (STOPPED, 1, 2), (FAILED, 1, 1)]
)
def test_complete_and_stopped_trials_are_counted_when_they_end(
    log: TrialLog, ended: object, complete: int, counted: int
) -> None:
    assert (log.complete, log.counted) == (1, 1)
    log.put(ended)  # type: ignore[arg-type]
    assert (log.complete, log.counted) == (complete, counted)
    assert len(log) == 2


def test_the_longest_training_is_known(log: TrialLog) -> None:
    log.put(replace(COMPLETE, train_seconds=20.0))
    log.put(replace(FAILED, number=2))
    assert log.longest == 20.0


def test_a_complete_trial_is_observed_with_all_that_was_measured(log: TrialLog) -> None:
    log.put(COMPLETE)
    seen = log.observations[1]
    assert (seen.state, seen.accuracy, seen.latency) == ("complete", 0.9, 0.2)
    assert (seen.epochs, seen.recipe_epochs) == (2, 2)


def test_a_stopped_trial_is_observed_with_its_curve_and_no_accuracy(log: TrialLog) -> None:
    log.put(STOPPED)
    seen = log.observations[1]
    assert (seen.state, seen.accuracy, seen.curve) == ("stopped", None, (0.3,))
    assert (seen.epochs, seen.recipe_epochs) == (1, 2)


def test_a_trial_that_runs_is_observed_without_an_outcome(log: TrialLog) -> None:
    seen = log.observations[1]
    assert (seen.state, seen.accuracy, seen.latency, seen.curve) == ("running", None, None, ())
