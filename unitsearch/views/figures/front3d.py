"""Three metrics in a space of three axes, with the front of these three."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from unitsearch.errors import UsageError
from unitsearch.metrics import Metric, metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import span
from unitsearch.views.figures.definition import METRIC, FigureData, figure
from unitsearch.views.figures.plotted_trials import (
    PlottedTrial,
    axis_label,
    hover,
    missing_message,
    own_front,
    plotted_trials,
)

_MOST_STEMS = 80  # of more lines from the front to the ground none could be followed
# FLOPs and parameters rise together: the camera looks across that diagonal, so that the networks
# spread from left to right, cheap ones on the left.
_CAMERA = {
    "eye": {"x": 1.05, "y": -1.65, "z": 0.6},
    "center": {"x": 0.02, "y": 0, "z": -0.17},
    "projection": {"type": "perspective"},
}
_LINES = "#8f98a3"  # WebGL draws lines of a grid opaque, so their colour is pale


@figure("front3d", {"x": METRIC, "y": METRIC, "z": METRIC})
def front3d(record: Record, x: str = "flops", y: str = "params", z: str = "accuracy") -> FigureData:
    """Return three metrics against each other, and the front of these three.

    Accuracies are those by model. The front of the three is in colour, each member on a line down
    to the ground; the baseline is orange; dominated trials are faint. Trials below the accuracy
    floor and those that were stopped early are left out, and a note says their number, unless there
    are no other trials.

    Args:
        record: The study.
        x: Metric of one axis on the ground, by its name in ``METRICS``.
        y: Metric of the other.
        z: Metric of the height.

    Raises:
        UsageError: If a metric is unknown, or one comes twice.
    """
    axes = tuple(metric(name) for name in (x, y, z))
    for name in (x, y, z):
        if (x, y, z).count(name) > 1:
            raise UsageError(found=f"{name} twice", expected="three different metrics")
    complete = plotted_trials(record, *axes)
    if not complete:
        return theme.empty(missing_message(record, *axes))
    shown = [p for p in complete if p.feasible or p.trial.is_baseline] or complete
    front = own_front(shown, *axes)
    scene = {
        f"{letter}axis": _axis(metric, [getattr(p, letter) for p in shown], record)
        for letter, metric in zip("xyz", axes, strict=True)
    }
    left_out = len(complete) - len(shown)
    notes = [theme.note("drag to turn", 1, 0, xanchor="right", yanchor="bottom")]
    if left_out:
        below = f"{left_out:,} below the floor left out"
        notes.append(theme.note(below, 1, 0.05, xanchor="right", yanchor="bottom"))
    early = sum(trial.state == "stopped" for trial in record.trials)
    if early:
        text = f"{early:,} stopped early left out"
        notes.append(theme.note(text, 1, 0.1, xanchor="right", yanchor="bottom"))
    return theme.styled(
        [
            *_stems(front, axes, scene["zaxis"]),
            *_groups(record, shown, front),
        ],
        height=560,
        margin={"l": 0, "r": 0, "t": 10, "b": 40},
        scene={**scene, "camera": _CAMERA, "aspectmode": "cube", "bgcolor": "rgba(0,0,0,0)"},
        annotations=notes,
    )


def _axis(metric: Metric, values: Sequence[float], record: Record) -> dict[str, Any]:
    """Return an axis with colours of its own, because the page's CSS does not apply in WebGL."""
    low, high = span(metric, min(values), max(values))
    axis: dict[str, Any] = {
        "title": {"text": axis_label(metric, record), "font": {"size": 13}},
        "color": theme.SCENE_INK,
        "gridcolor": _LINES,
        "linecolor": _LINES,
        "linewidth": 1,
        "gridwidth": 1,
        "zeroline": False,
        "showbackground": False,
        "showspikes": False,
        "tickfont": {"size": 11},
        "range": [low, high],
    }
    if metric.scale == "log":
        axis |= {"type": "log", "range": [math.log10(low), math.log10(high)]}
        axis |= {"tickformat": "~s", "dtick": "D2" if high / low < 30 else 1}
    return axis


def _groups(
    record: Record, shown: Sequence[PlottedTrial], front: Sequence[PlottedTrial]
) -> list[Any]:
    members = {p.trial.number for p in front}
    rest = [p for p in shown if not p.trial.is_baseline]
    few = len(shown) <= theme.MANY
    traces = []
    for name, part, colour, size, opacity in (
        (
            "dominated",
            [p for p in rest if p.trial.number not in members],
            theme.OTHER,
            3.5,
            0.5,
        ),
        (
            "front of these three",
            [p for p in rest if p.trial.number in members],
            theme.ACCENT,
            5.5,
            1.0,
        ),
        ("baseline", [p for p in shown if p.trial.is_baseline], theme.BASELINE, 7, 1.0),
    ):
        if not part:
            continue
        hover_texts: dict[str, Any] = (
            {
                "hovertext": [hover(record, p.trial, on_front=p.on_front) for p in part],
                "hoverinfo": "text",
            }
            if few or name != "dominated"
            else {"hovertemplate": "#%{customdata}<extra></extra>"}
        )
        is_base = name == "baseline"
        symbols = [
            "square" if is_base else "diamond" if p.trial.is_hybrid else "circle" for p in part
        ]
        traces.append(
            theme.trace(
                "scatter3d",
                x=[p.x for p in part],
                y=[p.y for p in part],
                z=[p.z for p in part],
                customdata=[p.trial.number for p in part],
                mode="markers",
                name=name,
                marker={"symbol": symbols, "size": size, "color": colour, "opacity": opacity},
                **hover_texts,
            )
        )
    return traces


def _stems(front: Sequence[PlottedTrial], axes: Sequence[Metric], up: dict[str, Any]) -> list[Any]:
    """Return lines from the front down to the ground, which show each member's place in depth."""
    if not front or len(front) > _MOST_STEMS:
        return []
    ground = 10 ** up["range"][0] if axes[2].scale == "log" else up["range"][0]
    xs: list[float | None] = []
    ys: list[float | None] = []
    zs: list[float | None] = []
    for p in front:
        xs += [p.x, p.x, None]
        ys += [p.y, p.y, None]
        zs += [p.z, ground, None]
    return [
        theme.trace(
            "scatter3d",
            x=xs,
            y=ys,
            z=zs,
            mode="lines",
            line={"color": theme.ACCENT, "width": 1.5},
            opacity=0.45,
            hoverinfo="skip",
            showlegend=False,
        )
    ]
