"""The scale on which accuracies have equal variance, and the way back. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]


def to_scale(accuracy: Array | float, images: float) -> Array:
    """Return -arcsin(√(error + 1/(4·images))): more is better, and the variance is the same.

    Args:
        accuracy: Fractions.
        images: The number of images behind each.

    Source:
        Anscombe 1948, Biometrika 35: the transform of binomial shares.
    """
    error = np.clip(1.0 - accuracy + 0.25 / max(images, 1.0), 0.0, 1.0)
    result: Array = -np.arcsin(np.sqrt(error))
    return result


def accuracy_at(value: Array | float, images: float) -> Array:
    """Return the accuracy at ``value`` of the scale."""
    clipped = np.clip(value, -np.pi / 2, 0.0)
    result: Array = np.clip(1.0 + 0.25 / max(images, 1.0) - np.sin(clipped) ** 2, 0.0, 1.0)
    return result


def mean_accuracy(mean: Array, variance: Array, images: float) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of an accuracy whose scale value is normal.

    For a normal value v, E[sin² v] = (1 - cos(2m)·exp(-2s²)) / 2.
    """
    damped = np.cos(2.0 * mean) * np.exp(-2.0 * variance)
    first = (1.0 - damped) / 2.0
    second = (3.0 - 4.0 * damped + np.cos(4.0 * mean) * np.exp(-8.0 * variance)) / 8.0
    accuracy = np.clip(1.0 + 0.25 / max(images, 1.0) - first, 0.0, 1.0)
    return accuracy, np.sqrt(np.maximum(second - first**2, 0.0))
