"""The growth of the front: its hypervolume over complete trials, or over training time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unitsearch import wording
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.study.recommended import growth_by_model
from unitsearch.study.record import Record
from unitsearch.study.tables import (
    hypervolume_history,
    reference_point,
    tight_reference,
)
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure

ALONG = ("trials", "seconds")
BY = ("model", "trainings")
NAMES = {"model": "hypervolume by model", "trainings": "hypervolume of single trainings"}
_TITLES = {
    "trials": "trials complete or stopped",
    "seconds": "training time of all trials so far ({unit})",
}
_UNITS = ((3 * 3600.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def reference_text(reference: Sequence[float]) -> str:
    """Return the reference point of hypervolumes, in words."""
    error, flops, params = reference
    numbers = (wording.percent(1 - error), wording.short(10**flops), wording.short(10**params))
    # a line may end between two values, but not inside one
    accuracy, operations, size = (number.replace(" ", "\xa0") for number in numbers)
    return f"{accuracy} accuracy, {operations} FLOPs, {size}\xa0parameters"


Steps = list[tuple[float, float, int]]  # trials or seconds so far, hypervolume, trial


def growth(
    record: Record, x: str = "trials", by: str = "model", reference: Sequence[float] | None = None
) -> Steps:
    """Return the hypervolume after each complete trial, along trials or seconds.

    Seconds are the sum over all trainings up to the trial, failed and stopped ones too, as if they
    ran one after another; empty if no trial has stored any.

    Args:
        record: The study.
        x: ``trials`` or ``seconds``.
        by: ``model`` or ``trainings``.
        reference: The point that volumes are measured from; the study's own unless given.
    """
    if by == "model":
        volumes = growth_by_model(record, reference)
    else:
        volumes = [volume for _, volume in hypervolume_history(record, reference)]
    steps: Steps = []
    total = 0.0
    for trial in record.trials:
        total += (trial.train_seconds or 0.0) if x == "seconds" else float(trial.is_counted)
        if trial.state == "complete" and len(steps) < len(volumes):
            steps.append((total, volumes[len(steps)], trial.number))
    return steps if total else []


def reference_by(record: Record, by: str) -> tuple[float, ...] | None:
    """Return the point that volumes by ``model`` or ``trainings`` are measured from, if known."""
    if record.baseline is None:
        return None
    if by == "model":
        return tight_reference(record)
    return record.manifest.reference or reference_point(record.baseline)


def check_by(by: str) -> None:
    """Raise ``UsageError`` unless ``by`` is one of ``BY``."""
    if by not in BY:
        raise UsageError(found=by, expected=" or ".join(BY), fix=did_you_mean(by, BY))


@figure("hypervolume", {"x": Enum(ALONG), "by": Enum(BY)})
def hypervolume(record: Record, x: str = "trials", by: str = "model") -> FigureData:
    """Return the hypervolume of the front (accuracy, log10 FLOPs, log10 parameters) over a search.

    By model it is that of the networks found so far, with the accuracies by the model of the whole
    study, measured from a tight reference: it grows when a better network is found, and not when a
    training is lucky. Of single trainings it grows with each lucky one, so that a longer search
    looks better by that alone.

    Args:
        record: The study.
        x: ``trials`` complete or stopped, or ``seconds`` of training.
        by: ``model``, or ``trainings`` for the accuracies of single trainings and the wide
            reference of version 0.1.

    Raises:
        UsageError: If ``x`` or ``by`` is neither.
    """
    check_along(x)
    check_by(by)
    reference = reference_by(record, by)
    if reference is None:
        return theme.empty("Needs the baseline (trial 0), which is not complete.")
    steps = growth(record, x, by)
    if not steps:
        return theme.empty("No trial has stored how long its training took.")
    unit, title = unit_of([progress for progress, _, _ in steps], x)
    volumes = [volume for _, volume, _ in steps]
    low, high = min(volumes), max(volumes)
    pad = 0.08 * (high - low) or 0.1
    name = NAMES[by]
    note = f"reference point: {reference_text(reference)}"
    if not high:
        note += "; no network lies beyond it yet"
    return theme.styled(
        [
            {
                **line(steps, unit, x),
                "line": {"color": theme.ACCENT, "width": 2, "shape": "hv"},
                "fill": "tozeroy",
                "fillcolor": theme.faded(theme.ACCENT, 0.10),
                "name": name,
            }
        ],
        height=360,
        showlegend=False,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis={"title": {"text": name}, "range": [max(0.0, low - pad), high + pad]},
        annotations=[theme.above(note)],
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


def line(steps: Steps, unit: float, x: str, study: str = "") -> dict[str, Any]:
    """Return a trace of ``growth``, without its style; ``study`` names one of several studies."""
    when = "after %{x:,.4~g} trials" if x == "trials" else "after %{x:,.4~g} of training"
    return theme.trace(
        "scatter",
        x=[progress / unit for progress, _, _ in steps],
        y=[volume for _, volume, _ in steps],
        customdata=[f"{study}:{n}" if study else n for _, _, n in steps],
        mode="lines+markers" if len(steps) < 60 else "lines",
        marker={"size": 5},
        cliponaxis=False,
        hovertemplate=f"{when}<br>hypervolume %{{y:.4f}}<br>trial #%{{customdata}}<extra></extra>",
    )
