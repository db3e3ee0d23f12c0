"""Beliefs: the accuracies that the model gives to the networks of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from unitsearch.search.model.evidence import Evidence, Values, fitted, images_of
from unitsearch.search.model.features import feature_scale, vectors
from unitsearch.search.model.gaussian_process import Process
from unitsearch.training.accuracy_scale import accuracy_at, mean_accuracy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """The posterior of the accuracies of some networks.

    Attributes:
        accuracy: The mean of each, a fraction.
        se: The standard deviation of each, a fraction.
    """

    accuracy: Array
    se: Array
    _means: Array = field(repr=False)  # on the scale of the model
    _variances: Array = field(repr=False)
    _x: Array = field(repr=False)
    _process: Process | None = field(repr=False)
    _images: float = field(repr=False)
    _level: float = field(default=0.0, repr=False)  # variance of an error that all share

    def draws(self, members: Sequence[int], count: int, seed: int) -> Array:
        """Return joint draws of the accuracies of ``members``, shape (count, members)."""
        with threadpool_limits(1, user_api="blas"):
            return self._draws(members, count, seed)

    def _draws(self, members: Sequence[int], count: int, seed: int) -> Array:
        generator = np.random.default_rng(seed)
        rows = np.array(members, dtype=np.intp)
        normal = generator.standard_normal((count, len(rows)))
        if self._process is None or not len(rows):
            return np.asarray(normal * 0.0 + self.accuracy[rows])
        joint = self._process.covariance(self._x[rows])
        # a network whose own training is not among the fitted ones is known better than the
        # process says: its correlations stay, its variance is the updated one
        spread = np.sqrt(np.maximum(np.diag(joint), 1e-15))
        known = np.sqrt(self._variances[rows])
        joint = joint * np.outer(known / spread, known / spread)
        joint[np.diag_indices(len(rows))] += 1e-9 * self._process.noise
        shared = generator.standard_normal((count, 1)) * np.sqrt(self._level)
        values = self._means[rows] + normal @ np.linalg.cholesky(joint).T + shared
        return accuracy_at(values, self._images)


def believe(evidence: Sequence[Evidence]) -> Belief:
    """Return the posterior of the accuracies of all networks of ``evidence``, a pure function.

    Without a complete training nothing is known: all accuracies are 0 with a deviation of 1. It is
    computed on one thread: workers need the cores, and sums must not depend on their number.
    """
    with threadpool_limits(1, user_api="blas"):
        return _believe(evidence)


def _believe(evidence: Sequence[Evidence]) -> Belief:
    count = len(evidence)
    images = images_of(evidence)
    members = [(item.architecture, item.cost) for item in evidence]
    scale = feature_scale(members) if members else None
    x = np.zeros((count, 1)) if scale is None else vectors(scale, members)
    found = None if scale is None else fitted(scale, x, evidence)
    if found is None:
        none = np.zeros(count)
        return Belief(none, none + 1.0, none, none + 1.0, x, None, images)
    means, variances = found.process.mean_and_variance(x)
    _update(means, variances, found.rest, found.process.noise)
    accuracy, se = mean_accuracy(means, variances + found.level, images)
    return Belief(accuracy, se, means, variances, x, found.process, images, found.level)


def _update(means: Array, variances: Array, values: Values, noise: float) -> None:
    """Let each of ``values`` update the mean and variance of its own network, in place."""
    rows = values.rows
    gain = variances[rows] / (variances[rows] + values.noise * noise)
    means[rows] += gain * (values.y - means[rows])
    variances[rows] *= 1.0 - gain
