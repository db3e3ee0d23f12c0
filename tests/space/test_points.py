"""Named points, members by their values, and the dense baseline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.space.files import END, bound, written
from unitsearch.architecture import Conv, Linear, Stack, read_architecture
from unitsearch.costs import count
from unitsearch.errors import SpecError, UsageError
from unitsearch.space import baseline, dense, expectations, member, point


def weights(layers: Any) -> int:
    """The weights of Eqs. (5) and (6): no bias, no batch norm."""
    total, width = 0, 0
    for layer in layers:
        if isinstance(layer, Stack):
            for run in layer.units:
                a = run.unit.inputs
                for inner in run.unit.weighted:
                    kernel = inner.kernel if isinstance(inner, Conv) else 1
                    total += run.count * kernel**2 * a * inner.out
                    a = inner.out
            width = layer.outputs
        elif isinstance(layer, (Conv, Linear)):
            kernel = layer.kernel if isinstance(layer, Conv) else 1
            total += kernel**2 * width * layer.out
            width = layer.out
    return total


@pytest.mark.parametrize("m", [1, 2, 5, 8])
@pytest.mark.parametrize("nodes", [[1, 2, 1], [2, 4, 2], [3, 2, 1], [2, 6, 6, 2]])
@pytest.mark.parametrize("of", ["conv", "linear"])
def test_the_dense_form_of_m_equal_units_has_m_times_the_weights(
    m: int, nodes: list[int], of: str
) -> None:
    """BUnit-Net Eq. (6): M_n = m · M_s."""
    before = [] if of == "conv" else [{"kind": "flatten"}]
    image = [m * nodes[0], 4, 4] if of == "conv" else [m * nodes[0], 1, 1]
    stack = {"kind": "stack", "units": [{"count": m, "nodes": nodes, "of": of}]}
    architecture = read_architecture({"unitsearch": 1, "input": image, "layers": [*before, stack]})
    entering = Conv(out=image[0])
    stacked = weights([entering, *architecture.layers])
    assert weights([entering, *dense(architecture).layers]) == m * stacked
    assert count(dense(architecture)).macs == m * count(architecture).macs


def test_the_dense_form_of_a_hybrid_stack_connects_all_its_nodes() -> None:
    architecture = dense(point(bound("lenet_hybrid"), "hybrid"))
    widths = [layer.out for layer in architecture.layers if isinstance(layer, Conv)]
    assert widths == [8, 2 * 2 + 3 * 3 + 3 * 4, 8, 8, 25, 8]


def test_the_dense_form_keeps_pooling_inside_units() -> None:
    kinds = [type(layer).__name__ for layer in baseline(bound("lenet_table1")).layers]
    assert kinds == ["Conv", "Conv", "Pool", "Conv", "Pool", "Flatten", "Linear"]


def test_the_dense_form_of_binary_filters_is_the_normal_convolution() -> None:
    binary = [{"kind": "slbf", "out": 4, "bank": 4, "splits": 2}, {"kind": "conv", "out": 2}]
    units = [{"count": 2, "in": 2, "layers": binary}, {"nodes": [2, 4, 2]}]
    layers = [{"kind": "stack", "units": units}]
    architecture = read_architecture({"unitsearch": 1, "input": [6, 8, 8], "layers": layers})
    assert dense(architecture).layers == (Conv(out=12), Conv(out=6))


def test_units_of_different_kernels_have_no_dense_form() -> None:
    units = [{"nodes": [1, 2, 1]}, {"nodes": [1, 2, 1], "kernel": 5}]
    layers = [{"kind": "stack", "units": units}]
    architecture = read_architecture({"unitsearch": 1, "input": [2, 8, 8], "layers": layers})
    with pytest.raises(SpecError, match="units that differ in more than their nodes"):
        dense(architecture)


def test_the_mlp_baseline_is_the_papers() -> None:
    assert count(baseline(bound("mlp"))).params == 545_810


def test_a_point_may_be_a_whole_architecture() -> None:
    assert count(point(bound("mlp"), "baseline")).flops == 1_090_000


def test_an_unknown_point_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"found 'No\.11', expected a point of toy_hybrid"):
        point(bound("toy_hybrid"), "No.11")


def test_a_member_is_set_by_counts_or_by_cuts() -> None:
    space = bound("lenet_table1")
    by_counts = member(space, {"s1.units": {"U1": 2, "U2": 5, "U3": 1}}, "set")
    by_cuts = member(space, {"s1.units.cut0": 2, "s1.units.cut1": 7}, "set")
    assert by_counts == by_cuts


BAD = {
    "{}": "points.p.set: found \"no value for 's.units.cut0'\", expected s.units.cut0: a whole",
    "{s.units: {A: 1}}": "points.p.set.s.units: found 1, expected 2 units together",
    "{s.units: {A: 1, X: 1}}": "points.p.set.s.units.X: found 'X', expected one of A, B",
    "{s.units: {A: -1, B: 3}}": "points.p.set.s.units.A: found -1, expected a whole number",
    "{s.units.cut0: 3}": "points.p.set.s.units.cut0: found 3, expected a whole number from 0 to 2",
    "{s.unit: {A: 2}}": "points.p.set.s.unit: found 's.unit', expected a parameter of the space",
    "{s.units: {A: 2}, kk: 3}": "points.p.set.kk: found 'kk', expected a parameter of the space",
}  # fmt: skip


@pytest.mark.parametrize("settings", BAD)
def test_a_point_that_is_no_member_is_reported_with_its_line(settings: str) -> None:
    units = "units: {A: {nodes: [1, 1, 1]}, B: {nodes: [1, 2, 1]}}\n"
    stack = "{kind: stack, name: s, units: {mix: [A, B], total: 2}}"
    layers = f"layers:\n- {{kind: conv, out: auto}}\n- {stack}\n"
    space = written(f"{units}{layers}{END}points:\n  p: {{set: {settings}}}\n")
    with pytest.raises(SpecError) as caught:
        point(space, "p")
    assert str(caught.value).startswith(f"s.yaml:10: {BAD[settings]}")


def test_an_expectation_that_fails_shows_both_numbers() -> None:
    layers = f"layers:\n{END}points:\n  p: {{set: {{}}, expect: {{params: 1}}}}\n"
    assert expectations(written(layers), "p") == {"params": (1, 650)}


def test_a_misspelt_expectation_is_reported() -> None:
    layers = f"layers:\n{END}points:\n  p: {{set: {{}}, expect: {{parms: 1}}}}\n"
    with pytest.raises(SpecError, match=r"points.p.expect.parms: .*did you mean 'params'\?"):
        expectations(written(layers), "p")


@pytest.mark.parametrize(
    "text", ["{dense: nobody}", "{point: nobody}", "{point: [a]}", "{dense: a, point: b}", "{}"]
)
def test_a_baseline_that_is_none_is_refused(text: str) -> None:
    space = written(f"layers:\n{END}baseline: {text}\n")
    with pytest.raises((SpecError, UsageError)):
        baseline(space)
