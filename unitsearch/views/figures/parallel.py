"""Parallel coordinates: trials as lines over parameters, counts of units and metrics."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from unitsearch.architecture.description import unit_counts
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum, ListOf
from unitsearch.metrics import Metric, metric
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import METRIC, FigureData, figure
from unitsearch.views.figures.plotted_trials import (
    axis_label,
    axis_value,
    baseline_facts,
    missing_message,
)

TRIALS = ("all", "front")
_MOST_PARAMETERS = 5  # axes of parameters
_MOST_KINDS = 6  # axes of counts of units
# Plotly draws these lines one pixel wide always: the grey is paler and the blue stronger than in
# other figures.
_FAINT, _FRONT = "#7d868f", "#1f86dc"
_MOST_TICKS = 7  # of more ticks none could be read beside an axis
# Cut points of a mixture mean nothing to a reader: the counts that follow from them are axes.
_CUT = re.compile(r"\.cut\d+$")


@dataclass(frozen=True)
class Axis:
    """One axis: each trial's value on it, and its ticks.

    Attributes:
        label: The axis's label.
        values: One value for each trial.
        ticks: The places of the ticks; empty leaves the ticks to plotly.
        texts: The text of each tick.
    """

    label: str
    values: tuple[float, ...]
    ticks: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


def axes(
    record: Record, trials: Sequence[Trial], metrics: Sequence[Metric]
) -> tuple[list[Axis], list[str]]:
    """Return the axes that ``trials`` have in common, and the names of axes without room.

    The axes are the space's parameters that vary (without cut points), then the number of units of
    each kind, then the metrics. A parameter that some trial does not have gets a tick "–" for it.
    """
    shown, rest = [], []
    parameters: dict[str, None] = {name: None for trial in trials for name in trial.values}
    varied = [
        (name, [trial.values.get(name) for trial in trials])
        for name in parameters
        if not _CUT.search(name)
    ]
    varied = [(n, values) for n, values in varied if len({repr(v) for v in values} - {"None"}) > 1]
    shown += [_parameter_axis(name, values) for name, values in varied[:_MOST_PARAMETERS]]
    rest += [name for name, _ in varied[_MOST_PARAMETERS:]]
    counts = [unit_counts(trial.architecture.layers) for trial in trials]
    total: Counter[str] = Counter()
    for counter in counts:
        total.update(counter)
    kinds = sorted(total, key=lambda kind: (-total[kind], kind))
    for kind in sorted(kinds[:_MOST_KINDS]):
        shown.append(Axis(f"units {kind}", tuple(float(counter[kind]) for counter in counts)))
    rest += [f"units {kind}" for kind in kinds[_MOST_KINDS:]]
    baseline = baseline_facts(record)
    for by in metrics:
        values = [axis_value(by, believed(record, trial), baseline) for trial in trials]
        known = [value for value in values if value is not None]
        if len(known) == len(trials):
            shown.append(_metric_axis(by, known, record))
    return shown, rest


def _parameter_axis(name: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a parameter: numbers to scale, words in a row, missing values below."""
    known = sorted({v for v in values if v is not None}, key=lambda v: (str(type(v)), v))
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        missing = known[0] - 0.12 * ((known[-1] - known[0]) or 1)
        ticks = list(known[:: -(-len(known) // _MOST_TICKS)])
        texts = [f"{v:g}" for v in ticks]
        if None in values:
            ticks, texts = [missing, *ticks], ["–", *texts]
        numbers = tuple(float(missing if v is None else v) for v in values)
        return Axis(name, numbers, tuple(map(float, ticks)), tuple(texts))
    options = [None, *known] if None in values else known
    place_of = {repr(option): place for place, option in enumerate(options)}
    places = tuple(float(place_of[repr(v)]) for v in values)
    texts = (["–"] if None in values else []) + [str(v) for v in known]
    return Axis(name, places, tuple(map(float, range(len(texts)))), tuple(texts))


def _metric_axis(metric: Metric, values: Sequence[float], record: Record) -> Axis:
    # there is room for short labels only
    label = axis_label(metric, record).removeprefix("validation ").partition(" (papers'")[0]
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
    texts = tuple(_number(10**tick) for tick in ticks)
    return Axis(label, tuple(map(math.log10, values)), tuple(ticks), texts)


def _number(value: float) -> str:
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.999 * unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


@figure(
    "parallel",
    {"metrics": ListOf(METRIC, 1, 12, "a list of metrics"), "trials": Enum(TRIALS)},
)
def parallel(
    record: Record,
    metrics: Sequence[str] = ("flops", "params", "accuracy"),
    trials: str = "all",
) -> FigureData:
    """Return trials as lines over parameters, counts of units and metrics, these by model.

    The study's front is in colour and on top, the baseline orange, the rest grey. A drag along an
    axis keeps only the lines through that part of it.

    Args:
        record: The study.
        metrics: The metrics that are axes.
        trials: ``all`` complete trials, or the ``front`` (and the baseline).

    Raises:
        UsageError: If a metric is unknown, or ``trials`` is neither.
    """
    if trials not in TRIALS:
        fix = did_you_mean(trials, TRIALS)
        raise UsageError(found=trials, expected=" or ".join(TRIALS), fix=fix)
    shown_metrics = [metric(name) for name in dict.fromkeys(metrics)]
    front = {trial.number for trial in front_trials(record)}
    shown = [
        trial
        for trial in record.complete
        if trial.accuracy is not None
        and (trials == "all" or trial.number in front or trial.is_baseline)
    ]
    if not shown:
        return theme.empty(missing_message(record))
    # plotly draws later lines above earlier ones
    shown.sort(key=lambda t: (t.is_baseline, t.number in front, t.number))
    ranks = [2 if t.is_baseline else 1 if t.number in front else 0 for t in shown]
    dimensions, rest = axes(record, shown, shown_metrics)
    if len(set(ranks)) > 1:  # a brush at "front" on this axis hides all other lines
        sets = ("other", "front", "baseline")
        dimensions = [Axis("set", tuple(map(float, ranks)), (0.0, 1.0, 2.0), sets), *dimensions]
    colours = [[0.0, _FAINT], [0.5, _FRONT], [1.0, theme.BASELINE]]
    lines = theme.trace(
        "parcoords",
        dimensions=[_dimension(axis) for axis in dimensions],
        customdata=[trial.number for trial in shown],
        line={"color": ranks, "cmin": 0, "cmax": 2, "colorscale": colours, "showscale": False},
        unselected={"line": {"color": theme.OTHER, "opacity": 0.06}},
        labelangle=-18 if len(dimensions) > 6 else 0,
        labelside="top",
        labelfont={"size": 12, "color": theme.INK},
        tickfont={"size": 11, "color": theme.INK},
        rangefont={"size": 10, "color": "rgba(0,0,0,0)"},
        domain={"x": [0.02, 0.98], "y": [0.0, 1.0]},
    )
    legend = [
        _legend_entry(name, colour)
        for name, colour, rank in (
            ("other trials", _FAINT, 0),
            ("study's front", _FRONT, 1),
            ("baseline", theme.BASELINE, 2),
        )
        if rank in ranks
    ]
    note = "Drag along an axis to keep the lines through it; a click on the axis frees it."
    if rest:
        note += f" Without room: {escape(', '.join(rest[:8]))}{' …' if len(rest) > 8 else '.'}"
    hidden = {"visible": False, "fixedrange": True}
    return theme.styled(
        [lines, *legend],
        height=480,
        margin={"l": 50, "r": 50, "t": 84, "b": 84},
        xaxis=hidden,
        yaxis=hidden,
        annotations=[theme.below(note, under=14)],
    )


def _dimension(axis: Axis) -> dict[str, Any]:
    low, high = min(axis.values), max(axis.values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    dimension: dict[str, Any] = {
        "label": escape(axis.label),
        "values": list(axis.values),
        "range": [low, high],
    }
    if axis.ticks:
        dimension["tickvals"] = list(axis.ticks)
        dimension["ticktext"] = [escape(text) for text in axis.texts]
    return dimension


def _legend_entry(name: str, colour: str) -> Any:
    """Return an entry of the legend, because parallel coordinates have no entries of their own."""
    return theme.trace(
        "scatter",
        x=[None],
        y=[None],
        mode="lines",
        name=name,
        line={"color": colour, "width": 2},
        hoverinfo="skip",
    )
