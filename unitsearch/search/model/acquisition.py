"""The acquisition: expected gains in hypervolume, with exact costs and modelled accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from unitsearch.search.model.boxes import Boxes, overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]


def quantiles(count: int) -> Array:
    """Return the middles of ``count`` equally likely parts of a standard normal distribution."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((2 * part + 1) / (2 * count)) for part in range(count)])


def expected_gains(found: Boxes, columns: Sequence[Array], counts: NDArray[np.bool_]) -> Array:
    """Return the expected gain in hypervolume of each candidate.

    Exact objectives enter once for a candidate, uncertain ones once for each of its parts of equal
    probability: the gain of a part is the volume of the free region that the candidate would
    dominate.

    Args:
        found: The region that the front leaves free, up to the reference.
        columns: The objectives, less is better: shape (candidates,) of an exact one, shape
            (candidates, parts) of an uncertain one.
        counts: Whether a part counts, shape (candidates, parts).

    Returns:
        Shape (candidates,).

    Source:
        Emmerich, Giannakoglou and Naujoks 2006, IEEE Trans. Evol. Comput. 10(4): the expected
        improvement of the hypervolume; that costs are exact is ours.
    """
    exact: Array | None = None
    uncertain: Array | None = None
    for place, column in enumerate(columns):
        sides = overlaps(found, column, place)
        if column.ndim == 1:
            exact = sides if exact is None else exact * sides
        else:
            uncertain = sides if uncertain is None else uncertain * sides
    if uncertain is None:
        uncertain = np.ones((*counts.shape, len(found.lower)))
    volumes = uncertain.sum(axis=2) if exact is None else np.einsum("cqb,cb->cq", uncertain, exact)
    result: Array = (volumes * counts).mean(axis=1)
    return result
