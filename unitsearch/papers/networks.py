"""The networks of the rows: points of spaces, and what ``networks.yaml`` holds besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unitsearch.architecture import Architecture, read_file
from unitsearch.backbones import backbone
from unitsearch.data.spec import data_spec, describe
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import Anything, ListOf, Record, TableOf, Text, Whole, join, setting
from unitsearch.papers.tables import FOLDER
from unitsearch.space import bind, load_space, point


@dataclass(frozen=True, kw_only=True)
class OfBackbone:
    """A backbone with its options, for images (channels, height, width) and a number of classes."""

    backbone: Mapping[str, Any] = setting(TableOf(Anything()))
    input: tuple[int, int, int] = setting(ListOf(Whole(1), 3, 3))
    classes: int = setting(Whole(1))


def network(name: str) -> Architecture:
    """Return the network called SPACE:POINT, on the point's own data, or a name of the file.

    Raises:
        SpecError: If there is none in the file, or it cannot be made.
        UsageError: If the space or point does not exist.
    """
    space, is_point, of_space = name.partition(":")
    if is_point:
        file = load_space(space)
        data = (file.points.get(of_space) or {}).get("data", file.data)
        facts = describe(data_spec(data))
        return point(bind(file, facts.input, facts.classes, data), of_space)
    document = read_file(FOLDER / "networks.yaml")
    with document.located():
        listed = TableOf(Record(OfBackbone)).read(document.data, "")
        if name not in listed:
            fix = did_you_mean(name, listed)
            raise SpecError(found=name, expected="SPACE:POINT or a network listed here", fix=fix)
        place = join(name, "backbone")
        options = dict(listed[name].backbone)
        kind = Text().read(options.pop("name", None), join(place, "name"))
        recipe = listed[name]
        return backbone(kind, recipe.input, recipe.classes, place=place, **options)
