"""Sampling and counting fast enough to look at ten thousand candidates while one trains."""

from __future__ import annotations

import random
from time import process_time

import pytest

from tests.space.files import bound
from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.space import at_random, draw


@pytest.mark.slow
def test_ten_thousand_members_are_drawn_counted_and_keyed_in_four_seconds() -> None:
    space = bound("toy_hybrid")
    choose = at_random(random.Random(0))
    begun = process_time()
    drawn = [draw(space, choose)[1] for _ in range(10_000)]
    counting = process_time()
    costs = [count(one) for one in drawn]
    counted = process_time()
    keys = {key(one) for one in drawn}
    ended = process_time()
    assert len(costs) == 10_000
    assert len(keys) > 9_990
    assert counted - counting < 1.0
    assert ended - begun < 4.0


@pytest.mark.slow
def test_a_thousand_members_of_resnet18_are_drawn_counted_and_keyed_in_a_second() -> None:
    space = bound("resnet18_cifar")
    choose = at_random(random.Random(0))
    begun = process_time()
    drawn = [draw(space, choose)[1] for _ in range(2_000)]
    costs = [count(one) for one in drawn]
    counted = process_time()
    assert len({key(one) for one in drawn}) > 1_900
    assert len(costs) == 2_000
    assert counted - begun < 2.0
