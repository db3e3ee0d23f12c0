"""The recommended members of a front: their accuracies by model, and the few that are displayed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unitsearch.metrics import Measured, Metric, metric
from unitsearch.search.front import Point, hypervolumes, most_of_hypervolume, volume_point
from unitsearch.study.beliefs import TrialBelief
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import tight_reference

MOST_DISPLAYED = 12  # members of a front in a table that people read
_MARGIN = 0.1  # of a front's extent: how far beyond its worst values volumes are measured from


def belief_of(record: Record, trial: Trial) -> TrialBelief | None:
    """Return the belief of a trial; None for one that is not complete.

    Trainings that reproduce a paper's have none: they are shown as they came out.
    """
    if record.manifest.accuracy != "validation":
        return None
    return record.beliefs.get(trial.number)


def believed(record: Record, trial: Trial) -> Measured:
    """Return a trial's facts with its accuracy by model; without a belief, with its own."""
    belief = belief_of(record, trial)
    if belief is None:
        return trial.measured
    return Measured(belief.accuracy, trial.cost, trial.measured.latency)


def best_trial(record: Record) -> Trial | None:
    """Return the front's member with the highest accuracy by model; the baseline only if alone.

    Of equal ones the one with fewer FLOPs.
    """
    chosen = [trial for trial in record.front if not trial.is_baseline] or record.front
    return max(chosen, key=lambda t: (believed(record, t).accuracy, -t.cost.flops), default=None)


def best_training(record: Record) -> Trial | None:
    """Return the trial of the raw front whose own training was the most accurate."""
    return max(record.raw_front, key=lambda t: (t.accuracy or 0.0, -t.cost.flops), default=None)


def displayed(record: Record, most: int = MOST_DISPLAYED) -> list[Trial]:
    """Return the members of the front that tables show, the most accurate by model first.

    Of more than ``most`` members these are the most accurate one and those that add most.
    """
    members = adding_most_of(record, record.front, most)
    return sorted(members, key=lambda t: (-believed(record, t).accuracy, t.cost.flops, t.number))


def adding_most_of(record: Record, members: Sequence[Trial], most: int) -> list[Trial]:
    """Return at most ``most`` members: the most accurate by model and those that add most to it.

    They add to the hypervolume of the study's objectives by model, with those in powers of ten that
    are compared so, measured from a little beyond the worst values of ``members``.
    """
    if len(members) <= most:
        return list(members)
    points = _points(record, members)
    columns = list(zip(*points, strict=True))
    reference = tuple(max(c) + _MARGIN * ((max(c) - min(c)) or 1.0) for c in columns)
    chosen = most_of_hypervolume(points, reference, most)
    accuracies = [believed(record, trial).accuracy for trial in members]
    best = min(range(len(members)), key=lambda i: (-accuracies[i], members[i].cost.flops))
    if best not in chosen:
        chosen = (best, *chosen[:-1])
    return [members[place] for place in chosen]


def growth_by_model(record: Record, reference: Sequence[float] | None = None) -> list[float]:
    """Return the hypervolume of the networks found up to each complete trial, by number.

    In (accuracy by model, log10 FLOPs, log10 parameters) from ``reference``, or else from the
    study's tight one, divided by the accuracy that is left above it: the last value is that of the
    recommended networks. The accuracies are those by the model of the whole study, so that a value
    grows with each better network, and not with a lucky training.
    """
    if record.baseline is None:
        return []
    origin = tuple(reference or tight_reference(record))
    name = f"growth by model from {origin}"
    if name not in record.derived:
        facts = [believed(record, trial) for trial in record.complete]
        # below the floor a point stands at the reference itself, where it adds nothing
        points = [volume_point(new) if new.accuracy >= record.floor else origin for new in facts]
        height = origin[0] or 1.0
        record.derived[name] = [volume / height for volume in hypervolumes(points, origin)]
    return list(record.derived[name])


def _points(record: Record, members: Sequence[Trial]) -> list[Point]:
    """Return the objectives of members by model as numbers of which less is better."""
    objectives = [metric(name) for name in record.manifest.config.objectives]
    baseline = (
        believed(record, record.baseline) if record.baseline else Measured(0.0, members[0].cost)
    )
    columns = [
        _comparable(one, [one.formula(believed(record, trial), baseline) for trial in members])
        for one in objectives
    ]
    return list(zip(*columns, strict=True))


def _comparable(by: Metric, values: Sequence[float]) -> list[float]:
    """Return values of a metric of which less is better; one that is not known is the worst."""
    if by.scale == "log":
        values = [math.log10(value) if value > 0 else math.nan for value in values]
    signed = [-value if by.maximise else value for value in values]
    worst = max((value for value in signed if math.isfinite(value)), default=0.0)
    return [value if math.isfinite(value) else worst for value in signed]
