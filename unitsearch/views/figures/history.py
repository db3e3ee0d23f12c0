"""How the front grew: the hypervolume after each complete trial, or by what training it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.study.record import Record
from unitsearch.study.tables import hypervolume_history, reference_point, training_seconds
from unitsearch.views import words
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure

ALONG = ("trials", "seconds")
_TITLES = {
    "trials": "trials complete",
    "seconds": "training time of all trials so far ({unit})",
}
_UNITS = ((3 * 3600.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def said_reference(reference: Sequence[float]) -> str:
    """Return the point that volumes are measured from, in words."""
    error, flops, params = reference
    return (
        f"{words.percent(1 - error)} accuracy, {words.short(10**flops)} FLOPs,"
        f" {words.short(10**params)} parameters"
    )


def reference_of(record: Record) -> tuple[float, ...] | None:
    """Return the point that a study's volumes are measured from; None without a baseline."""
    if record.baseline is None:
        return None
    return tuple(record.facts.get("reference") or reference_point(record.baseline))


def growth(
    record: Record, x: str = "trials", reference: Sequence[float] | None = None
) -> list[tuple[float, float, int]]:
    """Return (trials or seconds so far, hypervolume, trial) after each complete trial.

    Seconds are those of all trainings up to the trial, failed and stopped ones too, whoever did
    them at the same time; empty where no trial has stored any.
    """
    history = hypervolume_history(record, reference)
    numbers = [trial.number for trial in record.complete]
    along: Sequence[float] = [count for count, _ in history]
    if x == "seconds":
        along = training_seconds(record)
        if not any(along):
            return []
    return [
        (at, volume, number)
        for at, (_, volume), number in zip(along, history, numbers, strict=False)
    ]


@figure("hypervolume", {"x": Enum(ALONG)})
def hypervolume(record: Record, x: str = "trials") -> FigureData:
    """Return the hypervolume (accuracy, log10 FLOPs, log10 parameters) as the search went on.

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
    found = growth(record, x)
    if not found:
        return theme.empty("No trial has stored how long its training took.")
    unit, title = unit_of([at for at, _, _ in found], x)
    volumes = [volume for _, volume, _ in found]
    low, high = min(volumes), max(volumes)
    pad = 0.08 * (high - low) or 0.1
    return theme.styled(
        [
            {
                **line(found, unit, x),
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
        annotations=[theme.above(f"reference point: {said_reference(reference)}")],
    )


def check_along(x: str) -> None:
    """Raise ``UsageError`` unless ``x`` is something that a search goes along."""
    if x not in ALONG:
        raise UsageError(found=x, expected=" or ".join(ALONG), fix=did_you_mean(x, ALONG))


def unit_of(along: Sequence[float], x: str) -> tuple[float, str]:
    """Return what values are divided by, and the title of their axis."""
    if x == "trials":
        return 1.0, _TITLES[x]
    longest = max(along, default=0.0)
    unit, name = next((unit, name) for least, unit, name in _UNITS if longest >= least)
    return unit, _TITLES[x].format(unit=name)


def line(
    found: Sequence[tuple[float, float, int]], unit: float, x: str, study: str = ""
) -> dict[str, Any]:
    """Return a trace of ``growth``, without its look; several studies are told apart by name."""
    at = "after %{x:,.4~g} trials" if x == "trials" else "after %{x:,.4~g} of training"
    return theme.trace(
        "scatter",
        x=[along / unit for along, _, _ in found],
        y=[volume for _, volume, _ in found],
        customdata=[f"{study}:{n}" if study else n for _, _, n in found],
        mode="lines+markers" if len(found) < 60 else "lines",
        marker={"size": 5},
        hovertemplate=f"{at}<br>hypervolume %{{y:.4f}}<br>trial #%{{customdata}}<extra></extra>",
    )
