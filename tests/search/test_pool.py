"""Candidates are distinct members within the limits, drawn from the study's seed."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from unitsearch.costs import count
from unitsearch.search.pool import draw_pool, farthest_first, mutations
from unitsearch.search.proposals import SearchProblem
from unitsearch.search.testing import large_space, problem_of, small_space
from unitsearch.space import at_random, draw, within

LARGE = problem_of(large_space())


def limited(params: int) -> SearchProblem:
    return replace(LARGE, limits={"params": params})


def test_a_small_space_is_its_own_pool() -> None:
    assert len(draw_pool(problem_of(small_space()), 100)) == 12


def test_members_of_a_pool_are_distinct_and_within_the_limits() -> None:
    problem = limited(2_000)
    pool = draw_pool(problem, 50)
    assert len({member.key for member in pool}) == 50
    assert all(within(member.cost, problem.limits) for member in pool)


def test_the_seed_decides_the_pool() -> None:
    keys = [[m.key for m in draw_pool(p, 20)] for p in (LARGE, LARGE, replace(LARGE, seed=1))]
    assert keys[0] == keys[1] != keys[2]


def test_a_pool_reaches_beyond_what_uniform_draws_reach() -> None:
    choose = at_random(random.Random(0))
    uniform = [draw(large_space(), choose)[1] for _ in range(100)]
    cheapest = min(member.cost.params for member in draw_pool(LARGE, 100))
    assert cheapest < min(count(architecture).params for architecture in uniform)


def test_mutations_keep_most_parameters_of_their_parent() -> None:
    parent = draw_pool(LARGE, 1)[0].values
    for child in mutations(LARGE, 5, [parent], 30):
        kept = sum(child.values.get(name) == value for name, value in parent.items())
        assert kept >= len(parent) - 5


@pytest.mark.parametrize("params", [1_000, 3_000])
def test_mutations_keep_the_limits(params: int) -> None:
    problem = limited(params)
    parent = draw_pool(LARGE, 1)[0].values
    assert all(m.cost.params <= params for m in mutations(problem, 5, [parent], 40))


def test_without_parents_there_are_no_mutations() -> None:
    assert mutations(LARGE, 5, [], 10) == []


def test_the_start_is_the_cheapest_and_then_the_farthest() -> None:
    pool = draw_pool(LARGE, 30)
    x = np.array([[member.cost.params] for member in pool], dtype=float)
    first, second = farthest_first(pool, x, 2)
    assert pool[first].cost.params == min(member.cost.params for member in pool)
    assert pool[second].cost.params == max(member.cost.params for member in pool)
