"""Checks of a space file's nodes: unique names, uses without rings, new layers for sites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from unitsearch.errors import SpecError
from unitsearch.fields import is_list, join
from unitsearch.space.nodes import Choose, ListNode, MapNode, Mix, Node, Plain, Range, Series, Use
from unitsearch.space.queries import fields_of, items_of, keeps, layer_name, walk

MAX_USES = 32
_NEW = "keep, a layer (its kind first), a list of layers, or run and with"


def check_choice_names(
    choices: Iterable[str], nodes: Iterable[Node], at_sites: Iterable[Iterable[Node]] = ()
) -> None:
    """Refuse two choices of one name: a parameter would have two domains.

    Args:
        choices: The names under ``choices``.
        nodes: Every node of the file that may hold a choice.
        at_sites: For each replacement, the nodes of its new layers. Parameters there begin with the
            site and the replacement, so that two replacements may use one name.

    Raises:
        SpecError: At the second of the two.
    """
    taken = set(choices)
    _check_once(nodes, taken)
    for replacement in at_sites:
        _check_once(replacement, set(taken))


def _check_once(nodes: Iterable[Node], taken: set[str]) -> None:
    for node in nodes:
        for inner in _named(node):
            if inner.name in taken:
                raise SpecError(
                    place=join(inner.place, "name"),
                    found=inner.name,
                    expected="a name that no other choice has",
                    fix="to draw once and use twice, put it under choices",
                )
            taken.add(inner.name)


def _named(node: Node) -> Iterator[Choose | Range | Mix | Series]:
    for inner in walk(node):
        if isinstance(inner, (Choose, Range, Mix, Series)) and inner.name:
            yield inner


def check_layer_names(layers: Node) -> None:
    """Refuse two layers of one name in a sequence: their parameters would have one name.

    Raises:
        SpecError: At the second of the two.
    """
    for node in walk(layers):
        seen: set[str] = set()
        for item in node.items if isinstance(node, ListNode) else ():
            name = layer_name(item, "")
            if name and name in seen:
                raise SpecError(
                    place=join(item.place, "name"),
                    found=name,
                    expected="a name that no other layer has",
                )
            seen.add(name)


def check_rings(named: Mapping[str, Node]) -> None:
    """Refuse choices and units that use themselves, also indirectly, or too long a chain of others.

    Raises:
        SpecError: At a name of the ring, or of the chain that is too long.
    """
    depths: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...]) -> int:
        if name not in named:
            return 0  # a name that is unknown is refused elsewhere
        if name in path or len(path) > MAX_USES:
            raise SpecError(
                place=named[path[-1]].place,
                found=" -> ".join((*path, name)),
                expected="a use that does not lead back to itself",
            )
        if name not in depths:
            uses = {node.name for node in walk(named[name]) if isinstance(node, Use)}
            inner = [depth(use, (*path, name)) for use in sorted(uses)]
            depths[name] = 1 + max(inner, default=0)
        if depths[name] > MAX_USES:
            raise SpecError(
                place=named[name].place,
                found=f"{depths[name]} names that use each other",
                expected=f"at most {MAX_USES}",
            )
        return depths[name]

    for name in named:
        depth(name, ())


def check_replacement(node: Node) -> None:
    """Check that a replacement of a site is ``keep``, a layer, a list of them or a choice.

    Raises:
        SpecError: If it is anything else; the message names the line.
    """
    match node:
        case Choose(options=options):
            for option in options.values():
                check_replacement(option)
        case ListNode(items=items):
            for item in items:
                check_replacement(item)
        case Plain(value=value) if is_list(value):
            for item in items_of(node):
                check_replacement(item)
        case Plain(value=value) if not keeps(node) and not {"kind", "with"} & set(fields_of(node)):
            raise SpecError(place=node.place, found=value, expected=_NEW)
        case Mix():
            raise SpecError(place=node.place, found="a mix", expected=_NEW)
        case MapNode(items=keys) if not {"kind", "with"} & set(keys):
            raise SpecError(place=node.place, found=", ".join(keys), expected=_NEW)
        case MapNode(items=keys) if "with" in keys:
            check_replacement(keys["with"])
        case _:
            pass
