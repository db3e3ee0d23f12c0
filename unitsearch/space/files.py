"""Space files: loaded, checked, and bound to a data set's shape and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitsearch import resources
from unitsearch.architecture import Document, Layer, Unit, read_file
from unitsearch.architecture.reading import check_keys, read_input, read_layers, read_version
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Maybe, Real, Whole, join
from unitsearch.space.names import check_choice_names, check_rings
from unitsearch.space.nodes import (
    Choose,
    Mix,
    Node,
    Plain,
    Row,
    Series,
    Table,
    Use,
    has_choice,
    largest,
    parse,
    unknown_name,
)
from unitsearch.space.sampling import Draw, layer_name, read_data, read_unit_data

KEYS = (
    "unitsearch", "data", "input", "choices", "units", "layers", "baseline", "limits", "floor",
    "train", "points",
)  # fmt: skip
LIMITS = ("params", "macs", "flops")


@dataclass(frozen=True, eq=False)
class SpaceFile:
    """A space as its file says it, before it is bound to data.

    Attributes:
        name: The shipped name, or the file's name without its ending.
        document: The file's content with lines, for messages.
        about: The comment at the head of the file.
        data: The data set it is meant for.
        input: (channels, height, width), or None to follow the data.
        limits: Largest params, macs and flops of a candidate.
        floor: Share of the baseline's accuracy from which a candidate is feasible.
        train: Values of recipes that go with this space, by recipe.
    """

    name: str
    document: Document
    about: str
    data: str
    input: tuple[int, int, int] | None
    choices: Mapping[str, Node]
    units: Mapping[str, Node]
    layers: Node
    baseline: Mapping[str, Any]
    points: Mapping[str, Any]
    limits: Mapping[str, int]
    floor: float | None
    train: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The file, verbatim."""
        return self.document.text


@dataclass(frozen=True, eq=False)
class Space:
    """A space bound to the shape and classes of a data set: what ``sample`` interprets."""

    file: SpaceFile
    input: tuple[int, int, int]
    classes: int
    layers: Node
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
    def limits(self) -> Mapping[str, int]:
        """Largest params, macs and flops of a candidate, as the file sets them."""
        return self.file.limits

    def layer(self, draw: Draw, node: Node, where: str) -> Layer | dict[str, Any]:
        """Return one layer, or its data while its width is open; layers seen before are reused."""
        found = self._layers.get(node)
        if found is not None:
            return found
        fixed = self._fixed.get(id(node))
        if fixed is None:
            fixed = self._fixed[id(node)] = not has_choice(node)
        data = draw.resolve(node, where)
        if isinstance(data, dict) and data.get("out") == "auto":
            return data
        layer = self.read(data, node.place)
        if fixed:
            self._layers[node] = layer
        return layer

    def read(self, data: Any, place: str) -> Layer:
        """Return the layer that resolved data describes; ``out: classes`` is the data's number."""
        try:
            key = (place, *data.items())
            found = self._layers.get(key)
        except (TypeError, AttributeError):  # nested data, or none at all
            return read_data(self.with_classes(data), place)
        if found is None:
            found = self._layers[key] = read_data(self.with_classes(data), place)
        return found

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
        """Return a unit; units seen before are reused."""
        found = self._plain_units.get(node)
        if found is not None:
            return found
        data = draw.resolve(node, where)
        key = repr(data)
        found = self._units.get(key)
        if found is None:
            place = node.place
            if isinstance(node, Use) and node.name in self.units:
                place = self.units[node.name].place
            found = self._units[key] = read_unit_data(data, place)
        if isinstance(node, Use) and not has_choice(self.units[node.name]):
            self._plain_units[node] = found  # nothing to draw in it: the same every time
        return found


