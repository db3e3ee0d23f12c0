"""How all figures look: colours, type, margins. Texts and grids follow the page by its CSS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ACCENT = "#2f7fc1"
OTHER = "#9aa4b0"
BASELINE = "#d95f0e"
FLOOR = "#c0392b"
EQUAL = "#0f9d77"
PRINTED = ("#d9781e", "#0f9d77", "#b5609c")
INK = "#5b6672"
GRID = "rgba(128,138,150,0.22)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "scrollZoom": False,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "autoScale2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}


def figure(traces: list[Any], *, height: int = 440, **layout: Any) -> Figure:
    """Return a figure of ``traces`` in the house's style."""
    import plotly.graph_objects as go

    found = go.Figure()
    found.layout.template = go.layout.Template()
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True}
    axis["title"] = {"standoff": 8}
    found.update_layout(
        height=height,
        font={"family": FONT, "size": 12.5, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 58, "r": 18, "t": 30, "b": 52},
        hovermode="closest",
        hoverlabel={"align": "left", "font": {"family": FONT, "size": 12.5}},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        xaxis=axis,
        yaxis=axis,
    )
    found.update_layout(**layout)
    for trace in traces:
        found.add_trace(trace)
    return found


def empty(message: str) -> Figure:
    """Return a figure that only says why there is nothing to draw."""
    note = {"text": message, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    hidden = {"visible": False}
    return figure(
        [],
        height=180,
        xaxis=hidden,
        yaxis=hidden,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        annotations=[{**note, "showarrow": False, "font": {"size": 14}}],
    )
