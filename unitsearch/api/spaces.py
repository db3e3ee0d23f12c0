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
    from unitsearch.study.driver import Progress

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
    return bind(file, about.input, about.classes, config.data.name)


@dataclass(frozen=True)
class SpacePoint:
    """A named point with what it costs and what was printed of it."""

    name: str
    cost: Cost
    printed: Mapping[str, str]
    agrees: bool | None


def space_points(space: Space) -> list[SpacePoint]:
    """Return the named points of a space with computed and printed costs."""
    found = []
    for name, data in space.file.points.items():
        expected = expectations(space, name)
        agrees = all(said == computed for said, computed in expected.values()) if expected else None
        printed = {str(k): str(v) for k, v in (data.get("printed") or {}).items()}
        found.append(SpacePoint(name, count_cost(point(space, name)), printed, agrees))
    return found
