"""The papers' own networks as marks of a figure of two metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from unitsearch import wording
from unitsearch.metrics import Metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.published import PublishedRow, fitting_rows

WARNING = "printed: test accuracy of the papers' own trainings, not comparable"
_MOST_NAMES = 16  # of more names beside the marks none could be read; hover texts show the others


@dataclass(frozen=True)
class PrintedPoint:
    """A printed network at (x, y) of a figure, in the units of its axes."""

    row: PublishedRow
    x: float
    y: float


def printed_points(record: Record, x: Metric, y: Metric) -> list[PrintedPoint]:
    """Return the printed networks that fit a study and have a value by ``x`` and ``y``."""
    points = []
    for row in fitting_rows(record):
        across, up = row.value(x), row.value(y)
        if across is not None and up is not None:
            points.append(PrintedPoint(row, across, up))
    return points


def printed_traces(
    points: Sequence[PrintedPoint], x: Metric, y: Metric
) -> tuple[list[Any], list[Any]]:
    """Return the traces of printed networks, and the note below their figure."""
    if not points:
        return [], [theme.above("the papers print nothing for these data and axes")]
    traces = []
    named = len(points) <= _MOST_NAMES
    for own, title, colour, symbol in (
        (True, "printed, papers' own", theme.VIOLET, "square-open"),
        (False, "printed, other methods", theme.EQUAL, "triangle-up-open"),
    ):
        part = [point for point in points if point.row.own == own]
        if not part:
            continue
        bars = {}
        for bars_name, metric in (("error_x", x), ("error_y", y)):
            spreads = [
                100 * (point.row.spread or 0.0) if metric.is_accuracy else 0.0 for point in part
            ]
            if any(spreads):
                bar_colour = theme.faded(colour, 0.6)
                bars[bars_name] = {
                    "array": spreads,
                    "thickness": 1,
                    "width": 3,
                    "color": bar_colour,
                }
        traces.append(
            theme.trace(
                "scatter",
                x=[point.x for point in part],
                y=[point.y for point in part],
                mode="markers+text" if named else "markers",
                text=_last_ones([escape(point.row.name) for point in part]) if named else None,
                textposition="middle right",
                textfont={"size": 10.5, "color": theme.INK},
                hovertext=[row_hover(point.row) for point in part],
                hoverinfo="text",
                name=title,
                marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1.6}},
                **bars,
            )
        )
    return traces, [theme.above(WARNING)]


def _last_ones(names: Sequence[str]) -> list[str]:
    """Return the names; of equal names, which come from two tables, only the last is not empty."""
    return [name if name not in names[i + 1 :] else "" for i, name in enumerate(names)]


def row_hover(row: PublishedRow) -> str:
    """Return the hover text of a printed network."""
    costs = [
        f"{wording.short(value)} {unit}"
        for value, unit in ((row.params, "parameters"), (row.flops, "FLOPs"))
        if value is not None
    ]
    lines = [
        f"<b>{escape(row.name)}</b>, {escape(row.backbone)} on {escape(row.dataset)}",
        f"{wording.percent(row.accuracy, row.spread)} (test) as printed in {escape(row.source)}",
        " · ".join(costs),
    ]
    return "<br>".join(filter(None, lines))
