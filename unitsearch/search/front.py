"""The Pareto front and its hypervolume."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

from unitsearch.metrics import Measured, Metric

T = TypeVar("T")
Point = tuple[float, ...]


def minimised(new: Measured, baseline: Measured, objectives: Sequence[Metric]) -> Point:
    """Return the objectives as numbers of which less is better."""
    values = (metric.formula(new, baseline) for metric in objectives)
    return tuple(-v if m.maximise else v for v, m in zip(values, objectives, strict=True))


def dominates(a: Point, b: Point) -> bool:
    """Return whether ``a`` is nowhere worse than ``b`` and somewhere better (less is better)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def front(items: Sequence[tuple[T, Point]]) -> list[T]:
    """Return the items that no other dominates, in their order; of equal points, all.

    After sorting by the first number, a point is dominated by an earlier one or by none. That takes
    n log n steps for up to three numbers, and n log n + n·front steps for more.
    """
    unique = sorted({point for _, point in items})
    is_flat = all(len(point) <= 3 and not math.isnan(sum(point)) for point in unique)
    on_front = set(_front_by_steps(unique) if is_flat else _front_by_pairs(unique))
    return [item for item, point in items if point in on_front]


def _front_by_steps(points: Sequence[Point]) -> list[Point]:
    """Return the front of sorted, distinct points of up to three numbers.

    The region that the earlier points dominate in their second and third number has a staircase as
    its border: ``ys`` rise and ``zs`` fall. The last step at or before a point's second number has
    the least third number there.
    """
    on_front: list[Point] = []
    ys: list[float] = []
    zs: list[float] = []
    for point in points:
        _, y, z = (*point, 0.0, 0.0)[:3]
        step = bisect_right(ys, y)
        if step and zs[step - 1] <= z:
            continue
        on_front.append(point)
        first = bisect_left(ys, y)
        end = first
        while end < len(ys) and zs[end] >= z:
            end += 1
        ys[first:end], zs[first:end] = [y], [z]
    return on_front


def _front_by_pairs(points: Sequence[Point]) -> list[Point]:
    """Return the front of sorted, distinct points of any number of numbers."""
    on_front: list[Point] = []
    for point in points:
        if not any(dominates(other, point) for other in on_front):
            on_front.append(point)
    return on_front


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

    Less is better. Points beyond the reference in any number add nothing. The volume of two numbers
    is summed in one sweep, that of three and more in slices along the last number.
    """
    inside = [p for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    return _volume(_distinct_front(inside), reference)


def growing_hypervolume(points: Iterable[Point | None], reference: Point) -> list[float]:
    """Return the hypervolume after each of ``points``; one that is None adds nothing.

    A new point adds its own box less what the front already has of it, which is the volume of the
    front cut off at the point.

    Source:
        While, Bradstreet and Barone 2012, "A fast way of calculating exact hypervolumes" (WFG).
    """
    kept: list[Point] = []
    total = 0.0
    volumes = []
    for point in points:
        if point is not None and not any(q == point or dominates(q, point) for q in kept):
            shared = [tuple(map(max, q, point)) for q in kept]
            total += hypervolume([point], reference) - hypervolume(shared, reference)
            kept = [q for q in kept if not dominates(point, q)] + [point]
        volumes.append(total)
    return volumes


def adding_most(
    points: Sequence[Point], reference: Point, count: int, first: Sequence[int] = ()
) -> list[int]:
    """Return the indices of ``count`` points, each the one that adds most to those before it.

    It adds the volume that it dominates and they do not, computed exactly; of equal ones the
    earlier comes first. The volume that a point adds only shrinks while others are chosen: so a
    value from an earlier round is an upper bound, and few are computed again.

    Args:
        points: The points; less is better.
        reference: The point that volumes are measured from.
        count: The number of indices, or the number of points if that is less.
        first: The indices that are chosen already; they come first.

    Source:
        Minoux 1978, "Accelerated greedy algorithms for maximizing submodular set functions".
    """
    chosen = list(first)

    def added(point: Point) -> float:
        shared = [tuple(map(max, points[i], point)) for i in chosen]
        return hypervolume([point], reference) - hypervolume(shared, reference)

    left = [(-added(point), i, len(chosen)) for i, point in enumerate(points) if i not in chosen]
    heapify(left)
    while left and len(chosen) < count:
        _, index, when = heappop(left)
        if when == len(chosen):
            chosen.append(index)
        else:
            heappush(left, (-added(points[index]), index, len(chosen)))
    return chosen


def _distinct_front(points: Sequence[Point]) -> list[Point]:
    return list(dict.fromkeys(front([(point, point) for point in points])))


def _volume(points: Sequence[Point], reference: Point) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(p[0] for p in points)
    total = 0.0
    ordered = sorted(points, key=lambda p: p[-1])
    for i, point in enumerate(ordered):
        upper = ordered[i + 1][-1] if i + 1 < len(ordered) else reference[-1]
        if upper > point[-1]:
            flat = [p[:-1] for p in ordered[: i + 1]]
            slice_area = _volume(_distinct_front(flat), reference[:-1])
            total += (upper - point[-1]) * slice_area
    return total
