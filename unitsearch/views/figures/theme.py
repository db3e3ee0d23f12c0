"""The style of all figures: colours, type and margins; the page's CSS adapts texts and grids.

Readers with any kind of colour vision can tell the colours apart, on a light and on a dark page.
Each group also has a symbol or a dash of its own, so that no reader needs the colours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from unitsearch.views.figures.definition import FigureData

# Tested with the model of Machado, Oliveira and Fernandes 2009: any two of these differ by 12 or
# more in CIELAB under each kind of colour blindness, and each has a contrast of 3 on both pages.
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
_MESSAGE = 56  # characters in a line of a message, in half the width of a page

INK = "#5b6672"  # the page's CSS replaces this colour by its own grey
SCENE_INK = "#768190"  # text in WebGL, to which no CSS applies: legible on both pages
GRID = "rgba(128,138,150,0.22)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
SMALL = 11.5
LINE = 74  # characters in a small line, in half the width of a page
BESIDE = 52  # characters in such a line that leaves room for the buttons

# A figure of more points than this uses WebGL, short hover texts, and error bars on fronts alone.
MANY = 600

CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "scrollZoom": False,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "autoScale2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}


def styled(traces: list[dict[str, Any]], *, height: int = 440, **layout: Any) -> FigureData:
    """Return a figure of ``traces`` in the common style, which ``layout`` overrides."""
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    style = {
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
    return {"data": traces, "layout": _merged(style, layout)}


def _merged(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return two mappings merged to any depth; ``overrides`` wins."""
    merged = {**base, **overrides}
    for name in base.keys() & overrides.keys():
        if isinstance(base[name], dict):
            merged[name] = _merged(base[name], overrides[name])
    return merged


def trace(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a trace of plotly's type ``kind``, without the properties that are None."""
    return {"type": kind, **{k: v for k, v in properties.items() if v is not None}}


def empty(message: str) -> FigureData:
    """Return a figure that only shows a message: the reason why it is empty."""
    hidden = {"visible": False}
    lines = [textwrap.fill(line, _MESSAGE) for line in message.split("<br>")]
    text = "<br>".join(lines).replace("\n", "<br>")
    return styled(
        [],
        height=180,
        xaxis=hidden,
        yaxis=hidden,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        annotations=[
            {**note(text, 0.5, 0.5), "align": "center", "font": {"size": 14, "color": INK}}
        ],
    )


def note(text: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    """Return a small text at (x, y) of the figure, both from 0 to 1."""
    place = {"xref": "paper", "yref": "paper", "x": x, "y": y, "showarrow": False}
    return {"text": text, **place, "font": {"size": SMALL, "color": INK}, **more}


def above(text: str, **more: Any) -> dict[str, Any]:
    """Return a note above the plot, at its left, beside the buttons."""
    lines = textwrap.wrap(text, BESIDE, break_long_words=False, break_on_hyphens=False)
    text = "<br>".join(lines)
    return note(text, 0, 1, xanchor="left", yanchor="bottom", yshift=4, align="left", **more)


def below(text: str, *, under: float = 58) -> dict[str, Any]:
    """Return a note ``under`` pixels below the axis, in half the width of a page."""
    lines = textwrap.wrap(text, LINE, break_long_words=False, break_on_hyphens=False)
    return note(
        "<br>".join(lines), 0, 0, yshift=-under, xanchor="left", yanchor="top", align="left"
    )


def faded(colour: str, opacity: float) -> str:
    """Return a colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def series(number: int) -> dict[str, str]:
    """Return colour, dash and symbol of a series; no two of 32 series look alike."""
    turn = number // len(SERIES)
    return {
        "color": SERIES[number % len(SERIES)],
        "dash": DASHES[turn % len(DASHES)],
        "symbol": SYMBOLS[number % len(SYMBOLS)],
    }


def column(values: Sequence[float], count: int) -> Any:
    """Return the values of a group among ``count`` points, as an array if there are many points."""
    if count <= MANY:
        return values
    import numpy as np

    return np.asarray(values)


def scatter(count: int) -> str:
    """Return the type of the trace of a group among ``count`` points: SVG, or WebGL for many."""
    return "scatter" if count <= MANY else "scattergl"
