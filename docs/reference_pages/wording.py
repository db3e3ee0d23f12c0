"""JSON Schema in words: the allowed values of a key."""

from __future__ import annotations

from typing import Any

from unitsearch.fields import Schema


def words(schema: Schema) -> str:
    """Return the values that ``schema`` allows, in words; a choice among values is left out."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            phrases = [words(item) for item in schema[several] if not _is_choice(item)]
            return _either([item for item in dict.fromkeys(phrases) if item])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _either([f"`{word}`" for word in schema["enum"]])
    if "description" in schema:
        return f"a list of {schema['description']}"
    match schema.get("type"):
        case "integer":
            return f"whole number{_bounds(schema)}"
        case "number":
            return f"number{_bounds(schema)}"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "text"
        case "null":
            return "`null`"
        case "array":
            return f"a list of {_several(words(schema.get('items', {})))}"
        case "object":
            return "names with values"
        case _:
            return ""


def may_be_chosen(schema: Schema) -> bool:
    """Return whether a choice may stand in place of the value."""
    return any(
        _is_choice(item) or may_be_chosen(item)
        for several in ("anyOf", "oneOf")
        for item in schema.get(several, ())
    )


def _is_choice(schema: Schema) -> bool:
    return schema.get("$ref") == "#/$defs/choice"


def _either(phrases: list[str]) -> str:
    return (
        phrases[0]
        if len(phrases) == 1
        else f"{', '.join(phrases[:-1])} or {phrases[-1]}"
        if phrases
        else ""
    )


def _several(item: str) -> str:
    return (
        item.replace("whole number", "whole numbers")
        .replace("number,", "numbers,")
        .replace("number above", "numbers above")
        or "values"
    )


def _bounds(schema: Schema) -> str:
    low: Any = schema.get("minimum")
    high: Any = schema.get("maximum")
    if "exclusiveMinimum" in schema:
        above = f" above {schema['exclusiveMinimum']:,g}"
        return above if high is None else f"{above} and at most {high:,}"
    if low is None:
        return ""
    return f", at least {low:,g}" if high is None else f", {low:,g} to {_number(high)}"


def _number(high: float) -> str:
    return f"{high:,}" if isinstance(high, int) else f"{high:,g}"
