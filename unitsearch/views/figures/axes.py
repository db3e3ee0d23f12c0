"""The axis of a metric: its range, its scale and its ticks."""

from __future__ import annotations

import math
from typing import Any

from unitsearch.metrics import Metric
from unitsearch.study.record import Record
from unitsearch.views.figures.plotted_trials import axis_label


def span(metric: Metric, low: float, high: float) -> tuple[float, float]:
    """Return the range of an axis that shows values from ``low`` to ``high`` with a margin."""
    if metric.scale == "log":
        pad = 0.06 * math.log10(high / low) or 0.15
        return low * 10**-pad, high * 10**pad
    pad = 0.06 * (high - low) or max(abs(high) * 0.05, 0.5)
    top = min(high + pad, 100.6) if metric.is_accuracy else high + pad
    return low - pad, top


def axis(
    metric: Metric, shown: tuple[float, float], record: Record | None = None, *, raw: bool = False
) -> dict[str, Any]:
    """Return the axis of a metric that shows the range ``shown``."""
    title: dict[str, Any] = {"title": {"text": axis_label(metric, record, raw=raw)}}
    if metric.scale != "log":
        return {**title, "range": list(shown)}
    narrow = shown[1] / shown[0] < 12
    form = ".3~g" if metric.maximise or metric.is_measured else "~s"
    return {
        **title,
        "type": "log",
        "range": [math.log10(value) for value in shown],
        "dtick": "D1" if narrow else "D2",
        "tickformat": form,
        "tickangle": 0,
    }
