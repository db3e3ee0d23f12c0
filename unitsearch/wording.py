"""The wording of numbers and names for readers: counts, ratios, percentages, comparisons."""

from __future__ import annotations

import math

from unitsearch.study.record import Record, Trial

_POWERS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float | None) -> str:
    """Return a count with three or four digits and a power of ten: ``9,876``, ``1.23 M``."""
    if value is None:
        return "–"
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    for power, letter in _POWERS:
        if abs(value) >= power:
            scaled = value / power
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:.{digits}f} {letter}"
    return f"{value:,.0f}"


def ratio(value: float | None) -> str:
    """Return a ratio with three digits."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percent(value: float | None, error: float | None = None) -> str:
    """Return a fraction as percent, with ± one standard error where it is known."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 2 if error is not None and error < 0.0005 else 1
    if error is None:
        return f"{100 * value:.{digits}f} %"
    return f"{100 * value:.{digits}f} ± {100 * error:.{digits}f} %"


def count(number: int, what: str) -> str:
    """Return a number of things: ``1 trial``, ``12 trials``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def accuracy(trial: Trial) -> str:
    """Return a trial's validation accuracy with its standard error."""
    return percent(trial.accuracy, trial.accuracy_se)


def versus(new: int, base: int, what: str) -> str:
    """Return a cost beside the baseline's: ``6.1× fewer FLOPs than``, ``as many FLOPs as``."""
    if not new or not base:
        return f"{short(new)} {what} against {short(base)} of"
    comparison = fewer(new, base)
    return f"as many {what} as" if comparison == "as many" else f"{comparison} {what} than"


def fewer(new: int, base: int) -> str:
    """Return the factor between two counts: ``6.1× fewer``, or ``as many`` if it is 1.0."""
    if not new or not base:
        return f"{short(new)} against {short(base)}"
    times = max(base / new, new / base)
    factor = f"{times:.1f}" if times < 10 else f"{times:,.0f}"
    if factor == "1.0":
        return "as many"
    return f"{factor}× {'fewer' if new < base else 'more'}"


def efficiency(name: str, value: float) -> str:
    """Return `` (CE 1.23)``; an empty text where the baseline's accuracy is 0."""
    return f" ({name} {ratio(value)})" if math.isfinite(value) else ""


def measured_on(record: Record) -> str:
    """Return which images a record's accuracies are from: validation, or test."""
    return record.manifest.accuracy
