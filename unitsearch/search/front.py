"""The Pareto front and its hypervolume."""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from unitsearch.metrics import Measured, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
Point = tuple[float, ...]

_LARGEST = sys.float_info.max
_DIGITS = 12  # decimal places of a share of the whole volume; the last three would be rounding


def minimised(new: Measured, baseline: Measured, objectives: Sequence[Metric]) -> Point:
    """Return the objectives as numbers of which less is better."""
    values = (metric.formula(new, baseline) for metric in objectives)
    return tuple(-v if m.maximise else v for v, m in zip(values, objectives, strict=True))


def dominates(a: Point, b: Point) -> bool:
    """Return whether ``a`` is nowhere worse than ``b`` and somewhere better (less is better)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def front(items: Sequence[tuple[T, Point]]) -> list[T]:
    """Return the items that no other dominates, in their order; of equal points, all.

    NaN is neither less nor more than a number: a point that holds one is on the front.
    """
    if not items:
        return []
    import moocore
    import numpy as np

    points = np.array([point for _, point in items], dtype=float)
    on_front = np.isnan(points).any(axis=1)
    if not on_front.all():
        numbers = np.clip(points[~on_front], -_LARGEST, _LARGEST)
        on_front[~on_front] = moocore.is_nondominated(numbers, keep_weakly=True)
    return [item for (item, _), is_on_front in zip(items, on_front, strict=True) if is_on_front]


def volume_point(new: Measured) -> Point:
    """Return the point that the hypervolume measures: error, log10 FLOPs, log10 parameters.

    These three are used whatever the objectives of a study are, as in the stored Optuna study: so
    the hypervolumes of studies with different objectives can be compared, and no measured or
    derived objective can change what was recorded.
    """
    return (
        1.0 - new.accuracy,
        math.log10(max(new.cost.flops, 1)),
        math.log10(max(new.cost.params, 1)),
    )


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the exact volume of the region that ``points`` dominate, up to ``reference``.

    Less is better. Points beyond the reference in any number add nothing, as do points with NaN.
    """
    if not points:
        return 0.0
    import moocore
    import numpy as np

    corner = np.array(reference, dtype=float)
    inside = np.array(points, dtype=float)
    inside = inside[(inside < corner).all(axis=1)]
    if not np.isfinite(corner - inside).all():
        return math.inf
    return float(moocore.hypervolume(inside, ref=corner))


def hypervolumes(points: Sequence[Point], reference: Point) -> list[float]:
    """Return the hypervolume of the first point, that of the first two, and so on to all.

    The numbers are finite. A step takes time in proportion to the front so far.
    """
    import numpy as np

    corner = np.array(reference, dtype=float)
    kept = np.empty((0, len(reference)))
    total = 0.0
    volumes = []
    for point in np.array(points, dtype=float).reshape(-1, len(reference)):
        if (point < corner).all() and not (kept <= point).all(axis=1).any():
            total += _gain(point, kept, corner)
            kept = np.vstack((kept[~(point <= kept).all(axis=1)], point))
        volumes.append(total)
    return volumes


def most_of_hypervolume(points: Sequence[Point], reference: Point, count: int) -> tuple[int, ...]:
    """Return the indices of ``count`` points that together dominate much, in order of choice.

    Each choice is the point that adds most to the volume of those chosen before; of points that add
    equally much, the first. A set that is chosen so has at least 63 % of the largest volume that
    ``count`` of the points can have. Points that add nothing come last, in their order: those
    beyond the reference, and those with NaN or an infinite number.

    Args:
        points: The points; less is better.
        reference: The point up to which the volume is measured.
        count: How many to choose; all if there are fewer.
    """
    if not points:
        return ()
    import numpy as np

    corner = np.array(reference, dtype=float)
    rows = np.array(points, dtype=float)
    can_add = np.isfinite(rows).all(axis=1) & (rows < corner).all(axis=1)
    whole = hypervolume(
        [point for point, adds in zip(points, can_add, strict=True) if adds], reference
    )
    chosen: list[int] = []

    def gain(index: int) -> float:
        if not can_add[index]:
            return 0.0
        return round(_gain(rows[index], rows[chosen], corner) / whole, _DIGITS)

    # A point adds less, never more, as others are chosen. So an earlier gain is a bound: the first
    # of the queue whose gain is of this turn is the best.
    queue = [(-gain(index), index, 0) for index in range(len(rows))]
    heapq.heapify(queue)
    while len(chosen) < min(count, len(rows)):
        _, index, turn = queue[0]
        if turn == len(chosen):
            heapq.heappop(queue)
            chosen.append(index)
        else:
            heapq.heapreplace(queue, (-gain(index), index, len(chosen)))
    return tuple(chosen)


def _gain(
    point: NDArray[np.float64], others: NDArray[np.float64], corner: NDArray[np.float64]
) -> float:
    """Return the volume that only ``point`` dominates: its box less the part that others dominate.

    Source:
        While, Bradstreet and Barone 2012, "A fast way of calculating exact hypervolumes" (WFG).
    """
    import moocore
    import numpy as np

    box = float(np.prod(corner - point))
    if not len(others):
        return box
    return max(0.0, box - float(moocore.hypervolume(np.maximum(others, point), ref=corner)))
