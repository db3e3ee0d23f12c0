"""How many members a space holds, in closed form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from unitsearch.errors import SpecError
from unitsearch.fields import Int
from unitsearch.shapes import after
from unitsearch.space.bound import Space
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


def count_members(space: Space) -> int:
    """Return how many members the choices make, limits aside.

    Exact where no two ways of choosing make the same network; else an upper bound. (With over
    100,000 combinations of the named choices, an upper bound too.)
    """
    named: set[str] = set()
    for node in space.file.drawn_nodes:
        _named(node, space, named)
    names = sorted(named)
    options = [_options(space.choices[name]) for name in names]
    combinations = math.prod(map(len, options))
    if combinations > 100_000:
        return sum(_opened(_ways_of_all(space, {}), space, {}).values())
    total = 0
    for values in product(*options):
        given = dict(zip(names, values, strict=True))
        for met, ways in _opened(_ways_of_all(space, given), space, given).items():
            # what is not met is not chosen: every combination of it gives these same members
            total += ways * math.prod(
                len(each)
                for name, each in zip(names, options, strict=True)
                if met & {name, _label_of(name)}
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


def _named(node: Node, space: Space, found: set[str]) -> set[str]:
    """Return the named choices that ``node`` uses."""
    for inner in walk(node):
        if isinstance(inner, Use):
            chosen = inner.name in space.choices
            if not chosen or inner.name not in found:
                if chosen:
                    found.add(inner.name)
                table = space.choices if chosen else space.units
                _named(table[inner.name], space, found)
    return found


def _label_of(name: str) -> str:
    """Return the mark of a named choice that is met where its inside is counted already."""
    return f"label of {name}"


# In how many ways something can be chosen, by the named choices that are met on the way.
Ways = dict[frozenset[str], int]
_ONE: Ways = {frozenset(): 1}


def _ways_of_all(space: Space, given: Mapping[str, Any]) -> Ways:
    """Return the ways of a whole space: of its layers, or of what may stand in its backbone."""
    if space.file.backbone is None:
        return _ways(space.layers, space, given)
    terms = []
    for data, ways in _resolved(space.backbone, space, given):
        base = space.base(data)
        items = [_ways_of_replacement(base, item, space, given) for item in space.file.replace]
        terms.append(_product([ways, *items]))
    return _sum(terms)


def _ways_of_replacement(
    base: Base, item: Replacement, space: Space, given: Mapping[str, Any]
) -> Ways:
    terms = []
    for patterns, ways in _resolved(item.sites, space, given):
        listed = patterns if isinstance(patterns, list) else [patterns]
        sites = base.matching(listed, item.sites.place)
        at_sites = [_ways_at(base, item, site, space, given) for site in sites]
        terms.append(_product([ways, *at_sites]))
    return _sum(terms)


def _ways_at(
    base: Base, item: Replacement, site: Site, space: Space, given: Mapping[str, Any]
) -> Ways:
    """Return the ways at one site: those to keep it, and those to replace a run of it."""
    kept, new = _parted(item.new, space, given)
    terms = [kept]
    for option, met in new:
        run, what = run_and_new(item, option)
        more_kept, more = (
            _parted(what, space, given) if what is not option else ({}, [(what, _ONE)])
        )
        terms.append(_product([met, more_kept]) if more_kept else {})
        if not more:
            continue
        for data, ways in [(None, _ONE)] if run is None else _resolved(run, space, given):
            target = site if run is None else base.within(site, data, item.place)
            for node, by in more:
                terms.append(_product([ways, met, by, _ways_of_new(node, target, space, given)]))
    return _sum(terms)


def _parted(
    node: Node, space: Space, given: Mapping[str, Any]
) -> tuple[Ways, list[tuple[Node, Ways]]]:
    """Return the ways to keep a site, and what else may come there, each with its ways."""
    match node:
        case Choose(options=options):
            parts = [_parted(option, space, given) for option in options.values()]
            return _sum([kept for kept, _ in parts]), [new for _, more in parts for new in more]
        case Use(name=name) if isinstance(choice := space.choices.get(name), Choose):
            met: Ways = {frozenset((_label_of(name),)): 1}
            option = choice.options[given[name]] if name in given else None
            kept, new = _parted(choice if option is None else option, space, given)
            return _product([kept, met]) if kept else {}, [
                (inner, _product([ways, met])) for inner, ways in new
            ]
        case _ if keeps(node):
            return _ONE, []
        case _:
            return {}, [(node, _ONE)]


def _ways_of_new(node: Node, site: Site, space: Space, given: Mapping[str, Any]) -> Ways:
    """Return the ways of a layer, or a list of them, that comes to a site."""
    return _sum(list(_by_width(node, site.x[0], site, space, given).values()))


def _by_width(
    node: Node, width: int, site: Site, space: Space, given: Mapping[str, Any]
) -> dict[int, Ways]:
    """Return the ways of what stands behind ``width`` channels, by how many leave it.

    How many units fill a site depends on what comes before them there.
    """

    def inner(item: Node, entering: int) -> dict[int, Ways]:
        return _by_width(item, entering, site, space, given)

    match node:
        case ListNode(items=items):
            return _one_by_one([[item] for item in items], width, inner)
        case Choose(options=options):
            return _merged([(_ONE, inner(option, width)) for option in options.values()])
        case Use(name=name) if isinstance(choice := space.choices.get(name), Choose):
            option = choice.options[given[name]] if name in given else choice
            return _merged([({frozenset((_label_of(name),)): 1}, inner(option, width))])
        case Series(kinds=kinds):
            return _merged(
                [
                    ({met: 1}, _one_by_one([list(kinds.values())] * n, width, inner))
                    for n, met in _numbers(node.length, space, given)
                ]
            )
        case _:
            return _layer_by_width(node, width, site, space, given)


def _layer_by_width(
    node: Node, width: int, site: Site, space: Space, given: Mapping[str, Any]
) -> dict[int, Ways]:
    keys = fields_of(node)
    if "fill" in keys:
        return {site.y[0]: _ways_of_fill(keys["fill"], width, site, space, given)}
    if "out" in keys:
        rest = _product([_ways(item, space, given) for k, item in keys.items() if k != "out"])
        outs = _resolved(keys["out"], space, given)
        return _merged(
            [(rest, {out if isinstance(out, int) else site.y[0]: ways}) for out, ways in outs]
        )
    ways = _ways(node, space, given)
    if has_choice(node):  # of a composite layer; it gives what the site gives, or nothing fits
        return {site.y[0]: ways}
    plain = space.start_draw(lambda name, domain: domain.options[0]).resolve(node, "")
    if not isinstance(plain, Mapping) or "auto" in plain.values():
        return {width: ways}
    return {after(space.read(plain, node.place), (width, *site.x[1:]))[0]: ways}


def _ways_of_fill(
    fill: Node, width: int, site: Site, space: Space, given: Mapping[str, Any]
) -> Ways:
    match fill:
        case Choose(options=options):
            return _sum([_ways_of_fill(o, width, site, space, given) for o in options.values()])
        case Use(name=name) if isinstance(choice := space.choices.get(name), Choose):
            option = choice.options[given[name]] if name in given else choice
            ways = _ways_of_fill(option, width, site, space, given)
            return _product([{frozenset((_label_of(name),)): 1}, ways])
        case _:
            room = fill_total(space, fill, (width,), site)
            return _ways(_with_room(fill, room), space, given)


def _one_by_one(
    places: list[list[Node]], width: int, inner: Callable[[Node, int], dict[int, Ways]]
) -> dict[int, Ways]:
    """Return the ways of a row, each place of which holds one of several nodes."""
    found: dict[int, Ways] = {width: _ONE}
    for nodes in places:
        found = _merged([(ways, inner(node, w)) for w, ways in found.items() for node in nodes])
    return found


def _merged(terms: list[tuple[Ways, dict[int, Ways]]]) -> dict[int, Ways]:
    """Return the sum of ways by width, each term times its own ways."""
    found: dict[int, list[Ways]] = {}
    for times, by_width in terms:
        for width, ways in by_width.items():
            found.setdefault(width, []).append(_product([times, ways]))
    return {width: _sum(ways) for width, ways in found.items()}


def _with_room(fill: Node, room: int) -> Node:
    """Return a fill with as many units as a site has room for."""
    if isinstance(fill, Mix) and isinstance(fill.total, Plain) and fill.total.value == AUTO:
        return replace(fill, total=Plain(room, fill.place))
    if isinstance(fill, Series):
        length = fill.length
        if isinstance(length, Plain) and length.value == AUTO:
            length = Plain(room, fill.place)
        return MapNode({"units": replace(fill, length=length)}, fill.place)
    return fill


def _resolved(node: Node, space: Space, given: Mapping[str, Any]) -> list[tuple[Any, Ways]]:
    """Return all plain data that ``node`` can be, each with the ways to get it."""
    match node:
        case Choose(options=options):
            return [found for o in options.values() for found in _resolved(o, space, given)]
        case Use(name=name):
            if name not in space.choices:
                raise SpecError(place=node.place, found=name, expected="a named choice")
            inner = space.choices[name]
            if isinstance(inner, Choose) and name in given:
                inner = inner.options[given[name]]
            elif isinstance(inner, Range) and name in given:
                inner = Plain(given[name], inner.place)
            met: Ways = {frozenset((_label_of(name),)): 1}
            return [(data, _product([ways, met])) for data, ways in _resolved(inner, space, given)]
        case Range():
            return [(n, _ONE) for n in _options(node)]
        case MapNode(items=items):
            each = [_resolved(item, space, given) for item in items.values()]
            return [
                (
                    dict(zip(items, [data for data, _ in row], strict=True)),
                    _product([w for _, w in row]),
                )
                for row in product(*each)
            ]
        case ListNode(items=items):
            each = [_resolved(item, space, given) for item in items]
            return [
                ([data for data, _ in row], _product([ways for _, ways in row]))
                for row in product(*each)
            ]
        case Plain(value=value):
            return [(value, _ONE)]
        case _:
            raise SpecError(place=node.place, found="units", expected="plain values")


def _ways(node: Node, space: Space, given: Mapping[str, Any]) -> Ways:
    """Return in how many ways ``node`` can be chosen when the named choices are ``given``."""
    match node:
        case Range():
            return {frozenset(): len(_options(node))}
        case Use(name=name) if name in space.choices:
            return {frozenset((name,)): 1}
        case Use(name=name):
            return _ways(space.units[name], space, given)
        case MapNode() | ListNode():
            if isinstance(node, MapNode) and isinstance(node.items.get("units"), Series):
                return _ways_of_stack(node, space, given)
            return _product([_ways(item, space, given) for item in children(node)])
        case Choose(options=options):
            return _sum([_ways(option, space, given) for option in options.values()])
        case Mix(kinds=kinds, total=total):
            used = _used([_ways(kind, space, given) for kind in kinds.values()])
            return _sum(
                [
                    _scaled(
                        _product([by_kinds, {met: 1}]), math.comb(n - 1, k - 1) if k else n == 0
                    )
                    for n, met in _numbers(total, space, given)
                    for k, by_kinds in enumerate(used[: max(0, n) + 1])
                ]
            )
        case Series(kinds=kinds, length=length):
            each = _sum([_ways(kind, space, given) for kind in kinds.values()])
            return _sum(
                [_product([{met: 1}, *[each] * n]) for n, met in _numbers(length, space, given)]
            )
        case _:
            return _ONE


def _ways_of_stack(node: MapNode, space: Space, given: Mapping[str, Any]) -> Ways:
    """Return the ways of a stack with a sequence of units: what is in a unit is drawn once."""
    units = node.items["units"]
    assert isinstance(units, Series)  # the caller looked
    used = _used([_ways(kind, space, given) for kind in units.kinds.values()])
    rest = [_ways(item, space, given) for key, item in node.items.items() if key != "units"]
    sequences = [
        _scaled(_product([by_kinds, {met: 1}]), _onto(n, k))
        for n, met in _numbers(units.length, space, given)
        for k, by_kinds in enumerate(used[: max(0, n) + 1])
    ]
    return _product([_sum(sequences), *rest])


def _used(kinds: list[Ways]) -> list[Ways]:
    """Return the ways of all choices of 0, 1, 2 … of ``kinds``."""
    found: list[Ways] = [_ONE]
    for ways in kinds:
        more = [*found, {}]
        for k, before in enumerate(found):
            more[k + 1] = _sum([more[k + 1], _product([before, ways])])
        found = more
    return found


def _onto(n: int, k: int) -> int:
    """Return how many sequences of ``n`` use each of ``k`` kinds."""
    return sum((-1) ** (k - j) * math.comb(k, j) * j**n for j in range(k + 1))


def _sum(terms: list[Ways]) -> Ways:
    found: Counter[frozenset[str]] = Counter()
    for term in terms:
        found.update(term)
    return found


def _product(factors: list[Ways]) -> Ways:
    found = _ONE
    for factor in factors:
        if factor == _ONE:
            continue
        step: Counter[frozenset[str]] = Counter()
        for a, n in found.items():
            for b, m in factor.items():
                step[a | b] += n * m
        found = step
    return found


def _scaled(ways: Ways, times: int) -> Ways:
    return {met: n * times for met, n in ways.items()}


def _opened(
    ways: Ways, space: Space, given: Mapping[str, Any], seen: frozenset[str] = frozenset()
) -> Ways:
    """Return ``ways`` times those inside the named choices that are met, each once."""
    found: list[Ways] = []
    for met, n in ways.items():
        name = min((name for name in met - seen if name in space.choices), default=None)
        if name is None:
            found.append({met: n})
            continue
        node = space.choices[name]
        inner: Node = node
        if isinstance(node, Choose) and name in given:
            inner = node.options[given[name]]
        within_it = (
            _ONE if isinstance(node, Range) and name in given else _ways(inner, space, given)
        )
        found.append(_opened(_product([{met: n}, within_it]), space, given, seen | {name}))
    return _sum(found)


def _numbers(
    node: Node, space: Space, given: Mapping[str, Any]
) -> list[tuple[int, frozenset[str]]]:
    """Return every whole number that ``node`` can be, with the named choices it comes from."""
    match node:
        case Plain(value=value, place=place):
            return [(Int().read(value, place), frozenset())]
        case Use(name=name):
            inner = space.choices[name]
            if isinstance(inner, Range) and name in given:
                return [(given[name], frozenset((_label_of(name),)))]
            if isinstance(inner, Choose) and name in given:
                inner = inner.options[given[name]]
            return [(n, met | {_label_of(name)}) for n, met in _numbers(inner, space, given)]
        case Choose(options=options):
            return [n for option in options.values() for n in _numbers(option, space, given)]
        case _:
            return [(n, frozenset()) for n in _options(node)]
