"""The JSON Schema of a space file: an architecture's, with the words of choice allowed in it."""

from __future__ import annotations

from typing import Any

from unitsearch.architecture import architecture_schema
from unitsearch.architecture.bounds import MAX_WIDTH
from unitsearch.architecture.reading import layer_schemas, unit_schema
from unitsearch.fields import Int, Schema
from unitsearch.space.nodes import choice_schemas
from unitsearch.space.space_file import LIMITS

_CHOICE: Schema = {"$ref": "#/$defs/choice"}
_LITERAL = ("kind", "name", "layers", "body", "shortcut", "of", "units")


def space_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a space file."""
    item: Schema = {"$ref": "#/$defs/item"}
    layers: Schema = {"type": "array", "items": item, "minItems": 1}
    kinds = layer_schemas({"type": "array", "items": item})
    for name, schema in kinds.items():
        if name in ("layer", "units"):
            continue
        _open(schema)
        if "out" in schema["properties"]:
            words: Schema = {"enum": ["auto", "classes"]}
            schema["properties"]["out"] = {"anyOf": [schema["properties"]["out"], words]}
    unit = unit_schema({})
    for spelling in unit["oneOf"]:
        _open(spelling)
    counted = unit_schema({"count": _or_choice(Int(1, MAX_WIDTH).schema())})
    for spelling in counted["oneOf"]:
        _open(spelling)
    named: Schema = {
        "type": "object",
        "properties": {"count": _or_choice(Int(1).schema()), "use": {"type": "string"}},
        "required": ["count", "use"],
        "additionalProperties": False,
    }
    kinds["units"] = {"oneOf": [*counted["oneOf"], named]}
    mixed = {"$ref": "#/$defs/mix"}
    series = {"$ref": "#/$defs/sequence"}
    rows = kinds["stack"]["properties"]["units"]
    kinds["stack"]["properties"]["units"] = {"anyOf": [rows, mixed, series, _CHOICE]}
    kinds["item"] = {"anyOf": [{"$ref": "#/$defs/layer"}, _CHOICE, series]}
    limit = {name: Int(1).schema() for name in LIMITS}
    text: Schema = {"type": "string"}
    table: Schema = {"type": "object"}
    facts: Schema = {"data": text, "expect": table, "printed": table, "note": text}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "unitsearch space",
        "type": "object",
        "properties": {
            "unitsearch": {"const": 1},
            "data": text,
            "input": {"anyOf": [{"const": "auto"}, architecture_schema()["properties"]["input"]]},
            "choices": {"type": "object", "additionalProperties": _CHOICE},
            "units": {"type": "object", "additionalProperties": unit},
            "layers": layers,
            "backbone": {
                "anyOf": [text, _table(["layers"], layers=layers), {**table, "required": ["name"]}]
            },
            "replace": {"type": "array", "items": _replacement(text)},
            "baseline": {
                "oneOf": [
                    {"const": "backbone"},
                    _table(["backbone"], backbone=table),
                    _table(["dense"], dense=text),
                    _table(["point"], point=text),
                    _table(["layers"], layers=layers),
                ]
            },
            "limits": {"type": "object", "properties": limit, "additionalProperties": False},
            "floor": {"type": "number", "minimum": 0, "maximum": 1},
            "train": {"type": "object", "additionalProperties": table},
            "points": {
                "type": "object",
                "additionalProperties": {
                    "oneOf": [
                        _table([way], **{way: what}, **facts)
                        for way, what in (("set", table), ("layers", layers), ("backbone", table))
                    ]
                    + [_table(["backbone", "set"], backbone=table, set=table, **facts)]
                },
            },
        },
        "required": ["unitsearch", "baseline"],
        "oneOf": [{"required": ["layers"]}, {"required": ["backbone"]}],
        "additionalProperties": False,
        "$defs": {**kinds, **choice_schemas()},
    }


def _replacement(text: Schema) -> Schema:
    """Return the schema of one item of ``replace``; ``auto`` may stand anywhere in its layers."""
    names: Schema = {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}, _CHOICE]}
    layer: Schema = {"type": "object", "required": ["kind"]}
    new: Schema = {"anyOf": [{"const": "keep"}, layer, {"type": "array", "minItems": 1}, _CHOICE]}
    return _table(["sites", "with"], name=text, sites=names, run=names, **{"with": new})


def _open(schema: Schema) -> None:
    """Let every plain value of an object be a choice."""
    for key, value in schema["properties"].items():
        if key == "nodes":
            value = {**value, "items": _or_choice(_or_word(value["items"], "auto"))}
        if key == "in":
            value = _or_word(value, "auto")
        if key == "stride":
            value = _or_word(value, "first", "second", "last")
        if key == "groups":  # auto in a shuffle, depthwise for a hidden layer of a unit
            each = _or_choice(_or_word(Int(1).schema(), "depthwise"))
            value = {"anyOf": [_or_word(value, "auto"), {"type": "array", "items": each}]}
        if key not in _LITERAL or (key == "of" and "enum" in value):
            schema["properties"][key] = _or_choice(value)


def _or_word(schema: Schema, *words: str) -> Schema:
    return {"anyOf": [schema, {"enum": list(words)}]}


def _or_choice(schema: Schema) -> Schema:
    return {"anyOf": [schema, _CHOICE]}


def _table(required: list[str], **properties: Any) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
