"""The weights that a study keeps: of trials that may yet be recommended."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import make_record
from unitsearch.study import weights
from unitsearch.study.folder import weights_path
from unitsearch.study.manifest import write_manifest
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.record import Record, Trial
from unitsearch.study.store import create_store
from unitsearch.study.weights import MARGIN, KeptWeights


@pytest.fixture
def record() -> Record:
    return make_record(30)


@pytest.fixture
def study(record: Record, tmp_path: Path) -> OpenStudy:
    """A study under way whose trials have not ended yet."""
    folder = tmp_path / "made-up"
    (folder / "trials").mkdir(parents=True)
    write_manifest(folder, record.manifest)
    store = create_store(folder, "made-up", None)
    return OpenStudy(folder, record.manifest, store, lambda progress: None)


def end(study: OpenStudy, kept: KeptWeights, trial: Trial) -> None:
    """Let a trial end as the driver does: its weights are written first."""
    if trial.state == "complete":
        weights_path(study.folder, trial.number).write_bytes(b"w" * 100)
    study.trials.put(trial)
    kept.end(trial)


def kept_numbers(study: OpenStudy) -> set[int]:
    return {int(path.stem) for path in (study.folder / "trials").iterdir()}


def is_beaten(trial: Trial, record: Record) -> bool:
    def beats(other: Trial) -> bool:
        error = math.hypot(other.accuracy_se or 0, trial.accuracy_se or 0)
        return (
            (other.accuracy or 0) - (trial.accuracy or 0) > MARGIN * error
            and other.cost.flops <= trial.cost.flops
            and other.cost.params <= trial.cost.params
        )

    return any(beats(other) for other in record.complete)


@pytest.mark.parametrize("order", [1, -1])
def test_only_weights_are_removed_that_a_cheaper_network_clearly_beats(
    study: OpenStudy, order: int
) -> None:
    drawn = make_record(200)
    ordered = [drawn.trials[0], *drawn.trials[1:][::order]]
    made = tuple(replace(t, number=n, images=20_000) for n, t in enumerate(ordered))
    record, kept = replace(drawn, trials=made), KeptWeights(study)
    for trial in record.trials:
        end(study, kept, trial)
    expected = {t.number for t in record.complete if not is_beaten(t, record)} | {0}
    assert kept_numbers(study) == expected
    assert len(expected) < len(record.complete)
    assert {t.number for t in record.raw_front} <= expected


def test_trials_that_end_before_the_baseline_keep_their_weights_until_then(
    study: OpenStudy, record: Record
) -> None:
    poor = replace(record.trials[0], number=1, accuracy=0.2)
    waiting = replace(record.trials[0], state="running", accuracy=None)
    kept = KeptWeights(study)
    study.trials.put(waiting)
    end(study, kept, poor)
    assert kept_numbers(study) == {1}
    end(study, kept, record.trials[0])
    assert kept_numbers(study) == {0}


def test_weights_of_a_trial_that_failed_afterwards_are_removed(
    study: OpenStudy, record: Record
) -> None:
    kept = KeptWeights(study)
    end(study, kept, record.trials[0])
    weights_path(study.folder, 1).write_bytes(b"w")
    end(study, kept, replace(record.trials[1], state="failed"))
    assert kept_numbers(study) == {0}


def test_what_an_earlier_run_left_is_compared_with_new_trials(
    study: OpenStudy, record: Record
) -> None:
    first = KeptWeights(study)
    end(study, first, record.trials[0])
    end(study, first, replace(record.trials[0], number=1, accuracy=0.9))
    assert kept_numbers(study) == {0}
    end(study, first, replace(record.trials[0], number=2, accuracy=0.97))
    again = KeptWeights(study)
    assert kept_numbers(study) == {0, 2}
    end(study, again, replace(record.trials[0], number=3, accuracy=1.0, images=10**6))
    assert kept_numbers(study) == {0, 2, 3}
    end(study, again, replace(record.trials[0], number=4, accuracy=0.5))
    assert kept_numbers(study) == {0, 2, 3}


def test_where_files_grow_large_those_farthest_behind_are_removed(
    study: OpenStudy, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_MOST_BYTES", 500)
    kept = KeptWeights(study)
    base = record.trials[0]
    for number, accuracy in enumerate((0.98, 0.97, 0.96, 0.975, 0.978, 0.979)):
        end(study, kept, replace(base, number=number, accuracy=accuracy))
    assert kept_numbers(study) == {0, 3, 4, 5}


def test_the_raw_front_keeps_its_weights_however_large(
    study: OpenStudy, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_MOST_BYTES", 1)
    kept = KeptWeights(study)
    for trial in record.trials:
        end(study, kept, trial)
    feasible = {trial.number for trial in record.raw_front}
    assert feasible <= kept_numbers(study)


def test_a_metric_of_accuracy_and_cost_compares_all_its_costs(
    study: OpenStudy, record: Record
) -> None:
    config = replace(study.manifest.config, objectives=("accuracy", "ce"))
    study.manifest = replace(study.manifest, config=config)
    kept, base = KeptWeights(study), record.trials[0]
    end(study, kept, base)
    cheap = replace(base.cost, flops=base.cost.flops // 2)
    end(study, kept, replace(base, number=1, accuracy=0.5, cost=cheap))
    end(study, kept, replace(base, number=2, accuracy=0.5))
    assert kept_numbers(study) == {0, 1}
