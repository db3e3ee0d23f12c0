"""Names in a space file: none twice, none that leads back to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from unitsearch.errors import SpecError
from unitsearch.fields import join
from unitsearch.space.nodes import Choose, Mix, Node, Range, Series, Use, walk

MAX_USES = 32


def check_choice_names(
    choices: Iterable[str], nodes: Iterable[Node], at_sites: Iterable[Iterable[Node]] = ()
) -> None:
    """Refuse two choices of one name: a parameter would have two domains.

    Args:
        choices: The names under ``choices``.
        nodes: Everything in the file in which a choice may stand.
        at_sites: For each replacement, what it puts in place of layers. Parameters there begin with
            the site and the replacement, so that two replacements may use one name.

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


def check_rings(named: Mapping[str, Node]) -> None:
    """Refuse choices and units that lead back to themselves, or through too many others."""
    depths: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...]) -> int:
        if name not in named:
            return 0  # said elsewhere
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
