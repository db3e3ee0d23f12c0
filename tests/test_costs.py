"""Exact costs: counts by hand (the papers' printed tables: tests/papers)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.architecture.strategies import architectures, convs
from tests.space.files import bound
from unitsearch.architecture import (
    Architecture,
    Conv,
    Linear,
    Slbf,
    Stack,
    Unit,
    Units,
    canonical,
)
from unitsearch.costs import Cost, count, layer_cost
from unitsearch.errors import ShapeError
from unitsearch.network.build import build
from unitsearch.shapes import Shape, after
from unitsearch.space import point


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_convs_macs_equal_a_count_over_its_output(c: int, h: int, w: int, data: Any) -> None:
    x: Shape = (c, h, w)
    conv: Conv = data.draw(convs(x))
    rows = range(-conv.margin, h + conv.margin - conv.kernel + 1, conv.stride)
    columns = range(-conv.margin, w + conv.margin - conv.kernel + 1, conv.stride)
    window = conv.kernel**2 * c // conv.groups
    cost = layer_cost(conv, x)
    assert cost.macs == sum(window * conv.out for _ in rows for _ in columns)
    elements = conv.out * len(rows) * len(columns)
    norm = conv.norm == "batch"
    assert cost.flops == 2 * (cost.macs + elements * conv.bias + 2 * elements * norm)
    assert cost.params == window * conv.out + conv.out * conv.bias + 2 * conv.out * norm


def test_a_linear_layers_bias_is_a_parameter_but_no_flop() -> None:
    assert layer_cost(Linear(out=10), (32,)) == Cost(330, 320, 640, 320, 32 * 330, 42)
    assert layer_cost(Linear(out=10, bias=False), (32,)) == Cost(320, 320, 640, 320, 32 * 320, 42)
    cost = layer_cost(Linear(out=10, norm="batch"), (32,))
    assert (cost.params, cost.macs, cost.flops) == (350, 320, 640 + 4 * 10)


def test_batch_norm_stores_four_numbers_a_channel_of_which_two_are_parameters() -> None:
    for plain, normed, x in (
        (Linear(out=10), Linear(out=10, norm="batch"), (32,)),
        (Conv(out=10, norm="none"), Conv(out=10), (3, 8, 8)),
        (
            Slbf(out=10, bank=4, splits=3, norm="none"),
            Slbf(out=10, bank=4, splits=3),
            (3, 8, 8),
        ),
    ):
        architecture, two = layer_cost(plain, x), layer_cost(normed, x)
        assert (two.params - architecture.params, two.bits - architecture.bits) == (
            2 * 10,
            32 * 4 * 10,
        )


@pytest.mark.parametrize(
    ("space", "name"),
    [("lenet_table1", "U2"), ("toy_hybrid", "No.7"), ("mlp", "n4"), ("resnet18_cifar", "n6")],
)
def test_without_binary_filters_all_is_stored_in_32_bits_and_nothing_shared(
    space: str, name: str
) -> None:
    architecture = point(bound(space, name), name)
    state = build(architecture).state_dict()
    stored = sum(t.numel() for name, t in state.items() if t.is_floating_point())
    cost = count(architecture)
    assert cost.bits == 32 * stored
    assert cost.macs_shared == cost.macs


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_cost_of_a_unit_of_the_vgg_style_is_that_of_the_formula(n: int) -> None:
    """papers' facts: 39n + 6 parameters and s² (78n + 12) FLOPs for 2-n-2 with biases."""
    unit = Unit(inputs=2, layers=(Conv(out=n, bias=True), Conv(out=2, bias=True)))
    cost = layer_cost(Stack(units=(Units(1, unit),)), (2, 8, 8))
    assert (cost.params, cost.flops) == (39 * n + 6, 64 * (78 * n + 12))


@pytest.mark.parametrize("m", [1, 3, 8])
def test_a_stack_of_m_units_costs_m_times_one(m: int) -> None:
    """BUnit-Net Eqs. (5) and (7)."""
    unit = Unit(inputs=2, layers=(Conv(out=3), Conv(out=2)))
    architecture = layer_cost(Stack(units=(Units(1, unit),)), (2, 6, 6))
    assert layer_cost(Stack(units=(Units(m, unit),)), (2 * m, 6, 6)) == architecture * m


@given(architectures())
def test_the_cost_is_the_sum_over_the_layers(architecture: Architecture) -> None:
    total, x = Cost(), tuple(architecture.input)
    for layer in architecture.layers:
        total, x = total + layer_cost(layer, x), after(layer, x)
    assert count(architecture) == total


@given(architectures())
def test_the_order_of_units_does_not_change_the_cost(architecture: Architecture) -> None:
    assert count(canonical(architecture)) == count(architecture)


def test_layers_that_do_not_fit_are_not_counted() -> None:
    unit = Unit(inputs=2, layers=(Conv(out=3), Conv(out=2)))
    stack = Stack(units=(Units(2, unit),))
    with pytest.raises(ShapeError, match="units that take 4 channels together"):
        count(Architecture(input=(3, 8, 8), layers=(stack,)))
    with pytest.raises(ShapeError, match="expected a flat input"):
        count(Architecture(input=(3, 8, 8), layers=(Linear(out=3),)))


def test_costs_add_and_multiply() -> None:
    one, other = Cost(1, 2, 3, 4, 5, 6), Cost(10, 20, 30, 40, 50, 60)
    assert one + other == Cost(11, 22, 33, 44, 55, 60)  # the memory of the one is used again
    assert one * 4 == Cost(4, 8, 12, 16, 20, 24)
