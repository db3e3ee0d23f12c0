"""How the front grew: the hypervolume after each complete trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unitsearch.search.front import Point, dominates, volume_point
from unitsearch.search.front import hypervolume as volume
from unitsearch.study.record import Record
from unitsearch.study.tables import reference_point
from unitsearch.views import theme, words

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


def volumes(record: Record) -> list[tuple[int, float]]:
    """Return what ``tables.hypervolume_history`` does, adding only what each trial adds.

    A new point adds its own box less what the front already has of it, which is the volume of the
    front cut off at the point. Recomputing the whole takes minutes at 1,000 trials.

    Source:
        While, Bradstreet and Barone 2012, "A fast way of calculating exact hypervolumes" (WFG).
    """
    if record.baseline is None:
        return []
    reference = tuple(record.facts.get("reference") or reference_point(record.baseline))
    floor, total = record.floor, 0.0
    kept: list[Point] = []
    found = []
    for count, trial in enumerate(record.complete, start=1):
        point = volume_point(trial.measured)
        if (trial.accuracy or 0.0) >= floor and not any(
            q == point or dominates(q, point) for q in kept
        ):
            shared = [tuple(map(max, q, point)) for q in kept]
            total += volume([point], reference) - volume(shared, reference)
            kept = [q for q in kept if not dominates(point, q)] + [point]
        found.append((count, total))
    return found


def hypervolume(record: Record) -> Figure:
    """Return the hypervolume (accuracy, log10 FLOPs, log10 parameters) over trials complete."""
    import plotly.graph_objects as go

    history = volumes(record)
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
