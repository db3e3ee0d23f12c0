"""Any two metrics against each other, with their own front and the study's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unitsearch.errors import UsageError
from unitsearch.fields import Bool
from unitsearch.metrics import Measured, Metric, metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import axis, span
from unitsearch.views.figures.definition import METRIC, FigureData, figure
from unitsearch.views.figures.efficiency import Ranges, equal_efficiency
from unitsearch.views.figures.marks import steps, stopped_marks
from unitsearch.views.figures.plotted_trials import (
    PlottedTrial,
    axis_bar,
    baseline_facts,
    hover,
    missing_message,
    own_front,
    plotted_trials,
    stopped_trials,
)
from unitsearch.views.figures.printed_points import printed_points, printed_traces

_MOST_WITH_BARS = 150  # trials that all have error bars


@figure("pareto", {"x": METRIC, "y": METRIC, "papers": Bool(), "raw": Bool()})
def pareto(
    record: Record,
    x: str = "flops",
    y: str = "accuracy",
    *,
    papers: bool = False,
    raw: bool = False,
) -> FigureData:
    """Return two metrics against each other.

    The figure draws the complete trials (faded below the floor) at their accuracies by model, the
    front of these two metrics as steps, the members of the study's front in colour, the baseline as
    a star, one standard error of each metric that depends on accuracy, the floor, and lines of
    equal CE or SE if the axes are accuracy and FLOPs or parameters. Crosses are trials that were
    stopped early, at the accuracy after their last epoch.

    Args:
        record: The study.
        x: Metric of the horizontal axis, by its name in ``METRICS``.
        y: Metric of the vertical axis.
        papers: Whether to draw the papers' networks that fit the study's data and baseline.
        raw: Whether to draw the accuracy of each trial's own training, and the fronts of these.

    Raises:
        UsageError: If a metric is unknown, or both are the same.
    """
    x_metric, y_metric = metric(x), metric(y)
    if x == y:
        raise UsageError(found=f"{x} twice", expected="two different metrics")
    trials = plotted_trials(record, x_metric, y_metric, raw=raw)
    stopped = stopped_trials(record, x_metric, y_metric)
    if not trials:
        return theme.empty(missing_message(record, x_metric, y_metric))
    # Several trainings of one network differ by chance, and the best of them would be on the front
    # by chance: then there is no front.
    has_front = record.baseline is not None or not _repeats(record)
    front = own_front(trials, x_metric, y_metric) if has_front else []
    members = {p.trial.number for p in front}
    chart = _Chart(record, x_metric, y_metric, trials, members, stopped, raw)
    printed = printed_points(record, x_metric, y_metric) if papers else []
    ranges = _ranges(chart, [(point.x, point.y) for point in printed])
    floor_line, floor_label = _floor(chart)
    lines, line_labels = equal_efficiency(x_metric, y_metric, chart.baseline, ranges)
    paper_traces, paper_notes = printed_traces(printed, x_metric, y_metric) if papers else ([], [])
    return theme.styled(
        [
            *lines,
            *stopped_marks(record, stopped),
            *_groups(chart),
            *steps(front, x_metric),
            *paper_traces,
        ],
        height=480 if paper_traces else 440,
        xaxis=axis(x_metric, ranges[0], record, raw=raw),
        yaxis=axis(y_metric, ranges[1], record, raw=raw),
        shapes=floor_line,
        annotations=[*floor_label, *line_labels, *_outside_note(chart, ranges), *paper_notes],
    )


@dataclass(frozen=True)
class _Chart:
    """The trials of one figure and its axes.

    Attributes:
        record: The study.
        x: The metric of the horizontal axis.
        y: The metric of the vertical axis.
        trials: The trials at their places.
        front: The numbers of the trials on the front of these two metrics.
        stopped: The trials that were stopped early.
        raw: Whether the accuracies are those of single trainings.
    """

    record: Record
    x: Metric
    y: Metric
    trials: Sequence[PlottedTrial]
    front: set[int]
    stopped: Sequence[PlottedTrial]
    raw: bool

    @property
    def baseline(self) -> Measured | None:
        """The baseline's facts."""
        return baseline_facts(self.record, raw=self.raw)

    @property
    def is_large(self) -> bool:
        """Whether there are so many trials that most of them are drawn plainly, by WebGL."""
        return len(self.trials) > theme.MANY


