"""The number of members of a space, in closed form.

Every node of a space is turned into ``Counts``, a generating function over the sets of named
choices: alternatives are added, independent parts multiplied. A named choice is drawn once however
often it is used, so its inside must be counted once as well: the functions below only record
its name, and ``Counting.members`` multiplies by its inside at the end. Where the inside decides how
many units or layers there are (a total, a site's fill), it is counted on the spot instead; then the
name is noted as ``label of NAME``, and its inside is not counted again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from unitsearch.errors import SpecError
from unitsearch.fields import Int
from unitsearch.shapes import after
from unitsearch.space.bound import Space
from unitsearch.space.counts import ONE, Counts, by_size, sequences, shares, using
from unitsearch.space.filling import fill_total
from unitsearch.space.nodes import (
    AUTO,
    Choose,
    ListNode,
    MapNode,
    Mix,
    Node,
    Plain,
    Range,
    Replacement,
    Series,
    Use,
)
from unitsearch.space.queries import children, fields_of, has_choice, keeps, walk
from unitsearch.space.replacing import run_and_new
from unitsearch.space.sites import Base, Site

MOST_COMBINATIONS = 100_000  # of the named choices' values, each of which is counted by itself


def count_members(space: Space) -> int:
    """Return the number of members that the choices make, limits aside.

    Exact where no two ways of choosing make the same network; else an upper bound. (With over
    100,000 combinations of the named choices, an upper bound too.)
    """
    named: set[str] = set()
    for node in space.file.drawn_nodes:
        _add_named(node, space, named)
    names = sorted(named)
    options = [_options(space.choices[name]) for name in names]
    combinations = math.prod(map(len, options))
    if combinations > MOST_COMBINATIONS:
        return sum(Counting(space, {}).members().values())
    total = 0
    for values in product(*options):
        given = dict(zip(names, values, strict=True))
        for used, ways in Counting(space, given).members().items():
            # A choice that these ways do not use multiplies this loop but not the members: the
            # others are multiplied too, and the loop is divided out below.
            total += ways * math.prod(
                len(values_of)
                for name, values_of in zip(names, options, strict=True)
                if used & {name, _label_of(name)}
            )
    return total // combinations


def _options(node: Node) -> list[Any]:
    match node:
        case Choose(labels=labels):
            return list(labels)
        case Range(low=low, high=high, step=step):
            return list(range(low, high + 1, step))
        case _:
            return [None]


def _add_named(node: Node, space: Space, named: set[str]) -> None:
    """Add the named choices that ``node`` uses, also indirectly, to ``named``."""
    for inner in walk(node):
        if isinstance(inner, Use):
            is_choice = inner.name in space.choices
            if not is_choice or inner.name not in named:
                if is_choice:
                    named.add(inner.name)
                table = space.choices if is_choice else space.units
                _add_named(table[inner.name], space, named)


def _label_of(name: str) -> str:
    """Return the mark of a named choice whose inside was counted at its use."""
    return f"label of {name}"


class Counting:
    """The counts of the parts of a space.

    Args:
        space: The space.
        given: Values of named choices; one that has a value counts as that value alone.
    """

    def __init__(self, space: Space, given: Mapping[str, Any]) -> None:
        self._space = space
        self._given = given

    def members(self) -> Counts:
        """Return the counts of the whole space, the inside of every named choice included."""
        return self._opened(self._whole())

    def _unfold(self, name: str) -> Node:
        """Return the node of a use of the choice ``name``: its given value, or all its options."""
        node = self._space.choices[name]
        match node:
            case Choose(options=options) if name in self._given:
                return options[self._given[name]]
            case Range(place=place) if name in self._given:
                return Plain(self._given[name], place)
            case _:
                return node

    def _is_named_choose(self, name: str) -> bool:
        return isinstance(self._space.choices.get(name), Choose)

    def _opened(self, counts: Counts, opened: frozenset[str] = frozenset()) -> Counts:
        """Return ``counts`` times the inside of the named choices that are used, each once."""
        terms = []
        for used, ways in counts.items():
            term = Counts({used: ways})
            unopened = [name for name in used - opened if name in self._space.choices]
            if unopened:
                name = min(unopened)
                inside = self._of(self._unfold(name))
                term = self._opened(term * inside, opened | {name})
            terms.append(term)
        return Counts.sum_of(terms)

    def _whole(self) -> Counts:
        """Return the counts of the layers, or of the replacements in the backbone."""
        if self._space.file.backbone is None:
            return self._of(self._space.layers)
        terms = []
        for data, counts in self._values(self._space.backbone):
            base = self._space.base(data)
            items = [self._of_replacement(base, item) for item in self._space.file.replace]
            terms.append(Counts.product_of([counts, *items]))
        return Counts.sum_of(terms)

    def _of_replacement(self, base: Base, item: Replacement) -> Counts:
        terms = []
        for patterns, counts in self._values(item.sites):
            listed = patterns if isinstance(patterns, list) else [patterns]
            sites = base.matching(listed, item.sites.place)
            terms.append(
                Counts.product_of([counts, *(self._at_site(base, item, site) for site in sites)])
            )
        return Counts.sum_of(terms)

    def _at_site(self, base: Base, item: Replacement, site: Site) -> Counts:
        """Return the counts at one site: of keeping it, and of replacing a run of it."""
        kept, options = self._kept_and_new(item.new)
        terms = [kept]
        for option, uses in options:
            run, node = run_and_new(item, option)
            inner: list[tuple[Node, Counts]] = [(node, ONE)]
            if node is not option:  # the option has a run of its own, and may keep or choose again
                more_kept, inner = self._kept_and_new(node)
                terms.append(uses * more_kept)
            if not inner:
                continue
            for data, counts in [(None, ONE)] if run is None else self._values(run):
                target = site if run is None else base.within(site, data, item.place)
                for new, inner_uses in inner:
                    factors = [counts, uses, inner_uses, self._of_new(new, target)]
                    terms.append(Counts.product_of(factors))
        return Counts.sum_of(terms)

    def _kept_and_new(self, node: Node) -> tuple[Counts, list[tuple[Node, Counts]]]:
        """Return the counts of keeping a site, and the nodes that may replace it with theirs."""
        match node:
            case Choose(options=options):
                parts = [self._kept_and_new(option) for option in options.values()]
                kept = Counts.sum_of([kept for kept, _ in parts])
                return kept, [new for _, more in parts for new in more]
            case Use(name=name) if self._is_named_choose(name):
                uses = using(_label_of(name))
                kept, new = self._kept_and_new(self._unfold(name))
                return kept * uses, [(inner, counts * uses) for inner, counts in new]
            case _ if keeps(node):
                return ONE, []
            case _:
                return Counts(), [(node, ONE)]

    def _of_new(self, node: Node, site: Site) -> Counts:
        """Return the counts of a layer, or a list of them, that comes to a site."""
        return Counts.sum_of(self._by_width(node, site.x[0], site).values())

    def _by_width(self, node: Node, width: int, site: Site) -> dict[int, Counts]:
        """Return the counts of a node that ``width`` channels enter, by the channels that leave it.

        The number of units that fill a site depends on the layers before them there.
        """

        def inner(item: Node, entering: int) -> dict[int, Counts]:
            return self._by_width(item, entering, site)

        match node:
            case ListNode(items=items):
                return _in_a_row([[item] for item in items], width, inner)
            case Choose(options=options):
                return _merged([(ONE, inner(option, width)) for option in options.values()])
            case Use(name=name) if self._is_named_choose(name):
                return _merged([(using(_label_of(name)), inner(self._unfold(name), width))])
            case Series(kinds=kinds):
                return _merged(
                    [
                        (uses, _in_a_row([list(kinds.values())] * n, width, inner))
                        for n, uses in self._numbers(node.length)
                    ]
                )
            case _:
                return self._layer_by_width(node, width, site)

    def _layer_by_width(self, node: Node, width: int, site: Site) -> dict[int, Counts]:
        keys = fields_of(node)
        if "fill" in keys:
            return {site.y[0]: self._of_fill(keys["fill"], width, site)}
        if "out" in keys:
            rest = Counts.product_of([self._of(item) for k, item in keys.items() if k != "out"])
            outs = self._values(keys["out"])
            return _merged(
                [
                    (rest, {out if isinstance(out, int) else site.y[0]: counts})
                    for out, counts in outs
                ]
            )
        counts = self._of(node)
        if has_choice(node):  # of a composite layer: its output must be the site's
            return {site.y[0]: counts}
        draw = self._space.start_draw(lambda name, domain: domain.options[0])
        plain = draw.resolve(node, "")
        if not isinstance(plain, Mapping) or "auto" in plain.values():
            return {width: counts}
        layer = self._space.read(plain, node.place)
        return {after(layer, (width, *site.x[1:]))[0]: counts}

    def _of_fill(self, fill: Node, width: int, site: Site) -> Counts:
        match fill:
            case Choose(options=options):
                return Counts.sum_of([self._of_fill(o, width, site) for o in options.values()])
            case Use(name=name) if self._is_named_choose(name):
                return using(_label_of(name)) * self._of_fill(self._unfold(name), width, site)
            case _:
                return self._of(_with_total(fill, fill_total(self._space, fill, (width,), site)))

    def _values(self, node: Node) -> list[tuple[Any, Counts]]:
        """Return all plain data that ``node`` can be, each with the counts of getting it."""
        match node:
            case Choose(options=options):
                return [value for option in options.values() for value in self._values(option)]
            case Use(name=name):
                if name not in self._space.choices:
                    raise SpecError(place=node.place, found=name, expected="a named choice")
                uses = using(_label_of(name))
                return [(data, uses * counts) for data, counts in self._values(self._unfold(name))]
            case Range():
                return [(n, ONE) for n in _options(node)]
            case MapNode(items=items):
                each = [self._values(item) for item in items.values()]
                return [
                    (
                        dict(zip(items, [data for data, _ in row], strict=True)),
                        Counts.product_of([counts for _, counts in row]),
                    )
                    for row in product(*each)
                ]
            case ListNode(items=items):
                each = [self._values(item) for item in items]
                return [
                    ([data for data, _ in row], Counts.product_of([counts for _, counts in row]))
                    for row in product(*each)
                ]
            case Plain(value=value):
                return [(value, ONE)]
            case _:
                raise SpecError(place=node.place, found="units", expected="plain values")

    def _of(self, node: Node) -> Counts:
        """Return the counts of a node that do not depend on the layers around it."""
        match node:
            case Range():
                return Counts({frozenset(): len(_options(node))})
            case Use(name=name) if name in self._space.choices:
                return using(name)
            case Use(name=name):
                return self._of(self._space.units[name])
            case MapNode(items=items) if isinstance(items.get("units"), Series):
                return self._of_stack(node)
            case MapNode() | ListNode():
                return Counts.product_of([self._of(item) for item in children(node)])
            case Choose(options=options):
                return Counts.sum_of([self._of(option) for option in options.values()])
            case Mix(kinds=kinds, total=total):
                return self._of_units(kinds, total, shares)
            case Series(kinds=kinds, length=length):
                item = Counts.sum_of([self._of(kind) for kind in kinds.values()])
                return Counts.sum_of(
                    [Counts.product_of([uses, *[item] * n]) for n, uses in self._numbers(length)]
                )
            case _:
                return ONE

    def _of_stack(self, node: MapNode) -> Counts:
        """Return the counts of a stack with a sequence of units: a kind of unit is drawn once."""
        units = node.items["units"]
        assert isinstance(units, Series)  # the caller checked
        rest = [self._of(item) for key, item in node.items.items() if key != "units"]
        return Counts.product_of([self._of_units(units.kinds, units.length, sequences), *rest])

    def _of_units(
        self, kinds: Mapping[Any, Node], total: Node, ways: Callable[[int, int], int]
    ) -> Counts:
        """Return the counts of units of several kinds, each of which is drawn once if it is used.

        Args:
            kinds: The kinds.
            total: The number of units.
            ways: Called with a total and a number of kinds; returns the number of ways in which so
                many units use each of so many kinds.
        """
        by_kinds = by_size([self._of(kind) for kind in kinds.values()])
        return Counts.sum_of(
            [
                (counts * uses).times(ways(n, k))
                for n, uses in self._numbers(total)
                for k, counts in enumerate(by_kinds[: max(0, n) + 1])
            ]
        )

    def _numbers(self, node: Node) -> list[tuple[int, Counts]]:
        """Return every whole number that ``node`` can be, with the counts of getting it."""
        match node:
            case Plain(value=value, place=place):
                return [(Int().read(value, place), ONE)]
            case Use(name=name):
                uses = using(_label_of(name))
                return [(n, uses * counts) for n, counts in self._numbers(self._unfold(name))]
            case Choose(options=options):
                return [n for option in options.values() for n in self._numbers(option)]
            case _:
                return [(n, ONE) for n in _options(node)]


def _in_a_row(
    places: list[list[Node]], width: int, inner: Callable[[Node, int], dict[int, Counts]]
) -> dict[int, Counts]:
    """Return the counts of a sequence, each place of which holds one of several nodes."""
    by_width = {width: ONE}
    for nodes in places:
        by_width = _merged(
            [(counts, inner(node, w)) for w, counts in by_width.items() for node in nodes]
        )
    return by_width


def _merged(terms: list[tuple[Counts, dict[int, Counts]]]) -> dict[int, Counts]:
    """Return the sum of counts by width, each term times its own factor."""
    merged: dict[int, list[Counts]] = {}
    for factor, by_width in terms:
        for width, counts in by_width.items():
            merged.setdefault(width, []).append(factor * counts)
    return {width: Counts.sum_of(counts) for width, counts in merged.items()}


def _with_total(fill: Node, total: int) -> Node:
    """Return a fill with ``total`` in place of ``auto``."""
    if isinstance(fill, Mix) and isinstance(fill.total, Plain) and fill.total.value == AUTO:
        return replace(fill, total=Plain(total, fill.place))
    if isinstance(fill, Series):
        length = fill.length
        if isinstance(length, Plain) and length.value == AUTO:
            length = Plain(total, fill.place)
        return MapNode({"units": replace(fill, length=length)}, fill.place)
    return fill
