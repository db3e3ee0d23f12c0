"""The orders of units that are one network, and those that are not."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from unitsearch.architecture import Architecture, canonical, key, read_architecture

A: dict[str, Any] = {"nodes": [1, 2, 1]}
D: dict[str, Any] = {"nodes": [2, 1, 2]}
F: dict[str, Any] = {"nodes": [1, 2, 1], "kernel": 1}
FLAT_A: dict[str, Any] = {"nodes": [1, 2, 1], "of": "linear"}
FLAT_D: dict[str, Any] = {"nodes": [2, 1, 2], "of": "linear"}
UNITS = [A, D, F]


def stack(units: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "stack", "units": units}


def conv(out: int = 4, **keys: Any) -> dict[str, Any]:
    return {"kind": "conv", "out": out, **keys}


def slbf(out: int = 4, **keys: Any) -> dict[str, Any]:
    return {"kind": "slbf", "out": out, "bank": 3, **keys}


def read(layers: list[Any], image: tuple[int, int, int] = (3, 8, 8)) -> Architecture:
    return read_architecture({"unitsearch": 1, "input": list(image), "layers": layers})


POOL = {"kind": "pool", "kernel": 2}
HEAD = [{"kind": "flatten"}, {"kind": "linear", "out": 10}]

FREE = {
    "conv, stack, conv": ([conv()], [conv()]),
    "conv, stack, flatten, linear": ([conv()], HEAD),
    "pooling on both sides": ([conv(), POOL], [POOL, conv()]),
    "global pooling after": ([conv()], [{"kind": "global_pool"}, *HEAD]),
    "a depth-wise conv before": ([conv(), conv(4, groups=4)], [conv()]),
    "a depth-wise conv after": ([conv()], [conv(4, groups=4, bias=True), POOL, conv()]),
    "binary filters before": ([slbf(splits=3)], [conv()]),
    "binary filters of one split after": ([conv()], [POOL, slbf(splits=1)]),
    "binary filters on both sides": ([slbf(splits=3), POOL], [slbf(splits=1)]),
    "a depth-wise conv after binary filters": ([slbf(splits=3), conv(4, groups=4)], [conv()]),
    "batch norm and activation in the producer": ([conv(act="silu", bias=True)], [conv()]),
}
FIXED: dict[str, tuple[list[Any], list[Any], tuple[int, int, int]]] = {
    "a stack on the input": ([], [conv()], (4, 8, 8)),
    "a stack that ends the network": ([conv()], [], (3, 8, 8)),
    "a shuffle after": ([conv()], [{"kind": "shuffle", "groups": 2}, conv()], (3, 8, 8)),
    "a shuffle before": ([conv(), {"kind": "shuffle", "groups": 2}], [conv()], (3, 8, 8)),
    "a grouped conv after": ([conv()], [conv(4, groups=2)], (3, 8, 8)),
    "a grouped conv before": ([conv(), conv(4, groups=2)], [conv()], (3, 8, 8)),
    "binary filters of two splits after": ([conv()], [slbf(splits=2)], (3, 8, 8)),
    "a residual after": ([conv()], [{"kind": "residual", "body": [conv()]}], (3, 8, 8)),
    "a gate after": ([conv()], [{"kind": "gate", "body": [conv(4)]}, conv()], (3, 8, 8)),
    "branches after": ([conv()], [{"kind": "branches", "of": [[], []]}, conv()], (3, 8, 8)),
    "a residual before": ([{"kind": "residual", "body": [conv(3)]}], [conv()], (3, 8, 8)),
}


@pytest.mark.parametrize("name", FREE)
def test_the_order_of_units_is_free_between_dense_layers(name: str) -> None:
    before, after = FREE[name]
    keys = {key(read([*before, stack(list(o)), *after])) for o in permutations(UNITS)}
    assert len(keys) == 1


@pytest.mark.parametrize("name", FIXED)
def test_the_order_of_units_is_kept_at(name: str) -> None:
    before, after, image = FIXED[name]
    three = [A, F, {"nodes": [1, 3, 1]}]  # of one input each
    units = three if name == "a residual before" else UNITS
    keys = {key(read([*before, stack(list(o)), *after], image)) for o in permutations(units)}
    assert len(keys) == 6


def test_two_stacks_in_a_row_keep_both_orders() -> None:
    keys = {
        key(read([conv(), stack(list(order)), stack(list(two)), conv()]))
        for order in permutations(UNITS)
        for two in permutations(UNITS)
    }
    assert len(keys) == 36


def test_a_residual_body_that_begins_with_a_stack_keeps_its_order() -> None:
    bodies = [[stack(list(o)), conv()] for o in permutations(UNITS)]
    assert len({key(read([conv(), {"kind": "residual", "body": b}])) for b in bodies}) == 6


def test_a_residual_body_that_ends_in_a_stack_keeps_its_order() -> None:
    bodies = [[conv(), stack(list(o))] for o in permutations(UNITS)]
    assert len({key(read([conv(), {"kind": "residual", "body": b}])) for b in bodies}) == 6


def test_inside_a_residual_the_order_is_free_between_dense_layers() -> None:
    bodies = [[conv(), stack(list(o)), conv()] for o in permutations(UNITS)]
    assert len({key(read([conv(), {"kind": "residual", "body": b}])) for b in bodies}) == 1


@pytest.mark.parametrize("kind", ["residual", "gate"])
def test_order_is_free_in_every_body(kind: str) -> None:
    bodies = [[conv(), stack(list(o)), conv()] for o in permutations(UNITS)]
    assert len({key(read([conv(), {"kind": kind, "body": b}])) for b in bodies}) == 1


def test_order_is_free_in_a_branch_and_in_a_shortcut() -> None:
    side = [[conv(), stack(list(o)), conv()] for o in permutations(UNITS)]
    in_branch = {key(read([{"kind": "branches", "of": [s, []]}, conv()])) for s in side}
    body = [conv()]
    in_shortcut = {key(read([{"kind": "residual", "body": body, "shortcut": s}])) for s in side}
    assert (len(in_branch), len(in_shortcut)) == (1, 1)


def test_linear_units_between_linear_layers_are_free() -> None:
    hidden = {"kind": "linear", "out": 3}
    orders = ([FLAT_A, FLAT_D], [FLAT_D, FLAT_A])
    head = {"kind": "linear", "out": 10}
    keys = {key(read([{"kind": "flatten"}, hidden, stack(o), head])) for o in orders}
    assert len(keys) == 1


def test_linear_units_on_flattened_pixels_keep_their_order() -> None:
    orders = ([FLAT_A, FLAT_D], [FLAT_D, FLAT_A])
    head = {"kind": "linear", "out": 10}
    keys = {key(read([conv(3), {"kind": "flatten"}, stack(o), head])) for o in orders}
    assert len(keys) == 2


def test_equal_adjacent_units_are_one_run() -> None:
    counted = read([stack([{"count": 3, **A}]), conv()], (3, 8, 8))
    spelt = read([stack([A, {"count": 2, **A}]), conv()], (3, 8, 8))
    assert counted == spelt
    assert key(counted) == key(spelt)


def test_equal_units_apart_are_one_run_where_the_order_is_free() -> None:
    architecture = read([conv(), stack([A, D, A]), conv()])
    assert [run.count for run in architecture.layers[1].units] in ([2, 1], [1, 2])  # type: ignore[union-attr]


def test_counts_are_part_of_the_network() -> None:
    assert key(read([conv(), stack([{"count": 4, **A}]), conv()])) != key(
        read([conv(5), stack([{"count": 5, **A}]), conv()])
    )


def test_an_architecture_in_canonical_order_is_returned_as_it_is() -> None:
    architecture = read([conv(), stack(UNITS), conv()])
    assert canonical(architecture) is architecture
