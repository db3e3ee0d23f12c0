"""Random members of a large space are distinct (benchmarks.sampling measures their speed)."""

from __future__ import annotations

import random

import pytest

from tests.space.files import bound
from unitsearch.architecture import key
from unitsearch.space import at_random, draw


@pytest.mark.parametrize("name", ["toy_hybrid", "resnet18_cifar"])
def test_a_thousand_random_members_are_nearly_all_distinct(name: str) -> None:
    space = bound(name)
    choose = at_random(random.Random(0))
    assert len({key(draw(space, choose)[1]) for _ in range(1_000)}) > 990
