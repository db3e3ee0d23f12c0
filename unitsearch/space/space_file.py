"""Space files: loaded, checked, and bound to a data set's shape and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitsearch import resources
from unitsearch.architecture import Architecture, Document, Layer, Unit, read_file
from unitsearch.architecture.reading import (
    check_keys,
    read_input,
    read_layer,
    read_layers,
    read_unit,
    read_version,
)
from unitsearch.backbones import backbone
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Float, Int, Nullable, join
from unitsearch.space.draws import Draw, layer_name
from unitsearch.space.names import check_choice_names, check_rings
from unitsearch.space.nodes import (
    Choose,
    ListNode,
    MapNode,
    Mix,
    Node,
    Plain,
    Replacement,
    Series,
    Use,
    has_choice,
    largest,
    parse,
    unknown_name,
    walk,
)
from unitsearch.space.replacing import check_new
from unitsearch.space.sites import Base

KEYS = (
    "unitsearch", "data", "input", "choices", "units", "layers", "backbone", "replace", "baseline",
    "limits", "floor", "train", "points",
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
        layers: Its layers; none where it has a backbone.
        backbone: The name and options of a backbone, or its layers; None where it has layers.
        replace: What may stand in place of the backbone's layers.
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
    backbone: Node | None
    replace: tuple[Replacement, ...]
    baseline: Mapping[str, Any]
    points: Mapping[str, Any]
    limits: Mapping[str, int]
    floor: float | None
    train: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The file, verbatim."""
        return self.document.text

    @property
    def drawn(self) -> tuple[Node, ...]:
        """Everything that a draw walks through, named choices and units aside."""
        where = () if self.backbone is None else (self.backbone,)
        parts = [
            (item.sites, *((item.run,) if item.run else ()), item.new) for item in self.replace
        ]
        return (self.layers, *where, *(node for part in parts for node in part))


