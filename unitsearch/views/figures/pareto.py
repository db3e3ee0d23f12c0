"""Any two metrics against each other, with their own front and the study's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from unitsearch.errors import UsageError
from unitsearch.metrics import Metric, metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.plain import Plain, figure
from unitsearch.views.figures.points import (
    Point,
    axis_bar,
    axis_label,
    axis_value,
    hover,
    own_front,
    points,
    why_nothing,
)
from unitsearch.views.figures.printed import placed, traces_of

_WITH_ERRORS = 150
_EQUAL = {"flops": "ce", "params": "se", "bits": "se_bits"}


@figure
def pareto(record: Record, x: str = "flops", y: str = "accuracy", *, papers: bool = False) -> Plain:
    """Return two metrics against each other.

    Drawn are the complete trials (below the floor: faded), the front of these two metrics as steps,
    the members of the study's front in colour, the baseline as a star, one standard error of
    whatever rests on accuracy, the floor, and lines of equal CE or SE where accuracy stands against
    FLOPs or parameters.

    Args:
        record: The study.
        x: Metric of the horizontal axis, by its name in ``METRICS``.
        y: Metric of the vertical axis.
        papers: Whether to draw what the papers print for the study's data and baseline.

    Raises:
        UsageError: If a metric is unknown, or both are the same.
    """
    along, up = metric(x), metric(y)
    if x == y:
        raise UsageError(found=f"{x} twice", expected="two different metrics")
    found = points(record, along, up)
    if not found:
        return theme.empty(why_nothing(record, along, up))
    # the best of several trainings of one network would be its luck: then there is no front
    best = own_front(found, along, up) if record.baseline or not _repeats(record) else []
    others = placed(record, along, up) if papers else []
    inside = {p.trial.number for p in best}
    view = _view(record, found, along, up, [(o.x, o.y) for o in others], inside)
    shapes, notes = _floor(record, along, up)
    lines, labels = _equal(record, along, up, view)
    hidden = _hidden(found, view, along)
    printed, said = traces_of(others, along, up) if papers else ([], [])
    return theme.styled(
        [*lines, *_groups(record, found, inside, along, up), *steps(best, along), *printed],
        height=480 if printed else 440,
        xaxis=axis(along, view[0], record),
        yaxis=axis(up, view[1], record),
        shapes=shapes,
        annotations=[*notes, *labels, *hidden, *said],
    )


def _repeats(record: Record) -> bool:
    return len({trial.key for trial in record.complete}) < len(record.complete)


def _groups(
    record: Record, found: Sequence[Point], inside: set[int], x: Metric, y: Metric
) -> list[Any]:
    """One trace for each group that has members; the shape of a marker says hybrid or single."""
    rest = [p for p in found if not p.trial.is_baseline]
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
        shown = {"color": colour, "size": size, "opacity": opacity}
        parts = _alike(members, len(found))
        for same in parts:
            traces.append(_trace(record, same, x, y, name, shown, len(found), inside))
            if len(parts) > 1:
                traces[-1].update(legendgroup=name, showlegend=same is parts[0])
    base = [p for p in found if p.trial.is_baseline]
    if base:
        shown = {"color": theme.BASELINE, "size": 15, "symbol": "star"}
        traces.append(_trace(record, base, x, y, "baseline", shown, len(found), inside))
    return [*traces, *_symbols(rest)]


def _alike(members: Sequence[Point], total: int) -> list[list[Point]]:
    """Return the members, if there are many as parts that have one shape each.

    Plotly looks at every shape in a list of them: at ten thousand for a quarter of a second.
    """
    if total <= theme.MANY or not members or members[0].on_front:
        return [list(members)] if members else []
    shape = members[0].trial.is_hybrid
    parts = [[p for p in members if (p.trial.is_hybrid == shape) is same] for same in (True, False)]
    return [part for part in parts if part]


def _symbols(found: Sequence[Point]) -> list[Any]:
    """What the shapes of markers mean: entries of the legend alone."""
    hybrid = {p.trial.is_hybrid for p in found}
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


def _trace(
    record: Record, part: Sequence[Point], x: Metric, y: Metric, name: str, marker: dict[str, Any],
    total: int, inside: set[int],
) -> Any:  # fmt: skip
    strong = part[0].on_front or part[0].trial.is_baseline
    full = strong or total <= theme.MANY
    said: dict[str, Any] = (
        {"text": [hover(record, p.trial, on_front=p.on_front) for p in part], "hoverinfo": "text"}
        if full
        else {"hovertemplate": "#%{customdata}<br>%{x:.4s} · %{y:.4s}<extra></extra>"}
    )
    bars = {}
    for name_of_bars, by in (("error_x", x), ("error_y", y)):
        reach = _bars(record, part, by, total, inside)
        if any(map(any, reach)):
            bars[name_of_bars] = {
                "type": "data",
                "symmetric": False,
                "array": [up for _, up in reach],
                "arrayminus": [down for down, _ in reach],
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
        **said,
        **bars,
    )


def _bars(
    record: Record, part: Sequence[Point], by: Metric, total: int, inside: set[int]
) -> list[tuple[float, float]]:
    """Return how far the bar of each point reaches down and up; of many, the fronts' alone."""
    baseline = record.baseline.measured if record.baseline else None
    return [
        axis_bar(by, p.trial, baseline)
        if total <= _WITH_ERRORS or p.on_front or p.trial.number in inside
        else (0.0, 0.0)
        for p in part
    ]