def _repeats(record: Record) -> bool:
    """Return whether a network was trained more than once."""
    return len({trial.key for trial in record.complete}) < len(record.complete)


def _groups(chart: _Chart) -> list[Any]:
    """Return a trace for each group that has members; a marker's shape says hybrid or single."""
    rest = [p for p in chart.trials if not p.trial.is_baseline]
    traces = []
    for name, members, colour, size, opacity in (
        ("below the floor", [p for p in rest if not p.feasible], theme.OTHER, 6, 0.32),
        (
            "other trials",
            [p for p in rest if p.feasible and not p.on_front],
            theme.OTHER,
            7,
            0.75,
        ),
        ("study's front", [p for p in rest if p.on_front], theme.ACCENT, 9, 1.0),
    ):
        marker = {"color": colour, "size": size, "opacity": opacity}
        parts = _parts_of_one_shape(chart, members)
        for part in parts:
            traces.append(_trace(chart, part, name, marker))
            if len(parts) > 1:
                traces[-1].update(legendgroup=name, showlegend=part is parts[0])
    baseline = [p for p in chart.trials if p.trial.is_baseline]
    if baseline:
        marker = {"color": theme.BASELINE, "size": 15, "symbol": "star"}
        traces.append(_trace(chart, baseline, "baseline", marker))
    return [*traces, *_shape_entries(rest)]


def _parts_of_one_shape(chart: _Chart, members: Sequence[PlottedTrial]) -> list[list[PlottedTrial]]:
    """Return the members of a group; in a large figure as parts whose markers have one shape each.

    Plotly checks each shape of a list of shapes: for ten thousand that takes a quarter of a second.
    """
    if not chart.is_large or not members or members[0].on_front:
        return [list(members)] if members else []
    shape = members[0].trial.is_hybrid
    parts = [[p for p in members if (p.trial.is_hybrid == shape) is same] for same in (True, False)]
    return [part for part in parts if part]


def _shape_entries(trials: Sequence[PlottedTrial]) -> list[Any]:
    """Return entries of the legend, without marks, that explain the shapes of markers."""
    hybrid = {p.trial.is_hybrid for p in trials}
    return [
        theme.trace(
            "scatter",
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            hoverinfo="skip",
            marker={
                "symbol": f"{symbol}-open",
                "size": 9,
                "color": theme.OTHER,
                "line": {"width": 1.4},
            },
        )
        for name, symbol in (("single", "circle"), ("hybrid", "diamond"))
        if len(hybrid) == 2
    ]


def _trace(chart: _Chart, part: Sequence[PlottedTrial], name: str, marker: dict[str, Any]) -> Any:
    total = len(chart.trials)
    strong = part[0].on_front or part[0].trial.is_baseline
    full = strong or not chart.is_large
    hover_texts: dict[str, Any] = {
        "hovertemplate": "#%{customdata}<br>%{x:.4s} · %{y:.4s}<extra></extra>"
    }
    if full:
        texts = [hover(chart.record, p.trial, on_front=p.on_front) for p in part]
        hover_texts = {"text": texts, "hoverinfo": "text"}
    bars = {}
    for bars_name, axis_metric in (("error_x", chart.x), ("error_y", chart.y)):
        lengths = _bar_lengths(chart, part, axis_metric)
        if any(map(any, lengths)):
            bars[bars_name] = {
                "type": "data",
                "symmetric": False,
                "array": [up for _, up in lengths],
                "arrayminus": [down for down, _ in lengths],
                "thickness": 1,
                "width": 0,
                "color": theme.faded(marker["color"], 0.6 if strong else 0.3),
            }
    if not full:
        hybrid = part[0].trial.is_hybrid
        shape = "diamond" if hybrid else "circle"
        marker = {**marker, "symbol": shape, "size": marker["size"] + hybrid}
    elif "symbol" not in marker:
        symbols = ["diamond" if p.trial.is_hybrid else "circle" for p in part]
        sizes = [marker["size"] + p.trial.is_hybrid for p in part]
        marker = {**marker, "symbol": symbols, "size": sizes}
    edge = {"line": {"width": 1, "color": "#fff"}} if full else {}
    return theme.trace(
        theme.scatter(0 if full else total),
        x=theme.column([p.x for p in part], total),
        y=theme.column([p.y for p in part], total),
        customdata=theme.column([p.trial.number for p in part], total),
        mode="markers",
        name=name,
        marker={**marker, **edge},
        **hover_texts,
        **bars,
    )


