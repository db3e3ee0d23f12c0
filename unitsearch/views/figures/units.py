"""Units in the results: single against hybrid stacks, and the kinds that the front prefers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

from unitsearch.architecture.description import unit_counts
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.metrics import METRICS
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import axis
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.plotted_trials import hover, missing_message

SHOWS = ("both", "groups", "kinds")
_MOST_KINDS = 24  # bars: rarer kinds are left out, and the axis says so


@figure("units", {"show": Enum(SHOWS)})
def units(record: Record, show: str = "both") -> FigureData:
    """Return the results by units.

    Args:
        record: The study.
        show: ``groups``: the best accuracy by model at no more FLOPs, of single and of hybrid ones;
            ``kinds``: the share of each kind of unit on the front and in all complete trials; or
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
    if len(kinds[0]["y"]) == _MOST_KINDS:
        share["title"] = {"text": f"share of all units (%); the {_MOST_KINDS} most frequent kinds"}
    names = {"autorange": "reversed", "type": "category", "automargin": True}
    bars_height = 150 + 30 * len(kinds[0]["y"])
    if show == "groups":
        return theme.styled(groups, xaxis=across, yaxis=up)
    if show == "kinds":
        return theme.styled(
            kinds, height=max(360, bars_height), xaxis=share, yaxis=names, bargap=0.3
        )
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
    front = {trial.number for trial in front_trials(record)}
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
        accuracies = [believed(record, trial).accuracy for trial in part]
        hover_texts: dict[str, Any] = (
            {
                "text": [hover(record, t, on_front=t.number in front) for t in part],
                "hoverinfo": "text",
            }
            if full
            else {"hovertemplate": "#%{customdata}<br>%{y:.2f} %<extra></extra>"}
        )
        traces.append(
            theme.trace(
                theme.scatter(len(rest)),
                x=[t.cost.flops for t in part],
                y=[100 * accuracy for accuracy in accuracies],
                customdata=[t.number for t in part],
                mode="markers",
                name=f"{name}, each trial ({len(part):,})",
                marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
                **hover_texts,
            )
        )
        best = _best(_averaged(part, accuracies))
        traces.append(
            theme.trace(
                "scatter",
                x=[flops for flops, _ in best],
                y=[100 * accuracy for _, accuracy in best],
                mode="lines",
                line={"color": colour, "width": 2, "shape": "hv", "dash": dash},
                name=f"{name}, best at no more FLOPs",
                hoverinfo="skip",
            )
        )
    return traces


def _averaged(trials: Sequence[Trial], accuracies: Sequence[float]) -> list[tuple[int, float]]:
    """Return FLOPs and mean accuracy over trainings of each network."""
    by_key: dict[str, tuple[int, list[float]]] = {}
    for trial, accuracy in zip(trials, accuracies, strict=True):
        by_key.setdefault(trial.key, (trial.cost.flops, []))[1].append(accuracy)
    return [(flops, mean(same)) for flops, same in by_key.values()]


def _with_units(record: Record) -> list[Trial]:
    """Return the trials that are single or hybrid; a network without a stack is neither."""
    return [trial for trial in record.complete if not trial.is_baseline and trial.has_units]


def _best(networks: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return the networks that are better than all with no more FLOPs, by rising FLOPs."""
    best: list[tuple[int, float]] = []
    for flops, accuracy in sorted(networks, key=lambda network: (network[0], -network[1])):
        if not best or accuracy > best[-1][1]:
            best.append((flops, accuracy))
    return best


def _kinds(record: Record) -> list[Any]:
    all_shares = _shares(record.complete)
    if not all_shares:
        return []
    front_shares = _shares(front_trials(record))
    ranked = sorted(all_shares, key=lambda kind: (-all_shares[kind], kind))[:_MOST_KINDS]
    bars = []
    for name, shares, colour in (
        ("all complete trials", all_shares, theme.OTHER),
        ("the study's front", front_shares, theme.ACCENT),
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
    """Return each kind's share of all units; every trial has the same weight."""
    sums: Counter[str] = Counter()
    networks = 0
    for trial in trials:
        counts = unit_counts(trial.architecture.layers)
        total = counts.total()
        networks += total > 0
        for kind, number in counts.items():
            sums[kind] += number / total  # type: ignore[assignment]  # Counter adds fractions
    return {kind: value / networks for kind, value in sums.items()}


def _axes(record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the axes of FLOPs and accuracy, for the trials from the floor up if there are any."""
    rest = _with_units(record) or record.complete
    networks = [(trial.cost.flops, believed(record, trial).accuracy) for trial in rest]
    feasible = [network for network in networks if network[1] >= record.floor] or networks
    values = [100 * accuracy for _, accuracy in feasible]
    flops = [max(cost, 1) for cost, _ in feasible]
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 1.0
    return (
        axis(METRICS["flops"], (min(flops) / 1.1, max(flops) * 1.1)),
        axis(METRICS["accuracy"], (low - pad, high + pad), record),
    )
