"""Any two metrics against each other, with their own front and the study's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unitsearch.errors import UsageError
from unitsearch.metrics import Metric, metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.points import (
    Point,
    axis_error,
    axis_label,
    axis_value,
    hover,
    own_front,
    points,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Beyond so many points: WebGL; short hover texts and no error bars except on the fronts.
MANY = 1_500
_WITH_ERRORS = 150
_EQUAL = {"flops": "ce", "params": "se", "bits": "se_bits"}


def pareto(record: Record, x: str = "flops", y: str = "accuracy") -> Figure:
    """Return two metrics against each other.

    Drawn are the complete trials (below the floor: faded), the front of these two metrics as steps,
    the members of the study's front in colour, the baseline as a star, one standard error on
    accuracies, the floor, and lines of equal CE or SE where accuracy stands against FLOPs or
    parameters.

    Args:
        record: The study.
        x: Metric of the horizontal axis, by its name in ``METRICS``.
        y: Metric of the vertical axis.

    Raises:
        UsageError: If a metric is unknown, or both are the same.
    """
    along, up = metric(x), metric(y)
    if x == y:
        raise UsageError(found=f"{x} twice", expected="two different metrics")
    found = points(record, along, up)
    if not found:
        return theme.empty(_why_nothing(record))
    best = own_front(found, along, up)
    view = _view(record, found, along, up)
    shapes, notes = _floor(record, along, up)
    lines, labels = _equal(record, along, up, view)
    hidden = _hidden(found, view, along)
    return theme.figure(
        [*lines, *_groups(record, found, best, along, up), *_steps(best, along)],
        xaxis=axis(along, view[0]),
        yaxis=axis(up, view[1]),
        shapes=shapes,
        annotations=[*notes, *labels, *hidden],
    )


def _why_nothing(record: Record) -> str:
    if not record.complete:
        return "No trial is complete yet."
    return "Needs the baseline (trial 0), which is not complete."


def _groups(
    record: Record, found: Sequence[Point], best: Sequence[Point], x: Metric, y: Metric
) -> list[Any]:
    """One trace for each group that has members; the shape of a marker says hybrid or single."""
    inside = {p.trial.number for p in best}
    rest = [p for p in found if not p.trial.is_baseline]
    traces = []
    for name, members, colour, size, opacity in (
        ("below the floor", [p for p in rest if not p.feasible], theme.OTHER, 6, 0.32),
        (
            "other trials",
            [p for p in rest if p.feasible and not p.on_front],
            theme.OTHER,
            7,
            0.85,
        ),
        ("study's front", [p for p in rest if p.on_front], theme.ACCENT, 9, 1.0),
    ):
        if members:
            shown = {"color": colour, "size": size, "opacity": opacity}
            traces.append(_trace(record, members, x, y, name, shown, len(found), inside))
    base = [p for p in found if p.trial.is_baseline]
    if base:
        shown = {"color": theme.BASELINE, "size": 15, "symbol": "star"}
        traces.append(_trace(record, base, x, y, "baseline", shown, len(found), inside))
    return [*traces, *_symbols(rest)]


def _symbols(found: Sequence[Point]) -> list[Any]:
    """What the shapes of markers mean: entries of the legend alone."""
    import plotly.graph_objects as go

    hybrid = {p.trial.is_hybrid for p in found}
    return [
        go.Scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            hoverinfo="skip",
            marker={
                "symbol": f"{symbol}-open",
                "size": 9,
                "color": theme.INK,
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
    import plotly.graph_objects as go

    many = total > MANY
    full = not many or part[0].on_front or part[0].trial.is_baseline
    kind = go.Scatter if full else go.Scattergl
    said: dict[str, Any] = (
        {"text": [hover(record, p.trial, on_front=p.on_front) for p in part], "hoverinfo": "text"}
        if full
        else {"hovertemplate": "#%{customdata}<br>%{x:.4s} · %{y:.4s}<extra></extra>"}
    )
    bars = {}
    for axis, by in (("error_x", x), ("error_y", y)):
        wide = [
            (axis_error(by, p.trial) or 0.0)
            if total <= _WITH_ERRORS or p.on_front or p.trial.number in inside
            else 0.0
            for p in part
        ]
        if any(wide):
            strong = part[0].on_front or part[0].trial.is_baseline
            colour = _faded(marker["color"], 0.6 if strong else 0.3)
            bars[axis] = {"array": wide, "thickness": 1, "width": 0, "color": colour}
    if "symbol" not in marker:
        symbols = ["diamond" if p.trial.is_hybrid else "circle" for p in part]
        sizes = [marker["size"] + p.trial.is_hybrid for p in part]
        marker = {**marker, "symbol": symbols, "size": sizes}
    edge = {"line": {"width": 1, "color": "#fff"}} if full else {}
    return kind(
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[p.trial.number for p in part],
        mode="markers",
        name=name,
        marker={**marker, **edge},
        **said,
        **bars,
    )


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _steps(best: Sequence[Point], x: Metric) -> list[Any]:
    """The border of what the front dominates; which way it steps depends on x alone."""
    import plotly.graph_objects as go

    if not best:
        return []
    line = {"color": theme.ACCENT, "width": 1.6, "shape": "vh" if x.maximise else "hv"}
    return [
        go.Scatter(
            x=[p.x for p in best],
            y=[p.y for p in best],
            mode="lines",
            line=line,
            opacity=0.75,
            name="front of these two",
            hoverinfo="skip",
        )
    ]


View = tuple[tuple[float, float], tuple[float, float]]


# The floor is in view at first where it is this near, in heights of what is above it.
_NEAR = 0.5


def _view(record: Record, found: Sequence[Point], x: Metric, y: Metric) -> View:
    """What is shown at first: what is feasible, a floor that is near; the rest by double click."""
    shown = [p for p in found if p.feasible or p.trial.is_baseline] or found
    spans = []
    for by, values in ((x, [p.x for p in shown]), (y, [p.y for p in shown])):
        errors = [axis_error(by, p.trial) or 0.0 for p in shown]
        low = min(v - e for v, e in zip(values, errors, strict=True))
        high = max(v + e for v, e in zip(values, errors, strict=True))
        floor = 100 * record.floor
        if by.name == "accuracy" and floor and low - floor < _NEAR * (high - low):
            low = min(low, floor)  # a floor far below would press the points together
        if by.logarithmic:
            pad = 0.06 * math.log10(high / low) or 0.15
            spans.append((low * 10**-pad, high * 10**pad))
        else:
            pad = 0.06 * (high - low) or max(abs(high) * 0.05, 0.5)
            top = min(high + pad, 100.6) if by.name == "accuracy" else high + pad
            spans.append((low - pad, top))
    return spans[0], spans[1]


def axis(by: Metric, span: tuple[float, float]) -> dict[str, Any]:
    """Return the axis of a metric that shows ``span``."""
    found: dict[str, Any] = {"title": {"text": axis_label(by)}}
    if not by.logarithmic:
        return {**found, "range": list(span)}
    narrow = span[1] / span[0] < 12
    form = ".3~g" if by.maximise else "~s"
    return {
        **found,
        "type": "log",
        "range": [math.log10(value) for value in span],
        "dtick": "D1" if narrow else "D2",
        "tickformat": form,
        "tickangle": 0,
    }


def _floor(record: Record, x: Metric, y: Metric) -> tuple[list[Any], list[Any]]:
    if "accuracy" not in (x.name, y.name) or not record.floor:
        return [], []
    at = 100 * record.floor
    line = {"color": theme.FLOOR, "width": 1.2, "dash": "dash"}
    note: dict[str, Any] = {
        "text": f"floor {at:.1f} %",
        "showarrow": False,
        "font": {"size": 11.5, "color": theme.FLOOR},
    }
    if y.name == "accuracy":
        shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at}
        note |= {"xref": "paper", "y": at, "yanchor": "bottom", **_empty_side(x)}
    else:
        shape = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at}
        note |= {"yref": "paper", "y": 1, "yanchor": "top", "x": at, "xanchor": "left"}
    return [{**shape, "line": line, "layer": "below"}], [note]


def _equal(record: Record, x: Metric, y: Metric, view: View) -> tuple[list[Any], list[Any]]:
    """Lines on which CE (or SE) is the same: a = CE · f · (ab / fb)."""
    import plotly.graph_objects as go

    name = _EQUAL.get(x.name)
    said = (name or "").upper().replace("_BITS", " in bits")
    base = record.baseline
    if name is None or y.name != "accuracy" or base is None or not base.accuracy:
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
            go.Scatter(
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
        notes.append(
            {
                "text": f"{said} {level:g}",
                "x": math.log10(xs[-1]),
                "y": high,
                "yanchor": "top",
                "xanchor": "left",
                "showarrow": False,
                "font": {"size": 11, "color": theme.EQUAL},
            }
        )
    return traces, notes


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10 … between ``low`` and ``high``, at most seven of them."""
    found = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]
    step = math.ceil(len(found) / 7) or 1
    return found[::step]


def _empty_side(x: Metric) -> dict[str, Any]:
    """Where few points lie low: at the side of the costly networks."""
    return {"x": 0, "xanchor": "left"} if x.maximise else {"x": 1, "xanchor": "right"}


def _hidden(found: Sequence[Point], view: View, x: Metric) -> list[Any]:
    (left, right), (low, high) = view
    outside = sum(not (left <= p.x <= right and low <= p.y <= high) for p in found)
    if not outside:
        return []
    said = f"{outside:,} outside; double click shows all"
    return [
        {
            "text": said,
            "xref": "paper",
            "yref": "paper",
            "y": 0,
            **_empty_side(x),
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 11.5},
        }
    ]
