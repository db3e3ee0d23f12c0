"""Layers, units and architectures from plain data and back, and the JSON Schema of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unitsearch.architecture.bounds import MAX_DEPTH, MAX_LAYERS, MAX_SIDE, MAX_WIDTH
from unitsearch.architecture.canonical import canonical
from unitsearch.architecture.convolutions import ACTIVATIONS, Conv
from unitsearch.architecture.layers import (
    KINDS,
    Architecture,
    Branches,
    Gate,
    Layer,
    Layers,
    Residual,
    Stack,
    Unit,
    Units,
)
from unitsearch.architecture.writing import UNIT_KINDS
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import (
    Int,
    ListOf,
    Schema,
    declared,
    is_list,
    join,
    json_schema,
    read,
    with_place,
)

VERSION = 1
_CHANNELS_AND_SIDES = (Int(1, MAX_WIDTH), Int(1, MAX_SIDE), Int(1, MAX_SIDE))
_KEYS = ("unitsearch", "input", "layers", "classes", "mean", "std", "provenance")
_UNIT_KEYS = ("nodes", "of", "kernel", "groups", "stride", "padding", "bias", "norm", "act")


def read_architecture(data: Any, place: str = "") -> Architecture:
    """Return the architecture that plain ``data`` describes, its units in canonical order.

    It does not check that the layers fit each other: ``shapes`` does that.

    Raises:
        SpecError: If a key or value breaks the format.
    """
    keys = check_keys(data, _KEYS, place, "an architecture")
    read_version(keys, place)
    for key in ("input", "layers"):
        if key not in keys:
            raise SpecError(place=place, found=f"no {key!r}", expected="the keys input and layers")
    values: dict[str, Any] = {
        "input": read_input(keys["input"], join(place, "input")),
        "layers": read_layers(keys["layers"], join(place, "layers")),
    }
    for field in declared(Architecture):
        if field.key in keys:
            values[field.name] = field.rule.read(keys[field.key], join(place, field.key))
    provenance = keys.get("provenance")
    if provenance is not None and not isinstance(provenance, Mapping):
        raise SpecError(place=join(place, "provenance"), found=provenance, expected="a mapping")
    return canonical(Architecture(**values, provenance=provenance))


def read_version(keys: Mapping[str, Any], place: str) -> None:
    """Check the key ``unitsearch``, the version of the format."""
    if keys.get("unitsearch") != VERSION or isinstance(keys.get("unitsearch"), bool):
        raise SpecError(
            place=join(place, "unitsearch"),
            found=keys.get("unitsearch"),
            expected=f"the version of the format, {VERSION}",
            fix="put 'unitsearch: 1' on the first line",
        )


def read_input(data: Any, place: str) -> tuple[int, int, int]:
    """Return (channels, height, width) of one image."""
    if not is_list(data) or len(data) != 3:
        raise SpecError(place=place, found=data, expected="[channels, height, width]")
    read_in = [
        rule.read(v, f"{place}[{i}]")
        for i, (rule, v) in enumerate(zip(_CHANNELS_AND_SIDES, data, strict=True))
    ]
    return (read_in[0], read_in[1], read_in[2])


def read_layers(data: Any, place: str, *, depth: int = 0, least: int = 1) -> Layers:
    """Return a sequence of layers."""
    if not is_list(data):
        raise SpecError(place=place, found=data, expected="a list of layers")
    if not least <= len(data) <= MAX_LAYERS:
        expected = f"{least} to {MAX_LAYERS} layers"
        raise SpecError(place=place, found=f"{len(data)} layers", expected=expected)
    return tuple(read_layer(item, f"{place}[{i}]", depth=depth) for i, item in enumerate(data))


def read_layer(data: Any, place: str, *, depth: int = 0) -> Layer:
    """Return the layer of the ``kind`` that ``data`` names."""
    if depth > MAX_DEPTH:
        raise SpecError(place=place, found="layers in layers", expected=f"at most {MAX_DEPTH} deep")
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected="a layer: a mapping with a kind")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SpecError(
            place=join(place, "kind"),
            found=kind,
            expected=f"one of {', '.join(KINDS)}",
            fix=did_you_mean(kind, KINDS) if isinstance(kind, str) else "",
        )
    cls = KINDS[kind]
    rest = {key: value for key, value in data.items() if key != "kind"}
    if cls is Stack:
        return _read_stack(rest, place)
    if cls not in (Residual, Branches, Gate):
        layer: Layer = read(cls, rest, place, title=str(kind))
        return layer
    return _read_composite(cls, rest, place, str(kind), depth + 1)


def _read_composite(
    cls: type[Any], data: Mapping[str, Any], place: str, kind: str, depth: int
) -> Layer:
    nested = {Residual: ("body", "shortcut"), Gate: ("body",), Branches: ("of",)}[cls]
    check_keys(data, (*(field.key for field in declared(cls)), *nested), place, kind)
    if nested[0] not in data:
        raise SpecError(place=place, found=f"no {nested[0]!r}", expected=f"{kind} with its layers")
    values: dict[str, Any] = {}
    for key in nested:
        inner = join(place, key)
        if key not in data:
            continue
        if key == "of":
            if not is_list(data[key]) or not data[key]:
                raise SpecError(place=inner, found=data[key], expected="a list of sequences")
            values[key] = tuple(
                read_layers(item, f"{inner}[{i}]", depth=depth, least=0)
                for i, item in enumerate(data[key])
            )
        else:
            least = 1 if key == "body" else 0
            values[key] = read_layers(data[key], inner, depth=depth, least=least)
    for field in declared(cls):
        if field.key in data:
            values[field.name] = field.rule.read(data[field.key], join(place, field.key))
    layer: Layer = with_place(cls, values, place)
    return layer


def _read_stack(data: Mapping[str, Any], place: str) -> Stack:
    check_keys(data, ("units", "name"), place, "stack")
    units = data.get("units")
    if not is_list(units) or not units or len(units) > MAX_LAYERS:
        expected = f"a list of 1 to {MAX_LAYERS} units"
        raise SpecError(place=join(place, "units"), found=units, expected=expected)
    name = data.get("name")
    if name is not None and not isinstance(name, str):
        raise SpecError(place=join(place, "name"), found=name, expected="text")
    runs = tuple(read_units(item, f"{place}.units[{i}]") for i, item in enumerate(units))
    return Stack(units=runs, name=name)


def read_units(data: Any, place: str) -> Units:
    """Return a run of equal units: a unit with its ``count``."""
    if not isinstance(data, Mapping):
        raise SpecError(
            place=place, found=data, expected="a unit: {count: …, nodes: [in, hidden, out]}"
        )
    count = Int(1, MAX_WIDTH).read(data.get("count", 1), join(place, "count"))
    return Units(count, read_unit({k: v for k, v in data.items() if k != "count"}, place))


def read_unit(data: Any, place: str) -> Unit:
    """Return a unit from its shorthand (``nodes: …``) or in full (``in: …, layers: …``)."""
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected="a unit: {nodes: [in, hidden, out]}")
    if "nodes" in data:
        return _read_nodes(data, place)
    check_keys(data, ("in", "layers"), place, "a unit ('nodes', or 'in' and 'layers')")
    if "in" not in data or "layers" not in data:
        expected = "nodes: [in, hidden, out], or in: … with layers: …"
        raise SpecError(
            place=place, found=", ".join(map(str, data)) or "nothing", expected=expected
        )
    inputs = Int(1, MAX_WIDTH).read(data["in"], join(place, "in"))
    layers = read_layers(data["layers"], join(place, "layers"))
    return with_place(Unit, {"inputs": inputs, "layers": layers}, place)


def _read_nodes(data: Mapping[str, Any], place: str) -> Unit:
    check_keys(data, _UNIT_KEYS, place, "a unit with nodes")
    nodes_place = join(place, "nodes")
    if is_list(data["nodes"]) and len(data["nodes"]) < 3:
        raise SpecError(
            place=nodes_place,
            found=list(data["nodes"]),
            expected="input, at least one hidden and output nodes",
            fix="try [1, 2, 1]",
        )
    nodes = ListOf(Int(1, MAX_WIDTH), 3, 64, "a list of nodes").read(data["nodes"], nodes_place)
    of = data.get("of", "conv")
    if not isinstance(of, str) or of not in UNIT_KINDS:
        expected = "conv or linear"
        raise SpecError(place=join(place, "of"), found=of, expected=expected)
    cls, defaults = UNIT_KINDS[of]
    rules = {field.key: field for field in declared(cls)}
    columns: dict[str, list[Any]] = {}
    for key in _UNIT_KEYS[2:]:
        if key not in data:
            continue
        if key not in rules:
            expected = f"a key of a unit of {of} layers"
            raise SpecError(place=join(place, key), found=key, expected=expected)
        columns[key] = _per_layer(data[key], len(nodes) - 1, join(place, key))
    layers = []
    for i, out in enumerate(nodes[1:]):
        values: dict[str, Any] = {**defaults, "out": out}
        for key, column in columns.items():
            field_place = join(place, f"{key}[{i}]" if is_list(data[key]) else key)
            values[key] = rules[key].rule.read(column[i], field_place)
        layers.append(with_place(cls, values, place))
    return with_place(Unit, {"inputs": nodes[0], "layers": tuple(layers)}, place)


def _per_layer(value: Any, layers: int, place: str) -> list[Any]:
    if not is_list(value):
        return [value] * layers
    if len(value) != layers:
        expected = f"one value, or one for each of the {layers} layers"
        raise SpecError(place=place, found=list(value), expected=expected)
    return list(value)


def check_keys(data: Any, known: tuple[str, ...], place: str, title: str) -> Mapping[str, Any]:
    """Return ``data`` if it is a mapping of ``known`` keys only."""
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected=f"{title}: a mapping of its keys")
    for key in data:
        if key not in known:
            raise SpecError(
                place=join(place, str(key)),
                found=str(key),
                expected=f"a key of {title}",
                fix=did_you_mean(str(key), known),
            )
    return data


def architecture_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of an architecture file."""
    layers: Schema = {"type": "array", "items": {"$ref": "#/$defs/layer"}, "maxItems": MAX_LAYERS}
    image: Schema = {
        "type": "array",
        "prefixItems": [rule.schema() for rule in _CHANNELS_AND_SIDES],
        "minItems": 3,
        "maxItems": 3,
        "description": "channels, height, width",
    }
    outside = {field.key: field.rule.schema() for field in declared(Architecture)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "unitsearch architecture",
        "type": "object",
        "properties": {
            "unitsearch": {"const": VERSION},
            "input": image,
            "layers": {**layers, "minItems": 1},
            **outside,
            "provenance": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        },
        "required": ["unitsearch", "input", "layers"],
        "additionalProperties": False,
        "$defs": layer_schemas(layers),
    }


