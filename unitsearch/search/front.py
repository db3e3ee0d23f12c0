"""The Pareto front and its hypervolume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from unitsearch.metrics import Measured, Metric

T = TypeVar("T")
Point = tuple[float, ...]

# Cost axes of the hypervolume, in powers of ten; accuracy is the third.
AXES = ("accuracy", "flops", "params")


def losses(new: Measured, baseline: Measured, objectives: Sequence[Metric]) -> Point:
    """Return the objectives as numbers of which less is better."""
    values = (metric.formula(new, baseline) for metric in objectives)
    return tuple(-v if m.maximise else v for v, m in zip(values, objectives, strict=True))


def dominates(a: Point, b: Point) -> bool:
    """Say whether ``a`` is nowhere worse than ``b`` and somewhere better (less is better)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def front(items: Sequence[tuple[T, Point]]) -> list[T]:
    """Return the items that no other dominates, in their order; of equal points, all.

    Each point is compared with the front so far in order of the first number: n log n + n·front.
    Of two numbers the last member has the least second one: n log n.
    """
    kept: list[Point] = []
    on_front: set[Point] = set()
    unique = {point for _, point in items}
    is_flat = all(len(point) == 2 and not math.isnan(sum(point)) for point in unique)
    for point in sorted(unique):
        rivals = kept[-1:] if is_flat else kept
        if not any(dominates(other, point) for other in rivals):
            kept.append(point)
            on_front.add(point)
    return [item for item, point in items if point in on_front]


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
