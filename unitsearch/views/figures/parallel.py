"""All trials as lines over the space's parameters, the units' counts and the metrics."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.metrics import Metric, metric
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.drawing import unit_counts
from unitsearch.views.figures import theme
from unitsearch.views.figures.plain import Plain, figure
from unitsearch.views.figures.points import axis_label, axis_value, why_nothing

TRIALS = ("all", "front")
_PARAMETERS = 5
_KINDS = 6
# Lines are one pixel wide whatever one asks for: a quieter grey and a louder blue than elsewhere.
_FAINT, _FRONT = "#7d868f", "#1f86dc"
_LABELS = 7  # ticks that are still legible beside an axis
# Cut points of a mixture say nothing to a reader: the counts that follow from them are axes.
_CUT = re.compile(r"\.cut\d+$")


@dataclass(frozen=True)
class Axis:
    """One axis: where each trial meets it, and what stands there.

    Attributes:
        label: What it is.
        values: One for each trial.
        ticks: Where something is written; empty leaves that to plotly.
        texts: What is written there.
    """

    label: str
    values: tuple[float, ...]
    ticks: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


def axes(
    record: Record, trials: Sequence[Trial], metrics: Sequence[Metric]
) -> tuple[list[Axis], list[str]]:
    """Return the axes that ``trials`` have in common, and the names of those without room.

    The space's parameters that vary (cut points aside), then how many units of each kind a network
    holds, then the metrics. A parameter that some trial was not asked for has a place called "–".
    """
    found, rest = [], []
    drawn: dict[str, None] = {name: None for trial in trials for name in trial.values}
    varied = [
        (name, [trial.values.get(name) for trial in trials])
        for name in drawn
        if not _CUT.search(name)
    ]
    varied = [(n, values) for n, values in varied if len({repr(v) for v in values} - {"None"}) > 1]
    found += [_of_values(name, values) for name, values in varied[:_PARAMETERS]]
    rest += [name for name, _ in varied[_PARAMETERS:]]
    counts = [unit_counts(trial.architecture.layers) for trial in trials]
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    kinds = sorted(total, key=lambda kind: (-total[kind], kind))
    for kind in sorted(kinds[:_KINDS]):
        found.append(Axis(f"units {kind}", tuple(float(one[kind]) for one in counts)))
    rest += [f"units {kind}" for kind in kinds[_KINDS:]]
    baseline = record.baseline.measured if record.baseline else None
    for by in metrics:
        values = [axis_value(by, trial.measured, baseline) for trial in trials]
        known = [value for value in values if value is not None]
        if len(known) == len(trials):
            found.append(_of_metric(by, known, record))
    return found, rest


def _of_values(name: str, values: Sequence[Any]) -> Axis:
    """A parameter: numbers in their places, words in a row; what is missing under them."""
    known = sorted({v for v in values if v is not None}, key=lambda v: (str(type(v)), v))
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        nowhere = known[0] - 0.12 * ((known[-1] - known[0]) or 1)
        ticks = list(known[:: -(-len(known) // _LABELS)])
        texts = [f"{v:g}" for v in ticks]
        if None in values:
            ticks, texts = [nowhere, *ticks], ["–", *texts]
        numbers = tuple(float(nowhere if v is None else v) for v in values)
        return Axis(name, numbers, tuple(map(float, ticks)), tuple(texts))
    options_by_text = {
        repr(v): at for at, v in enumerate([None, *known] if None in values else known)
    }
    places = tuple(float(options_by_text[repr(v)]) for v in values)
    texts = (["–"] if None in values else []) + [str(v) for v in known]
    return Axis(name, places, tuple(map(float, range(len(texts)))), tuple(texts))


def _of_metric(metric: Metric, values: Sequence[float], record: Record) -> Axis:
    label = axis_label(metric, record).partition(" (papers'")[0]
    if metric.scale != "log":
        return Axis(label, tuple(values))
    low, high = math.log10(min(values)), math.log10(max(values))
    steps = (1, 2, 5) if high - low < 2 else (1,)
    ticks = [
        math.log10(digit * 10.0**power)
        for power in range(math.floor(low), math.ceil(high) + 1)
        for digit in steps
        if low <= math.log10(digit * 10.0**power) <= high
    ]
    if len(ticks) < 2:
        ticks = [low, high] if high > low else [low]
    texts = tuple(_number(10**at) for at in ticks)
    return Axis(label, tuple(map(math.log10, values)), tuple(ticks), texts)


def _number(value: float) -> str:
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.999 * unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


@figure
def parallel(
    record: Record,
    metrics: Sequence[str] = ("flops", "params", "accuracy"),
    trials: str = "all",
) -> Plain:
    """Return trials as lines over parameters, counts of units and metrics; an axis can be brushed.

    The study's front is in colour and on top, the baseline orange, the rest grey. Dragging along an
    axis leaves only the lines through that part of it.

    Args:
        record: The study.
        metrics: Which metrics are axes.
        trials: ``all`` complete ones, or the ``front`` (and the baseline).

    Raises:
        UsageError: If a metric is unknown, or ``trials`` is neither.
    """
    if trials not in TRIALS:
        fix = did_you_mean(trials, TRIALS)
        raise UsageError(found=trials, expected=" or ".join(TRIALS), fix=fix)
    by = [metric(name) for name in dict.fromkeys(metrics)]
    chosen = {trial.number for trial in front_trials(record)}
    shown = [
        trial
        for trial in record.complete
        if trial.accuracy is not None
        and (trials == "all" or trial.number in chosen or trial.is_baseline)
    ]
    if not shown:
        return theme.empty(why_nothing(record))
    # later lines lie above earlier ones
    shown.sort(key=lambda t: (t.is_baseline, t.number in chosen, t.number))
    ranks = [2 if t.is_baseline else 1 if t.number in chosen else 0 for t in shown]
    found, rest = axes(record, shown, by)
    if len(set(ranks)) > 1:  # brushed at "front", all other lines go away
        sets = ("other", "front", "baseline")
        found = [Axis("set", tuple(map(float, ranks)), (0.0, 1.0, 2.0), sets), *found]
    colours = [[0.0, _FAINT], [0.5, _FRONT], [1.0, theme.BASELINE]]
    lines = theme.trace(
        "parcoords",
        dimensions=[_dimension(axis) for axis in found],
        customdata=[trial.number for trial in shown],
        line={"color": ranks, "cmin": 0, "cmax": 2, "colorscale": colours, "showscale": False},
        unselected={"line": {"color": theme.OTHER, "opacity": 0.06}},
        labelangle=-18 if len(found) > 6 else 0,
        labelside="top",
        labelfont={"size": 12, "color": theme.INK},
        tickfont={"size": 11, "color": theme.INK},
        rangefont={"size": 10, "color": "rgba(0,0,0,0)"},
        domain={"x": [0.02, 0.98], "y": [0.0, 1.0]},
    )
    legend = [
        _entry(name, colour)
        for name, colour, rank in (
            ("other trials", _FAINT, 0),
            ("study's front", _FRONT, 1),
            ("baseline", theme.BASELINE, 2),
        )
        if rank in ranks
    ]
    said = "Drag along an axis to keep the lines through it; a click on the axis frees it."
    if rest:
        said += f" Without room: {escape(', '.join(rest[:8]))}{' …' if len(rest) > 8 else '.'}"
    hidden = {"visible": False, "fixedrange": True}
    return theme.styled(
        [lines, *legend],
        height=480,
        margin={"l": 50, "r": 50, "t": 84, "b": 84},
        xaxis=hidden,
        yaxis=hidden,
        annotations=[theme.below(said, under=14)],
    )


def _dimension(axis: Axis) -> dict[str, Any]:
    low, high = min(axis.values), max(axis.values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    found: dict[str, Any] = {
        "label": escape(axis.label),
        "values": list(axis.values),
        "range": [low, high],
    }
    if axis.ticks:
        found |= {"tickvals": list(axis.ticks), "ticktext": [escape(text) for text in axis.texts]}
    return found


def _entry(name: str, colour: str) -> Any:
    """An entry of the legend, which parallel coordinates have none of."""
    return theme.trace(
        "scatter",
        x=[None],
        y=[None],
        mode="lines",
        name=name,
        line={"color": colour, "width": 2},
        hoverinfo="skip",
    )
