"""The seeds that derive from a study's."""

from __future__ import annotations

from unitsearch.search.seeds import derive

NAMES = [
    (seed, number, purpose)
    for seed in range(5)
    for number in range(20)
    for purpose in ("train", "ask 0", "fresh")
]


def test_derived_seeds_differ_by_study_number_and_purpose() -> None:
    assert len({derive(*name) for name in NAMES}) == len(NAMES)


def test_derived_seeds_fit_31_bits() -> None:
    assert all(0 <= derive(*name) < 2**31 for name in NAMES)


def test_a_seed_is_the_same_whenever_it_is_derived() -> None:
    assert [derive(*name) for name in NAMES] == [derive(*name) for name in NAMES]
    assert derive(0, 1, "train") == 1405206683
