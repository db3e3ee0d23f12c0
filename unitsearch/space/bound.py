"""Bound spaces: a space file together with the shape and classes of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unitsearch.architecture import Architecture, Layer, Layers, Unit
from unitsearch.architecture.reading import check_keys, read_layer, read_layers, read_unit
from unitsearch.backbones import backbone
from unitsearch.errors import UsageError
from unitsearch.space.draws import Choice, Draw
from unitsearch.space.nodes import Node, Use
from unitsearch.space.queries import has_choice
from unitsearch.space.sites import Base
from unitsearch.space.space_file import SpaceFile


@dataclass(frozen=True, eq=False)
class Space:
    """A space bound to the shape and classes of a data set; ``sample`` interprets it.

    Layers and units that were read once are kept, because equal ones come in nearly every sample.

    Attributes:
        file: The space file.
        input: (channels, height, width) of an image of the data.
        classes: The number of classes of the data.
        layers: The layers of the file; none where it has a backbone.
        fills: The units of fills that were read already, by their data and the ends of their site.
    """

    file: SpaceFile
    input: tuple[int, int, int]
    classes: int
    layers: Node
    fills: dict[Any, Unit] = field(default_factory=dict, repr=False)
    _bases: dict[str, Base] = field(default_factory=dict, repr=False)
    _layers: dict[Any, Layer] = field(default_factory=dict, repr=False)
    _units: dict[Any, Unit] = field(default_factory=dict, repr=False)
    _plain_units: dict[Node, Unit] = field(default_factory=dict, repr=False)
    _fixed: dict[int, bool] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The space's name."""
        return self.file.name

    @property
    def choices(self) -> Mapping[str, Node]:
        """The named choices."""
        return self.file.choices

    @property
    def units(self) -> Mapping[str, Node]:
        """The named units."""
        return self.file.units

    @property
    def backbone(self) -> Node:
        """The backbone that the file names."""
        assert self.file.backbone is not None  # callers ask only for spaces that have one
        return self.file.backbone

    @property
    def limits(self) -> Mapping[str, int]:
        """Largest costs of a candidate, as the file sets them."""
        return self.file.limits

    def start_draw(self, choose: Choice) -> Draw:
        """Return a walk through this space that asks ``choose`` for values."""
        return Draw(choose, self.choices, self.units)

    def drawn_base(self, draw: Draw) -> Base:
        """Return the backbone with its options drawn; one without choices is made once."""
        base = self._bases.get("")
        if base is None:
            base = self.base(draw.resolve(self.backbone, "backbone"))
            if not has_choice(self.backbone):
                self._bases[""] = base
        return base

    def base(self, data: Mapping[str, Any]) -> Base:
        """Return the backbone of resolved data, with its sites; equal data give the same object.

        Raises:
            SpecError: If there is no such backbone, or it has no such option.
        """
        key = repr(data)
        if key not in self._bases:
            self._bases[key] = Base(self._backbone(data))
        return self._bases[key]

    def _backbone(self, data: Mapping[str, Any]) -> Architecture:
        if "layers" in data:
            check_keys(data, ("layers",), "backbone", "a backbone of layers")
            layers = read_layers(self.with_classes(data["layers"]), "backbone.layers")
            return Architecture(input=self.input, layers=layers)
        options = {key: value for key, value in data.items() if key != "name"}
        return backbone(
            str(data.get("name")), self.input, self.classes, place="backbone", **options
        )

    def layer(self, draw: Draw, node: Node, where: str) -> Layer | dict[str, Any]:
        """Return one layer, or its data while its width is open; layers read before are reused."""
        known = self._layers.get(node)
        if known is not None:
            return known
        fixed = self._fixed.get(id(node))
        if fixed is None:
            fixed = self._fixed[id(node)] = not has_choice(node)
        data = draw.resolve(node, where)
        if isinstance(data, dict) and "auto" in (data.get("out"), data.get("groups")):
            return data
        layer = self.read(data, node.place)
        if fixed:
            self._layers[node] = layer
        return layer

    def read(self, data: Any, place: str) -> Layer:
        """Return the layer that resolved data describes; ``out: classes`` is the data's number."""
        try:
            key = (place, *((name, type(value), value) for name, value in data.items()))
            layer = self._layers.get(key)
        except (TypeError, AttributeError):  # nested data, or none at all
            return read_layer(self.with_classes(data), place)
        if layer is None:
            layer = self._layers[key] = read_layer(self.with_classes(data), place)
        return layer

    def with_classes(self, data: Any) -> Any:
        """Return resolved data with ``out: classes`` as a number, nested layers included."""
        if isinstance(data, Mapping):
            return {
                key: self.classes
                if key == "out" and value == "classes"
                else self.with_classes(value)
                for key, value in data.items()
            }
        return [self.with_classes(item) for item in data] if isinstance(data, list) else data

    def unit(self, draw: Draw, node: Node, where: str) -> Unit:
        """Return a unit; units read before are reused."""
        unit = self._plain_units.get(node)
        if unit is not None:
            return unit
        data = draw.resolve(node, where)
        key = repr(data)
        unit = self._units.get(key)
        if unit is None:
            unit = self._units[key] = read_unit(data, self.unit_place(node))
        if isinstance(node, Use) and not has_choice(self.units[node.name]):
            self._plain_units[node] = unit  # it has no choices: it is the same in every sample
        return unit

    def unit_place(self, node: Node) -> str:
        """Return the place in the file of the unit that ``node`` is or uses."""
        if isinstance(node, Use) and node.name in self.units:
            return self.units[node.name].place
        return node.place


def bind(
    file: SpaceFile,
    image: tuple[int, int, int],
    classes: int,
    data: str = "",
    *,
    original: tuple[int, int, int] | None = None,
) -> Space:
    """Return the space for images of shape ``image`` and ``classes`` classes.

    Args:
        file: The space file.
        image: The shape of an image, ``(channels, height, width)``.
        classes: The number of classes.
        data: The name of the data, for messages.
        original: The shape of the data's images where they are resized to ``image``: it is the
            shape that a space may be fixed to.

    Raises:
        UsageError: If the space is fixed to one shape and the data have another.
    """
    own = original or image
    if file.input is not None and file.input != own:
        fixed, given = ("×".join(map(str, shape)) for shape in (file.input, own))
        fitting = f"data={file.data}" if data != file.data else "data of that shape"
        raise UsageError(
            f"space {file.name} is fixed to images of {fixed}, data {data or 'given'} has {given}",
            fix=f"use {fitting}, or a space with input: auto",
        )
    return Space(file, image, classes, file.layers)


def fixed_layers(space: Space, data: Any, place: str) -> Layers:
    """Return the layers of a whole architecture given inside a space file."""
    return read_layers(space.with_classes(data), place)
