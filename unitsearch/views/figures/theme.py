"""How all figures look: colours, type, margins. Texts and grids follow the page by its CSS.

Colours tell groups apart for every kind of colour vision and stand out from a light and a dark page
alike; what belongs together has a symbol or a dash besides, so that no reader needs the colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from unitsearch.views.figures.definition import FigureData

# Tried with Machado, Oliveira and Fernandes 2009: any two of these differ by 12 or more in CIELAB
# under each kind of colour blindness, and each has a contrast of 3 on both pages.
ACCENT = "#1a73b8"
BASELINE = "#d55e00"
EQUAL = "#0a9a74"
VIOLET = "#9646d6"
OTHER = "#848e9b"
FLOOR = OTHER
SINGLE = EQUAL
HYBRID = ACCENT
SERIES = (ACCENT, BASELINE, EQUAL, VIOLET)
PRINTED = (VIOLET, EQUAL, BASELINE)
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "pentagon", "star")
_MESSAGE = 56  # characters of a line of a message in half the width of a page

INK = "#5b6672"  # the page's CSS turns this one into its own grey
SCENE_INK = "#768190"  # WebGL's text, which no CSS reaches: legible on both pages
GRID = "rgba(128,138,150,0.22)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
SMALL = 11.5
LINE = 74  # characters of a small line in half the width of a page
BESIDE = 52  # of one that leaves room for the buttons

# Beyond so many points: WebGL; short hover texts and no error bars except on the fronts.
MANY = 600

CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "scrollZoom": False,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "autoScale2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}


def styled(traces: list[dict[str, Any]], *, height: int = 440, **layout: Any) -> FigureData:
    """Return a figure of ``traces`` in the house's style; what ``layout`` says goes before it."""
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    house = {
        "template": {},
        "height": height,
        "font": {"family": FONT, "size": 12.5, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 58, "r": 18, "t": 36, "b": 52},
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 12.5}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        "xaxis": axis,
        "yaxis": axis,
    }
    return {"data": traces, "layout": _over(house, layout)}


def _over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return what two mappings say together, the second first, to any depth."""
    found = {**under, **over}
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict):
            found[name] = _over(under[name], over[name])
    return found


def trace(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a trace of plotly's type ``kind``; what is None is left to plotly."""
    return {"type": kind, **{k: v for k, v in properties.items() if v is not None}}


def empty(message: str) -> FigureData:
    """Return a figure that only says why there is nothing to draw."""
    hidden = {"visible": False}
    lines = [textwrap.fill(line, _MESSAGE) for line in message.split("<br>")]
    said = "<br>".join(lines).replace("\n", "<br>")
    return styled(
        [],
        height=180,
        xaxis=hidden,
        yaxis=hidden,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        annotations=[
            {**note(said, 0.5, 0.5), "align": "center", "font": {"size": 14, "color": INK}}
        ],
    )


def note(text: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    """Return a small text at (x, y) of the figure, both from 0 to 1."""
    place = {"xref": "paper", "yref": "paper", "x": x, "y": y, "showarrow": False}
    return {"text": text, **place, "font": {"size": SMALL, "color": INK}, **more}


def above(text: str, **more: Any) -> dict[str, Any]:
    """Return a remark that stands over the plot, at its left, beside the buttons."""
    lines = textwrap.wrap(text, BESIDE, break_long_words=False, break_on_hyphens=False)
    text = "<br>".join(lines)
    return note(text, 0, 1, xanchor="left", yanchor="bottom", yshift=4, align="left", **more)


def below(said: str, *, under: float = 58) -> dict[str, Any]:
    """Return sentences that stand under the axis, ``under`` pixels below it, on half a page."""
    text = "<br>".join(textwrap.wrap(said, LINE, break_long_words=False, break_on_hyphens=False))
    return note(text, 0, 0, yshift=-under, xanchor="left", yanchor="top", align="left")


def faded(colour: str, opacity: float) -> str:
    """Return a colour that lets what is under it through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def series(at: int) -> dict[str, str]:
    """Return colour, dash and symbol of the series number ``at``; none comes twice in 32."""
    turn = at // len(SERIES)
    return {
        "color": SERIES[at % len(SERIES)],
        "dash": DASHES[turn % len(DASHES)],
        "symbol": SYMBOLS[at % len(SYMBOLS)],
    }


def column(values: Sequence[float], count: int) -> Any:
    """Return the values of a group among ``count`` points as plotly takes them quickly."""
    if count <= MANY:
        return values
    import numpy as np

    return np.asarray(values)


def scatter(count: int) -> str:
    """Return the kind of trace for a group among ``count`` points: SVG, or WebGL for many."""
    return "scatter" if count <= MANY else "scattergl"
