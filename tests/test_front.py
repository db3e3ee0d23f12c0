"""The Pareto front and its hypervolume."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from unitsearch.costs import Cost
from unitsearch.metrics import METRICS, Measured
from unitsearch.search.front import (
    Point,
    dominates,
    front,
    hypervolume,
    hypervolumes,
    minimised,
    most_of_hypervolume,
    volume_point,
)


def points(size: int) -> st.SearchStrategy[list[Point]]:
    """Points on a coarse grid, so that ties are common."""
    number = st.integers(0, 6).map(float) | st.floats(0, 6)
    return st.lists(st.tuples(*[number] * size), max_size=12)


ANY = st.integers(1, 4).flatmap(points)
WITH_REFERENCE = st.integers(1, 4).flatmap(
    lambda n: st.tuples(points(n), st.tuples(*[st.floats(3, 7)] * n))
)
NUMBERS_BEYOND_ALL = st.sampled_from([0.0, 1.0, 2.0, math.inf, -math.inf, math.nan])


@given(ANY)
def test_no_member_of_a_front_dominates_another(drawn: list[Point]) -> None:
    on_front = front([(p, p) for p in drawn])
    assert not any(dominates(a, b) for a in on_front for b in on_front)


@given(ANY)
def test_everything_off_the_front_is_dominated_by_a_member(drawn: list[Point]) -> None:
    on_front = front(list(enumerate(drawn)))
    for i, point in enumerate(drawn):
        assert (i in on_front) != any(dominates(drawn[k], point) for k in on_front)


@given(ANY)
def test_a_front_keeps_its_order_and_all_of_equal_points(drawn: list[Point]) -> None:
    on_front = front(list(enumerate([*drawn, *drawn])))
    assert on_front == sorted(on_front)
    assert on_front == [*(half := front(list(enumerate(drawn)))), *(i + len(drawn) for i in half)]


@given(ANY, st.randoms())
def test_the_order_of_points_does_not_change_the_front(drawn: list[Point], random: object) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(front([(p, p) for p in shuffled])) == set(front([(p, p) for p in drawn]))


@given(st.lists(st.tuples(*[NUMBERS_BEYOND_ALL] * 3), max_size=12))
def test_a_point_with_nan_is_on_the_front_and_dominates_none(drawn: list[Point]) -> None:
    on_front = front(list(enumerate(drawn)))
    for i, point in enumerate(drawn):
        is_number = not any(map(math.isnan, point))
        assert (i in on_front) != (is_number and any(dominates(other, point) for other in drawn))


@given(WITH_REFERENCE)
def test_the_hypervolume_is_optunas(given_points: tuple[list[Point], Point]) -> None:
    drawn, reference = given_points
    inside = [p for p in drawn if all(x < r for x, r in zip(p, reference, strict=True))]
    expected = compute_hypervolume(np.array(inside), np.array(reference)) if inside else 0.0
    assert hypervolume(drawn, reference) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(points(3), st.tuples(*[st.floats(0, 6)] * 3))
def test_one_more_point_never_makes_the_hypervolume_smaller(
    drawn: list[Point], more: Point
) -> None:
    reference = (7.0, 7.0, 7.0)
    assert hypervolume([*drawn, more], reference) >= hypervolume(drawn, reference) - 1e-9


@given(WITH_REFERENCE)
def test_hypervolumes_are_those_of_the_first_points(
    given_points: tuple[list[Point], Point],
) -> None:
    drawn, reference = given_points
    expected = [hypervolume(drawn[: i + 1], reference) for i in range(len(drawn))]
    assert hypervolumes(drawn, reference) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_points_that_are_no_numbers_add_no_hypervolume_and_infinite_ones_all() -> None:
    assert hypervolume([(math.nan, 0.0), (0.5, 0.5), (math.inf, 0.0)], (1.0, 1.0)) == 0.25
    assert hypervolume([(-math.inf, 0.5), (0.5, 0.5)], (1.0, 1.0)) == math.inf
    assert hypervolume([(0.5, 0.5)], (1.0, math.inf)) == math.inf


@given(WITH_REFERENCE, st.integers(0, 14))
def test_each_chosen_point_adds_most_to_the_hypervolume(
    given_points: tuple[list[Point], Point], count: int
) -> None:
    drawn, reference = given_points
    chosen = most_of_hypervolume(drawn, reference, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(drawn))
    for turn, index in enumerate(chosen):
        before = [drawn[i] for i in chosen[:turn]]
        volumes = {
            i: hypervolume([*before, drawn[i]], reference)
            for i in range(len(drawn))
            if i not in chosen[:turn]
        }
        assert volumes[index] >= max(volumes.values()) - 1e-9


def test_of_points_that_add_equally_much_the_first_is_chosen() -> None:
    third = 1 / 3
    staircase = [(2 * third, third), (third, 2 * third), (0.0, 0.9), (0.9, 0.0), (third, 2 * third)]
    assert most_of_hypervolume(staircase, (1.0, 1.0), 5) == (0, 1, 2, 3, 4)
    assert most_of_hypervolume(staircase[::-1], (1.0, 1.0), 5) == (0, 4, 1, 2, 3)


def test_points_that_add_no_hypervolume_are_chosen_last() -> None:
    drawn = [(2.0, 0.0), (math.nan, 0.0), (0.5, 0.5), (-math.inf, 0.0), (0.6, 0.6), (0.4, 0.9)]
    assert most_of_hypervolume(drawn, (1.0, 1.0), 9) == (2, 5, 0, 1, 3, 4)
    assert most_of_hypervolume([], (1.0, 1.0), 9) == ()
    assert most_of_hypervolume(drawn, (1.0, 1.0), 0) == ()


def test_nothing_has_no_hypervolume() -> None:
    assert hypervolume([], (1.0, 1.0)) == 0
    assert hypervolume([(2.0, 0.0)], (1.0, 1.0)) == 0
    assert front([]) == []


def test_a_box_has_the_volume_of_a_box() -> None:
    assert hypervolume([(1.0, 2.0, 3.0)], (2.0, 4.0, 6.0)) == 6.0


def test_minimised_objectives_have_the_sign_of_maximised_ones_turned() -> None:
    new, baseline = Measured(0.9, Cost(10, 20, 40)), Measured(0.8, Cost(20, 40, 80))
    wanted = [METRICS[name] for name in ("accuracy", "flops", "params", "ce")]
    assert minimised(new, baseline, wanted) == (-0.9, 40, 10, pytest.approx(-2.25))


@given(
    st.lists(
        st.builds(
            Measured,
            st.floats(0.01, 1),
            st.builds(Cost, st.integers(1, 99), st.just(1), st.integers(1, 99)),
        ),
        max_size=12,
    )
)
def test_the_best_in_ce_and_se_is_on_the_front_of_accuracy_flops_and_params(
    networks: list[Measured],
) -> None:
    """A search for costs in place of the papers' ratios loses no network."""
    baseline = Measured(0.5, Cost(50, 50, 50))
    costs = [METRICS[name] for name in ("accuracy", "flops", "params")]
    kept = front([(i, minimised(network, baseline, costs)) for i, network in enumerate(networks)])
    for name in ("ce", "se"):
        best = max((METRICS[name].formula(network, baseline) for network in networks), default=0)
        on_front = [METRICS[name].formula(networks[i], baseline) for i in kept]
        assert not networks or max(on_front) == pytest.approx(best)


def test_the_volume_is_measured_in_powers_of_ten() -> None:
    assert volume_point(Measured(0.75, Cost(100, 1, 1000))) == (0.25, 3, 2)
