from __future__ import annotations

import numpy as np
import pytest

from unitsearch.data.resizing import resized


def images(side: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 2, side, side), dtype=np.uint8)


def test_a_whole_factor_takes_the_mean_of_each_block() -> None:
    old = images(8)
    blocks = old.reshape(3, 2, 4, 2, 4, 2).sum((3, 5), dtype=np.int64)
    assert np.array_equal(resized(old, 4), (blocks + 2) // 4)


def test_a_pixel_that_two_new_ones_share_counts_by_its_area() -> None:
    row = np.array([0, 90, 255], np.uint8)
    old = np.broadcast_to(row, (1, 1, 3, 3))
    # (0 + 90 / 2) / 1.5 and (90 / 2 + 255) / 1.5
    assert resized(old, 2)[0, 0].tolist() == [[30, 200], [30, 200]]


def test_images_can_be_enlarged() -> None:
    old = images(4)
    assert np.array_equal(resized(old, 8), old.repeat(2, 2).repeat(2, 3))


@pytest.mark.parametrize("side", [1, 3, 7, 8, 11])
def test_an_even_image_stays_even_at_every_size(side: int) -> None:
    assert (resized(np.full((2, 3, 8, 8), 201, np.uint8), side) == 201).all()


def test_more_images_than_are_resized_together_are_all_resized() -> None:
    old = images(4, count=1500)
    assert np.array_equal(resized(old, 2)[1400:], resized(old[1400:], 2))
