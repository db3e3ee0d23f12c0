"""Fills: stacks with as many units as a site has room for."""

from __future__ import annotations

import pytest

from tests.space.files import some, written
from tests.space.over_backbone import (
    FILL,
    HYBRID,
    KINDS,
    block,
    only,
    refused,
    replacing,
    space,
    stack,
)
from unitsearch.architecture import Conv
from unitsearch.errors import SpecError


def test_a_fill_has_as_many_units_as_the_input_width_wants_and_ends_in_the_output_width() -> None:
    filled = stack(block(replacing(FILL, more="run: body,")).body[0])
    assert [(run.count, run.unit.nodes) for run in filled.units] == [(4, (2, 4, 4))]


def test_a_unit_has_its_own_kernels_groups_and_depth() -> None:
    fill = (
        "{kind: stack, fill: {nodes: [2, 6, 6, auto], kernel: [1, 5, 1], groups: [1, 6, 1], "
        "act: [relu6, relu6, none]}}"
    )
    unit = stack(block(replacing(fill, more="run: body,")).body[0]).units[0].unit
    convs = [layer for layer in unit.layers if isinstance(layer, Conv)]
    assert [conv.kernel for conv in convs] == [1, 5, 1]
    assert [conv.groups for conv in convs] == [1, 6, 1]
    assert [conv.act for conv in convs] == ["relu6", "relu6", "none"]


def test_a_unit_written_out_fills_a_site_too() -> None:
    unit = "{in: 4, layers: [{kind: conv, out: 3}, {kind: conv, out: auto}]}"
    filled = stack(block(replacing(f"{{kind: stack, fill: {unit}}}", more="run: body,")).body[0])
    assert filled.units[0].count == 2
    assert filled.units[0].unit.nodes == (4, 3, 8)
    assert filled.units[0].unit.weighted[0].stride == 2  # type: ignore[union-attr]


def test_input_nodes_auto_are_the_fewest_that_share_out_both_widths() -> None:
    filled = replacing(
        "{kind: stack, fill: {nodes: [auto, 4, auto], kernel: 1}}", "[tail.a, tail.b]"
    )
    first, second = (stack(layer).units[0] for layer in only(filled).layers[3:5])
    assert (first.count, first.unit.nodes) == (8, (2, 4, 3))
    assert (second.count, second.unit.nodes) == (8, (3, 4, 2))


def test_a_hidden_layer_may_be_depthwise() -> None:
    fill = "{nodes: [2, 6, 6, auto], groups: [1, depthwise, 1]}"
    unit = stack(block(replacing(f"{{kind: stack, fill: {fill}}}", more="run: body,")).body[0])
    assert [layer.groups for layer in unit.units[0].unit.weighted] == [1, 6, 1]  # type: ignore[union-attr]


def test_the_first_layer_takes_the_stride_of_the_site() -> None:
    filled = stack(block(replacing(FILL, more="run: body,")).body[0])
    assert [layer.stride for layer in filled.units[0].unit.weighted] == [2, 1]


@pytest.mark.parametrize(
    ("word", "strides"), [("first", [2, 1, 1]), ("second", [1, 2, 1]), ("last", [1, 1, 2])]
)
def test_a_unit_says_which_of_its_layers_takes_the_stride(word: str, strides: list[int]) -> None:
    fill = f"{{kind: stack, fill: {{nodes: [2, 4, 4, auto], stride: {word}}}}}"
    filled = stack(block(replacing(fill, more="run: body,")).body[0])
    assert [layer.stride for layer in filled.units[0].unit.weighted] == strides


def test_a_hybrid_fill_mixes_units_to_the_width_of_each_site() -> None:
    for _, architecture in some(space(HYBRID), 50):
        for index, units in ((1, 4), (2, 8)):
            filled = stack(architecture.layers[index].body[0])  # type: ignore[union-attr]
            assert filled.size == units
            assert filled.outputs == 16


def test_the_order_of_a_hybrid_fill_may_be_drawn() -> None:
    text = HYBRID.replace("{mix: [A, B]}", "{sequence: {of: [A, B]}}")
    orders = {tuple(run.count for run in stack(architecture.layers[1].body[0]).units)  # type: ignore[union-attr]
             for _, architecture in some(space(text), 200)}  # fmt: skip
    assert (1, 1, 1, 1) in orders


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("A: {nodes: [2, 2, auto]}, B: {nodes: [4, 2, auto]}", "units with 2, 4 input nodes"),
        ("A: {nodes: [2, 2, auto]}, B: {nodes: [2, 2, 1]}", "units with 1, 4 output nodes"),
    ],
)
def test_kinds_of_unequal_ends_are_refused(kinds: str, message: str) -> None:
    text = HYBRID.replace(KINDS, f"units: {{{kinds}}}\n")
    assert f"found '{message}'" in refused(text)


def test_units_that_do_not_share_out_a_site_are_refused_with_its_name() -> None:
    message = refused(
        "replace: [{sites: [stem], with: {kind: stack, fill: {nodes: [2, 2, auto]}}}]\n"
    )
    assert "found 'units with 2 input nodes', expected a divisor of the 3 channels" in message
    assert "that enter stem" in message


def test_auto_outside_a_fill_is_refused() -> None:
    text = (
        "units: {A: {nodes: [1, 2, 1]}}\nlayers:\n- {kind: conv, out: auto}\n"
        "- {kind: stack, units: {mix: [A], total: auto}}\n- {kind: flatten}\n"
        "- {kind: linear, out: classes}\n"
    )
    with pytest.raises(SpecError, match="auto is for what fills a site"):
        only(written(text))
