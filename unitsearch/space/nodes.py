"""A space file's values as a tree of nodes: plain data that may hold the four words of choice.

``choose`` one of several, ``range`` of whole numbers, ``mix`` and ``sequence`` of units or layers;
and ``use``, which names a choice (drawn once) or a unit. A node knows its place in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from unitsearch.architecture.reading import check_keys
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import Int, Schema, is_list, join

MAX_OPTIONS = 1_000
MAX_TOTAL = 65_536
AUTO = "auto"

_number = Int(-MAX_TOTAL, MAX_TOTAL)


@dataclass(frozen=True, eq=False)
class Plain:
    """A value without a choice in it."""

    value: Any
    place: str


@dataclass(frozen=True, eq=False)
class MapNode:
    """A mapping, some of whose values are choices."""

    items: Mapping[str, Node]
    place: str


@dataclass(frozen=True, eq=False)
class ListNode:
    """A list, some of whose values are choices; a chosen list in it is spliced."""

    items: tuple[Node, ...]
    place: str


@dataclass(frozen=True, eq=False)
class Choose:
    """One of several values, known by their labels."""

    options: Mapping[Any, Node]
    name: str
    place: str
    labels: tuple[Any, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class Range:
    """A whole number from ``low`` to ``high`` in steps of ``step``."""

    low: int
    high: int
    step: int
    name: str
    place: str


@dataclass(frozen=True, eq=False)
class Use:
    """The value of a named choice, or the unit of that name."""

    name: str
    place: str


@dataclass(frozen=True, eq=False)
class Mix:
    """``total`` units of several kinds, whose counts are drawn.

    Attributes:
        kinds: The units by label.
        total: The number of units together.
        most: The largest ``total``; the fixed range of the cut points.
        positions: Draw a kind for each position, as the papers do, in place of cut points.
        name: Its own name; if it has none, its place names its parameters.
        place: Its place in the file.
    """

    kinds: Mapping[str, Node]
    total: Node
    most: int
    positions: bool
    name: str
    place: str


@dataclass(frozen=True, eq=False)
class Series:
    """``length`` of several things, ordered, with repetition (``sequence``)."""

    kinds: Mapping[Any, Node]
    length: Node
    most: int
    name: str
    place: str


Node: TypeAlias = Plain | MapNode | ListNode | Choose | Range | Use | Mix | Series


@dataclass(frozen=True, eq=False)
class Replacement:
    """One item of ``replace``.

    Attributes:
        prefix: The beginning of its parameters' names: nothing, or its name and a dot.
        sites: The names of sites, or patterns of names.
        run: The layers of a site that are replaced; None for all of it.
        new: The layers that take their place (``with`` in the file).
        place: Its place in the file.
    """

    prefix: str
    sites: Node
    run: Node | None
    new: Node
    place: str


_WORDS = ("choose", "range", "use", "mix", "sequence")


def parse(data: Any, place: str) -> Node:
    """Return the node that plain ``data`` describes.

    Raises:
        SpecError: If a word of choice is used in a way that the format does not allow.
    """
    if is_list(data):
        row = tuple(parse(item, f"{place}[{i}]") for i, item in enumerate(data))
        if all(isinstance(item, Plain) for item in row) and not any(map(_is_layer, data)):
            return Plain(data, place)
        return ListNode(row, place)
    if not isinstance(data, Mapping):
        return Plain(data, place)
    words = [word for word in _WORDS if word in data]
    if len(words) > 1:
        raise SpecError(place=place, found=" and ".join(words), expected="one word of choice")
    if words == ["use"] and "count" in data:
        check_keys(data, ("count", "use"), place, "a counted unit (count, use)")
        count = parse(data["count"], join(place, "count"))
        return MapNode({"count": count, "use": _parse_use({"use": data["use"]}, place)}, place)
    if words:
        return _PARSERS[words[0]](data, place)
    items = {
        str(key): parse(_filling(value) if key == "fill" else value, join(place, str(key)))
        for key, value in data.items()
    }
    if all(isinstance(item, Plain) for item in items.values()):
        return Plain(data, place)
    return MapNode(items, place)


def _is_layer(data: Any) -> bool:
    return isinstance(data, Mapping) and "kind" in data


def _filling(data: Any) -> Any:
    """Return the data of a fill, with ``auto`` for a number of units that it does not give.

    A name alone is the unit of that name.
    """
    if isinstance(data, str):
        return {"use": data}
    if isinstance(data, Mapping) and isinstance(data.get("choose"), Mapping):
        return {
            **data,
            "choose": {label: _filling(option) for label, option in data["choose"].items()},
        }
    if isinstance(data, Mapping) and "mix" in data:
        return {"total": AUTO, **data}
    if isinstance(data, Mapping) and isinstance(data.get("sequence"), Mapping):
        return {**data, "sequence": {"length": AUTO, **data["sequence"]}}
    return data


def _parse_choose(data: Mapping[str, Any], place: str) -> Choose:
    check_keys(data, ("choose", "name"), place, "a choice")
    options = data["choose"]
    inner = join(place, "choose")
    nodes: dict[Any, Node]
    if isinstance(options, Mapping):
        nodes = {str(label): parse(v, join(inner, str(label))) for label, v in options.items()}
    elif is_list(options):
        nodes = {}
        for i, option in enumerate(options):
            at = f"{inner}[{i}]"
            label = option
            if isinstance(option, Mapping) or is_list(option):
                raise SpecError(
                    place=at,
                    found=option,
                    expected="a plain value, or labels: choose: {small: …, large: …}",
                )
            if label in nodes:
                raise SpecError(place=at, found=label, expected="every option once")
            nodes[label] = parse(option, at)
    else:
        raise SpecError(place=inner, found=options, expected="a list, or a mapping of labels")
    if not 1 <= len(nodes) <= MAX_OPTIONS:
        raise SpecError(place=inner, found=f"{len(nodes)} options", expected=f"1 to {MAX_OPTIONS}")
    return Choose(nodes, _name(data, place), place, tuple(nodes))


def _parse_range(data: Mapping[str, Any], place: str) -> Range:
    check_keys(data, ("range", "name"), place, "a range")
    inner = join(place, "range")
    bounds = data["range"]
    if not is_list(bounds) or len(bounds) not in (2, 3):
        raise SpecError(place=inner, found=bounds, expected="[low, high] or [low, high, step]")
    low, high, *rest = (_number.read(v, f"{inner}[{i}]") for i, v in enumerate(bounds))
    step = rest[0] if rest else 1
    if low > high or step < 1:
        raise SpecError(
            place=inner, found=list(bounds), expected="low <= high and a step of 1 or more"
        )
    return Range(low, high - (high - low) % step, step, _name(data, place), place)


def _parse_use(data: Mapping[str, Any], place: str) -> Use:
    check_keys(data, ("use",), place, "use")
    if not isinstance(data["use"], str):
        raise SpecError(place=join(place, "use"), found=data["use"], expected="a name")
    return Use(data["use"], place)


def _parse_mix(data: Mapping[str, Any], place: str) -> Mix:
    check_keys(data, ("mix", "total", "draw", "name"), place, "a mix")
    if "total" not in data:
        raise SpecError(place=place, found="a mix without total", expected="mix: […], total: …")
    draw = data.get("draw", "cuts")
    if draw not in ("cuts", "positions"):
        raise SpecError(place=join(place, "draw"), found=draw, expected="cuts or positions")
    kinds = {str(k): v for k, v in _kinds(data["mix"], join(place, "mix")).items()}
    total = parse(data["total"], join(place, "total"))
    return Mix(kinds, total, 0, draw == "positions", _name(data, place), place)


def _parse_sequence(data: Mapping[str, Any], place: str) -> Series:
    check_keys(data, ("sequence", "name"), place, "a sequence")
    inner = join(place, "sequence")
    body = check_keys(data["sequence"], ("of", "length"), inner, "a sequence (of, length)")
    for key in ("of", "length"):
        if key not in body:
            raise SpecError(place=inner, found=f"no {key!r}", expected="{of: […], length: …}")
    kinds = _kinds(body["of"], join(inner, "of"))
    length = parse(body["length"], join(inner, "length"))
    return Series(kinds, length, 0, _name(data, place), place)


def _kinds(data: Any, place: str) -> dict[Any, Node]:
    if isinstance(data, Mapping):
        kinds = {str(label): parse(v, join(place, str(label))) for label, v in data.items()}
    elif is_list(data):
        kinds = {}
        for i, item in enumerate(data):
            if isinstance(item, Mapping) or is_list(item):
                expected = "a name, or labels: {small: {nodes: …}, large: …}"
                raise SpecError(place=f"{place}[{i}]", found=item, expected=expected)
            if item in kinds:
                raise SpecError(place=f"{place}[{i}]", found=item, expected="every kind once")
            kinds[item] = (
                Use(item, f"{place}[{i}]") if isinstance(item, str) else Plain(item, place)
            )
    else:
        raise SpecError(place=place, found=data, expected="a list of names")
    if not 1 <= len(kinds) <= MAX_OPTIONS:
        raise SpecError(place=place, found=f"{len(kinds)} kinds", expected=f"1 to {MAX_OPTIONS}")
    return kinds


def _name(data: Mapping[str, Any], place: str) -> str:
    name = data.get("name", "")
    if not isinstance(name, str):
        raise SpecError(place=join(place, "name"), found=name, expected="text")
    return name


_PARSERS: dict[str, Callable[[Mapping[str, Any], str], Node]] = {
    "choose": _parse_choose,
    "range": _parse_range,
    "use": _parse_use,
    "mix": _parse_mix,
    "sequence": _parse_sequence,
}


def unknown_name(name: str, place: str, known: Mapping[str, Any], what: str) -> SpecError:
    """Return the error for a ``use`` or a kind that names nothing."""
    expected = f"{what}: {', '.join(known)}" if known else what
    return SpecError(place=place, found=name, expected=expected, fix=did_you_mean(name, known))


def choice_schemas() -> dict[str, Schema]:
    """Return the JSON Schemas of the words of choice, by name."""
    labelled = {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object", "minProperties": 1}]}
    whole: Schema = {"anyOf": [Int(0).schema(), {"$ref": "#/$defs/choice"}]}
    name: Schema = {"type": "string"}

    def table(required: list[str], **properties: Schema) -> Schema:
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    bounds: Schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}
    series = table(["of", "length"], of=labelled, length=whole)
    draw: Schema = {"enum": ["cuts", "positions"]}
    return {
        "choice": {
            "oneOf": [
                table(["choose"], choose=labelled, name=name),
                table(["range"], range=bounds, name=name),
                table(["use"], use=name),
            ]
        },
        "mix": table(["mix", "total"], mix=labelled, total=whole, draw=draw, name=name),
        "sequence": table(["sequence"], sequence=series, name=name),
    }
