"""Trials as points of figures: their place by two metrics, their groups, what hovering says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from unitsearch.costs import COSTS
from unitsearch.metrics import METRICS, Measured, Metric
from unitsearch.search.front import front
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views import words

# These need no baseline.
_OWN = ("accuracy", *COSTS)
_AS_ACCURACY = {"accuracy": 100.0, "accuracy_drop": 100.0}


@dataclass(frozen=True)
class Point:
    """A complete trial at (x, y) of a figure, in the units of its axes.

    Attributes:
        trial: The trial.
        x: Its place on the horizontal axis.
        y: Its place on the vertical axis.
        feasible: Whether its accuracy reaches the floor.
        on_front: Whether it belongs to the study's front, by all objectives.
    """

    trial: Trial
    x: float
    y: float
    feasible: bool
    on_front: bool


def axis_value(metric: Metric, new: Measured, baseline: Measured | None) -> float | None:
    """Return a trial's place on the axis of ``metric``; None without the baseline it needs."""
    if baseline is None and metric.name not in _OWN:
        return None
    value = float(metric.formula(new, baseline or new))
    if not math.isfinite(value) or (metric.logarithmic and value <= 0):
        return None
    return 100 * value if metric.name == "accuracy" else value


def axis_label(metric: Metric) -> str:
    """Return what stands at the axis, with its unit."""
    return f"{metric.label} (%)" if metric.name == "accuracy" else metric.label


def axis_error(metric: Metric, trial: Trial) -> float | None:
    """Return one standard error in the axis's unit; None for metrics that are exact or derived."""
    scale = _AS_ACCURACY.get(metric.name)
    return None if scale is None or trial.accuracy_se is None else scale * trial.accuracy_se


def points(record: Record, x: Metric, y: Metric) -> list[Point]:
    """Return the complete trials that have a place by ``x`` and ``y``."""
    baseline = record.baseline.measured if record.baseline else None
    chosen = {trial.number for trial in front_trials(record)}
    floor = record.floor if record.baseline else 0.0
    found = []
    for trial in record.complete:
        at = [axis_value(metric, trial.measured, baseline) for metric in (x, y)]
        if trial.accuracy is None or at[0] is None or at[1] is None:
            continue
        feasible = trial.accuracy >= floor
        found.append(Point(trial, at[0], at[1], feasible, trial.number in chosen))
    return found


def own_front(found: Sequence[Point], x: Metric, y: Metric) -> list[Point]:
    """Return the feasible points that no other dominates by these two metrics, by rising x."""
    items = [
        (p, (-p.x if x.maximise else p.x, -p.y if y.maximise else p.y)) for p in found if p.feasible
    ]
    unique = {(p.x, p.y): p for p in reversed(front(items))}
    return sorted(unique.values(), key=lambda p: (p.x, p.y))


def hover(record: Record, trial: Trial, *, on_front: bool) -> str:
    """Return what hovering over a trial says, as plotly's little HTML."""
    title = f"<b>#{trial.number}</b>{' · baseline' if trial.is_baseline else ''}"
    title += " · on the study's front" if on_front else ""
    lines = [
        f"{title}",
        f"{escape(trial.key)}",
        f"accuracy {words.accuracy(trial)} (validation, {words.count(trial.images, 'image')})",
        f"{_size(record, trial)} · {words.short(trial.cost.macs)} MACs",
        f"{words.short(trial.cost.flops)} FLOPs (papers' convention)",
    ]
    if record.baseline is not None:
        base = record.baseline.measured
        storage, said = ("se_bits", "SE in bits") if record.shares_filters else ("se", "SE")
        ce, se = (METRICS[name].formula(trial.measured, base) for name in ("ce", storage))
        lines.append(f"CE {words.ratio(ce)} · {said} {words.ratio(se)}")
    return "<br>".join(lines)


def _size(record: Record, trial: Trial) -> str:
    if record.shares_filters:
        return f"{words.short(trial.cost.bits)} stored bits"
    return f"{words.short(trial.cost.params)} parameters"
