"""The costs that removing units saves are the difference of two exact counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import architecture, lenet
from unitsearch.architecture import Architecture, canonical
from unitsearch.costs import Cost, count
from unitsearch.errors import UsageError
from unitsearch.views.inspection import cost_without, saved_cost

COUNTS = st.fixed_dictionaries({kind: st.integers(1, 4) for kind in ("1-2-1", "1-4-1", "2-4-2")})


def network(layers: str, image: str = "[3, 8, 8]") -> Architecture:
    return architecture(f"unitsearch: 1\ninput: {image}\nlayers: [{layers}]")


def summed(cost: Cost) -> Cost:
    """The costs that are sums over layers: the peak of activations is none."""
    return replace(cost, activation_bytes=0)


def stack(units: str) -> str:
    return f"{{kind: stack, units: [{units}]}}"


HEAD = "{kind: flatten}, {kind: linear, out: 10}"


@given(first=COUNTS, second=COUNTS, data=st.data())
def test_the_savings_are_the_difference_to_a_network_built_without_the_units(
    first: dict[str, int], second: dict[str, int], data: st.DataObject
) -> None:
    whole = canonical(lenet((first, second)))
    stacks = [layer for layer in whole.layers if hasattr(layer, "size")]
    removed = {}
    for number, each in enumerate(stacks):
        removed[number] = data.draw(st.sets(st.integers(0, each.size - 1), max_size=each.size - 1))
    left: list[dict[str, int]] = []
    for number, each in enumerate(stacks):
        kept = {}
        start = 0
        for run in each.units:
            remaining = set(range(start, start + run.count)) - removed[number]
            start += run.count
            if remaining:
                kept["-".join(map(str, run.unit.nodes))] = len(remaining)
        left.append(kept)
    expected = summed(count(lenet((left[0], left[1]))))
    assert cost_without(whole, removed) == expected
    assert saved_cost(whole, removed) + expected == summed(count(whole))


CASES = {
    "depth-wise convolution and pooling on both sides": (
        "{{kind: conv, out: {n}}}, {{kind: conv, out: {n}, groups: {n}, stride: 2}}, {stack},"
        " {{kind: pool, kernel: 2}}, {{kind: conv, out: {n}, groups: {n}}}, {{kind: conv, out: 5}}"
    ),
    "a classifier behind it": "{{kind: conv, out: {n}}}, {stack}, {head}",
    "pooled, flattened and classified": (
        "{{kind: conv, out: {n}}}, {stack}, {{kind: global_pool}}, {head}"
    ),
    "binary filters on both sides": (
        "{{kind: slbf, out: {n}, bank: 2}}, {stack}, {{kind: slbf, out: 6, bank: 4}}"
    ),
}


@pytest.mark.parametrize("layers", CASES.values(), ids=CASES.keys())
def test_the_layers_around_a_stack_shrink_with_it(layers: str) -> None:
    def sized(units: int) -> Architecture:
        text = stack(f"{{count: {units}, nodes: [1, 2, 1]}}")
        return network(layers.format(n=units, stack=text, head=HEAD))

    assert cost_without(sized(6), {0: {1, 4}}) == summed(count(sized(4)))


def test_units_of_features_take_their_features_with_them() -> None:
    def sized(units: int) -> Architecture:
        text = stack(f"{{count: {units}, nodes: [2, 4, 2], of: linear}}")
        return network(
            f"{{kind: flatten}}, {{kind: linear, out: {2 * units}}}, {text},"
            " {kind: linear, out: 10}"
        )

    assert cost_without(sized(5), {0: {0}}) == summed(count(sized(4)))


def test_behind_a_residual_sum_the_channels_that_enter_stay() -> None:
    body = f"{stack('{count: 4, nodes: [2, 4, 2]}')}, {{kind: conv, out: 8, act: none}}"
    whole = network(f"{{kind: conv, out: 8}}, {{kind: residual, body: [{body}]}}")
    unit = Cost(
        params=72 + 8 + 72 + 4,
        macs=64 * 144,
        flops=2 * (64 * 144 + 2 * 64 * 6),
        macs_shared=64 * 144,
        bits=32 * (144 + 4 * 6),
    )
    taken = 9 * 2 * 8  # weights of the next convolution on the unit's two channels
    next_one = Cost(taken, 64 * taken, 2 * 64 * taken, 64 * taken, 32 * taken)
    assert saved_cost(whole, {0: {2}}) == unit + next_one


def test_before_a_residual_sum_the_channels_that_leave_stay() -> None:
    body = f"{{kind: conv, out: 8}}, {stack('{count: 4, nodes: [2, 4, 2]}')}"
    whole = network(f"{{kind: conv, out: 8}}, {{kind: residual, body: [{body}]}}")
    made = 9 * 8 * 2  # weights of the convolution before that make the unit's two channels
    unit_params = 72 + 8 + 72 + 4
    assert saved_cost(whole, {0: {2}}).params == unit_params + made + 2 * 2


def test_units_of_two_stacks_in_a_row_go_alone() -> None:
    text = stack("{count: 4, nodes: [1, 2, 1]}")
    whole = network(f"{{kind: conv, out: 4}}, {text}, {text}, {{kind: conv, out: 4}}")
    unit = 18 + 4 + 18 + 2
    assert saved_cost(whole, {0: {0}}).params == unit + 27 + 2
    assert saved_cost(whole, {1: {0}}).params == unit + 9 * 4


def test_stacks_are_numbered_through_blocks() -> None:
    text = stack("{count: 4, nodes: [1, 2, 1]}")
    small = stack("{count: 4, nodes: [1, 1, 1]}")
    whole = network(
        f"{{kind: conv, out: 4}}, {{kind: residual, body: [{text}], shortcut: [{small}]}}, {text}"
    )
    unit, small_unit = 18 + 4 + 18 + 2, 9 + 2 + 9 + 2
    assert [saved_cost(whole, {number: {0}}).params for number in range(3)] == [
        unit,
        small_unit,
        unit,
    ]


def test_removing_no_unit_saves_nothing() -> None:
    whole = lenet(({"1-2-1": 3}, {"1-4-1": 2}))
    assert saved_cost(whole, {}) == Cost()
    assert cost_without(whole, {}) == summed(count(whole))


@pytest.mark.parametrize(
    ("removed", "message"), [({0, 1, 2}, "all units of a stack"), ({3}, "0 to 2")]
)
def test_a_stack_cannot_lose_all_units_nor_units_beyond_its_size(
    removed: set[int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        saved_cost(lenet(({"1-2-1": 3}, {"1-4-1": 2})), {0: removed})
