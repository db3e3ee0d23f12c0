"""Marks that several figures share: the steps of a front, and trials that were stopped early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch.metrics import Metric
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.plotted_trials import PlottedTrial, hover
from unitsearch.views.figures.trial_states import STATE_NAMES


def steps(front: Sequence[PlottedTrial], x: Metric, **more: Any) -> list[Any]:
    """Return the border of the area that a front dominates; the direction of x sets its steps."""
    if not front:
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
            x=[p.x for p in front],
            y=[p.y for p in front],
            mode="lines",
            hoverinfo="skip",
            **look,
        )
    ]


def stopped_marks(record: Record, stopped: Sequence[PlottedTrial]) -> list[Any]:
    """Return trials that were stopped early as pale crosses, at the accuracy that they had then."""
    if not stopped:
        return []
    numbers = [p.trial.number for p in stopped]
    few = len(stopped) <= theme.MANY
    look: dict[str, Any] = {
        "marker": {
            "symbol": "x-thin",
            "size": 7,
            "opacity": 0.7,
            "line": {"width": 1.3, "color": theme.VIOLET},
        },
        "hovertext": [hover(record, p.trial, on_front=False) for p in stopped],
        "hoverinfo": "text",
    }
    if not few:  # the page's script draws many points, and knows no crosses
        look = {
            "marker": {"symbol": "square", "size": 4, "opacity": 0.35, "color": theme.VIOLET},
            "hovertemplate": f"#%{{customdata}}<br>{STATE_NAMES['stopped']}<extra></extra>",
        }
    return [
        theme.trace(
            theme.scatter(len(stopped)),
            x=theme.column([p.x for p in stopped], len(stopped)),
            y=theme.column([p.y for p in stopped], len(stopped)),
            customdata=numbers,
            mode="markers",
            name=STATE_NAMES["stopped"],
            **look,
        )
    ]
