"""Lines that turn the curve of a stopped training into a value of its end.

Each of four numbers of a curve (``curve_numbers``) is, over the complete trainings, a line in the
model's means of their networks, with errors that go together. Read backwards, the lines give the
value at the end that fits the four numbers best, with its variance. The means over all epochs hold
most: they average the noise of single epochs.

Source:
    Brown 1982, J. R. Statist. Soc. B 44: multivariate calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.training.bars import curve_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

FEWEST = 8  # complete curves from which lines are learned
_NUMBERS = 4
_RIDGE = 0.05  # of the errors' variances: errors of early epochs are nearly equal numbers


@dataclass(frozen=True)
class CurveLine:
    """The value at the end as a line in the four numbers of a curve up to one epoch.

    Attributes:
        offset: The value where the numbers are 0.
        weights: The weights of the numbers.
        variance: The variance of the value about that of a network's mean.
    """

    offset: float
    weights: tuple[float, float, float, float]
    variance: float

    def value(self, numbers: Sequence[float]) -> float:
        """Return the value that a curve with these four numbers stands for."""
        return self.offset + sum(w * n for w, n in zip(self.weights, numbers, strict=True))


def curve_line(
    curves: Sequence[tuple[Sequence[float], Sequence[float | None]]],
    means: Array,
    epoch: int,
    images: float,
) -> CurveLine | None:
    """Return the line of curves up to ``epoch``; None if too few curves are known.

    Args:
        curves: Accuracies and losses after each epoch of complete trainings.
        means: The model's means of their networks, shape (curves,).
        epoch: The number of epochs that are looked at.
        images: Validation images behind an accuracy.
    """
    found = [curve_numbers(curve[:epoch], losses[:epoch], images) for curve, losses in curves]
    rows = [row for row, numbers in enumerate(found) if numbers is not None]
    if len(rows) < FEWEST:
        return None
    numbers = np.array([found[row] for row in rows], dtype=np.float64)
    ends = means[rows] - means[rows].mean()
    spread = float(ends @ ends)
    if spread <= 0:
        return None
    centred = numbers - numbers.mean(axis=0)
    slopes = ends @ centred / spread
    rest = centred - np.outer(ends, slopes)
    # the weights are chosen from the same errors: each number takes a degree of freedom
    errors = rest.T @ rest / max(len(rows) - 2 - _NUMBERS, 2)
    errors[np.diag_indices(_NUMBERS)] *= 1.0 + _RIDGE
    errors[np.diag_indices(_NUMBERS)] += 1e-12
    directed = np.linalg.solve(errors, slopes)
    precision = float(directed @ slopes)
    if precision <= 0:
        return None
    first, second, third, fourth = (directed / precision).tolist()
    weights = first, second, third, fourth
    offset = float(means[rows].mean()) - float(numbers.mean(axis=0) @ np.array(weights))
    return CurveLine(offset, weights, 1.0 / precision)
