"""Trials as marks of figures: their places by metrics, their groups and their hover texts."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from unitsearch import wording
from unitsearch.metrics import METRICS, Measured, Metric
from unitsearch.search.front import front as nondominated
from unitsearch.study.recommended import belief_of, believed
from unitsearch.study.record import Record, Trial
from unitsearch.views.figures.trial_states import STATE_NAMES, state_counts

_HOVER_LINE = 60  # characters of a reason in a line of a hover text


@dataclass(frozen=True)
class PlottedTrial:
    """A trial at (x, y) or (x, y, z) of a figure, in the units of its axes.

    Attributes:
        trial: The trial.
        facts: The facts behind its place: with its accuracy by model, or with its own.
        accuracy_se: One standard error of the accuracy of ``facts``, a fraction.
        x: Its value on the horizontal axis.
        y: Its value on the vertical axis.
        feasible: Whether it is complete and its accuracy reaches the floor.
        on_front: Whether it belongs to the study's front, by all objectives.
        z: Its value on the third axis; 0 without one.
    """

    trial: Trial
    facts: Measured
    accuracy_se: float | None
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


def axis_label(metric: Metric, record: Record | None = None, *, raw: bool = False) -> str:
    """Return the label of an axis, with its unit and the images it was measured on.

    Args:
        metric: The metric of the axis.
        record: The study whose trials are drawn; None for studies of different images.
        raw: Whether the accuracies are those of single trainings, not those by model.
    """
    if not metric.is_accuracy:
        return metric.label
    label = f"{wording.measured_on(record)} accuracy" if record else metric.label
    return f"{label} by model (%)" if record and is_by_model(record, raw=raw) else f"{label} (%)"


def is_by_model(record: Record, *, raw: bool) -> bool:
    """Return whether a figure of a study shows accuracies by model."""
    return not raw and wording.measured_on(record) == "validation"


def axis_error(metric: Metric, plotted: PlottedTrial, baseline: Measured | None) -> float | None:
    """Return one standard error in the axis's unit; None if the metric is exact.

    It is the error of the trial's own accuracy: an error of the baseline moves all trials alike.
    The baseline itself has no error by a metric relative to it.
    """
    facts, error = plotted.facts, plotted.accuracy_se
    if not metric.needs_accuracy or error is None:
        return None
    if metric.in_points:
        return 100 * error
    if plotted.trial.is_baseline or baseline is None:
        return None
    ends = [
        axis_value(metric, replace(facts, accuracy=max(accuracy, 0.0)), baseline)
        for accuracy in (facts.accuracy - error, facts.accuracy + error)
    ]
    return None if ends[0] is None or ends[1] is None else abs(ends[1] - ends[0]) / 2


def axis_bar(
    metric: Metric, plotted: PlottedTrial, baseline: Measured | None
) -> tuple[float, float]:
    """Return the length of a trial's error bar, down and up; 0 for none.

    The length is one standard error each way, or the distance to the quartiles of a latency.
    """
    latency = plotted.trial.latency
    if metric.is_measured and latency:
        low, median, high = latency
        return median - low, high - median
    error = axis_error(metric, plotted, baseline) or 0.0
    return error, error


def baseline_facts(record: Record, *, raw: bool = False) -> Measured | None:
    """Return the baseline's facts, with its accuracy by model or its own; None without one."""
    if record.baseline is None:
        return None
    return record.baseline.measured if raw else believed(record, record.baseline)


def plotted_trials(
    record: Record, x: Metric, y: Metric, z: Metric | None = None, *, raw: bool = False
) -> list[PlottedTrial]:
    """Return the complete trials that have a value by ``x``, ``y`` and, if given, ``z``.

    Args:
        record: The study.
        x: Metric of the horizontal axis.
        y: Metric of the vertical axis.
        z: Metric of a third axis.
        raw: Whether a trial stands at the accuracy of its own training, not at that by model.
    """
    front = {trial.number for trial in (record.raw_front if raw else record.front)}
    baseline = baseline_facts(record, raw=raw)
    plotted = []
    for trial in record.complete:
        belief = None if raw else belief_of(record, trial)
        facts = trial.measured if belief is None else believed(record, trial)
        error = trial.accuracy_se if belief is None else belief.accuracy_se
        place = None if trial.accuracy is None else _place(facts, baseline, (x, y, z))
        if place is not None:
            feasible = facts.accuracy >= record.floor
            across, up, deep = place
            plotted.append(
                PlottedTrial(trial, facts, error, across, up, feasible, trial.number in front, deep)
            )
    return plotted


def stopped_trials(
    record: Record, x: Metric, y: Metric, z: Metric | None = None
) -> list[PlottedTrial]:
    """Return the trials that were stopped early, at the accuracy after their last epoch."""
    baseline = baseline_facts(record)
    plotted = []
    for trial in record.trials:
        if trial.state == "stopped" and trial.accuracy is not None:
            place = _place(trial.measured, baseline, (x, y, z))
            if place is not None:
                plotted.append(
                    PlottedTrial(
                        trial, trial.measured, None, place[0], place[1], feasible=False,
                        on_front=False, z=place[2],
                    )
                )  # fmt: skip
    return plotted


def _place(
    facts: Measured, baseline: Measured | None, axes: tuple[Metric, Metric, Metric | None]
) -> tuple[float, float, float] | None:
    """Return the values on the axes, 0 on one that is not there; None if one is not known."""
    values = [0.0 if by is None else axis_value(by, facts, baseline) for by in axes]
    known = [value for value in values if value is not None]
    return (known[0], known[1], known[2]) if len(known) == len(axes) else None


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
    on = wording.measured_on(record)
    lines = [title, escape(trial.key)]
    belief = belief_of(record, trial)
    if trial.state == "stopped":
        epochs = record.manifest.config.train.epochs
        lines.append(f"{escape(STATE_NAMES['stopped'])} after epoch {trial.epochs} of {epochs}")
        lines.append(f"accuracy then {wording.percent(trial.accuracy)} ({on}, {images})")
        lines += [escape(line) for line in textwrap.wrap(trial.reason, _HOVER_LINE)]
    elif belief is None:
        lines.append(f"accuracy {wording.accuracy(trial)} ({on}, {images})")
    else:
        lines.append(
            f"accuracy by model {wording.believed_accuracy(record, trial)}"
            f" ({wording.count(belief.seeds, 'seed')}, {images})"
        )
        lines.append(f"its own training {wording.percent(trial.accuracy)} ({on})")
        lines.append(f"on the front with {wording.share(belief.probability)}")
    lines += [
        f"{_size(record, trial)} · {wording.short(trial.cost.macs)} MACs",
        f"{wording.short(trial.cost.flops)} FLOPs (papers' convention)",
    ]
    base = baseline_facts(record)
    if base is not None and trial.state == "complete":
        storage, name = ("se_bits", "SE in bits") if record.shares_filters else ("se", "SE")
        ce, se = (METRICS[key].formula(believed(record, trial), base) for key in ("ce", storage))
        lines.append(f"CE {wording.ratio(ce)} · {name} {wording.ratio(se)}")
    if trial.latency:
        low, median, high = trial.latency
        lines.append(f"{median:.3g} ms an image (quartiles {low:.3g} to {high:.3g})")
    return "<br>".join(lines)


def _size(record: Record, trial: Trial) -> str:
    if record.shares_filters:
        return f"{wording.short(trial.cost.bits)} stored bits"
    return f"{wording.short(trial.cost.params)} parameters"
