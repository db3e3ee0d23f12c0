"""The growth of the front: its hypervolume over complete trials, or over training time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch import wording
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.study.record import Record
from unitsearch.study.tables import hypervolume_history, reference_point, training_seconds
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure

ALONG = ("trials", "seconds")
_TITLES = {
    "trials": "trials complete",
    "seconds": "training time of all trials so far ({unit})",
}
_UNITS = ((3 * 3600.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def reference_text(reference: Sequence[float]) -> str:
    """Return the reference point of hypervolumes, in words."""
    error, flops, params = reference
    return (
        f"{wording.percent(1 - error)} accuracy, {wording.short(10**flops)} FLOPs,"
        f" {wording.short(10**params)} parameters"
    )


def reference_of(record: Record) -> tuple[float, ...] | None:
    """Return the reference point of a study's hypervolume; None without a baseline."""
    if record.baseline is None:
        return None
    return record.manifest.reference or reference_point(record.baseline)


def growth(
    record: Record, x: str = "trials", reference: Sequence[float] | None = None
) -> list[tuple[float, float, int]]:
    """Return (trials or seconds so far, hypervolume, trial) after each complete trial.

    Seconds are the sum over all trainings up to the trial, failed and stopped ones too, as if they
    ran one after another; empty if no trial has stored any.
    """
    history = hypervolume_history(record, reference)
    numbers = [trial.number for trial in record.complete]
    progress: Sequence[float] = [count for count, _ in history]
    if x == "seconds":
        progress = training_seconds(record)
        if not any(progress):
            return []
    return [
        (value, volume, number)
        for value, (_, volume), number in zip(progress, history, numbers, strict=False)
    ]


@figure("hypervolume", {"x": Enum(ALONG)})
def hypervolume(record: Record, x: str = "trials") -> FigureData:
    """Return the hypervolume (accuracy, log10 FLOPs, log10 parameters) during the search.

    Args:
        record: The study.
        x: ``trials`` complete, or ``seconds`` of training.

    Raises:
        UsageError: If ``x`` is neither.
    """
    check_along(x)
    reference = reference_of(record)
    if reference is None:
        return theme.empty("Needs the baseline (trial 0), which is not complete.")
    steps = growth(record, x)
    if not steps:
        return theme.empty("No trial has stored how long its training took.")
    unit, title = unit_of([progress for progress, _, _ in steps], x)
    volumes = [volume for _, volume, _ in steps]
    low, high = min(volumes), max(volumes)
    pad = 0.08 * (high - low) or 0.1
    return theme.styled(
        [
            {
                **line(steps, unit, x),
                "line": {"color": theme.ACCENT, "width": 2, "shape": "hv"},
                "fill": "tozeroy",
                "fillcolor": theme.faded(theme.ACCENT, 0.10),
                "name": "hypervolume",
            }
        ],
        height=360,
        showlegend=False,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis={"title": {"text": "hypervolume"}, "range": [max(0.0, low - pad), high + pad]},
        annotations=[theme.above(f"reference point: {reference_text(reference)}")],
    )


def check_along(x: str) -> None:
    """Raise ``UsageError`` unless ``x`` is one of ``ALONG``."""
    if x not in ALONG:
        raise UsageError(found=x, expected=" or ".join(ALONG), fix=did_you_mean(x, ALONG))


def unit_of(progress: Sequence[float], x: str) -> tuple[float, str]:
    """Return the unit that fits the values of an axis, and the axis's title."""
    if x == "trials":
        return 1.0, _TITLES[x]
    longest = max(progress, default=0.0)
    unit, name = next((unit, name) for least, unit, name in _UNITS if longest >= least)
    return unit, _TITLES[x].format(unit=name)


def line(
    steps: Sequence[tuple[float, float, int]], unit: float, x: str, study: str = ""
) -> dict[str, Any]:
    """Return a trace of ``growth``, without its style; ``study`` names one of several studies."""
    when = "after %{x:,.4~g} trials" if x == "trials" else "after %{x:,.4~g} of training"
    return theme.trace(
        "scatter",
        x=[progress / unit for progress, _, _ in steps],
        y=[volume for _, volume, _ in steps],
        customdata=[f"{study}:{n}" if study else n for _, _, n in steps],
        mode="lines+markers" if len(steps) < 60 else "lines",
        marker={"size": 5},
        hovertemplate=f"{when}<br>hypervolume %{{y:.4f}}<br>trial #%{{customdata}}<extra></extra>",
    )