def steps(best: Sequence[Point], x: Metric, **more: Any) -> list[Any]:
    """Return the border of what a front dominates; which way it steps depends on x alone."""
    if not best:
        return []
    look: dict[str, Any] = {
        "line": {"color": theme.ACCENT, "width": 1.6},
        "name": "front of these two",
        "opacity": 0.75,
        **more,
    }
    look["line"] = {**look["line"], "shape": "vh" if x.maximise else "hv"}
    return [
        theme.trace(
            "scatter",
            x=[p.x for p in best],
            y=[p.y for p in best],
            mode="lines",
            hoverinfo="skip",
            **look,
        )
    ]


View = tuple[tuple[float, float], tuple[float, float]]


# The floor is in view at first where it is this near, in heights of what is above it.
_NEAR = 0.5


def _view(
    record: Record,
    found: Sequence[Point],
    x: Metric,
    y: Metric,
    others: Sequence[tuple[float, float]],
    inside: set[int],
) -> View:
    """What is shown at first: what is feasible, a floor that is near; the rest by double click."""
    shown = [p for p in found if p.feasible or p.trial.is_baseline] or found
    spans = []
    for by, values, more in (
        (x, [p.x for p in shown], [at[0] for at in others]),
        (y, [p.y for p in shown], [at[1] for at in others]),
    ):
        reach = _bars(record, shown, by, len(found), inside)
        low = min([*(v - down for v, (down, _) in zip(values, reach, strict=True)), *more])
        if by.scale == "log" and low <= 0:
            low = min([*values, *more])
        high = max([*(v + up for v, (_, up) in zip(values, reach, strict=True)), *more])
        floor = 100 * record.floor
        if by.is_accuracy and floor and low - floor < _NEAR * (high - low):
            low = min(low, floor)  # a floor far below would press the points together
        spans.append(span(by, low, high))
    return spans[0], spans[1]


def span(by: Metric, low: float, high: float) -> tuple[float, float]:
    """Return the range of an axis on which values from ``low`` to ``high`` have room."""
    if by.scale == "log":
        pad = 0.06 * math.log10(high / low) or 0.15
        return low * 10**-pad, high * 10**pad
    pad = 0.06 * (high - low) or max(abs(high) * 0.05, 0.5)
    top = min(high + pad, 100.6) if by.is_accuracy else high + pad
    return low - pad, top


def axis(by: Metric, shown: tuple[float, float], record: Record | None = None) -> dict[str, Any]:
    """Return the axis of a metric that shows the range ``shown``."""
    found: dict[str, Any] = {"title": {"text": axis_label(by, record)}}
    if by.scale != "log":
        return {**found, "range": list(shown)}
    narrow = shown[1] / shown[0] < 12
    form = ".3~g" if by.maximise or by.is_measured else "~s"
    return {
        **found,
        "type": "log",
        "range": [math.log10(value) for value in shown],
        "dtick": "D1" if narrow else "D2",
        "tickformat": form,
        "tickangle": 0,
    }


def _floor(record: Record, x: Metric, y: Metric) -> tuple[list[Any], list[Any]]:
    if not (x.is_accuracy or y.is_accuracy) or not record.floor:
        return [], []
    at = 100 * record.floor
    line = {"color": theme.FLOOR, "width": 1.2, "dash": "dash"}
    said = f"floor {at:.1f} %"
    if y.is_accuracy:
        shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at}
        side, anchor = _empty_side(x)
        note = theme.note(said, side, at, yref="y", yanchor="bottom", xanchor=anchor)
    else:
        shape = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at}
        note = theme.note(said, at, 1, xref="x", yanchor="top", xanchor="left")
    return [{**shape, "line": line, "layer": "below"}], [note]


def _equal(record: Record, x: Metric, y: Metric, view: View) -> tuple[list[Any], list[Any]]:
    """Lines on which CE (or SE) is the same: a = CE · f · (ab / fb)."""
    name = _EQUAL.get(x.name)
    said = (name or "").upper().replace("_BITS", " in bits")
    base = record.baseline
    if name is None or not y.is_accuracy or base is None or not base.accuracy:
        return [], []
    cost = axis_value(x, base.measured, base.measured)
    (left, right), (low, high) = view
    if cost is None:
        return [], []
    per_percent = cost / (100 * base.accuracy)
    traces: list[Any] = []
    notes: list[Any] = []
    for level in _round_numbers(high * per_percent / right, high * per_percent / left):
        ys = [low + (high - low) * i / 12 for i in range(13)]
        xs = [value * per_percent / level for value in ys]
        traces.append(
            theme.trace(
                "scatter",
                x=xs,
                y=ys,
                mode="lines",
                line={"color": theme.EQUAL, "width": 1, "dash": "dot"},
                opacity=0.65,
                hoverinfo="skip",
                name=f"equal {said}",
                legendgroup="equal",
                showlegend=not traces,
            )
        )
        place = {"xref": "x", "yref": "y", "xanchor": "left", "yanchor": "top"}
        notes.append(theme.note(f"{said} {level:g}", math.log10(xs[-1]), high, **place))
    return traces, notes


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10 … between ``low`` and ``high``, at most seven of them."""
    if low <= 0 or high <= 0:
        return []
    found = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]
    step = math.ceil(len(found) / 7) or 1
    return found[::step]


def _empty_side(x: Metric) -> tuple[int, str]:
    """Where few points lie low: at the side of the costly networks."""
    return (0, "left") if x.maximise else (1, "right")


def _hidden(found: Sequence[Point], view: View, x: Metric) -> list[Any]:
    (left, right), (low, high) = view
    outside = sum(not (left <= p.x <= right and low <= p.y <= high) for p in found)
    if not outside:
        return []
    said = f"{outside:,} outside; double click shows all"
    side, anchor = _empty_side(x)
    return [theme.note(said, side, 0, yanchor="bottom", xanchor=anchor)]
