"""Evidence of accuracies, and the Gaussian process that is fitted to it.

A complete training is an observation of its network's accuracy. A stopped one is an observation of
lower fidelity: it has the first part of a curve, and how first parts relate to the end is learned
from the complete trainings.
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
from unitsearch.search.model.gaussian_process import Hyperparameters, Observed, Process, fit
from unitsearch.search.model.scale import to_scale
from unitsearch.training.bars import curve_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

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


def fitted(
    scale: FeatureScale,
    x: Array,
    evidence: Sequence[Evidence],
    shape: Hyperparameters | None = None,
) -> Process | None:
    """Return the process fitted to ``evidence``, None without a complete training.

    Args:
        scale: The scale of the features.
        x: The features of each network of the evidence, shape (n, features).
        evidence: The trainings.
        shape: The hyperparameters; the data decide unless given.
    """
    images = images_of(evidence)
    complete = complete_values(evidence, images)
    if not len(complete.rows):
        return None
    data = observed(scale, x, complete, images)
    process = fit(data) if shape is None else Process(data, shape)
    early = early_values(evidence, x, process, images)
    if not len(early.rows):
        return process
    return Process(observed(scale, x, together(complete, early), images), process.shape)


def observed(scale: FeatureScale, x: Array, values: Values, images: float) -> Observed:
    """Return the data of a fit: ``values`` of the networks with the features ``x``."""
    return Observed(x[values.rows], values.y, values.noise, scale.linear, expected_noise(images))


def together(first: Values, second: Values) -> Values:
    """Return two sets of values as one, in order of their rows."""
    rows = np.concatenate([first.rows, second.rows])
    order = np.argsort(rows, kind="stable")
    return Values(
        rows[order],
        np.concatenate([first.y, second.y])[order],
        np.concatenate([first.noise, second.noise])[order],
    )


def complete_values(evidence: Sequence[Evidence], images: float) -> Values:
    """Return the values of the complete trainings; those of one network as their mean."""
    rows = [row for row, item in enumerate(evidence) if item.accuracies]
    y = [
        float(to_scale(np.array(evidence[row].accuracies), np.array(images)).mean()) for row in rows
    ]
    noise = [1.0 / len(evidence[row].accuracies) for row in rows]
    return Values(np.array(rows, dtype=np.intp), np.array(y), np.array(noise))


def early_values(evidence: Sequence[Evidence], x: Array, process: Process, images: float) -> Values:
    """Return the values that the curves of stopped trainings stand for.

    A curve never counts for more than a complete training.
    """
    rows: list[int] = []
    y: list[float] = []
    noise: list[float] = []
    lines: dict[tuple[int, int], CurveLine | None] = {}
    means = process.mean(x)
    for row, item in enumerate(evidence):
        if not item.is_stopped:
            continue
        epoch = len(item.curve)
        key = epoch, item.epochs
        if key not in lines:
            lines[key] = line_at(evidence, means, epoch, item.epochs, images)
        line = lines[key]
        numbers = curve_numbers(item.curve, item.loss_curve, images)
        if line is None or numbers is None:
            continue
        rows.append(row)
        y.append(line.value(numbers))
        noise.append(max(line.variance / process.noise, 1.0))
    return Values(np.array(rows, dtype=np.intp), np.array(y), np.array(noise))


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
