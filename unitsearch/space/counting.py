"""How many members a space holds, in closed form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

from unitsearch.space.files import Space
from unitsearch.space.nodes import (
    Choose,
    Mix,
    Node,
    Plain,
    Range,
    Row,
    Series,
    Table,
    Use,
    children,
    walk,
)


def count_members(space: Space) -> int:
    """Return how many members the choices make, limits aside.

    Exact where no two ways of choosing make the same network; else an upper bound. (With over
    100,000 combinations of the named choices, an upper bound too.)
    """
    names = sorted(_named(space.layers, space, set()))
    options = [_options(space.choices[name]) for name in names]
    combinations = math.prod(map(len, options))
    if combinations > 100_000:
        return combinations * sum(_ways(space.layers, space, {}).values())
    total = 0
    for values in product(*options):
        given = dict(zip(names, values, strict=True))
        for met, ways in _opened(_ways(space.layers, space, given), space, given).items():
            # what is not met is not chosen: every combination of it gives these same members
            total += ways * math.prod(
                len(each) for name, each in zip(names, options, strict=True) if name in met
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


# In how many ways something can be chosen, by the named choices that are met on the way.
Ways = dict[frozenset[str], int]
_ONE: Ways = {frozenset(): 1}


def _ways(node: Node, space: Space, given: Mapping[str, Any]) -> Ways:
    """Return in how many ways ``node`` can be chosen when the named choices are ``given``."""
    match node:
        case Range():
            return {frozenset(): len(_options(node))}
        case Use(name=name) if name in space.choices:
            return {frozenset((name,)): 1}
        case Use(name=name):
            return _ways(space.units[name], space, given)
        case Table() | Row():
            if isinstance(node, Table) and isinstance(node.items.get("units"), Series):
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


def _ways_of_stack(node: Table, space: Space, given: Mapping[str, Any]) -> Ways:
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
        name = min(met - seen, default=None)
        if name is None:
            found.append({met: n})
            continue
        node = space.choices[name]
        inner = node.options[given[name]] if isinstance(node, Choose) else node
        within_it = _ONE if isinstance(node, Range) else _ways(inner, space, given)
        found.append(_opened(_product([{met: n}, within_it]), space, given, seen | {name}))
    return _sum(found)


def _numbers(
    node: Node, space: Space, given: Mapping[str, Any]
) -> list[tuple[int, frozenset[str]]]:
    """Return every whole number that ``node`` can be, with the named choices it comes from."""
    match node:
        case Plain(value=value):
            return [(int(value), frozenset())]
        case Use(name=name):
            inner = space.choices[name]
            if isinstance(inner, Range) and name in given:
                return [(given[name], frozenset((name,)))]
            if isinstance(inner, Choose) and name in given:
                inner = inner.options[given[name]]
            return [(n, met | {name}) for n, met in _numbers(inner, space, given)]
        case Choose(options=options):
            return [n for option in options.values() for n in _numbers(option, space, given)]
        case _:
            return [(n, frozenset()) for n in _options(node)]
