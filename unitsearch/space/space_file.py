"""The format of space files: read, checked, and kept as nodes that are not bound to data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitsearch import resources
from unitsearch.architecture import Document, read_file
from unitsearch.architecture.reading import (
    check_keys,
    read_input,
    read_version,
)
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Float, Int, Nullable, join
from unitsearch.space.node_checks import (
    check_choice_names,
    check_layer_names,
    check_replacement,
    check_rings,
)
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
    parse,
    unknown_name,
)
from unitsearch.space.queries import largest

KEYS = (
    "unitsearch", "data", "input", "choices", "units", "layers", "backbone", "replace", "baseline",
    "limits", "floor", "train", "points",
)  # fmt: skip
LIMITS = ("params", "macs", "flops", "activation_bytes")


@dataclass(frozen=True, eq=False)
class SpaceFile:
    """The content of a space file, before it is bound to data.

    Attributes:
        name: The shipped name, or the file's name without its ending.
        document: The file's content with lines, for messages.
        about: The comment at the head of the file.
        data: The data set that it is used with unless another is named.
        input: (channels, height, width), or None to follow the data.
        layers: Its layers; none where it has a backbone.
        backbone: The name and options of a backbone, or its layers; None where it has layers.
        replace: The layers that may take the place of the backbone's.
        limits: Largest costs of a candidate, by the names in ``LIMITS``.
        floor: Share of the baseline's accuracy from which a candidate is feasible.
        train: Values of recipes for this space, by recipe.
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
    def drawn_nodes(self) -> tuple[Node, ...]:
        """The nodes that a draw walks through, named choices and units aside."""
        backbone = () if self.backbone is None else (self.backbone,)
        parts = [
            (item.sites, *((item.run,) if item.run else ()), item.new) for item in self.replace
        ]
        return (self.layers, *backbone, *(node for part in parts for node in part))


def load_space(name: str | Path) -> SpaceFile:
    """Return the space called ``name``: a shipped one, or a file.

    Raises:
        UsageError: If there is neither.
        SpecError: If the file breaks the format; the message names the line.
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
            expected="the network that candidates are compared with",
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
    space = SpaceFile(
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
    for node in (space.layers, *(item.new for item in space.replace)):
        check_layer_names(node)
    outside = [*space.choices.values(), *space.units.values(), space.layers]
    outside += [item.sites for item in space.replace]
    at_sites = [[node for node in (item.run, item.new) if node] for item in space.replace]
    check_choice_names(space.choices, outside, at_sites)
    return space


def _table(data: Any, place: str) -> dict[str, Node]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected="a mapping of names")
    nodes: dict[str, Node] = {}
    for name, value in data.items():
        node = parse(value, join(place, str(name)))
        if (isinstance(node, Choose) and node.name) or isinstance(node, (Mix, Series)):
            raise SpecError(place=node.place, found="a name or a mix", expected="a plain choice")
        nodes[str(name)] = node
    return nodes


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
                total_place = join(node.place, "total")
                most = largest(node.total, choices, total_place)
                if most < 1:
                    raise SpecError(place=total_place, found=most, expected="at least one unit")
                labels = {str(label): kind for label, kind in kinds.items()}
                return Mix(labels, inner(node.total), most, node.positions, node.name, node.place)
            most = largest(node.length, choices, join(node.place, "sequence.length"))
            return Series(kinds, inner(node.length), most, node.name, node.place)
        case _:
            return node


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
    replacements = []
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
        check_replacement(nodes["with"])
        replacements.append(
            Replacement(prefix, nodes["sites"], nodes.get("run"), nodes["with"], place)
        )
    return tuple(replacements)


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