def _bar_lengths(
    chart: _Chart, part: Sequence[PlottedTrial], metric: Metric
) -> list[tuple[float, float]]:
    """Return the length of each error bar, down and up; among many trials, bars of fronts alone."""
    baseline = chart.baseline
    few = len(chart.trials) <= _MOST_WITH_BARS
    return [
        axis_bar(metric, p, baseline)
        if few or p.on_front or p.trial.number in chart.front
        else (0.0, 0.0)
        for p in part
    ]


# The first view shows the floor if its distance below the trials is at most this share of their
# height.
_NEAR = 0.5


def _ranges(chart: _Chart, printed: Sequence[tuple[float, float]]) -> Ranges:
    """Return the axes' ranges in the first view, which shows the feasible trials and a near floor.

    A double click shows all other trials too.
    """
    shown = [p for p in chart.trials if p.feasible or p.trial.is_baseline] or chart.trials
    if len(shown) == 1:
        shown = [*shown, *chart.stopped]
    spans = []
    for axis_metric, values, printed_values in (
        (chart.x, [p.x for p in shown], [x for x, _ in printed]),
        (chart.y, [p.y for p in shown], [y for _, y in printed]),
    ):
        lengths = _bar_lengths(chart, shown, axis_metric)
        lows = [v - down for v, (down, _) in zip(values, lengths, strict=True)]
        highs = [v + up for v, (_, up) in zip(values, lengths, strict=True)]
        low, high = min([*lows, *printed_values]), max([*highs, *printed_values])
        if axis_metric.scale == "log" and low <= 0:
            low = min([*values, *printed_values])
        floor = 100 * chart.record.floor
        if axis_metric.is_accuracy and floor and low - floor < _NEAR * (high - low):
            low = min(low, floor)  # a floor far below would squeeze the trials together
        spans.append(span(axis_metric, low, high))
    return spans[0], spans[1]


def _floor(chart: _Chart) -> tuple[list[Any], list[Any]]:
    """Return the line of the floor and its label; none without an axis of accuracy."""
    if not (chart.x.is_accuracy or chart.y.is_accuracy) or not chart.record.floor:
        return [], []
    floor = 100 * chart.record.floor
    line = {"color": theme.FLOOR, "width": 1.2, "dash": "dash"}
    text = f"floor {floor:.1f} %"
    if chart.y.is_accuracy:
        shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": floor, "y1": floor}
        side, anchor = _empty_side(chart.x)
        label = theme.note(text, side, floor, yref="y", yanchor="bottom", xanchor=anchor)
    else:
        shape = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": floor, "x1": floor}
        label = theme.note(text, floor, 1, xref="x", yanchor="top", xanchor="left")
    return [{**shape, "line": line, "layer": "below"}], [label]


def _empty_side(x: Metric) -> tuple[int, str]:
    """Return the side of the costly networks, of which few have a low accuracy, and its anchor."""
    return (0, "left") if x.maximise else (1, "right")


def _outside_note(chart: _Chart, ranges: Ranges) -> list[Any]:
    """Return a note with the number of trials outside the first view; none if all are inside."""
    (left, right), (low, high) = ranges
    drawn = [*chart.trials, *chart.stopped]
    outside = sum(not (left <= p.x <= right and low <= p.y <= high) for p in drawn)
    if not outside:
        return []
    text = f"{outside:,} outside; double click shows all"
    side, anchor = _empty_side(chart.x)
    return [theme.note(text, side, 0, yanchor="bottom", xanchor=anchor)]
