"""Tables made from a study's trials: one row each, metrics derived, the front marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from unitsearch.metrics import METRICS
from unitsearch.search.front import Point, hypervolume, hypervolumes, volume_point
from unitsearch.search.reference import accuracy_reference
from unitsearch.study.beliefs import recommended_accuracies
from unitsearch.study.record import Record, Trial

COLUMNS = (
    "number", "state", "key", "seed", "accuracy", "accuracy_se", "test_accuracy",
    "macs", "flops", "params", "ce", "se", "front", "reason", "macs_shared", "bits",
    "se_bits", "plan",
)  # fmt: skip
LATER_COSTS = ("activation_bytes",)  # that the first release did not write
BELIEF_COLUMNS = ("accuracy_model", "accuracy_model_se", "probability", "seeds")
_HISTORY = 30  # points of a history of the true hypervolume, each of which is a model fitted


def columns(record: Record) -> tuple[str, ...]:
    """Return the columns of a study's table: ``COLUMNS``, ``LATER_COSTS`` and ``BELIEF_COLUMNS``.

    Before the last stands ``latency`` where it is an objective: the median of the search's own
    measurement, in milliseconds an image.
    """
    is_measured = any(trial.searched_latency for trial in record.trials)
    return (*COLUMNS, *LATER_COSTS, *(("latency",) if is_measured else ()), *BELIEF_COLUMNS)


def front_trials(record: Record) -> list[Trial]:
    """Return the recommended trials, ``Record.front``: the front of the posterior means."""
    return list(record.front)


def rows(record: Record) -> list[dict[str, Any]]:
    """Return one row a trial with the columns of ``columns``; unknown values are None.

    ``accuracy`` is of the trial's own training, and so is what derives from it (CE, SE);
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
                **{name: getattr(trial.cost, name) for name in LATER_COSTS},
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


def tight_reference_point(
    baseline: Trial, floor: float, classes: int
) -> tuple[float, float, float]:
    """Return the point that the true hypervolume of a study is measured from.

    Its accuracy is ``accuracy_reference``'s. Its costs are the baseline's: a network counts only if
    it saves some of each.

    Args:
        baseline: The complete baseline.
        floor: The accuracy from which a trial is feasible, a fraction.
        classes: The number of classes.
    """
    _, flops, params = volume_point(baseline.measured)
    return (1.0 - accuracy_reference(baseline.accuracy or 0.0, classes, floor), flops, params)


def tight_reference(record: Record) -> tuple[float, ...]:
    """Return the point that the true hypervolume of a study with a baseline is measured from."""
    assert record.baseline is not None  # without it there is no front
    manifest = record.manifest
    return manifest.tight_reference or tight_reference_point(
        record.baseline, record.floor, manifest.space.classes
    )


def hypervolume_history(
    record: Record, reference: Sequence[float] | None = None
) -> list[tuple[int, float]]:
    """Return (trials complete, hypervolume) after each complete trial, by number.

    In (accuracy, log10 FLOPs, log10 parameters), from ``reference`` or else the study's stored
    point; trials below the floor add nothing.
    """
    if record.baseline is None:
        return []
    origin = tuple(reference or record.manifest.reference or reference_point(record.baseline))
    name = f"hypervolume from {origin}"
    if name not in record.derived:
        record.derived[name] = tuple(_hypervolume_history(record, origin))
    return list(record.derived[name])


def _hypervolume_history(record: Record, reference: Point) -> list[tuple[int, float]]:
    floor = record.floor
    points = [
        volume_point(trial.measured) if (trial.accuracy or 0.0) >= floor else reference
        for trial in record.complete
    ]
    return list(enumerate(hypervolumes(points, reference), start=1))


def true_hypervolume(record: Record) -> float | None:
    """Return the hypervolume of the recommended trials by the model's accuracies.

    It is measured from ``tight_reference`` in (accuracy, log10 FLOPs, log10 parameters), and
    divided by the accuracy that is left above that point: 1 is a network of 100 % with a tenth of
    the baseline's FLOPs and parameters. None before the baseline is complete.
    """
    if record.baseline is None:
        return None
    return _volume(record, {t.number: record.beliefs[t.number].accuracy for t in record.front})


def true_hypervolume_history(record: Record) -> list[tuple[int, float]]:
    """Return (trials counted, ``true_hypervolume``) after some of the trials, the last among them.

    Each value is what is believed with so many trials and the repeats of these. A value costs a fit
    of the model, so that there are 30 at most, evenly spaced.
    """
    if record.baseline is None:
        return []
    name = "true hypervolume"
    if name not in record.derived:
        record.derived[name] = tuple(_true_hypervolume_history(record))
    return list(record.derived[name])


def _true_hypervolume_history(record: Record) -> list[tuple[int, float]]:
    ends = [place for place, trial in enumerate(record.trials, start=1) if trial.is_counted]
    step = math.ceil(len(ends) / _HISTORY)
    history = []
    for counted in range(len(ends), 0, -step):
        trained = replace(record, trials=record.trials[: ends[counted - 1]]).trained
        assert trained is not None  # the baseline is the first trial
        history.append((counted, _volume(record, recommended_accuracies(trained))))
    return history[::-1]


def _volume(record: Record, accuracies: Mapping[int, float]) -> float:
    """Return the true hypervolume of recommended trials, given by number."""
    reference = tight_reference(record)
    height = reference[0]
    points = [
        volume_point(replace(trial.measured, accuracy=accuracies[trial.number]))
        for trial in record.complete
        if trial.number in accuracies
    ]
    return hypervolume(points, reference) / height if height > 0.0 else 0.0
