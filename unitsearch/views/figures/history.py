"""How the front grew: the hypervolume after each complete trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unitsearch.study.record import Record
from unitsearch.study.tables import hypervolume_history, reference_point
from unitsearch.views import words
from unitsearch.views.figures import theme

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def said_reference(record: Record) -> str:
    """Return the point that volumes are measured from, in words; empty without a baseline."""
    if record.baseline is None:
        return ""
    error, flops, params = record.facts.get("reference") or reference_point(record.baseline)
    return (
        f"{words.percent(1 - error)} accuracy, {words.short(10**flops)} FLOPs,"
        f" {words.short(10**params)} parameters"
    )


def hypervolume(record: Record) -> Figure:
    """Return the hypervolume (accuracy, log10 FLOPs, log10 parameters) over trials complete."""
    import plotly.graph_objects as go

    history = hypervolume_history(record)
    if not history:
        return theme.empty("Needs the baseline (trial 0), which is not complete.")
    numbers = [trial.number for trial in record.complete]
    trace = go.Scatter(
        x=[count for count, _ in history],
        y=[volume for _, volume in history],
        customdata=numbers,
        mode="lines+markers" if len(history) < 60 else "lines",
        line={"color": theme.ACCENT, "width": 2, "shape": "hv"},
        marker={"size": 5},
        fill="tozeroy",
        fillcolor="rgba(47,127,193,0.10)",
        hovertemplate=(
            "after %{x} trials<br>hypervolume %{y:.4f}<br>trial #%{customdata}<extra></extra>"
        ),
        name="hypervolume",
    )
    low, high = min(v for _, v in history), max(v for _, v in history)
    pad = 0.08 * (high - low) or 0.1
    return theme.figure(
        [trace],
        height=360,
        showlegend=False,
        xaxis={"title": {"text": "trials complete"}, "rangemode": "tozero"},
        yaxis={
            "title": {"text": "hypervolume"},
            "range": [max(0.0, low - pad), high + pad],
        },
        annotations=[
            {
                "text": f"reference point: {said_reference(record)}",
                "xref": "paper",
                "yref": "paper",
                "x": 1,
                "y": 0.02,
                "xanchor": "right",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11.5},
            }
        ],
    )