def layer_schemas(layers: Schema) -> dict[str, Schema]:
    """Return the schemas of every layer kind, of ``layer`` and of ``unit``, by name."""
    schemas: dict[str, Schema] = {}
    for kind, cls in KINDS.items():
        schema = json_schema(cls) if cls is not Stack else _object({"name": {"type": "string"}})
        schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
        schema["required"] = ["kind", *schema["required"]]
        schemas[kind] = schema
    units: Schema = {"type": "array", "items": {"$ref": "#/$defs/units"}, "minItems": 1}
    nested = {
        "stack": {"units": units},
        "residual": {"body": layers, "shortcut": layers},
        "gate": {"body": layers},
        "branches": {"of": {"type": "array", "items": layers, "minItems": 1}},
    }
    for kind, properties in nested.items():
        schemas[kind]["properties"].update(properties)
        schemas[kind]["required"].append(next(iter(properties)))
    schemas["layer"] = {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]}
    schemas["units"] = unit_schema({"count": Int(1, MAX_WIDTH).schema()})
    return schemas


def unit_schema(extra: Mapping[str, Schema]) -> Schema:
    """Return the schema of a unit in either spelling, with ``extra`` keys."""
    fields = {field.key: field.rule.schema() for field in declared(Conv)}
    nodes = ListOf(Int(1, MAX_WIDTH), 3, 64).schema()
    short: Schema = {"nodes": nodes, "of": {"enum": list(UNIT_KINDS)}}
    for key in _UNIT_KEYS[2:]:
        rule = {"enum": list(ACTIVATIONS)} if key == "act" else fields[key]
        short[key] = {"anyOf": [rule, {"type": "array", "items": rule}]}
    full: Schema = {
        "in": Int(1, MAX_WIDTH).schema(),
        "layers": {"type": "array", "items": {"$ref": "#/$defs/layer"}, "minItems": 2},
    }
    return {
        "oneOf": [
            _object({**extra, **short}, ["nodes"]),
            _object({**extra, **full}, ["in", "layers"]),
        ]
    }


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }
