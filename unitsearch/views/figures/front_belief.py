"""The front as the model believes in it: a band over a cost, and how likely each member belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch import wording
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.metrics import METRICS, metric
from unitsearch.study.recommended import belief_of
from unitsearch.study.record import Record, Trial
from unitsearch.views.figures import theme
from unitsearch.views.figures.axes import axis, span
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.plotted_trials import (
    PlottedTrial,
    hover,
    missing_message,
    own_front,
    plotted_trials,
)

# What a front may be drawn over: anything that costs, and does not follow from the accuracy.
COSTS = tuple(by.name for by in METRICS.values() if not by.needs_accuracy and not by.maximise)
_Z95 = 1.96  # standard errors on each side of a band that holds 95 %
_ACCURACY = METRICS["accuracy"]
_NO_BELIEF = "No trial has an accuracy by model: it needs the baseline (trial 0), complete."


@figure("front_belief", {"x": Enum(COSTS)})
def front_belief(record: Record, x: str = "flops") -> FigureData:
    """Return the study's front by model over a cost, with what is known and what is not.

    The line is the highest accuracy by model at no more of the cost, the band 95 % of what the
    model holds possible for the network of each step. Filled marks are the members of the study's
    front that are more likely on the true front than not, pale hollow ones the doubtful members.
    Small grey marks are single trainings: the trials' own, and those with fresh seeds. The luckiest
    of them lie above the band.

    Args:
        record: The study.
        x: The cost: ``flops``, ``params`` or another metric of which less is better.

    Raises:
        UsageError: If ``x`` is no cost.
    """
    if x not in COSTS:
        raise UsageError(
            found=x, expected="a cost: " + ", ".join(COSTS), fix=did_you_mean(x, COSTS)
        )
    by = metric(x)
    trials = plotted_trials(record, by, _ACCURACY)
    if not trials:
        return theme.empty(missing_message(record, by))
    if belief_of(record, trials[0].trial) is None:
        return theme.empty(_NO_BELIEF)
    members = [p for p in trials if p.on_front]
    if not members:
        return theme.empty(f"No trial reaches the floor of {wording.percent(record.floor)}.")
    steps = own_front(trials, by, _ACCURACY)
    shown = [*members, *steps, *(p for p in trials if p.trial.is_baseline)]
    own = [(p.x, 100 * (p.trial.accuracy or 0.0), p.trial) for p in trials]
    fresh = [(p.x, 100 * repeat.accuracy, p.trial) for p in trials for repeat in p.trial.repeats]
    across = span(by, min(p.x for p in shown), max(p.x for p in shown))
    lows, highs = zip(*map(_interval, shown), strict=True)
    inside = [y for x_, y, _ in [*own, *fresh] if across[0] <= x_ <= across[1] and y >= min(lows)]
    up = span(_ACCURACY, min(lows), max([*highs, *inside]))
    outside = sum(
        not (across[0] <= x_ <= across[1] and up[0] <= y <= up[1]) for x_, y, _ in [*own, *fresh]
    )
    note = f"{wording.count(outside, 'training')} outside; double click shows all"
    return theme.styled(
        [
            *_band(steps, across[1]),
            *_single(own, "own trainings", "circle", theme.OTHER),
            *_single(fresh, "fresh seeds", "line-ew-open", theme.EQUAL),
            *_members(record, [p for p in trials if p.on_front or p.trial.is_baseline]),
        ],
        height=460,
        xaxis=axis(by, across, record),
        yaxis=axis(_ACCURACY, up, record),
        annotations=[theme.note(note, 1, 0, yanchor="bottom", xanchor="right")] if outside else [],
    )


_Single = tuple[float, float, Trial]  # a training: its cost, its accuracy in %, its trial


def _single(trainings: Sequence[_Single], name: str, symbol: str, colour: str) -> list[Any]:
    """Return single trainings as small marks."""
    if not trainings:
        return []
    count = len(trainings)
    hovered = name.removesuffix("s")
    marker: dict[str, Any] = {"symbol": symbol, "size": 4.5, "color": colour, "opacity": 0.5}
    if symbol.endswith("-open"):
        marker |= {"size": 9, "opacity": 0.9, "line": {"width": 1.4, "color": colour}}
    return [
        theme.trace(
            theme.scatter(count),
            x=theme.column([x for x, _, _ in trainings], count),
            y=theme.column([y for _, y, _ in trainings], count),
            customdata=[trial.number for _, _, trial in trainings],
            mode="markers",
            name=name,
            marker=marker,
            hovertemplate=f"#%{{customdata}}, {hovered}<br>%{{y:.2f}} %<extra></extra>",
        )
    ]


def _interval(plotted: PlottedTrial) -> tuple[float, float]:
    """Return the ends of the 95 % interval of an accuracy by model, in percent."""
    reach = _Z95 * 100 * (plotted.accuracy_se or 0.0)
    return max(plotted.y - reach, 0.0), min(plotted.y + reach, 100.0)


def _band(steps: Sequence[PlottedTrial], end: float) -> list[Any]:
    """Return the line of steps and the band around it, up to the cost ``end``."""
    xs, lows, highs, ys = [], [], [], []
    for place, step in enumerate(steps):
        after = steps[place + 1].x if place + 1 < len(steps) else max(end, step.x)
        low, high = _interval(step)
        xs += [step.x, after]
        ys += [step.y, step.y]
        lows += [low, low]
        highs += [high, high]
    band = theme.trace(
        "scatter",
        x=[*xs, *reversed(xs)],
        y=[*highs, *reversed(lows)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=theme.faded(theme.ACCENT, 0.2),
        hoverinfo="skip",
        name="95 % band",
    )
    line = theme.trace(
        "scatter",
        x=xs,
        y=ys,
        mode="lines",
        line={"color": theme.ACCENT, "width": 1.6},
        opacity=0.75,
        hoverinfo="skip",
        name="by model",
    )
    return [band, line]


def _members(record: Record, members: Sequence[PlottedTrial]) -> list[Any]:
    """Return the members of the front: likely ones filled, doubtful ones hollow and pale."""
    traces = []
    rest = [p for p in members if not p.trial.is_baseline]
    for name, part, opacity, hollow in (
        ("member, 50 % or more", [p for p in rest if not _doubtful(record, p)], 1.0, ""),
        ("doubtful member", [p for p in rest if _doubtful(record, p)], 0.55, "-open"),
    ):
        if part:
            symbols = [("diamond" if p.trial.is_hybrid else "circle") + hollow for p in part]
            marker = {"color": theme.ACCENT, "size": 9, "symbol": symbols, "opacity": opacity}
            edge = {"width": 1.6} if hollow else {"width": 1, "color": "#fff"}
            traces.append(_marks(record, part, name, {**marker, "line": edge}))
    base = [p for p in members if p.trial.is_baseline]
    if base:
        marker = {"color": theme.BASELINE, "size": 15, "symbol": "star"}
        traces.append(_marks(record, base, "baseline", marker))
    return traces


def _doubtful(record: Record, plotted: PlottedTrial) -> bool:
    return wording.is_doubtful(record, plotted.trial)


def _marks(record: Record, part: Sequence[PlottedTrial], name: str, marker: dict[str, Any]) -> Any:
    return theme.trace(
        "scatter",
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[p.trial.number for p in part],
        mode="markers",
        name=name,
        marker=marker,
        text=[hover(record, p.trial, on_front=p.on_front) for p in part],
        hoverinfo="text",
    )
