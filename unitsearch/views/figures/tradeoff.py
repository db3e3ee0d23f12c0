"""The drop of accuracy against the drop of a cost, beside the values that BUnit-Net prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from unitsearch.architecture import read_file
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.metrics import METRICS, Metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.marks import steps
from unitsearch.views.figures.plotted_trials import (
    PlottedTrial,
    axis_error,
    hover,
    missing_message,
    own_front,
    plotted_trials,
)
from unitsearch.views.figures.published import published

SAVED = ("flops", "params")
_SYMBOLS = ("square-open", "triangle-up-open", "cross-open")
_BUNIT_NET = "BUnit-Net"
# These tables print drops of parameters beside accuracies.
_TABLES = ("BUnit-Net Table IV", "BUnit-Net Table V")


@cache
def figure_seven_points() -> dict[str, dict[str, list[list[float]]]]:
    """Return the printed points by data set and method: [FLOPs drop in %, accuracy drop]."""
    points: dict[str, dict[str, list[list[float]]]]
    points = read_file(Path(__file__).with_name("bunit_fig7.yaml")).data
    return points


@figure("tradeoff", {"cost": Enum(SAVED)})
def tradeoff(record: Record, cost: str = "flops") -> FigureData:
    """Return the drop of accuracy (points) against the drop of a cost (%), ours and the papers'.

    The printed points are other networks on other data and a test set: they show the shape of the
    trade-off and are not comparable. CIFAR-100's are hidden until a click on the legend.

    Args:
        record: The study.
        cost: ``flops`` as in BUnit-Net Fig. 7, or ``params``, for which the paper has tables and no
            figure.

    Raises:
        UsageError: If ``cost`` is neither.

    Source:
        BUnit-Net Fig. 7, read off the print; its y axis is labelled "Test Error (%)". Tables IV and
        V for the drop of parameters.
    """
    if cost not in SAVED:
        raise UsageError(found=cost, expected=" or ".join(SAVED), fix=did_you_mean(cost, SAVED))
    x, y = METRICS[f"{cost}_drop"], METRICS["accuracy_drop"]
    feasible = [p for p in plotted_trials(record, x, y) if p.feasible]
    traces: list[Any] = _figure_seven() if cost == "flops" else _tables(x, y)
    rest = [p for p in feasible if not p.trial.is_baseline]
    for name, part, colour, size in (
        ("this study", [p for p in rest if not p.on_front], theme.OTHER, 7),
        ("this study's front", [p for p in rest if p.on_front], theme.ACCENT, 9),
        ("baseline", [p for p in feasible if p.trial.is_baseline], theme.BASELINE, 15),
    ):
        if part:
            marker = {"color": colour, "size": size, "opacity": 1}
            traces.append(_own_marks(record, part, name, marker, x, len(feasible)))
    traces += steps(own_front(feasible, x, y), x, opacity=1)
    message = "" if feasible else missing_message(record, x, y)
    if not feasible and record.baseline is not None:
        message = "No trial of this study reaches the floor."
    return theme.styled(
        traces,
        height=500,
        xaxis={"title": {"text": x.label}, "range": [min([0, *(p.x for p in feasible)]) - 3, 100]},
        yaxis={
            "title": {"text": "accuracy drop (points)"},
            "zeroline": True,
            "zerolinecolor": theme.OTHER,
        },
        legend={"groupclick": "toggleitem"},
        annotations=[theme.note(message, 0.5, 1, yanchor="bottom")] if message else [],
    )


def _figure_seven() -> list[Any]:
    """Return the curves of Fig. 7: BUnit-Net and two other methods, ResNet-18."""
    return [
        _printed(
            method,
            data,
            [(point[0], point[1]) for point in points],
            "read off the print",
            style,
            mode="lines+markers",
            hovertemplate=(
                f"{method}, ResNet-18 on {data}<br>%{{y:.2f}} points lost at %{{x:.1f}} %"
                " fewer FLOPs<br>read off BUnit-Net Fig. 7<extra></extra>"
            ),
        )
        for data, methods in figure_seven_points().items()
        for (method, points), style in zip(methods.items(), _styles(), strict=True)
    ]


def _styles() -> list[dict[str, Any]]:
    return [
        {"color": colour, "symbol": symbol}
        for colour, symbol in zip(theme.PRINTED, _SYMBOLS, strict=True)
    ]


def _tables(x: Metric, y: Metric) -> list[Any]:
    """Return the rows of Tables IV and V: BUnit-Net's networks and other methods'."""
    traces: list[Any] = []
    own, others, _ = _styles()
    for data in ("CIFAR-10", "CIFAR-100"):
        for name, is_own, style in ((_BUNIT_NET, True, own), ("other methods", False, others)):
            rows = [
                (row, across, up)
                for row in published()
                if row.source in _TABLES and row.dataset == data and row.own == is_own
                for across, up in [(row.value(x), row.value(y))]
                if across is not None and up is not None
            ]
            texts = [
                f"{escape(row.name)}, {escape(row.backbone)} on {data}<br>{up:.2f} points lost at"
                f" {across:.1f} % fewer parameters<br>printed in {row.source}"
                for row, across, up in rows
            ]
            points = [(across, up) for _, across, up in rows]
            more = {"mode": "markers", "hovertext": texts, "hoverinfo": "text"}
            traces.append(_printed(name, data, points, "printed", style, **more))
    return traces


def _printed(
    method: str,
    data: str,
    points: Sequence[tuple[float, float]],
    origin: str,
    style: Mapping[str, Any],
    **more: Any,
) -> Any:
    return theme.trace(
        "scatter",
        x=[point[0] for point in points],
        y=[point[1] for point in points],
        name=f"{method}, {data}",
        legendgroup=f"printed {data}",
        legendgrouptitle={"text": f"{origin}: {data}"},
        visible=True if data == "CIFAR-10" else "legendonly",
        line={"color": style["color"], "width": 1, "dash": "dot"},
        marker={**style, "size": 8, "line": {"width": 1.4}},
        **more,
    )


def _own_marks(
    record: Record,
    part: list[PlottedTrial],
    name: str,
    marker: dict[str, Any],
    x: Metric,
    total: int,
) -> Any:
    full = total <= theme.MANY or part[0].on_front
    y = METRICS["accuracy_drop"]
    hover_texts: dict[str, Any] = (
        {"text": [hover(record, p.trial, on_front=p.on_front) for p in part], "hoverinfo": "text"}
        if full
        else {"hovertemplate": "#%{customdata}<br>%{y:.2f} points at %{x:.1f} %<extra></extra>"}
    )
    bars: dict[str, Any] = {}
    if part[0].on_front:
        errors = [axis_error(y, p, None) or 0.0 for p in part]
        colour = theme.faded(marker["color"], 0.6)
        bars["error_y"] = {"array": errors, "thickness": 1, "width": 0, "color": colour}
    symbols = ["diamond" if p.trial.is_hybrid else "circle" for p in part]
    if part[0].trial.is_baseline:
        symbols = ["star"]
    return theme.trace(
        theme.scatter(0 if full else total),
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[p.trial.number for p in part],
        mode="markers",
        name=name,
        marker={**marker, "symbol": symbols},
        **hover_texts,
        **bars,
    )
