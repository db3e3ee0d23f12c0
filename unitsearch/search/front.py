"""The Pareto front and its hypervolume."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeVar

from unitsearch.metrics import Measured, Metric

T = TypeVar("T")
Point = tuple[float, ...]

# Cost axes of the hypervolume, in powers of ten; accuracy is the third.
AXES = ("accuracy", "flops", "params")


def minimised(new: Measured, baseline: Measured, objectives: Sequence[Metric]) -> Point:
    """Return the objectives as numbers of which less is better."""
    values = (metric.formula(new, baseline) for metric in objectives)
    return tuple(-v if m.maximise else v for v, m in zip(values, objectives, strict=True))


def dominates(a: Point, b: Point) -> bool:
    """Say whether ``a`` is nowhere worse than ``b`` and somewhere better (less is better)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def front(items: Sequence[tuple[T, Point]]) -> list[T]:
    """Return the items that no other dominates, in their order; of equal points, all.

    In the order of the first number a point is dominated by one before it or by none: of up to
    three numbers n log n, of more n log n + n·front.
    """
    unique = sorted({point for _, point in items})
    is_flat = all(len(point) <= 3 and not math.isnan(sum(point)) for point in unique)
    on_front = set(_front_by_steps(unique) if is_flat else _front_by_rivals(unique))
    return [item for item, point in items if point in on_front]


def _front_by_steps(points: Sequence[Point]) -> list[Point]:
    """Return the front of sorted points of up to three numbers, no two alike.

    What the points so far dominate in their second and third number is bordered by steps: ``ys``
    rise, ``zs`` fall. The last step at or before a point has the least third number there.
    """
    found: list[Point] = []
    ys: list[float] = []
    zs: list[float] = []
    for point in points:
        _, y, z = (*point, 0.0, 0.0)[:3]
        at = bisect_right(ys, y)
        if at and zs[at - 1] <= z:
            continue
        found.append(point)
        at = bisect_left(ys, y)
        behind = at
        while behind < len(ys) and zs[behind] >= z:
            behind += 1
        ys[at:behind], zs[at:behind] = [y], [z]
    return found


def _front_by_rivals(points: Sequence[Point]) -> list[Point]:
    """Return the front of sorted points of any number of numbers, no two alike."""
    found: list[Point] = []
    for point in points:
        if not any(dominates(other, point) for other in found):
            found.append(point)
    return found


def volume_point(new: Measured) -> Point:
    """Return the losses (error, log10 FLOPs, log10 parameters) that the hypervolume measures."""
    return (
        1.0 - new.accuracy,
        math.log10(max(new.cost.flops, 1)),
        math.log10(max(new.cost.params, 1)),
    )


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the exact volume between ``reference`` and what ``points`` dominate.

    Less is better. Points beyond the reference in any number add nothing. For two numbers a sweep,
    for three and more slices along the last one.
    """
    inside = [p for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    kept = [p for p, _ in _front_points(inside)]
    return _volume(kept, reference)


def _front_points(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    found = front([(p, p) for p in points])
    return [(p, p) for p in dict.fromkeys(found)]


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
            kept = [p for p, _ in _front_points(flat)]
            total += (upper - point[-1]) * _volume(kept, reference[:-1])
    return total
