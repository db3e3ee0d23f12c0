"""How many members a pack gets."""

from __future__ import annotations

import torch

from packs.members import drawn, noise
from unitsearch.training import Recipe
from unitsearch.training.pack_sizes import choose_size, fastest, step_seconds


def test_a_pack_doubles_while_a_member_gets_cheaper() -> None:
    seconds = {1: 8.0, 2: 9.0, 4: 10.0, 8: 12.0, 16: 24.0, 32: 48.0}
    assert fastest(lambda size: (seconds[size], True)) == 8


def test_a_gain_within_noise_is_none() -> None:
    assert fastest(lambda size: (1 + 0.97 * (size - 1), True)) == 1


def test_a_pack_stops_growing_where_there_is_no_memory_for_twice_as_many() -> None:
    assert fastest(lambda size: (1.0, size < 4)) == 4


def test_a_size_that_memory_does_not_hold_is_not_taken() -> None:
    def measure(size: int) -> tuple[float, bool]:
        if size > 2:
            raise torch.OutOfMemoryError
        return 1.0, True

    assert fastest(measure) == 2


def test_no_pack_is_larger_than_allowed() -> None:
    assert fastest(lambda size: (1.0, True), most=6) == 4


def test_on_a_cpu_members_train_alone_unless_more_are_asked_for() -> None:
    data = noise((1, 28, 28), 16, 10)
    assert choose_size(drawn("lenet_table1", 2), data, Recipe(), "cpu") == 1


def test_a_step_is_timed_where_the_pack_runs() -> None:
    data = noise((1, 28, 28), 16, 10)
    assert 0 < step_seconds(drawn("lenet_table1", 2), data, Recipe(batch=4), "cpu") < 60
