"""Evidence of accuracies, and the Gaussian process that is fitted to it.

A training is an observation of its network's accuracy. Its last accuracy alone is a noisy one: a
line in four numbers of its curve (``curve_lines``) has a third of the variance. The line is learned
from the complete trainings of the same study; a process that is fitted to their last accuracies
says what the curves are to agree with. A stopped training is an observation too, by the line at its
last epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.search.model.curve_lines import CurveLine, curve_line
from unitsearch.search.model.features import FeatureScale
from unitsearch.search.model.gaussian_process import Observed, Process, Shapes, fit
from unitsearch.training.accuracy_scale import to_scale
from unitsearch.training.bars import curve_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

_MOST = 1000  # values that a process is fitted to; each other one only updates its own network
_SUREST = 0.2  # least variance of a curve's value, in variances of a last accuracy
_DEFAULT_IMAGES = 1000.0  # where a study did not store the number of images


@dataclass(frozen=True)
class Evidence:
    """The trainings of one network, as the model sees them.

    Attributes:
        architecture: The network.
        cost: Its exact cost.
        accuracies: Validation accuracies of its complete trainings, fractions, the trial's own
            first; empty if its training was stopped.
        images: Validation images behind each.
        curve: Validation accuracy after each epoch of the trial's own training.
        epochs: Epochs of a complete training.
        loss_curve: Mean cross-entropy after each epoch of ``curve``, in nats; None where it was not
            finite.
    """

    architecture: Architecture
    cost: Cost
    accuracies: tuple[float, ...] = ()
    images: int = 0
    curve: tuple[float, ...] = ()
    epochs: int = 0
    loss_curve: tuple[float | None, ...] = ()

    @property
    def is_stopped(self) -> bool:
        """Whether there is an early point of a curve, and no complete training."""
        return not self.accuracies and 0 < len(self.curve) < self.epochs


@dataclass(frozen=True)
class Values:
    """Evidence on the scale of the model.

    Attributes:
        rows: The places in the evidence that there are values of.
        y: The values, shape (rows,).
        noise: The variance of each, in variances of the noise of one training.
    """

    rows: NDArray[np.intp]
    y: Array
    noise: Array


def images_of(evidence: Sequence[Evidence]) -> float:
    """Return the mean number of validation images behind the accuracies."""
    known = [item.images for item in evidence if item.images > 0]
    return sum(known) / len(known) if known else _DEFAULT_IMAGES


def expected_noise(images: float) -> float:
    """Return the variance that one training's accuracy is expected to have on the scale."""
    return 0.25 / images


@dataclass(frozen=True)
class Fitted:
    """The result of a fit to evidence.

    Attributes:
        process: The process of accuracies, on the model's scale.
        rest: The values that it was not fitted to: each updates its own network.
        shapes: Hyperparameters of the process of last accuracies, and of ``process``.
        level: Variance of an error that all networks share: curves agree with last accuracies in
            the mean, and that mean is no surer than those are.
    """

    process: Process
    rest: Values
    shapes: tuple[Shapes, Shapes]
    level: float = 0.0


def fitted(
    scale: FeatureScale,
    x: Array,
    evidence: Sequence[Evidence],
    shapes: tuple[Shapes, Shapes] | None = None,
) -> Fitted | None:
    """Return the process fitted to ``evidence``, None without a complete training.

    Args:
        scale: The scale of the features.
        x: The features of each network of the evidence, shape (n, features).
        evidence: The trainings.
        shapes: The hyperparameters with their weights; the data decide unless given.
    """
    images = images_of(evidence)
    last, first_rest = _kept(last_values(evidence, images))
    if not len(last.rows):
        return None
    data = Observed(x[last.rows], last.y, last.noise, scale.linear, expected_noise(images))
    first = fit(data) if shapes is None else Process(data, shapes[0])
    means = first.mean(x)
    means[last.rows] = first.left_out()
    found = curve_values(evidence, means, first.noise, images)
    if found is None:
        return Fitted(first, first_rest, (first.shapes, first.shapes))
    values, variance = found
    kept, rest = _kept(values)
    data = Observed(x[kept.rows], kept.y, kept.noise, scale.linear, variance)
    process = fit(data) if shapes is None else Process(data, shapes[1])
    level = max(first.noise - process.noise, 0.0) / len(last.rows)
    return Fitted(process, rest, (first.shapes, process.shapes), level)


