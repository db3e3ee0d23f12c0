"""Three metrics in space, with the front that they have together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from unitsearch.errors import UsageError
from unitsearch.metrics import Metric, metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.pareto import span
from unitsearch.views.figures.plain import Plain, figure
from unitsearch.views.figures.points import (
    Point,
    axis_label,
    hover,
    own_front,
    points,
    why_nothing,
)

_STEMS = 80  # members of the front that a line down to the floor helps to place
# FLOPs and parameters rise together: seen across that diagonal, networks lie apart from left to
# right, the cheap ones nearer the left.
_CAMERA = {
    "eye": {"x": 1.05, "y": -1.65, "z": 0.6},
    "center": {"x": 0.02, "y": 0, "z": -0.17},
    "projection": {"type": "perspective"},
}
_LINES = "#8f98a3"  # WebGL draws no grid that lets much through


@figure
def front3d(record: Record, x: str = "flops", y: str = "params", z: str = "accuracy") -> Plain:
    """Return three metrics against each other, and the front of these three.

    The front of the three is in colour, each member on a line down to the floor; the baseline is
    orange; what the front dominates is faint. Trials below the floor of accuracy are left out, with
    their number said, unless there are no others.

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
    placed = points(record, *axes)
    if not placed:
        return theme.empty(why_nothing(record, *axes))
    found = [p for p in placed if p.feasible or p.trial.is_baseline] or placed
    best = own_front(found, *axes)
    scene = {
        f"{letter}axis": _axis(by, [getattr(p, letter) for p in found], record)
        for letter, by in zip("xyz", axes, strict=True)
    }
    left_out = len(placed) - len(found)
    said = [theme.note("drag to turn", 1, 0, xanchor="right", yanchor="bottom")]
    if left_out:
        below = f"{left_out:,} below the floor left out"
        said.append(theme.note(below, 1, 0.05, xanchor="right", yanchor="bottom"))
    return theme.styled(
        [*_stems(best, axes, scene["zaxis"]), *_groups(record, found, best)],
        height=560,
        margin={"l": 0, "r": 0, "t": 10, "b": 40},
        scene={**scene, "camera": _CAMERA, "aspectmode": "cube", "bgcolor": "rgba(0,0,0,0)"},
        annotations=said,
    )


def _axis(by: Metric, values: Sequence[float], record: Record) -> dict[str, Any]:
    """Return an axis whose texts are legible without the page's CSS, which reaches no WebGL."""
    low, high = span(by, min(values), max(values))
    found: dict[str, Any] = {
        "title": {"text": axis_label(by, record), "font": {"size": 13}},
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
    if by.scale == "log":
        found |= {"type": "log", "range": [math.log10(low), math.log10(high)]}
        found |= {"tickformat": "~s", "dtick": "D2" if high / low < 30 else 1}
    return found


def _groups(record: Record, found: Sequence[Point], best: Sequence[Point]) -> list[Any]:
    members = {p.trial.number for p in best}
    rest = [p for p in found if not p.trial.is_baseline]
    few = len(found) <= theme.MANY
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
        ("baseline", [p for p in found if p.trial.is_baseline], theme.BASELINE, 7, 1.0),
    ):
        if not part:
            continue
        said: dict[str, Any] = (
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
                **said,
            )
        )
    return traces


def _stems(best: Sequence[Point], axes: Sequence[Metric], up: dict[str, Any]) -> list[Any]:
    """Lines from the front down to the ground, which show where in depth a member stands."""
    if not best or len(best) > _STEMS:
        return []
    ground = 10 ** up["range"][0] if axes[2].scale == "log" else up["range"][0]
    xs: list[float | None] = []
    ys: list[float | None] = []
    zs: list[float | None] = []
    for p in best:
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
