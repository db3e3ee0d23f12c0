"""A Gaussian process over features: a mean, a linear part, a smooth part and noise.

The hyperparameters come from a small grid by marginal likelihood and the scale in closed form, so
that a fit is a pure function of its data and needs no optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

LENGTHS = (0.5, 0.8, 1.3, 2.5)  # of the smooth part, in root mean square spreads of the features
SMOOTH = (0.0, 0.03, 0.1, 0.3, 1.0)  # variance of the smooth part, in variances of the noise
LINEAR = (0.03, 0.15, 0.6)  # the same of the linear part, for one spread of one feature
_MOST_FITTED = 256  # observations behind the choice of hyperparameters
_MOST_SHAPES = 6  # hyperparameters that predictions are averaged over
_UNLIKELY = 0.05  # hyperparameters less likely than this share of the likeliest are left out
_PRIOR_WEIGHT = 4.0  # observations that the expected noise counts for


@dataclass(frozen=True)
class Hyperparameters:
    """The shape of a Gaussian process.

    Attributes:
        length: Length of the smooth part.
        smooth: Variance of the smooth part, in variances of the noise.
        linear: Variance of the linear part, in variances of the noise.
    """

    length: float
    smooth: float
    linear: float


Shapes: TypeAlias = tuple[tuple[float, Hyperparameters], ...]


@dataclass(frozen=True)
class Observed:
    """The data of a fit.

    Attributes:
        x: Features, shape (n, features).
        y: Values, shape (n,).
        noise: Variance of each value, in variances of the noise of one training, shape (n,).
        linear: The number of features of the linear part.
        expected: The variance that the noise of one training is expected to have.
    """

    x: Array
    y: Array
    noise: Array
    linear: int
    expected: float


@dataclass(frozen=True)
class Process:
    """A fitted Gaussian process: the mean over the hyperparameters that the data make likely.

    Attributes:
        data: The data that it was fitted to.
        shapes: Its hyperparameters, each with its weight; the weights sum to 1.
    """

    data: Observed
    shapes: Shapes

    @cached_property
    def _solved(self) -> list[tuple[float, Hyperparameters, _Solved]]:
        parts = _parts(self.data.x, self.data.x, self.data.linear)
        return [(weight, shape, _solve(self.data, parts, shape)) for weight, shape in self.shapes]

    @property
    def noise(self) -> float:
        """Variance of the noise of one training."""
        return sum(weight * solved.scale for weight, _, solved in self._solved)

    def mean(self, x: Array) -> Array:
        """Return the posterior mean at ``x``, shape (m, features)."""
        parts = _parts(x, self.data.x, self.data.linear)
        result = np.zeros(len(x))
        for weight, shape, solved in self._solved:
            result += weight * (solved.mean + _kernel(parts, shape) @ solved.weights)
        return result

    def mean_and_variance(self, x: Array) -> tuple[Array, Array]:
        """Return the posterior mean and variance of the function at ``x``, without noise."""
        from scipy.linalg import solve_triangular

        parts = _parts(x, self.data.x, self.data.linear)
        linear = _linear_variance(x, self.data.linear)
        first, second = np.zeros(len(x)), np.zeros(len(x))
        for weight, shape, solved in self._solved:
            across = _kernel(parts, shape)
            mean = solved.mean + across @ solved.weights
            root = solve_triangular(solved.factor, across.T, lower=True, check_finite=False)
            prior = shape.smooth + shape.linear * linear
            gap = 1.0 - solved.ones @ root
            variance = prior - (root**2).sum(axis=0) + gap**2 / solved.precision
            first += weight * mean
            second += weight * (mean**2 + np.maximum(variance, 1e-9) * solved.scale)
        return first, np.maximum(second - first**2, 1e-15)

    def left_out(self) -> Array:
        """Return the posterior mean at each point of the data, by the other points alone.

        Source:
            Rasmussen and Williams 2006, Eq. (5.12), with the mean fitted anew.
        """
        parts = _parts(self.data.x, self.data.x, self.data.linear)
        result = np.zeros(len(self.data.y))
        for weight, shape, _ in self._solved:
            kernel = _kernel(parts, shape)
            kernel[np.diag_indices(len(kernel))] += self.data.noise
            inverse = np.linalg.inv(kernel)
            sums = inverse.sum(axis=0)
            inverse = inverse - np.outer(sums, sums) / sums.sum()
            diagonal = np.maximum(np.diag(inverse), 1e-12)
            result += weight * (self.data.y - inverse @ self.data.y / diagonal)
        return result

    def covariance(self, x: Array) -> Array:
        """Return the joint posterior covariance of the function at ``x``, shape (m, m)."""
        from scipy.linalg import solve_triangular

        parts = _parts(x, self.data.x, self.data.linear)
        among = _parts(x, x, self.data.linear)
        overall = self.mean(x)
        result = np.zeros((len(x), len(x)))
        for weight, shape, solved in self._solved:
            across = _kernel(parts, shape)
            root = solve_triangular(solved.factor, across.T, lower=True, check_finite=False)
            gap = 1.0 - solved.ones @ root
            own = _kernel(among, shape) - root.T @ root + np.outer(gap, gap) / solved.precision
            apart = solved.mean + across @ solved.weights - overall
            result += weight * (own * solved.scale + np.outer(apart, apart))
        return result


@dataclass(frozen=True)
class _Parts:
    """The two parts of a kernel between two sets of points, before their variances."""

    linear: Array
    squared: Array


@dataclass(frozen=True)
class _Solved:
    factor: Array  # lower Cholesky factor of the kernel with noise
    ones: Array  # factor^-1 times ones
    precision: float  # of the mean: onesᵀ kernel^-1 ones
    mean: float
    weights: Array  # kernel^-1 (y - mean)
    scale: float  # variance of the noise
    likelihood: float  # log marginal, up to a constant


def fit(data: Observed) -> Process:
    """Return the Gaussian process over the hyperparameters that the data make most likely.

    With few data, several are nearly as likely: the one that is most likely alone would be too sure
    of itself.

    Source:
        Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, §5.2.
    """
    few = _thinned(data, _MOST_FITTED)
    parts = _parts(few.x, few.x, few.linear)
    found = []
    for smooth, linear in product(SMOOTH, LINEAR):
        for length in LENGTHS if smooth else LENGTHS[-1:]:
            shape = Hyperparameters(length, smooth, linear)
            found.append((round(_solve(few, parts, shape).likelihood, 9), shape))
    found.sort(key=lambda item: -item[0])
    best = found[0][0]
    likely = [(np.exp(level - best), shape) for level, shape in found[: _most_shapes(len(data.y))]]
    kept = [(weight, shape) for weight, shape in likely if weight > _UNLIKELY]
    total = sum(weight for weight, _ in kept)
    return Process(data, tuple((float(weight / total), shape) for weight, shape in kept))


def _most_shapes(count: int) -> int:
    """Return how many hyperparameters are averaged: many data leave few of them likely."""
    return _MOST_SHAPES if count < _MOST_FITTED else 1


def _thinned(data: Observed, most: int) -> Observed:
    """Return at most ``most`` of the observations, evenly taken in their order."""
    if len(data.y) <= most:
        return data
    chosen = np.unique(np.linspace(0, len(data.y) - 1, most).round().astype(int))
    return Observed(data.x[chosen], data.y[chosen], data.noise[chosen], data.linear, data.expected)


def _parts(a: Array, b: Array, linear: int) -> _Parts:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return _Parts(
        a[:, :linear] @ b[:, :linear].T / linear,
        np.maximum(squared, 0.0) / max(a.shape[1], 1),
    )


def _linear_variance(x: Array, linear: int) -> Array:
    result: Array = (x[:, :linear] ** 2).sum(axis=1) / linear
    return result


def _kernel(parts: _Parts, shape: Hyperparameters) -> Array:
    """Return the covariance in variances of the noise: linear and Matérn 5/2.

    Source:
        Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, Eq. (4.17).
    """
    kernel = shape.linear * parts.linear
    if shape.smooth:
        distance = np.sqrt(5.0 * parts.squared) / shape.length
        kernel = kernel + shape.smooth * (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return kernel


def _solve(data: Observed, parts: _Parts, shape: Hyperparameters) -> _Solved:
    """Solve for the mean and the scale in closed form.

    The scale has an inverse-gamma prior at the expected noise; the mean a flat one.

    Source:
        Rasmussen and Williams 2006, §2.7 (a mean with a flat prior).
    """
    from scipy.linalg import solve_triangular

    count = len(data.y)
    kernel = _kernel(parts, shape)
    kernel[np.diag_indices(count)] += data.noise
    factor = np.linalg.cholesky(kernel)
    both = solve_triangular(
        factor, np.column_stack([np.ones(count), data.y]), lower=True, check_finite=False
    )
    ones, values = both[:, 0], both[:, 1]
    precision = float(ones @ ones)
    mean = float(ones @ values) / precision
    rest = values - mean * ones
    weight = _PRIOR_WEIGHT + count - 1
    square = _PRIOR_WEIGHT * data.expected + float(rest @ rest)
    likelihood = (
        -float(np.log(np.diag(factor)).sum())
        - 0.5 * float(np.log(precision))
        - 0.5 * weight * float(np.log(square))
    )
    weights = solve_triangular(factor.T, rest, lower=False, check_finite=False)
    return _Solved(np.asarray(factor), ones, precision, mean, weights, square / weight, likelihood)