def last_values(evidence: Sequence[Evidence], images: float) -> Values:
    """Return the last accuracies of complete trainings; those of one network as their mean."""
    rows = [row for row, item in enumerate(evidence) if item.accuracies]
    y = [float(to_scale(np.array(evidence[row].accuracies), images).mean()) for row in rows]
    noise = [1.0 / len(evidence[row].accuracies) for row in rows]
    return Values(np.array(rows, dtype=np.intp), np.array(y), np.array(noise))


def curve_values(
    evidence: Sequence[Evidence], means: Array, noise: float, images: float
) -> tuple[Values, float] | None:
    """Return the values that the curves of all trainings stand for.

    Args:
        evidence: The trainings.
        means: The model's means of their networks, shape (evidence,): each by the other networks.
        noise: The variance of a last accuracy on the scale.
        images: Validation images behind an accuracy.

    Returns:
        The values, and the variance of that of a complete training; None if there are too few
        complete curves.
    """
    epochs = max((item.epochs for item in evidence if item.accuracies), default=0)
    whole = line_at(evidence, means, epochs, epochs, images)
    if whole is None:
        return None
    lines: dict[tuple[int, int], CurveLine | None] = {(epochs, epochs): whole}
    unit = min(max(whole.variance, _SUREST * noise), noise)
    rows, y, relative = [], [], []
    for row, item in enumerate(evidence):
        readings = [
            (float(to_scale(np.array(accuracy), images)), noise / unit)
            for accuracy in item.accuracies
        ]
        at = len(item.curve), item.epochs
        if item.curve and at not in lines:
            lines[at] = line_at(evidence, means, *at, images)
        line = lines.get(at)
        numbers = curve_numbers(item.curve, item.loss_curve, images)
        if line is not None and numbers is not None:
            # the curve holds the last accuracy of the trial's own training
            readings[:1] = [(line.value(numbers), max(line.variance / unit, 1.0))]
        if not readings:
            continue
        precision = sum(1.0 / variance for _, variance in readings)
        rows.append(row)
        y.append(sum(value / variance for value, variance in readings) / precision)
        relative.append(1.0 / precision)
    return Values(np.array(rows, dtype=np.intp), np.array(y), np.array(relative)), unit


def line_at(
    evidence: Sequence[Evidence], means: Array, epoch: int, epochs: int, images: float
) -> CurveLine | None:
    """Return the line of curves up to ``epoch``, from the complete trainings of ``epochs`` epochs.

    Args:
        evidence: The trainings.
        means: The model's means of their networks, shape (evidence,).
        epoch: The number of epochs that are looked at.
        epochs: Epochs of a complete training.
        images: Validation images behind an accuracy.
    """
    rows = [
        row
        for row, item in enumerate(evidence)
        if item.accuracies and item.epochs == epochs and len(item.curve) == epochs
    ]
    curves = [(evidence[row].curve, evidence[row].loss_curve) for row in rows]
    return curve_line(curves, means[rows], epoch, images)


def _kept(values: Values) -> tuple[Values, Values]:
    """Return the values that a process is fitted to, evenly taken in order, and the others.

    They are chosen by their place alone: a choice by accuracy would keep the lucky ones.
    """
    chosen = np.ones(len(values.rows), dtype=bool)
    if len(values.rows) > _MOST:
        chosen[:] = False
        chosen[np.linspace(0, len(values.rows) - 1, _MOST).round().astype(int)] = True
    return (
        Values(values.rows[chosen], values.y[chosen], values.noise[chosen]),
        Values(values.rows[~chosen], values.y[~chosen], values.noise[~chosen]),
    )
