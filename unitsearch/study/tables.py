"""Tables made from a study's trials: one row each, metrics derived, the front marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch.metrics import METRICS
from unitsearch.search.front import (
    Point,
    dominates,
    hypervolume,
    volume_point,
)
from unitsearch.study.record import Record, Trial

COLUMNS = (
    "number", "state", "key", "seed", "accuracy", "accuracy_se", "test_accuracy",
    "macs", "flops", "params", "ce", "se", "front", "reason", "macs_shared", "bits",
    "se_bits", "plan", "accuracy_model", "accuracy_model_se", "probability", "seeds",
)  # fmt: skip


def columns(record: Record) -> tuple[str, ...]:
    """Return the columns of a study's table: ``COLUMNS``, and ``latency`` where it is an objective.

    That is the median of the search's own measurement, in milliseconds an image.
    """
    is_measured = any(trial.searched_latency for trial in record.trials)
    return (*COLUMNS, "latency") if is_measured else COLUMNS


def front_trials(record: Record) -> list[Trial]:
    """Return the front: complete trials from the floor up that none dominates, by objectives.

    If none reaches the floor the front is empty; the baseline takes part like any other.
    """
    return list(record.front)


def rows(record: Record) -> list[dict[str, Any]]:
    """Return one row a trial with the columns of ``columns``; unknown values are None.

    Every call returns the same rows: they are not to be changed.
    """
    if "rows" not in record.derived:
        record.derived["rows"] = tuple(_rows(record))
    return list(record.derived["rows"])


def _rows(record: Record) -> list[dict[str, Any]]:
    baseline = record.baseline
    on_front = {trial.number for trial in front_trials(record)}
    has_latency = "latency" in columns(record)
    table = []
    for trial in record.trials:
        known = trial.state == "complete" and baseline is not None
        derived = {
            name: METRICS[name].formula(trial.measured, baseline.measured)
            if known and baseline is not None
            else None
            for name in ("ce", "se", "se_bits")
        }
        latency = trial.searched_latency
        belief = record.beliefs.get(trial.number)
        table.append(
            {
                "number": trial.number,
                "state": trial.state,
                "key": trial.key,
                "seed": trial.seed,
                "accuracy": trial.accuracy,
                "accuracy_se": trial.accuracy_se,
                "test_accuracy": trial.test_accuracy,
                "macs": trial.cost.macs,
                "flops": trial.cost.flops,
                "params": trial.cost.params,
                "ce": derived["ce"],
                "se": derived["se"],
                "front": trial.number in on_front,
                "reason": trial.reason or None,
                "macs_shared": trial.cost.macs_shared,
                "bits": trial.cost.bits,
                "se_bits": derived["se_bits"],
                "plan": trial.plan or None,
                "accuracy_model": belief and belief.accuracy,
                "accuracy_model_se": belief and belief.accuracy_se,
                "probability": belief and belief.probability,
                "seeds": trial.seeds,
                **({"latency": latency and latency[1]} if has_latency else {}),
            }
        )
    return table


def reference_point(baseline: Trial) -> tuple[float, float, float]:
    """Return the point that hypervolumes of this study are measured from.

    All error, and ten times the baseline's FLOPs and parameters: nothing worth keeping lies beyond.
    """
    _, flops, params = volume_point(baseline.measured)
    return (1.0, flops + 1.0, params + 1.0)


def training_seconds(record: Record) -> list[float]:
    """Return the seconds of training up to each complete trial, by number.

    All trials so far are included, failed and stopped ones too, as far as they stored their time;
    trainings that ran at the same time count each.
    """
    total = 0.0
    totals = []
    for trial in record.trials:
        total += trial.train_seconds or 0.0
        if trial.state == "complete":
            totals.append(total)
    return totals


def hypervolume_history(
    record: Record, reference: Sequence[float] | None = None
) -> list[tuple[int, float]]:
    """Return (trials complete, hypervolume) after each complete trial, by number.

    In (accuracy, log10 FLOPs, log10 parameters), from ``reference`` or else the study's stored
    point; trials below the floor add nothing. A new point adds its own box less what the front
    already has of it, which is the volume of the front cut off at the point.

    Source:
        While, Bradstreet and Barone 2012, "A fast way of calculating exact hypervolumes" (WFG).
    """
    if record.baseline is None:
        return []
    origin = tuple(reference or record.manifest.reference or reference_point(record.baseline))
    name = f"hypervolume from {origin}"
    if name not in record.derived:
        record.derived[name] = tuple(_hypervolume_history(record, origin))
    return list(record.derived[name])


def true_hypervolume_history(record: Record) -> list[tuple[int, float]]:
    """Return (trials complete, hypervolume by the model) after each complete trial."""
    return hypervolume_history(record)


def _hypervolume_history(record: Record, reference: Point) -> list[tuple[int, float]]:
    floor, total = record.floor, 0.0
    kept: list[Point] = []
    history = []
    for complete, trial in enumerate(record.complete, start=1):
        point = volume_point(trial.measured)
        if (trial.accuracy or 0.0) >= floor and not any(
            q == point or dominates(q, point) for q in kept
        ):
            shared = [tuple(map(max, q, point)) for q in kept]
            total += hypervolume([point], reference) - hypervolume(shared, reference)
            kept = [q for q in kept if not dominates(point, q)] + [point]
        history.append((complete, total))
    return history
