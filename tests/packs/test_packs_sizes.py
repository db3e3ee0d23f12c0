"""The choice of a pack's size: the members that train at a time."""

from __future__ import annotations

import pytest
import torch

from tests.packs.members import drawn, noise
from unitsearch.training import Recipe
from unitsearch.training.memory import is_memory
from unitsearch.training.packed.sizes import choose_size, fastest, step_seconds


def test_a_pack_doubles_while_a_member_gets_cheaper() -> None:
    seconds = {1: 8.0, 2: 9.0, 4: 10.0, 8: 12.0, 16: 24.0, 32: 48.0}
    assert fastest(lambda size: (seconds[size], True)) == 8


def test_a_gain_within_noise_does_not_count() -> None:
    assert fastest(lambda size: (1 + 0.97 * (size - 1), True)) == 1


def test_a_pack_stops_growing_where_there_is_no_memory_for_twice_as_many() -> None:
    assert fastest(lambda size: (1.0, size < 4)) == 4


def test_a_size_that_memory_does_not_hold_is_not_taken() -> None:
    def measure(size: int) -> tuple[float, bool]:
        if size > 2:
            raise torch.OutOfMemoryError
        return 1.0, True

    assert fastest(measure) == 2


def test_a_lack_of_memory_is_recognised_by_torchs_message() -> None:
    def measure(size: int) -> tuple[float, bool]:
        try:
            if size > 4:
                raise torch.OutOfMemoryError
        finally:
            if size > 4:  # as the end of a graph's capture does
                raise RuntimeError("CUDA error: operation failed due to an error during capture")
        return 1.0, True

    assert fastest(measure) == 4
    assert is_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert is_memory(RuntimeError("CUDA error: out of memory"))


def test_another_error_of_a_measurement_is_raised() -> None:
    def measure(size: int) -> tuple[float, bool]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        fastest(measure)


def test_no_pack_is_larger_than_allowed() -> None:
    assert fastest(lambda size: (1.0, True), most=6) == 4


def test_on_a_cpu_members_train_alone_unless_more_are_asked_for() -> None:
    data = noise((1, 28, 28), 16, 10)
    assert choose_size(drawn("lenet_table1", 2), data, Recipe(), "cpu") == 1


def test_a_step_is_timed_where_the_pack_runs() -> None:
    data = noise((1, 28, 28), 16, 10)
    assert 0 < step_seconds(drawn("lenet_table1", 2), data, Recipe(batch=4), "cpu") < 60