def load_space(name: str | Path) -> SpaceFile:
    """Return the space called ``name``: a shipped one, or a file.

    Raises:
        UsageError: If there is neither.
        SpecError: If the file breaks the format; the place says where.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json") or path.parent != Path() or path.is_file():
        if not path.is_file():
            raise UsageError(
                f"no space file at {str(path)!r}",
                fix=f"give a file, or one of {', '.join(resources.names('search_spaces'))}",
            )
        return space_from(read_file(path), path.stem)
    shipped = resources.folder("search_spaces") / f"{name}.yaml"
    if not shipped.is_file():
        known = resources.names("search_spaces")
        raise UsageError(
            found=str(name),
            expected=f"a space ({', '.join(known)}) or a file",
            fix=did_you_mean(str(name), known, listed=False),
            place="space",
        )
    return space_from(read_file(shipped), str(name))


def space_from(document: Document, name: str) -> SpaceFile:
    """Return the space that ``document`` describes."""
    with document.located():
        return _read(document, name)


def _read(document: Document, name: str) -> SpaceFile:
    keys = check_keys(document.data, KEYS, "", "a space")
    read_version(keys, "")
    if "layers" not in keys:
        raise SpecError(found="no 'layers'", expected="a space: input, units, layers, baseline …")
    if "baseline" not in keys:
        raise SpecError(
            found="no 'baseline'",
            expected="what candidates are compared with",
            fix="try baseline: {dense: POINT}, {point: POINT} or {layers: […]}",
        )
    image = keys.get("input", "auto")
    choices = _table(keys.get("choices"), "choices")
    units = _table(keys.get("units"), "units")
    check_rings({**units, **choices})
    both = sorted(set(choices) & set(units))
    if both:
        raise SpecError(place=f"units.{both[0]}", found=both[0], expected="a name no choice has")
    layers = parse(keys["layers"], "layers")
    if not isinstance(layers, (Row, Plain)) or (
        isinstance(layers, Plain) and not isinstance(layers.value, list)
    ):
        raise SpecError(place="layers", found=keys["layers"], expected="a list of layers")
    limits = check_keys(keys.get("limits") or {}, LIMITS, "limits", "limits")
    found = SpaceFile(
        name=name,
        document=document,
        about=_about(document.text),
        data=_text(keys.get("data", "digits"), "data"),
        input=None if image == "auto" else read_input(image, "input"),
        choices=_settle_all(choices, choices, units),
        units=_settle_all(units, choices, units),
        layers=_settle(layers, choices, units, stack=False),
        baseline=check_keys(keys["baseline"], ("dense", "point", "layers"), "baseline", "baseline"),
        points=_points(keys.get("points")),
        limits={k: Whole(1).read(v, f"limits.{k}") for k, v in limits.items() if v is not None},
        floor=Maybe(Real(0, 1)).read(keys.get("floor"), "floor"),
        train=_train(keys.get("train")),
    )
    _check_names(found.layers)
    check_choice_names(
        found.choices, [*found.choices.values(), *found.units.values(), found.layers]
    )
    return found


def bind(file: SpaceFile, image: tuple[int, int, int], classes: int, data: str = "") -> Space:
    """Return the space for images of shape ``image`` and ``classes`` classes.

    Raises:
        UsageError: If the space is fixed to one shape and the data have another.
    """
    if file.input is not None and file.input != image:
        fixed, given = ("×".join(map(str, shape)) for shape in (file.input, image))
        raise UsageError(
            f"space {file.name} is fixed to images of {fixed}, data {data or 'given'} has {given}",
            fix=f"use data={file.data}, or a space with input: auto",
        )
    return Space(file, image, classes, file.layers)


def _table(data: Any, place: str) -> dict[str, Node]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected="a mapping of names")
    found: dict[str, Node] = {}
    for name, value in data.items():
        node = parse(value, join(place, str(name)))
        if (isinstance(node, Choose) and node.name) or isinstance(node, (Mix, Series)):
            raise SpecError(place=node.place, found="a name or a mix", expected="a plain choice")
        found[str(name)] = node
    return found


def _settle_all(
    table: Mapping[str, Node], choices: Mapping[str, Node], units: Mapping[str, Node]
) -> dict[str, Node]:
    return {name: _settle(node, choices, units, stack=False) for name, node in table.items()}


def _settle(
    node: Node, choices: Mapping[str, Node], units: Mapping[str, Node], *, stack: bool
) -> Node:
    """Return the node with every name checked and every mixture's largest total known."""

    def inner(item: Node) -> Node:
        return _settle(item, choices, units, stack=stack)

    match node:
        case Plain():
            return node
        case Table(items=items, place=place):
            return Table({key: inner(item) for key, item in items.items()}, place)
        case Row(items=items, place=place):
            return Row(tuple(inner(item) for item in items), place)
        case Choose(options=options):
            settled = {label: inner(option) for label, option in options.items()}
            return Choose(settled, node.name, node.place, node.labels)
        case Use(name=name, place=place):
            if name not in choices and name not in units:
                known = {**choices, **units}
                raise unknown_name(name, join(place, "use"), known, "a named choice or unit")
            return node
        case Mix() | Series():
            for label, kind in node.kinds.items():
                if isinstance(kind, Use) and kind.name not in units:
                    raise unknown_name(str(label), kind.place, units, "a unit under units")
            kinds = {label: inner(kind) for label, kind in node.kinds.items()}
            if isinstance(node, Mix):
                at = join(node.place, "total")
                most = largest(node.total, choices, at)
                if most < 1:
                    raise SpecError(place=at, found=most, expected="at least one unit")
                labels = {str(label): kind for label, kind in kinds.items()}
                return Mix(labels, inner(node.total), most, node.positions, node.name, node.place)
            most = largest(node.length, choices, join(node.place, "sequence.length"))
            return Series(kinds, inner(node.length), most, node.name, node.place)
        case _:
            return node


def _check_names(layers: Node) -> None:
    seen: dict[str, str] = {}
    for item in layers.items if isinstance(layers, Row) else ():
        name = layer_name(item, "")
        if name and name in seen:
            raise SpecError(
                place=join(item.place, "name"),
                found=name,
                expected="a name that no other layer has",
            )
        seen[name] = item.place


def _points(data: Any) -> dict[str, Any]:
    points = {} if data is None else data
    if not isinstance(points, Mapping):
        raise SpecError(place="points", found=points, expected="a mapping of names")
    for name, point in points.items():
        keys = check_keys(
            point, ("set", "layers", "expect", "printed", "note"), f"points.{name}", "a point"
        )
        if ("set" in keys) == ("layers" in keys):
            raise SpecError(place=f"points.{name}", found=", ".join(keys), expected="set or layers")
    return {str(name): point for name, point in points.items()}


def _train(data: Any) -> dict[str, Any]:
    recipes = {} if data is None else data
    if not isinstance(recipes, Mapping) or not all(
        isinstance(v, Mapping) for v in recipes.values()
    ):
        raise SpecError(place="train", found=data, expected="recipes by name: {fast: {epochs: 3}}")
    return {str(name): dict(values) for name, values in recipes.items()}


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise SpecError(place=place, found=value, expected="the name of a data set")
    return value


def _about(text: str) -> str:
    """Return the comment at the head of the file, its marks taken off."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines).strip()


def fixed_layers(space: Space, data: Any, place: str) -> tuple[Layer, ...]:
    """Return the layers of a whole architecture given inside a space file."""
    return read_layers(space.with_classes(data), place)
