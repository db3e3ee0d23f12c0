"""Counts: generating functions over sets of named choices, against counting by hand."""

from __future__ import annotations

from itertools import product

import pytest

from unitsearch.space.counts import ONE, Counts, by_size, sequences, shares, using

A, B = frozenset("a"), frozenset("b")


def test_alternatives_are_added() -> None:
    assert Counts.sum_of([using("a"), using("a"), ONE]) == {A: 2, frozenset(): 1}


def test_no_alternative_counts_no_way() -> None:
    assert Counts.sum_of([]) == {}


def test_independent_parts_are_multiplied() -> None:
    two, three = Counts({A: 2}), Counts({B: 3})
    assert Counts.product_of([two, three]) == {A | B: 6}


def test_a_named_choice_that_two_parts_use_is_in_their_product_once() -> None:
    assert using("a") * using("a") == using("a")


def test_no_part_counts_one_way() -> None:
    assert Counts.product_of([]) == ONE


def test_kinds_are_chosen_by_size() -> None:
    assert by_size([using("a"), using("b")]) == [ONE, {A: 1, B: 1}, {A | B: 1}]


@pytest.mark.parametrize("kinds", range(4))
@pytest.mark.parametrize("length", range(6))
def test_sequences_are_those_that_use_every_kind(length: int, kinds: int) -> None:
    rows = product(range(kinds), repeat=length)
    assert sequences(length, kinds) == sum(len(set(row)) == kinds for row in rows)


@pytest.mark.parametrize("kinds", range(4))
@pytest.mark.parametrize("total", range(6))
def test_shares_leave_no_kind_without_a_unit(total: int, kinds: int) -> None:
    rows = product(range(1, total + 1), repeat=kinds)
    assert shares(total, kinds) == sum(sum(row) == total for row in rows)
