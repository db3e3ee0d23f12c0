"""Boxes of the region that a front does not dominate, for hypervolume improvements of many points.

Source:
    Dächert, Klamroth, Lacour and Vanderpooten 2017, "Efficient computation of the search region in
    multi-objective optimization", European Journal of Operational Research 260: local upper bounds
    and the points that define them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Boxes:
    """Disjoint boxes that fill the region below a reference that no point of a front dominates.

    Attributes:
        lower: Lower corners, shape (boxes, objectives); minus infinity where there is no bound.
        upper: Upper corners, shape (boxes, objectives).
    """

    lower: Array
    upper: Array


def boxes(points: Array, reference: Array) -> Boxes:
    """Return the boxes of the region that ``points`` do not dominate; less is better.

    Args:
        points: Shape (n, objectives); those beyond the reference do not count.
        reference: Shape (objectives,).
    """
    count = len(reference)
    upper = reference[None, :].copy()
    # defining[u, j] is the point that gives the bound u its number j; at first none does
    defining = np.full((1, count, count), -np.inf)
    defining[0, np.arange(count), np.arange(count)] = reference
    for point in points:
        if not (point < reference).all():
            continue
        above = (point < upper).all(axis=1)
        if not above.any():
            continue
        bounds, definers = upper[above], defining[above]
        new_upper, new_defining = [upper[~above]], [defining[~above]]
        for j in range(count):
            others = np.delete(definers[:, :, j], j, axis=1).max(axis=1, initial=-np.inf)
            kept = point[j] >= others
            bound, definer = bounds[kept].copy(), definers[kept].copy()
            bound[:, j] = point[j]
            definer[:, j, :] = point
            new_upper.append(bound)
            new_defining.append(definer)
        upper, defining = np.concatenate(new_upper), np.concatenate(new_defining)
    lower = np.full_like(upper, -np.inf)
    for j in range(1, count):
        lower[:, j] = defining[:, :j, j].max(axis=1)
    real = (lower < upper).all(axis=1)
    return Boxes(lower[real], upper[real])


def overlaps(found: Boxes, values: Array, objective: int) -> Array:
    """Return how far each box extends beyond ``values`` in one objective.

    Args:
        found: The boxes.
        values: Any shape.
        objective: The place of the objective.

    Returns:
        The shape of ``values`` and the number of boxes.
    """
    lower, upper = found.lower[:, objective], found.upper[:, objective]
    result: Array = np.maximum(upper - np.maximum(lower, values[..., None]), 0.0)
    return result
