"""Several studies side by side: their fronts, and the growth of their hypervolumes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from unitsearch import wording
from unitsearch.errors import UsageError
from unitsearch.fields import Bool, Enum
from unitsearch.metrics import metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import axis, span
from unitsearch.views.figures.definition import METRIC, FigureData, figure
from unitsearch.views.figures.growth import (
    ALONG,
    BY,
    NAMES,
    check_along,
    check_by,
    growth,
    line,
    reference_by,
    reference_text,
    unit_of,
)
from unitsearch.views.figures.marks import steps
from unitsearch.views.figures.plotted_trials import (
    PlottedTrial,
    hover,
    missing_message,
    own_front,
    plotted_trials,
)
from unitsearch.views.figures.several import as_list, study_names

_MOST_BEHIND = 300  # trials of one study that are drawn behind its front


@figure("compare_fronts", {"x": METRIC, "y": METRIC, "raw": Bool()}, compares=True)
def compare_fronts(
    records: Record | Sequence[Record], x: str = "flops", y: str = "accuracy", *, raw: bool = False
) -> FigureData:
    """Return the fronts of several studies by any two metrics, each with its baseline.

    Each study's front of these two metrics, by model, is a line of steps with its members; the
    other trials are faint. A metric against a baseline uses each study's own baseline. Every mark
    knows its study and trial.

    Args:
        records: The studies, or one study.
        x: Metric of the horizontal axis, by its name in ``METRICS``.
        y: Metric of the vertical axis.
        raw: Whether to draw the accuracy of each trial's own training, and the fronts of these.

    Raises:
        UsageError: If a metric is unknown, or both are the same.
    """
    x_metric, y_metric = metric(x), metric(y)
    if x == y:
        raise UsageError(found=f"{x} twice", expected="two different metrics")
    several = as_list(records)
    names = study_names(several)
    traces: list[Any] = []
    in_view: list[PlottedTrial] = []
    missing, thinned = [], []
    for place, (name, record) in enumerate(zip(names, several, strict=True)):
        trials = plotted_trials(record, x_metric, y_metric, raw=raw)
        if not trials:
            missing.append(name)
            continue
        style = theme.series(place)
        front = own_front(trials, x_metric, y_metric)
        numbers = {p.trial.number for p in front}
        baseline = [p for p in trials if p.trial.is_baseline]
        rest = [
            p
            for p in trials
            if p.feasible and p.trial.number not in numbers and not p.trial.is_baseline
        ]
        in_view += [p for p in trials if p.feasible or p.trial.is_baseline] or trials
        every = -(-len(rest) // _MOST_BEHIND) or 1
        if every > 1:
            thinned.append(f"{len(rest[::every]):,} of {len(rest):,} of {name}")
        rest = rest[::every]
        hidden_entry = {"legendgroup": name, "showlegend": False}
        if rest:
            marker: dict[str, Any] = {"size": 5, "opacity": 0.28}
            traces.append(_marks(record, rest, name, style, marker, **hidden_entry))
        front_line = {"color": style["color"], "dash": style["dash"], "width": 1.8}
        traces += steps(front, x_metric, line=front_line, opacity=0.9, **hidden_entry)
        if front:
            entry = {"legendgroup": name, "name": f"{escape(name)}: {_data(record)}"}
            traces.append(_marks(record, front, name, style, {"size": 8}, **entry))
        if baseline:
            marker = {"size": 14, "symbol": "star"}
            traces.append(_marks(record, baseline, name, style, marker, **hidden_entry))
    if not in_view:
        if not several:
            return theme.empty("No study is given.")
        return theme.empty(missing_message(several[0], x_metric, y_metric))
    same_images = len({wording.measured_on(record) for record in several}) == 1
    labelled_by = several[0] if same_images else None
    xs, ys = [p.x for p in in_view], [p.y for p in in_view]
    return theme.styled(
        traces,
        height=500,
        xaxis=axis(x_metric, span(x_metric, min(xs), max(xs)), labelled_by, raw=raw),
        yaxis=axis(y_metric, span(y_metric, min(ys), max(ys)), labelled_by, raw=raw),
        annotations=_notes(_warnings(several, missing, thinned)),
    )


def _data(record: Record) -> str:
    return escape(record.manifest.config.data.name)


def _warnings(
    records: Sequence[Record], missing: Sequence[str], thinned: Sequence[str] = ()
) -> list[str]:
    warnings = []
    if len({_data(record) for record in records}) > 1:
        warnings.append("different data: accuracies are not comparable")
    if len({wording.measured_on(record) for record in records}) > 1:
        warnings.append("validation and test accuracy side by side")
    if missing:
        warnings.append(f"nothing to show of {escape(', '.join(missing))}")
    if thinned:
        warnings.append(f"trials off the front: {escape(', '.join(thinned))} drawn")
    return warnings


def _notes(texts: Sequence[str]) -> list[Any]:
    return [theme.above("; ".join(texts))] if texts else []


def _marks(
    record: Record,
    part: Sequence[PlottedTrial],
    study: str,
    style: dict[str, str],
    marker: dict[str, Any],
    **more: Any,
) -> Any:
    return theme.trace(
        theme.scatter(len(part)),
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[f"{study}:{p.trial.number}" for p in part],
        mode="markers",
        marker={"color": style["color"], "symbol": style["symbol"], **marker},
        hovertext=[hover(record, p.trial, on_front=p.on_front, study=study) for p in part],
        hoverinfo="text",
        **{"name": escape(study), **more},
    )


@figure("compare_hypervolume", {"x": Enum(ALONG), "by": Enum(BY)}, compares=True)
def compare_hypervolume(
    records: Record | Sequence[Record], x: str = "trials", by: str = "model"
) -> FigureData:
    """Return the growth of several studies' hypervolumes, measured from one reference point.

    The point is the worst of the studies' own points in each of error, FLOPs and parameters, so
    the curves are comparable; they differ from each study's own figure. Each study's accuracies by
    model are those of its own model.

    Args:
        records: The studies.
        x: ``trials`` complete or stopped, or ``seconds`` of training.
        by: ``model``, or ``trainings`` for the accuracies of single trainings.

    Raises:
        UsageError: If ``x`` or ``by`` is neither.
    """
    check_along(x)
    check_by(by)
    several = as_list(records)
    names = study_names(several)
    own_points = [reference_by(record, by) for record in several]
    points = [point for point in own_points if point is not None]
    if not points:
        return theme.empty("Needs a study whose baseline (trial 0) is complete.")
    reference = tuple(map(max, *points)) if len(points) > 1 else points[0]
    growths = [
        growth(record, x, by, reference) if record.baseline is not None else []
        for record in several
    ]
    if not any(growths):
        return theme.empty("No trial has stored how long its training took.")
    unit, title = unit_of([progress for steps in growths for progress, _, _ in steps], x)
    longest = max(map(len, growths))
    traces = []
    for place, (name, growth_steps) in enumerate(zip(names, growths, strict=True)):
        if growth_steps:
            style = theme.series(place)
            traces.append(
                {
                    **line(growth_steps, unit, x, study=name),
                    "line": {
                        "color": style["color"], "dash": style["dash"], "width": 2, "shape": "hv",
                    },
                    "marker": {"size": 6, "symbol": style["symbol"], "color": style["color"]},
                    "mode": "lines+markers" if longest < 60 else "lines",
                    "name": f"{escape(name)}: {_data(several[place])}",
                }
            )  # fmt: skip
    volumes = [volume for steps in growths for _, volume, _ in steps]
    low, high = min(volumes), max(volumes)
    pad = 0.08 * (high - low) or 0.1
    missing = [name for name, steps in zip(names, growths, strict=True) if not steps]
    note = f"reference point: {reference_text(reference)}"
    return theme.styled(
        traces,
        height=400,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis={"title": {"text": NAMES[by]}, "range": [max(0.0, low - pad), high + pad]},
        annotations=_notes([note, *_warnings(several, missing)]),
    )
