"""Trials as marks of figures: their places by metrics, their groups and their hover texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from unitsearch import wording
from unitsearch.metrics import METRICS, Measured, Metric
from unitsearch.search.front import front as nondominated
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.figures.trial_states import state_counts


@dataclass(frozen=True)
class PlottedTrial:
    """A complete trial at (x, y) or (x, y, z) of a figure, in the units of its axes.

    Attributes:
        trial: The trial.
        x: Its value on the horizontal axis.
        y: Its value on the vertical axis.
        feasible: Whether its accuracy reaches the floor.
        on_front: Whether it belongs to the study's front, by all objectives.
        z: Its value on the third axis; 0 without one.
    """

    trial: Trial
    x: float
    y: float
    feasible: bool
    on_front: bool
    z: float = 0.0


def axis_value(metric: Metric, new: Measured, baseline: Measured | None) -> float | None:
    """Return a network's value on the axis of ``metric``; None without the baseline it needs."""
    if baseline is None and metric.needs_baseline:
        return None
    value = float(metric.formula(new, baseline or new))
    if not math.isfinite(value) or (metric.scale == "log" and value <= 0):
        return None
    return 100 * value if metric.is_accuracy else value


def axis_label(metric: Metric, record: Record | None = None) -> str:
    """Return the label of an axis, with its unit and the images it was measured on."""
    if not metric.is_accuracy:
        return metric.label
    return f"{wording.measured_on(record)} accuracy (%)" if record else f"{metric.label} (%)"


def axis_error(metric: Metric, trial: Trial, baseline: Measured | None = None) -> float | None:
    """Return one standard error in the axis's unit; None if the metric is exact.

    It is the error of the trial's own accuracy: an error of the baseline moves all trials alike.
    The baseline itself has no error by a metric relative to it.
    """
    if not metric.needs_accuracy or trial.accuracy is None or trial.accuracy_se is None:
        return None
    if metric.in_points:
        return 100 * trial.accuracy_se
    if trial.is_baseline or baseline is None:
        return None
    ends = [
        axis_value(metric, replace(trial.measured, accuracy=max(accuracy, 0.0)), baseline)
        for accuracy in (trial.accuracy - trial.accuracy_se, trial.accuracy + trial.accuracy_se)
    ]
    return None if ends[0] is None or ends[1] is None else abs(ends[1] - ends[0]) / 2


def axis_bar(metric: Metric, trial: Trial, baseline: Measured | None) -> tuple[float, float]:
    """Return the length of a trial's error bar, down and up; 0 for none.

    The length is one standard error each way, or the distance to the quartiles of a latency.
    """
    if metric.is_measured and trial.latency:
        low, median, high = trial.latency
        return median - low, high - median
    error = axis_error(metric, trial, baseline) or 0.0
    return error, error


def plotted_trials(
    record: Record, x: Metric, y: Metric, z: Metric | None = None
) -> list[PlottedTrial]:
    """Return the complete trials that have a value by ``x``, ``y`` and, if given, ``z``."""
    baseline = record.baseline.measured if record.baseline else None
    front = {trial.number for trial in front_trials(record)}
    floor = record.floor if record.baseline else 0.0
    plotted = []
    for trial in record.complete:
        if trial.accuracy is None:
            continue
        measured = trial.measured
        across, up = axis_value(x, measured, baseline), axis_value(y, measured, baseline)
        deep = axis_value(z, measured, baseline) if z else 0.0
        if across is None or up is None or deep is None:
            continue
        feasible = trial.accuracy >= floor
        plotted.append(PlottedTrial(trial, across, up, feasible, trial.number in front, deep))
    return plotted


def missing_message(record: Record, *metrics: Metric) -> str:
    """Return the reason why no trial has a value by ``metrics``."""
    if not record.complete:
        counts = state_counts(record.trials)
        return f"No trial is complete yet ({counts})." if counts else "No trial is complete yet."
    if any(m.is_measured for m in metrics) and not any(t.latency for t in record.complete):
        return (
            "No latency is measured. It belongs to a machine, so a search does not store it;<br>"
            "<b>unitsearch latency STUDY</b> measures the baseline and the front on this one."
        )
    if record.baseline is None:
        return "Needs the baseline (trial 0), which is not complete."
    return f"No complete trial has a value of {' and '.join(m.label for m in metrics)}."


def own_front(
    trials: Sequence[PlottedTrial], x: Metric, y: Metric, z: Metric | None = None
) -> list[PlottedTrial]:
    """Return the feasible trials that no other one dominates by these metrics, by rising x."""

    def minimised(p: PlottedTrial) -> tuple[float, ...]:
        values = zip((x, y, z), (p.x, p.y, p.z), strict=True)
        return tuple(-v if metric.maximise else v for metric, v in values if metric is not None)

    items = [(p, minimised(p)) for p in trials if p.feasible]
    unique = {(p.x, p.y, p.z): p for p in reversed(nondominated(items))}
    return sorted(unique.values(), key=lambda p: (p.x, p.y, p.z))


def hover(record: Record, trial: Trial, *, on_front: bool, study: str = "") -> str:
    """Return the hover text of a trial, in the HTML that plotly knows."""
    title = f"<b>{escape(study)} #{trial.number}</b>" if study else f"<b>#{trial.number}</b>"
    title += " · baseline" if trial.is_baseline else ""
    title += " · on the study's front" if on_front else ""
    images = wording.count(trial.images, "image")
    lines = [
        f"{title}",
        f"{escape(trial.key)}",
        f"accuracy {wording.accuracy(trial)} ({wording.measured_on(record)}, {images})",
        f"{_size(record, trial)} · {wording.short(trial.cost.macs)} MACs",
        f"{wording.short(trial.cost.flops)} FLOPs (papers' convention)",
    ]
    if record.baseline is not None:
        base = record.baseline.measured
        storage, name = ("se_bits", "SE in bits") if record.shares_filters else ("se", "SE")
        ce, se = (METRICS[key].formula(trial.measured, base) for key in ("ce", storage))
        lines.append(f"CE {wording.ratio(ce)} · {name} {wording.ratio(se)}")
    if trial.latency:
        low, median, high = trial.latency
        lines.append(f"{median:.3g} ms an image (quartiles {low:.3g} to {high:.3g})")
    return "<br>".join(lines)


def _size(record: Record, trial: Trial) -> str:
    if record.shares_filters:
        return f"{wording.short(trial.cost.bits)} stored bits"
    return f"{wording.short(trial.cost.params)} parameters"
