"""Accuracy lost against FLOPs saved, beside the points printed in BUnit-Net Fig. 7."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.architecture import read_file
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.pareto import MANY
from unitsearch.views.figures.points import Point, axis_error, hover, own_front, points

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SYMBOLS = ("square", "triangle-up", "cross")


@cache
def printed_points() -> dict[str, dict[str, list[list[float]]]]:
    """Return the printed points by data set and method: [FLOPs drop in %, accuracy drop]."""
    found: dict[str, dict[str, list[list[float]]]]
    found = read_file(Path(__file__).with_name("printed.yaml")).data
    return found


def tradeoff(record: Record) -> Figure:
    """Return accuracy drop (points) against FLOPs drop (%), ours and the papers'.

    The printed points are another network on other data and a test set: they show the shape of the
    trade, not a contest. CIFAR-100's are off until the legend turns them on.

    Source:
        BUnit-Net Fig. 7, read off the print; its y axis is labelled "Test Error (%)".
    """
    import plotly.graph_objects as go

    x, y = METRICS["flops_drop"], METRICS["accuracy_drop"]
    found = [p for p in points(record, x, y) if p.feasible]
    traces: list[Any] = []
    many = len(found) > MANY
    for name, part, colour, size in (
        ("this study", [p for p in found if not p.on_front], theme.OTHER, 7),
        ("this study's front", [p for p in found if p.on_front], theme.ACCENT, 9),
    ):
        if part:
            traces.append(_ours(record, part, name, {"color": colour, "size": size}, many=many))
    best = own_front(found, x, y)
    if best:
        traces.append(
            go.Scatter(
                x=[p.x for p in best],
                y=[p.y for p in best],
                mode="lines",
                line={"color": theme.ACCENT, "width": 1.6, "shape": "vh"},
                name="front of these two",
                hoverinfo="skip",
            )
        )
    for data, methods in printed_points().items():
        for (method, at), colour, symbol in zip(
            methods.items(), theme.PRINTED, _SYMBOLS, strict=True
        ):
            traces.append(
                go.Scatter(
                    x=[point[0] for point in at],
                    y=[point[1] for point in at],
                    mode="lines+markers",
                    name=f"{method}, {data}",
                    legendgroup=f"printed {data}",
                    legendgrouptitle={"text": f"read off the print: {data}"},
                    visible=True if data == "CIFAR-10" else "legendonly",
                    line={"color": colour, "width": 1, "dash": "dot"},
                    marker={"symbol": symbol, "size": 8, "color": colour},
                    hovertemplate=(
                        f"{method}, ResNet-18 on {data}<br>%{{y:.2f}} points lost at %{{x:.1f}} %"
                        " fewer FLOPs<br>read off BUnit-Net Fig. 7<extra></extra>"
                    ),
                )
            )
    return theme.figure(
        traces,
        height=500,
        xaxis={"title": {"text": x.label}, "rangemode": "tozero"},
        yaxis={
            "title": {"text": "accuracy drop (points)"},
            "zeroline": True,
            "zerolinecolor": theme.OTHER,
        },
        legend={"groupclick": "toggleitem"},
    )


def _ours(
    record: Record, part: list[Point], name: str, marker: dict[str, Any], *, many: bool
) -> Any:
    import plotly.graph_objects as go

    full = not many or part[0].on_front
    y = METRICS["accuracy_drop"]
    said: dict[str, Any] = (
        {"text": [hover(record, p.trial, on_front=p.on_front) for p in part], "hoverinfo": "text"}
        if full
        else {"hovertemplate": "#%{customdata}<br>%{y:.2f} points at %{x:.1f} %<extra></extra>"}
    )
    bars: dict[str, Any] = {}
    if part[0].on_front:
        wide = [axis_error(y, p.trial) or 0.0 for p in part]
        bars["error_y"] = {"array": wide, "thickness": 1, "width": 0}
    symbols = ["diamond" if p.trial.is_hybrid else "circle" for p in part]
    for i, p in enumerate(part):
        if p.trial.is_baseline:
            symbols[i] = "star"
    return (go.Scatter if full else go.Scattergl)(
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[p.trial.number for p in part],
        mode="markers",
        name=name,
        marker={**marker, "symbol": symbols},
        **said,
        **bars,
    )
