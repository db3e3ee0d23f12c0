"""The accuracy from which a network counts in the hypervolume that a search is measured by."""

from __future__ import annotations


def accuracy_reference(baseline: float, classes: int, floor: float) -> float:
    """Return the reference accuracy, a fraction, that follows from the baseline's.

    A loose reference rewards cheapness alone. This one is the largest of three: twice the
    baseline's error and a point more; the middle between chance and the baseline; the floor.

    Args:
        baseline: The baseline's accuracy.
        classes: The number of classes.
        floor: The accuracy from which a network is feasible.
    """
    chance = 1.0 / classes
    return max(1.0 - 2.0 * (1.0 - baseline) - 0.01, (chance + baseline) / 2.0, floor)
