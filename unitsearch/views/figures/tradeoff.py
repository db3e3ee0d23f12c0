"""Accuracy lost against what is saved, beside what BUnit-Net prints of itself and its rivals."""

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
from unitsearch.views.figures.pareto import steps
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
_OURS = "BUnit-Net"
# The tables that print drops of parameters with the accuracies beside them.
_TABLES = ("BUnit-Net Table IV", "BUnit-Net Table V")


@cache
def figure_seven_points() -> dict[str, dict[str, list[list[float]]]]:
    """Return the printed points by data set and method: [FLOPs drop in %, accuracy drop]."""
    found: dict[str, dict[str, list[list[float]]]]
    found = read_file(Path(__file__).with_name("bunit_fig7.yaml")).data
    return found


@figure("tradeoff", {"cost": Enum(SAVED)})
def tradeoff(record: Record, cost: str = "flops") -> FigureData:
    """Return accuracy drop (points) against the drop of a cost (%), ours and the papers'.

    The printed points are other networks on other data and a test set: they show the shape of the
    trade, not a contest. CIFAR-100's are off until the legend turns them on.

    Args:
        record: The study.
        cost: ``flops`` as in BUnit-Net Fig. 7, or ``params``, of which the paper has no figure: its
            tables print both drops.

    Raises:
        UsageError: If ``cost`` is neither.

    Source:
        BUnit-Net Fig. 7, read off the print; its y axis is labelled "Test Error (%)". Tables IV and
        V for the drop of parameters.
    """
    if cost not in SAVED:
        raise UsageError(found=cost, expected=" or ".join(SAVED), fix=did_you_mean(cost, SAVED))
    x, y = METRICS[f"{cost}_drop"], METRICS["accuracy_drop"]
    found = [p for p in plotted_trials(record, x, y) if p.feasible]
    traces: list[Any] = _figure_seven() if cost == "flops" else _tables(x, y)
    rest = [p for p in found if not p.trial.is_baseline]
    for name, part, colour, size in (
        ("this study", [p for p in rest if not p.on_front], theme.OTHER, 7),
        ("this study's front", [p for p in rest if p.on_front], theme.ACCENT, 9),
        ("baseline", [p for p in found if p.trial.is_baseline], theme.BASELINE, 15),
    ):
        if part:
            marker = {"color": colour, "size": size, "opacity": 1}
            traces.append(_ours(record, part, name, marker, x, len(found)))
    traces += steps(own_front(found, x, y), x, opacity=1)
    why = "" if found else missing_message(record, x, y)
    if not found and record.baseline is not None:
        why = "No trial of this study reaches the floor."
    return theme.styled(
        traces,
        height=500,
        xaxis={"title": {"text": x.label}, "range": [min([0, *(p.x for p in found)]) - 3, 100]},
        yaxis={
            "title": {"text": "accuracy drop (points)"},
            "zeroline": True,
            "zerolinecolor": theme.OTHER,
        },
        legend={"groupclick": "toggleitem"},
        annotations=[theme.note(why, 0.5, 1, yanchor="bottom")] if why else [],
    )


def _figure_seven() -> list[Any]:
    """The curves of Fig. 7: BUnit-Net and two rivals, ResNet-18."""
    return [
        _printed(
            method,
            data,
            [(point[0], point[1]) for point in at],
            "read off the print",
            look,
            mode="lines+markers",
            hovertemplate=(
                f"{method}, ResNet-18 on {data}<br>%{{y:.2f}} points lost at %{{x:.1f}} %"
                " fewer FLOPs<br>read off BUnit-Net Fig. 7<extra></extra>"
            ),
        )
        for data, methods in figure_seven_points().items()
        for (method, at), look in zip(methods.items(), _looks(), strict=True)
    ]


def _looks() -> list[dict[str, Any]]:
    return [
        {"color": colour, "symbol": symbol}
        for colour, symbol in zip(theme.PRINTED, _SYMBOLS, strict=True)
    ]


def _tables(x: Metric, y: Metric) -> list[Any]:
    """The rows of Tables IV and V: BUnit-Net's networks and its rivals'."""
    found: list[Any] = []
    own, rivals, _ = _looks()
    for data in ("CIFAR-10", "CIFAR-100"):
        for name, is_own, look in ((_OURS, True, own), ("other methods", False, rivals)):
            rows = [
                (row, across, up)
                for row in published()
                if row.source in _TABLES and row.dataset == data and row.own == is_own
                for across, up in [(row.value(x), row.value(y))]
                if across is not None and up is not None
            ]
            said = [
                f"{escape(row.name)}, {escape(row.backbone)} on {data}<br>{up:.2f} points lost at"
                f" {across:.1f} % fewer parameters<br>printed in {row.source}"
                for row, across, up in rows
            ]
            at = [(across, up) for _, across, up in rows]
            more = {"mode": "markers", "hovertext": said, "hoverinfo": "text"}
            found.append(_printed(name, data, at, "printed", look, **more))
    return found


def _printed(
    method: str,
    data: str,
    at: Sequence[tuple[float, float]],
    how: str,
    look: Mapping[str, Any],
    **more: Any,
) -> Any:
    return theme.trace(
        "scatter",
        x=[point[0] for point in at],
        y=[point[1] for point in at],
        name=f"{method}, {data}",
        legendgroup=f"printed {data}",
        legendgrouptitle={"text": f"{how}: {data}"},
        visible=True if data == "CIFAR-10" else "legendonly",
        line={"color": look["color"], "width": 1, "dash": "dot"},
        marker={**look, "size": 8, "line": {"width": 1.4}},
        **more,
    )


def _ours(
    record: Record,
    part: list[PlottedTrial],
    name: str,
    marker: dict[str, Any],
    x: Metric,
    total: int,
) -> Any:
    full = total <= theme.MANY or part[0].on_front
    y = METRICS["accuracy_drop"]
    said: dict[str, Any] = (
        {"text": [hover(record, p.trial, on_front=p.on_front) for p in part], "hoverinfo": "text"}
        if full
        else {"hovertemplate": "#%{customdata}<br>%{y:.2f} points at %{x:.1f} %<extra></extra>"}
    )
    bars: dict[str, Any] = {}
    if part[0].on_front:
        wide = [axis_error(y, p.trial) or 0.0 for p in part]
        colour = theme.faded(marker["color"], 0.6)
        bars["error_y"] = {"array": wide, "thickness": 1, "width": 0, "color": colour}
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
        **said,
        **bars,
    )
