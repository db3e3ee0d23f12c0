"""Lines of equal CE or SE in a figure of accuracy against a cost."""

from __future__ import annotations

import math
from typing import Any

from unitsearch.metrics import Measured, Metric
from unitsearch.views.figures import theme
from unitsearch.views.figures.plotted_trials import axis_value

Ranges = tuple[tuple[float, float], tuple[float, float]]  # of the x axis and of the y axis
_EFFICIENCY_OF = {"flops": "ce", "params": "se", "bits": "se_bits"}


def equal_efficiency(
    x: Metric, y: Metric, baseline: Measured | None, ranges: Ranges
) -> tuple[list[Any], list[Any]]:
    """Return the lines on which CE (or SE) is equal, a = CE · f · (ab / fb), and their labels."""
    efficiency = _EFFICIENCY_OF.get(x.name)
    if efficiency is None or not y.is_accuracy:
        return [], []
    if baseline is None or not baseline.accuracy:
        return [], []
    cost = axis_value(x, baseline, baseline)
    (left, right), (low, high) = ranges
    if cost is None:
        return [], []
    name = efficiency.upper().replace("_BITS", " in bits")
    per_percent = cost / (100 * baseline.accuracy)
    traces: list[Any] = []
    labels: list[Any] = []
    for level in _round_numbers(high * per_percent / right, high * per_percent / left):
        ys = [low + (high - low) * i / 12 for i in range(13)]
        xs = [value * per_percent / level for value in ys]
        traces.append(
            theme.trace(
                "scatter",
                x=xs,
                y=ys,
                mode="lines",
                line={"color": theme.EQUAL, "width": 1, "dash": "dot"},
                opacity=0.65,
                hoverinfo="skip",
                name=f"equal {name}",
                legendgroup="equal",
                showlegend=not traces,
            )
        )
        place = {"xref": "x", "yref": "y", "xanchor": "left", "yanchor": "top"}
        labels.append(theme.note(f"{name} {level:g}", math.log10(xs[-1]), high, **place))
    return traces, labels


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10 … between ``low`` and ``high``, at most seven of them."""
    if low <= 0 or high <= 0:
        return []
    numbers = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]
    step = math.ceil(len(numbers) / 7) or 1
    return numbers[::step]
