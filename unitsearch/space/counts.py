"""Counts of ways to choose: generating functions over the sets of named choices that are used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from operator import mul


class Counts(dict[frozenset[str], int]):
    """Numbers of ways to choose, by the set of named choices that each way uses.

    This is a generating function whose variables are the named choices: the item ``{a, b}: 3``
    counts three ways that use the choices ``a`` and ``b`` and no other. Alternatives are added.
    Independent parts are multiplied, and because a named choice is drawn once however often it is
    used, the product of two items has the union of their sets (``a`` times ``a`` is ``a``).
    """

    @staticmethod
    def sum_of(terms: Iterable[Counts]) -> Counts:
        """Return the counts of alternatives; no term at all counts no way."""
        total = Counts()
        for term in terms:
            for used, ways in term.items():
                total[used] = total.get(used, 0) + ways
        return total

    @staticmethod
    def product_of(factors: Iterable[Counts]) -> Counts:
        """Return the counts of independent parts; no factor at all counts one way."""
        return reduce(mul, factors, ONE)

    def __mul__(self, other: Counts) -> Counts:
        """Return the counts of two independent parts together."""
        if other == ONE:
            return self
        if self == ONE:
            return other
        product = Counts()
        for mine, ways in self.items():
            for its, times in other.items():
                used = mine | its
                product[used] = product.get(used, 0) + ways * times
        return product

    def times(self, number: int) -> Counts:
        """Return ``number`` times as many ways."""
        return Counts({used: ways * number for used, ways in self.items()})


ONE = Counts({frozenset(): 1})


def using(name: str) -> Counts:
    """Return the counts of one way, which uses the named choice ``name``."""
    return Counts({frozenset((name,)): 1})


def by_size(kinds: list[Counts]) -> list[Counts]:
    """Return the counts of all choices of 0, 1, 2 … different ones of ``kinds``."""
    sizes = [ONE]
    for counts in kinds:
        more = [*sizes, Counts()]
        for k, before in enumerate(sizes):
            more[k + 1] = Counts.sum_of([more[k + 1], before * counts])
        sizes = more
    return sizes


def shares(total: int, kinds: int) -> int:
    """Return the number of ways to share ``total`` units among ``kinds``, each with one or more."""
    return math.comb(total - 1, kinds - 1) if total and kinds else int(total == kinds)


def sequences(length: int, kinds: int) -> int:
    """Return the number of sequences of ``length`` that use each of ``kinds``.

    Source:
        Inclusion and exclusion over the kinds that are not used.
    """
    return sum((-1) ** (kinds - j) * math.comb(kinds, j) * j**length for j in range(kinds + 1))
