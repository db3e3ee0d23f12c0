"""What the units do: single against hybrid stacks, and the kinds that the front prefers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.drawing import unit_counts
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import axis
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.plotted_trials import hover, missing_message

SHOWS = ("both", "groups", "kinds")
_KINDS = 24  # bars that are still legible; rarer kinds are left out, and the axis says so


@figure("units", {"show": Enum(SHOWS)})
def units(record: Record, show: str = "both") -> FigureData:
    """Return what can be said about units.

    Args:
        record: The study.
        show: ``groups``: the best accuracy at no more FLOPs, single and hybrid apart; ``kinds``:
            how often each kind of unit occurs on the front and in all complete trials; or
            ``both``.

    Raises:
        UsageError: If ``show`` is none of these.
    """
    if show not in SHOWS:
        raise UsageError(found=show, expected=" or ".join(SHOWS), fix=did_you_mean(show, SHOWS))
    if not record.complete:
        return theme.empty(missing_message(record))
    groups, kinds = _groups(record), _kinds(record)
    if not kinds:
        return theme.empty("No complete trial has a stack of units.")
    across, up = _axes(record)
    share = {"title": {"text": "share of all units (%)"}, "rangemode": "tozero"}
    if len(kinds[0]["y"]) == _KINDS:
        share["title"] = {"text": f"share of all units (%); the {_KINDS} most frequent kinds"}
    names = {"autorange": "reversed", "type": "category", "automargin": True}
    tall = 150 + 30 * len(kinds[0]["y"])
    if show == "groups":
        return theme.styled(groups, xaxis=across, yaxis=up)
    if show == "kinds":
        return theme.styled(kinds, height=max(360, tall), xaxis=share, yaxis=names, bargap=0.3)
    for trace in kinds:
        trace.update(xaxis="x2", yaxis="y2")
    grid = {"gridcolor": theme.GRID, "zeroline": False, "linecolor": theme.GRID}
    second = {
        "xaxis2": {**grid, **share, "anchor": "y2"},
        "yaxis2": {**grid, **names, "anchor": "x2", "domain": [0, 0.42]},
    }
    return theme.styled(
        [*groups, *kinds],
        height=760,
        xaxis={**across, "anchor": "y"},
        yaxis={**up, "domain": [0.58, 1]},
        **second,
    )


def _groups(record: Record) -> list[Any]:
    chosen = {trial.number for trial in front_trials(record)}
    traces: list[Any] = []
    parts = (
        ("single", False, theme.SINGLE, "circle", "dash"),
        ("hybrid", True, theme.HYBRID, "diamond", "solid"),
    )
    rest = _with_units(record)
    full = len(rest) <= theme.MANY
    for name, hybrid, colour, symbol, dash in parts:
        part = [trial for trial in rest if trial.is_hybrid == hybrid]
        if not part:
            continue
        said: dict[str, Any] = (
            {
                "text": [hover(record, t, on_front=t.number in chosen) for t in part],
                "hoverinfo": "text",
            }
            if full
            else {"hovertemplate": "#%{customdata}<br>%{y:.2f} %<extra></extra>"}
        )
        traces.append(
            theme.trace(
                theme.scatter(len(rest)),
                x=[t.cost.flops for t in part],
                y=[100 * (t.accuracy or 0.0) for t in part],
                customdata=[t.number for t in part],
                mode="markers",
                name=f"{name}, each trial ({len(part):,})",
                marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
                **said,
            )
        )
        best = _best(_averaged(part))
        traces.append(
            theme.trace(
                "scatter",
                x=[t.cost.flops for t in best],
                y=[100 * (t.accuracy or 0.0) for t in best],
                mode="lines",
                line={"color": colour, "width": 2, "shape": "hv", "dash": dash},
                name=f"{name}, best at no more FLOPs",
                hoverinfo="skip",
            )
        )
    return traces


def _averaged(trials: Sequence[Trial]) -> list[Trial]:
    """Return one trial a network, with the mean accuracy of its trainings: no luck of one."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.key, []).append(trial)
    return [
        same[0]
        if len(same) == 1
        else replace(same[0], accuracy=mean(trial.accuracy or 0.0 for trial in same))
        for same in found.values()
    ]


def _with_units(record: Record) -> list[Trial]:
    """The trials that are single or hybrid; one without a stack is neither."""
    return [trial for trial in record.complete if not trial.is_baseline and trial.has_units]


def _best(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that are better than all that cost no more FLOPs, by rising FLOPs."""
    found: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.cost.flops, -(t.accuracy or 0.0))):
        if not found or (trial.accuracy or 0.0) > (found[-1].accuracy or 0.0):
            found.append(trial)
    return found


def _kinds(record: Record) -> list[Any]:
    everything = _shares(record.complete)
    if not everything:
        return []
    chosen = _shares(front_trials(record))
    ranked = sorted(everything, key=lambda kind: (-everything[kind], kind))[:_KINDS]
    bars = []
    for name, shares, colour in (
        ("all complete trials", everything, theme.OTHER),
        ("the study's front", chosen, theme.ACCENT),
    ):
        bars.append(
            theme.trace(
                "bar",
                x=[100 * shares.get(kind, 0.0) for kind in ranked],
                y=ranked,
                orientation="h",
                name=name,
                marker={"color": colour},
                hovertemplate=f"%{{y}}: %{{x:.1f}} % of the units of {name}<extra></extra>",
            )
        )
    return bars


def _shares(trials: Iterable[Trial]) -> dict[str, float]:
    """Each kind's share of all units, every trial counting the same."""
    found: Counter[str] = Counter()
    networks = 0
    for trial in trials:
        counts = unit_counts(trial.architecture.layers)
        total = counts.total()
        networks += total > 0
        for kind, number in counts.items():
            found[kind] += number / total  # type: ignore[assignment]  # Counter adds fractions
    return {kind: value / networks for kind, value in found.items()}


def _axes(record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """FLOPs and accuracy, from a little under the floor up if anything is above it."""
    rest = _with_units(record) or record.complete
    able = [trial for trial in rest if (trial.accuracy or 0.0) >= record.floor] or rest
    values = [100 * (trial.accuracy or 0.0) for trial in able]
    flops = [max(trial.cost.flops, 1) for trial in able]
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 1.0
    return (
        axis(METRICS["flops"], (min(flops) / 1.1, max(flops) * 1.1)),
        axis(METRICS["accuracy"], (low - pad, high + pad), record),
    )
