"""The networks of the rows, made as ``networks.yaml`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unitsearch.architecture import Architecture, read_file
from unitsearch.backbones import backbone
from unitsearch.data.spec import data_spec, describe
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import Anything, ListOf, TableOf, Text, Whole, join, read, setting
from unitsearch.papers.tables import FOLDER
from unitsearch.space import Space, bind, load_space, point


@dataclass(frozen=True, kw_only=True)
class OfSpace:
    """A point of a shipped space, on images and classes of a data set."""

    space: str = setting(Text())
    point: str = setting(Text())
    data: str = setting(Text())


@dataclass(frozen=True, kw_only=True)
class OfBackbone:
    """A backbone with its options, for images (channels, height, width) and a number of classes."""

    backbone: Mapping[str, Any] = setting(TableOf(Anything()))
    input: tuple[int, int, int] = setting(ListOf(Whole(1), 3, 3))
    classes: int = setting(Whole(1))


class Networks:
    """The networks by their ids, each made when it is first asked for.

    Attributes:
        recipes: How each is made, by its id.

    Raises:
        SpecError: If the file breaks its format.
    """

    def __init__(self) -> None:
        self._document = read_file(FOLDER / "networks.yaml")
        self._made: dict[str, Architecture] = {}
        self._bound: dict[tuple[str, str], Space] = {}
        with self._document.located():
            data = TableOf(Anything()).read(self._document.data, "")
            self.recipes = {name: _recipe(item, name) for name, item in data.items()}

    def __getitem__(self, name: str) -> Architecture:
        """Return the network called ``name``.

        Raises:
            SpecError: If there is none, or it cannot be made as the file says.
            UsageError: If its space or point does not exist.
        """
        if name not in self.recipes:
            fix = did_you_mean(name, self.recipes, listed=False)
            raise SpecError(found=name, expected="a network of networks.yaml", fix=fix)
        if name not in self._made:
            with self._document.located():
                self._made[name] = self._make(self.recipes[name], name)
        return self._made[name]

    def _make(self, recipe: OfSpace | OfBackbone, name: str) -> Architecture:
        match recipe:
            case OfBackbone(backbone=about):
                options = {key: value for key, value in about.items() if key != "name"}
                place = join(name, "backbone")
                kind = Text().read(about.get("name"), join(place, "name"))
                return backbone(kind, recipe.input, recipe.classes, place=place, **options)
            case OfSpace(space=space, data=data):
                if (space, data) not in self._bound:
                    facts = describe(data_spec(data))
                    bound = bind(load_space(space), facts.input, facts.classes, data)
                    self._bound[space, data] = bound
                return point(self._bound[space, data], recipe.point)


def _recipe(data: Any, name: str) -> OfSpace | OfBackbone:
    if isinstance(data, Mapping) and "backbone" in data:
        return read(OfBackbone, data, name, title="a network of a backbone")
    return read(OfSpace, data, name, title="a network of a space")