@dataclass(frozen=True, eq=False)
class Space:
    """A space bound to the shape and classes of a data set: what ``sample`` interprets."""

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
        assert self.file.backbone is not None  # asked only of a space that has one
        return self.file.backbone

    def drawn_base(self, draw: Draw) -> Base:
        """Return the backbone with its options drawn; one without choices is made once."""
        found = self._bases.get("")
        if found is None:
            found = self.base(draw.resolve(self.backbone, "backbone"))
            if not has_choice(self.backbone):
                self._bases[""] = found
        return found

    def base(self, data: Mapping[str, Any]) -> Base:
        """Return the backbone of resolved data, with its sites; seen before, it is reused.

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
            found = self._layers.get(key)
        except (TypeError, AttributeError):  # nested data, or none at all
            return read_layer(self.with_classes(data), place)
        if found is None:
            found = self._layers[key] = read_layer(self.with_classes(data), place)
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
            found = self._units[key] = read_unit(data, place)
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
    if "layers" not in keys and "backbone" not in keys:
        expected = "a space: input, units, layers (or backbone and replace), baseline …"
        raise SpecError(found="no 'layers'", expected=expected)
    if "layers" in keys and "backbone" in keys:
        raise SpecError(place="backbone", found="layers as well", expected="one of the two")
    if "replace" in keys and "backbone" not in keys:
        raise SpecError(place="replace", found="replace", expected="a backbone to replace in")
    if "baseline" not in keys:
        raise SpecError(
            found="no 'baseline'",
            expected="what candidates are compared with",
            fix="try baseline: {dense: POINT}, {point: POINT}, {layers: […]} or backbone",
        )
    image = keys.get("input", "auto")
    choices = _table(keys.get("choices"), "choices")
    units = _table(keys.get("units"), "units")
    check_rings({**units, **choices})
    both = sorted(set(choices) & set(units))
    if both:
        raise SpecError(place=f"units.{both[0]}", found=both[0], expected="a name no choice has")
    layers = parse(keys.get("layers", []), "layers")
    if not isinstance(layers, (ListNode, Plain)) or (
        isinstance(layers, Plain) and not isinstance(layers.value, list)
    ):
        raise SpecError(place="layers", found=keys["layers"], expected="a list of layers")

    def settled(node: Node) -> Node:
        return _settle(node, choices, units, stack=False)

    limits = check_keys(keys.get("limits") or {}, LIMITS, "limits", "limits")
    found = SpaceFile(
        name=name,
        document=document,
        about=_about(document.text),
        data=_text(keys.get("data", "digits"), "data"),
        input=None if image == "auto" else read_input(image, "input"),
        choices=_settle_all(choices, choices, units),
        units=_settle_all(units, choices, units),
        layers=settled(layers),
        backbone=settled(_read_backbone(keys["backbone"])) if "backbone" in keys else None,
        replace=_read_replace(keys.get("replace"), settled),
        baseline=_read_baseline(keys["baseline"], "backbone" in keys),
        points=_points(keys.get("points"), "backbone" in keys),
        limits={k: Int(1).read(v, f"limits.{k}") for k, v in limits.items() if v is not None},
        floor=Nullable(Float(0, 1)).read(keys.get("floor"), "floor"),
        train=_train(keys.get("train")),
    )
    for node in (found.layers, *(item.new for item in found.replace)):
        _check_names(node)
    outside = [*found.choices.values(), *found.units.values(), found.layers]
    outside += [item.sites for item in found.replace]
    at_sites = [[node for node in (item.run, item.new) if node] for item in found.replace]
    check_choice_names(found.choices, outside, at_sites)
    return found


def bind(file: SpaceFile, image: tuple[int, int, int], classes: int, data: str = "") -> Space:
    """Return the space for images of shape ``image`` and ``classes`` classes.

    Raises:
        UsageError: If the space is fixed to one shape and the data have another.
    """
    if file.input is not None and file.input != image:
        fixed, given = ("×".join(map(str, shape)) for shape in (file.input, image))
        fitting = f"data={file.data}" if data != file.data else "data of that shape"
        raise UsageError(
            f"space {file.name} is fixed to images of {fixed}, data {data or 'given'} has {given}",
            fix=f"use {fitting}, or a space with input: auto",
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
        case MapNode(items=items, place=place):
            return MapNode({key: inner(item) for key, item in items.items()}, place)
        case ListNode(items=items, place=place):
            return ListNode(tuple(inner(item) for item in items), place)
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
    """Refuse two layers of one name in a sequence: their parameters would have one name."""
    for row in walk(layers):
        seen: set[str] = set()
        for item in row.items if isinstance(row, ListNode) else ():
            name = layer_name(item, "")
            if name and name in seen:
                raise SpecError(
                    place=join(item.place, "name"),
                    found=name,
                    expected="a name that no other layer has",
                )
            seen.add(name)


def _read_backbone(data: Any) -> Node:
    node = parse({"name": data} if isinstance(data, str) else data, "backbone")
    if not isinstance(data, (str, Mapping)) or not isinstance(node, (Plain, MapNode)):
        expected = "the name of a backbone, {name: …} with its options, or {layers: […]}"
        raise SpecError(place="backbone", found=data, expected=expected)
    return node


def _read_replace(data: Any, settled: Callable[[Node], Node]) -> tuple[Replacement, ...]:
    items = [] if data is None else data
    if not isinstance(items, list):
        raise SpecError(place="replace", found=data, expected="a list of replacements")
    names: set[str] = set()
    found = []
    for i, item in enumerate(items):
        place = f"replace[{i}]"
        keys = check_keys(item, ("name", "sites", "run", "with"), place, "a replacement")
        for key in ("sites", "with"):
            if key not in keys:
                raise SpecError(place=place, found=f"no {key!r}", expected="sites: […], with: …")
        name = keys.get("name", "")
        if not isinstance(name, str):
            raise SpecError(place=join(place, "name"), found=name, expected="text")
        if name in names:
            expected = "a name that no other replacement has"
            raise SpecError(place=join(place, "name"), found=name, expected=expected)
        names.add(name)
        nodes = {
            key: settled(parse(keys[key], join(place, key)))
            for key in ("sites", "run", "with")
            if key in keys
        }
        prefix = f"{name}." if name else ""
        check_new(nodes["with"])
        found.append(Replacement(prefix, nodes["sites"], nodes.get("run"), nodes["with"], place))
    return tuple(found)


def _read_baseline(data: Any, has_backbone: bool) -> dict[str, Any]:
    if has_backbone and data == "backbone":
        return {"backbone": {}}
    words = ("dense", "point", "layers", *(("backbone",) if has_backbone else ()))
    if isinstance(data, str):
        fix = did_you_mean(data, ["backbone"], listed=False) if has_backbone else ""
        expected = "{dense: POINT}, {point: POINT}, {layers: […]}"
        expected += " or backbone" if has_backbone else ""
        raise SpecError(place="baseline", found=data, expected=expected, fix=fix)
    return dict(check_keys(data, words, "baseline", "baseline"))


def _points(data: Any, has_backbone: bool) -> dict[str, Any]:
    points = {} if data is None else data
    if not isinstance(points, Mapping):
        raise SpecError(place="points", found=points, expected="a mapping of names")
    ways = ("set", "layers", *(("backbone",) if has_backbone else ()))
    for name, point in points.items():
        known = (*ways, "data", "expect", "printed", "note")
        keys = check_keys(point, known, f"points.{name}", "a point")
        given = {way for way in ways if way in keys}
        if len(given) != 1 and given != {"backbone", "set"}:
            expected = f"{', '.join(ways[:-1])} or {ways[-1]}"
            raise SpecError(place=f"points.{name}", found=", ".join(keys), expected=expected)
        if "data" in keys:
            _text(keys["data"], f"points.{name}.data")
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
