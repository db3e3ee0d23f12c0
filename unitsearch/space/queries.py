"""Questions about the nodes of a space: their inside, their values and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from unitsearch.errors import SpecError
from unitsearch.fields import Int, is_list, join
from unitsearch.space.nodes import (
    MAX_TOTAL,
    Choose,
    ListNode,
    MapNode,
    Mix,
    Node,
    Plain,
    Range,
    Series,
    Use,
)

KEEP = "keep"


def keeps(node: Node) -> bool:
    """Return whether ``node`` leaves a site as it is."""
    return isinstance(node, Plain) and node.value == KEEP


def fields_of(node: Node) -> Mapping[str, Node]:
    """Return the values of a mapping by their keys; nothing for anything else."""
    match node:
        case MapNode(items=items):
            return items
        case Plain(value=value, place=place) if isinstance(value, Mapping):
            return {str(key): Plain(item, join(place, str(key))) for key, item in value.items()}
        case _:
            return {}


def items_of(node: Node) -> tuple[Node, ...]:
    """Return the items of a list; anything else is its own only item."""
    match node:
        case ListNode(items=items):
            return items
        case Plain(value=value, place=place) if is_list(value):
            return tuple(Plain(item, f"{place}[{i}]") for i, item in enumerate(value))
        case _:
            return (node,)


def plain_value(node: Node | None) -> Any:
    """Return the value of a plain node; None for anything else."""
    return node.value if isinstance(node, Plain) else None


def has_choice(node: Node) -> bool:
    """Return whether a draw is needed to resolve ``node``."""
    match node:
        case Plain():
            return False
        case MapNode(items=items):
            return any(has_choice(item) for item in items.values())
        case ListNode(items=items):
            return any(has_choice(item) for item in items)
        case _:
            return True


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside ``node``."""
    match node:
        case MapNode(items=table):
            return tuple(table.values())
        case ListNode(items=row):
            return row
        case Choose(options=options):
            return tuple(options.values())
        case Mix(kinds=kinds, total=extent) | Series(kinds=kinds, length=extent):
            return (*kinds.values(), extent)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield ``node`` and every node inside it."""
    yield node
    for inner in children(node):
        yield from walk(inner)


def largest(node: Node, choices: Mapping[str, Node], place: str) -> int:
    """Return the largest whole number that ``node`` can stand for."""
    match node:
        case Plain(value="auto"):
            return MAX_TOTAL
        case Plain(value=value):
            return Int(0, MAX_TOTAL).read(value, place)
        case Range(low=low, high=high):
            Int(0, MAX_TOTAL).read(low, place)
            return Int(0, MAX_TOTAL).read(high, place)
        case Choose(options=options):
            return max(largest(option, choices, place) for option in options.values())
        case Use(name=name) if name in choices:
            return largest(choices[name], choices, place)
        case _:
            raise SpecError(
                place=place, found="no number", expected="a whole number or a choice of them"
            )


def layer_name(node: Node, otherwise: str) -> str:
    """Return the name that a layer's parameters begin with."""
    match node:
        case MapNode(items=items):
            name = items.get("name")
            if isinstance(name, Plain) and isinstance(name.value, str):
                return name.value
        case Plain(value=value):
            if isinstance(value, Mapping) and isinstance(value.get("name"), str):
                return str(value["name"])
        case Choose(name=name) | Series(name=name) if name:
            return name
        case _:
            pass
    return otherwise
