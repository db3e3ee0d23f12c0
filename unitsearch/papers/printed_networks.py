"""The networks of the rows: points of spaces, and the others in ``networks.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unitsearch.architecture import Architecture, read_file
from unitsearch.data.spec import data_spec, describe
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import AnyValue, Int, ListOf, MapOf, Nested, field_
from unitsearch.papers.printed_tables import FOLDER
from unitsearch.space import bind, load_space, member, point, space_from


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A network of the file, in the words of a space file with nothing to choose.

    Attributes:
        backbone: Its name and its options.
        input: (channels, height, width) of an image.
        classes: The number of classes.
        replace: The layers that take the place of the backbone's.
    """

    backbone: Mapping[str, Any] = field_(MapOf(AnyValue()))
    input: tuple[int, int, int] = field_(ListOf(Int(1), 3, 3))
    classes: int = field_(Int(1))
    replace: tuple[Any, ...] = field_(ListOf(AnyValue()), ())


def network(name: str) -> Architecture:
    """Return the network called SPACE:POINT, on the point's own data, or a name of the file.

    Raises:
        SpecError: If there is none in the file, or it cannot be made.
        UsageError: If the space or point does not exist.
    """
    space, is_point, of_space = name.partition(":")
    if not is_point:
        return _listed(name)
    file = load_space(space)
    data = (file.points.get(of_space) or {}).get("data", file.data)
    facts = describe(data_spec(data))
    return point(bind(file, facts.input, facts.classes, data), of_space)


def _listed(name: str) -> Architecture:
    document = read_file(FOLDER / "networks.yaml")
    with document.located():
        listed = MapOf(Nested(Listed)).read(document.data, "")
        if name not in listed:
            fix = did_you_mean(name, listed)
            raise SpecError(found=name, expected="SPACE:POINT or a network listed here", fix=fix)
        entry = listed[name]
    words = {
        "unitsearch": 1,
        "input": list(entry.input),
        "backbone": entry.backbone,
        "replace": list(entry.replace),
        "baseline": "backbone",
    }
    if not entry.replace:
        del words["replace"]
    space = space_from(replace(document, data=words, lines={}), name)
    return member(bind(space, entry.input, entry.classes), {}, name)
