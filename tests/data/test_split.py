from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitsearch.data.split import Split, allot, draw, hash_of, order

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def test_an_order_is_the_same_everywhere_and_for_ever() -> None:
    assert order("test", 12).tolist() == [4, 2, 0, 1, 8, 7, 6, 9, 5, 11, 3, 10]


def test_orders_of_different_purposes_differ() -> None:
    assert order("test", 50).tolist() != order("limit", 50).tolist()


@given(sizes=SIZES, share=st.floats(0, 1), keep=st.integers(0, 1))
def test_allot_gives_the_total_asked_for_within_its_bounds(
    sizes: list[int], share: float, keep: int
) -> None:
    total = round(share * sum(size - keep for size in sizes))
    counts = allot(sizes, total, keep)
    assert sum(counts) == total
    assert all(0 <= count <= size - keep for count, size in zip(counts, sizes, strict=True))


@given(sizes=SIZES, share=st.floats(0, 1))
def test_allot_keeps_proportions_to_within_one_image(sizes: list[int], share: float) -> None:
    total = round(share * sum(sizes))
    exact = [size * total / sum(sizes) for size in sizes]
    if min(exact) >= 1:
        pairs = zip(allot(sizes, total), exact, strict=True)
        assert all(abs(count - wanted) < 1 for count, wanted in pairs)


@given(sizes=SIZES, extra=st.integers(0, 20))
def test_allot_forgets_no_class_where_there_is_room_for_all(sizes: list[int], extra: int) -> None:
    total = min(len(sizes) + extra, sum(sizes))
    assert min(allot(sizes, total)) >= 1


@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=80),
    share=st.floats(0, 1),
)
def test_draw_cuts_the_images_into_two_ascending_parts(labels: list[int], share: float) -> None:
    total = round(share * len(labels))
    chosen, rest = draw(np.array(labels), total, "test")
    assert len(chosen) == total
    assert sorted([*chosen, *rest]) == list(range(len(labels)))
    assert (np.diff(chosen) > 0).all()
    assert (np.diff(rest) > 0).all()


def test_draw_leaves_each_class_the_images_that_must_stay() -> None:
    labels = np.array([0] * 9 + [1])
    chosen, _ = draw(labels, 9 - 1, "validation", keep=1)
    assert set(labels[chosen]) == {0}


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_the_hash_depends_on_every_part_and_on_the_labels(part: str) -> None:
    parts = {name: np.arange(3) for name in ("train", "validation", "test")}
    labels = [np.zeros(9, np.int64)]
    first = hash_of(Split(**parts), labels)
    assert hash_of(Split(**parts), labels) == first
    assert hash_of(Split(**{**parts, part: np.arange(4)}), labels) != first
    assert hash_of(Split(**parts), [np.ones(9, np.int64)]) != first
