"""Boxes fill what a front leaves free, so that their overlaps are exact gains in hypervolume."""

from __future__ import annotations

import numpy as np
import pytest

from unitsearch.search.front import hypervolume
from unitsearch.search.model.acquisition import expected_gains, quantiles
from unitsearch.search.model.boxes import boxes, overlaps


def gain(points: np.ndarray, new: np.ndarray) -> float:
    """Return the gain in hypervolume of one more point, up to 1 in every objective."""
    rows = [tuple(map(float, point)) for point in points]
    reference = (1.0,) * len(new)
    return hypervolume([*rows, tuple(map(float, new))], reference) - hypervolume(rows, reference)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("steps", [None, 4])
def test_the_gain_of_a_point_is_what_the_boxes_say(objectives: int, steps: int | None) -> None:
    generator = np.random.default_rng(objectives)
    for size in range(8):
        points = generator.random((size, objectives))
        new = generator.random(objectives)
        if steps:  # equal numbers in many objectives
            points, new = np.floor(points * steps) / steps, np.floor(new * steps) / steps
        free = boxes(points, np.ones(objectives))
        sides = np.ones(len(free.lower))
        for place in range(objectives):
            sides *= overlaps(free, new[place : place + 1], place)[0]
        assert sides.sum() == pytest.approx(gain(points, new), abs=1e-12)


def test_an_empty_front_leaves_everything_free() -> None:
    free = boxes(np.empty((0, 2)), np.array([1.0, 2.0]))
    assert len(free.lower) == 1
    assert free.upper.tolist() == [[1.0, 2.0]]


def test_points_beyond_the_reference_do_not_count() -> None:
    free = boxes(np.array([[0.5, 3.0]]), np.array([1.0, 2.0]))
    assert free.upper.tolist() == [[1.0, 2.0]]


def test_expected_gains_are_means_over_the_parts_of_uncertain_objectives() -> None:
    front = np.array([[0.3, 0.6], [0.6, 0.2]])
    parts = np.array([[0.1, 0.5, 0.9]])
    counted = np.array([[True, True, False]])
    found = expected_gains(boxes(front, np.ones(2)), [parts, np.array([0.1])], counted)
    by_hand = [gain(front, np.array([part, 0.1])) for part in (0.1, 0.5)]
    assert found[0] == pytest.approx(sum(by_hand) / 3)


def test_quantiles_are_the_middles_of_equal_parts() -> None:
    assert quantiles(1)[0] == 0.0
    assert quantiles(2) == pytest.approx([-0.6745, 0.6745], abs=1e-4)
