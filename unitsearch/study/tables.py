"""Tables made from a study's trials: one row each, metrics derived, the front marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    "se_bits", "plan",
)  # fmt: skip
BELIEF_COLUMNS = ("accuracy_model", "accuracy_model_se", "probability", "seeds")
_HISTORY = 30  # points of a history of the true hypervolume, each of which is a model fitted


def columns(record: Record) -> tuple[str, ...]:
    """Return the columns of a study's table: ``COLUMNS`` and ``BELIEF_COLUMNS``.

    Between them stands ``latency`` where it is an objective: the median of the search's own
    measurement, in milliseconds an image.
    """
    is_measured = any(trial.searched_latency for trial in record.trials)
    return (*COLUMNS, *(("latency",) if is_measured else ()), *BELIEF_COLUMNS)


def front_trials(record: Record) -> list[Trial]:
    """Return the recommended trials, ``Record.front``: the front of the posterior means."""
    return list(record.front)


def rows(record: Record) -> list[dict[str, Any]]:
    """Return one row a trial with the columns of ``columns``; unknown values are None.

    ``accuracy`` is of the trial's own training, and what derives from it (CE, SE) is too;
    ``accuracy_model`` is the mean of the model, by which ``front`` is chosen. Every call returns
    the same rows: they are not to be changed.
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
                **({"latency": latency and latency[1]} if has_latency else {}),
                **_belief(record, trial),
            }
        )
    return table


def _belief(record: Record, trial: Trial) -> dict[str, Any]:
    """Return the values of ``BELIEF_COLUMNS`` of a trial."""
    belief = record.beliefs.get(trial.number)
    if belief is None:
        return dict.fromkeys(BELIEF_COLUMNS[:3]) | {"seeds": trial.seeds}
    values = (belief.accuracy, belief.accuracy_se, belief.probability, belief.seeds)
    return dict(zip(BELIEF_COLUMNS, values, strict=True))


def reference_point(baseline: Trial) -> tuple[float, float, float]:
    """Return the point that hypervolumes of this study are measured from.

    All error, and ten times the baseline's FLOPs and parameters: nothing worth keeping lies beyond.
    """
    _, flops, params = volume_point(baseline.measured)
    return (1.0, flops + 1.0, params + 1.0)


def tight_reference(baseline: Trial, floor: float, classes: int) -> tuple[float, float, float]:
    """Return the point that the true hypervolume of a study is measured from.

    Its accuracy is the largest of three: of an error twice the baseline's and a point more; halfway
    from chance to the baseline's accuracy; the floor. Its costs are the baseline's: no network
    counts that saves nothing.

    Args:
        baseline: The complete baseline.
        floor: The accuracy from which a trial is feasible, a fraction.
        classes: The number of classes.
    """
    error, flops, params = volume_point(baseline.measured)
    chance = 1.0 / classes
    accuracy = max(1.0 - 2.0 * error - 0.01, (chance + 1.0 - error) / 2.0, floor)
    return (1.0 - accuracy, flops, params)


def box_point(record: Record) -> tuple[float, ...]:
    """Return the point that the true hypervolume of a study with a baseline is measured from."""
    assert record.baseline is not None  # without it there is no front
    manifest = record.manifest
    return manifest.tight_reference or tight_reference(
        record.baseline, record.floor, manifest.space.classes
    )


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


def true_hypervolume(record: Record) -> float | None:
    """Return the hypervolume of the recommended trials by the model's accuracies.

    It is measured from ``tight_reference`` in (accuracy, log10 FLOPs, log10 parameters), and
    divided by the accuracy that is left above that point: 1 is a network of 100 % with a tenth of
    the baseline's FLOPs and parameters. None before the baseline is complete.
    """
    if record.baseline is None:
        return None
    name = "true hypervolume"
    if name not in record.derived:
        record.derived[name] = _true_hypervolume(record)
    return float(record.derived[name])


def true_hypervolume_history(record: Record) -> list[tuple[int, float]]:
    """Return (trials counted, ``true_hypervolume``) after some of the trials, the last among them.

    Each value is what was believed when the study had so many trials, with the repeats of these.
    A value costs a fit of the model, so that there are 30 at most, evenly spaced.
    """
    if record.baseline is None:
        return []
    name = "true hypervolume history"
    if name not in record.derived:
        record.derived[name] = tuple(_true_hypervolume_history(record))
    return list(record.derived[name])


def _true_hypervolume_history(record: Record) -> list[tuple[int, float]]:
    ends = [place for place, trial in enumerate(record.trials, start=1) if trial.is_counted]
    step = -(-len(ends) // _HISTORY)
    history = []
    for counted in range(len(ends), 0, -step):
        if counted == len(ends):
            value = true_hypervolume(record)
        else:
            value = true_hypervolume(replace(record, trials=record.trials[: ends[counted - 1]]))
        history.append((counted, value or 0.0))
    return history[::-1]


def _true_hypervolume(record: Record) -> float:
    reference = box_point(record)
    height = reference[0]
    if height <= 0.0:
        return 0.0
    points = [
        volume_point(replace(trial.measured, accuracy=record.beliefs[trial.number].accuracy))
        for trial in record.front
    ]
    return hypervolume(points, reference) / height
