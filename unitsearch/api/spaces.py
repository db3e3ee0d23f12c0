"""Spaces bound to data, and their named points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.api.words import word
from unitsearch.costs import Cost
from unitsearch.costs import count as count_cost
from unitsearch.errors import UsageError
from unitsearch.space import (
    Space,
    bind,
    expectations,
    point,
)

if TYPE_CHECKING:
    from unitsearch.study.progress import Progress

Watch = Callable[["Progress"], None]


def bound_space(name: str | Path, overrides: Sequence[str] = ()) -> Space:
    """Return a space bound to its own data set, or the one that ``overrides`` name (data=…)."""
    from unitsearch.data import describe
    from unitsearch.study.config import compose

    for override in overrides:
        if not override.startswith(("data=", "data.")):
            raise UsageError(found=override, expected="data=NAME or data.KEY=VALUE")
    config, file = compose([f"space={word(name)}", *overrides])
    about = describe(config.data)
    data = config.data
    return bind(file, about.input, about.classes, data.name, original=data.input)


def space_for_point(space: Space, name: str) -> Space:
    """Return ``space`` bound to the data of its point ``name``; itself if the point states none.

    A printed cost belongs to a number of classes: a point may say which data it was printed for.
    """
    from unitsearch.data import data_spec, describe

    named = (space.file.points.get(name) or {}).get("data")
    if named is None:
        return space
    about = describe(data_spec(named))
    if (about.input, about.classes) == (space.input, space.classes):
        return space
    return bind(space.file, about.input, about.classes, named)


@dataclass(frozen=True)
class SpacePoint:
    """A named point, its cost, and the costs that a paper printed of it.

    Attributes:
        name: Its name.
        data: The data set whose classes it answers.
        cost: Its exact cost.
        printed: The numbers that a paper printed of it, word for word.
        differences: Costs that are not as the file expects: (expected, computed) by name.
        is_checked: Whether the file expects any cost.
    """

    name: str
    data: str
    cost: Cost
    printed: Mapping[str, str]
    differences: Mapping[str, tuple[int, int]]
    is_checked: bool


def space_points(space: Space) -> list[SpacePoint]:
    """Return the named points of a space with computed and printed costs."""
    points = []
    for name, data in space.file.points.items():
        bound = space_for_point(space, name)
        expected = expectations(bound, name)
        differences = {k: both for k, both in expected.items() if both[0] != both[1]}
        printed = {str(k): str(v) for k, v in (data.get("printed") or {}).items()}
        about = str(data.get("data", space.file.data))
        cost = count_cost(point(bound, name))
        points.append(SpacePoint(name, about, cost, printed, differences, bool(expected)))
    return points
