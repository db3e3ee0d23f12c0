"""Unit by unit, grouped or dense: one function."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from tests.architecture.strategies import architectures
from tests.network.layouts import SMALL, images, on_small_images, unsettle
from tests.space.files import SPACES, bound, some
from unitsearch.architecture import (
    KINDS,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Stack,
    Unit,
    Units,
)
from unitsearch.errors import ShapeError, UsageError
from unitsearch.network import PLANS
from unitsearch.network.build import Network, build
from unitsearch.network.plans import Plan, plan_from
from unitsearch.shapes import output
from unitsearch.training import Recipe
from unitsearch.training.runners import runner

every_layout = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL.keys())


def in_every_form(architecture: Architecture) -> list[Network]:
    """The loop is the definition; a stack that cannot be dense stays grouped."""
    networks = [build(architecture, plan=form).double() for form in ("loop", "grouped", "dense")]
    unsettle(networks[0])
    for network in networks[1:]:
        network.load_state_dict(networks[0].state_dict())
    return networks


def agree(architecture: Architecture) -> None:
    """Train on one batch in each form: outputs, gradients and running statistics."""
    networks = in_every_form(architecture)
    x = images(architecture)
    outputs = []
    for network in networks:
        network.train()
        y = network(x)
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
        outputs.append(y.detach())
    grads = [{n: p.grad for n, p in network.named_parameters()} for network in networks]
    states = [network.state_dict() for network in networks]
    answers = [network.eval()(x) for network in networks]
    for per_form in (outputs, grads, states, answers):
        for other in per_form[1:]:
            torch.testing.assert_close(other, per_form[0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("nodes", [(2, 4, 2), (1, 3, 2), (2, 6, 6, 2)], ids=str)
def test_a_stack_of_equal_units_is_a_row_of_grouped_convolutions(nodes: tuple[int, ...]) -> None:
    """One network in two spellings: outputs and gradients to 1e-5, in float32."""
    units, (first, *widths) = 8, nodes
    head = (GlobalPool(), Flatten(), Linear(out=10))
    before = Conv(out=units * first)
    unit = Unit(inputs=first, layers=tuple(Conv(out=out, bias=True) for out in widths))
    stacked = (before, Stack(units=(Units(units, unit),)), *head)
    convs = tuple(Conv(out=units * out, groups=units, bias=True) for out in widths)
    grouped = (before, *convs, *head)
    networks = [build(Architecture(input=(3, 12, 12), layers=x)) for x in (stacked, grouped)]
    weights = list(networks[0].state_dict().values())
    networks[1].load_state_dict(dict(zip(networks[1].state_dict(), weights, strict=True)))
    x = torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    outputs = [network(x) for network in networks]
    for y in outputs:
        y.logsumexp(1).sum().backward()
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=1e-5)
    for a, b in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-5)


def kinds_in(layers: tuple[Layer, ...]) -> set[str]:
    kinds = set()
    for layer in layers:
        kinds.add(type(layer).__name__)
        for inner in (getattr(layer, "body", ()), getattr(layer, "shortcut", ())):
            kinds |= kinds_in(inner)
        for sequence in getattr(layer, "of", ()):
            kinds |= kinds_in(sequence)
    return kinds


def test_these_layouts_hold_every_kind_of_layer() -> None:
    kinds = {kind for architecture in SMALL.values() for kind in kinds_in(architecture.layers)}
    assert kinds == {cls.__name__ for cls in KINDS.values()}


@every_layout
def test_outputs_gradients_and_statistics_agree(architecture: Architecture) -> None:
    agree(architecture)


@given(architectures(classes=3, most=3))
@settings(max_examples=50)
def test_plans_agree_on_any_architecture(architecture: Architecture) -> None:
    agree(architecture)


@every_layout
def test_the_network_gives_the_shape_that_was_promised(architecture: Architecture) -> None:
    x = images(architecture, dtype=torch.float32)
    assert tuple(build(architecture)(x).shape) == (len(x), *output(architecture))


@every_layout
def test_names_and_shapes_of_parameters_do_not_depend_on_the_plan(
    architecture: Architecture,
) -> None:
    shapes = [
        {name: tensor.shape for name, tensor in build(architecture, plan=plan).state_dict().items()}
        for plan in PLANS
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("path", SPACES.values(), ids=SPACES.keys())
def test_plans_agree_on_a_member_of_every_space(path: Path) -> None:
    (_, architecture), *_ = some(bound(path), 1, seed=4)
    architecture = on_small_images(architecture)
    networks = in_every_form(architecture)
    x = images(architecture, 2)
    with torch.inference_mode():
        answers = [network.eval()(x) for network in networks]
    for other in answers[1:]:
        torch.testing.assert_close(other, answers[0], rtol=1e-10, atol=1e-10)


def two_convolutions(classes: int = 4) -> Architecture:
    unit = Unit(inputs=2, layers=(Conv(out=3, norm="batch", act="relu"), Conv(out=2)))
    wide = Unit(inputs=2, layers=(Conv(out=5, norm="batch", act="relu"), Conv(out=2)))
    stack = Stack(units=(Units(2, unit), Units(2, wide)))
    head = (GlobalPool(), Flatten(), Linear(out=classes))
    return Architecture(input=(3, 8, 8), layers=(Conv(out=8), stack, stack, *head))


def test_a_stack_of_one_kind_of_layers_can_be_dense() -> None:
    network = build(two_convolutions(), plan="dense")
    assert str(network.plan) == "dense"


def test_a_stack_of_linear_units_stays_grouped_where_dense_is_asked_for() -> None:
    unit = Unit(inputs=2, layers=(Linear(out=3), Linear(out=2)))
    layers = (Flatten(), Stack(units=(Units(6, unit),)), Linear(out=3))
    assert str(build(Architecture(input=(3, 2, 2), layers=layers), plan="dense").plan) == "grouped"


def test_each_stack_can_have_a_form_of_its_own() -> None:
    network = build(two_convolutions(), plan="loop, layers.2 dense")
    assert {name: stack.form for name, stack in network.stacks().items()} == {
        "layers.1": "loop",
        "layers.2": "dense",
    }
    assert plan_from(str(network.plan)) in (
        Plan("loop", {"layers.2": "dense"}),
        Plan("dense", {"layers.1": "loop"}),
    )


def test_a_plan_says_the_order_of_maps_in_memory_where_it_is_not_channels_last() -> None:
    network = build(two_convolutions(), plan="loop, contiguous, layers.2 dense")
    assert network.memory_format == torch.contiguous_format
    assert plan_from(str(network.plan)) == network.plan
    assert build(two_convolutions(), plan="loop").memory_format == torch.channels_last


def test_a_network_trains_in_the_order_of_its_plan() -> None:
    networks = [
        build(two_convolutions(), plan=f"grouped{memory}") for memory in ("", ", contiguous")
    ]
    for network, is_last in zip(networks, (True, False), strict=True):
        runner(network, Recipe(), 4, ((0.5,) * 3, (0.5,) * 3))
        weight = network.get_parameter("layers.0.weights.weight")
        assert weight.is_contiguous(memory_format=torch.channels_last) == is_last


def test_bfloat16_is_close_and_leaves_parameters_in_float32() -> None:
    architecture = two_convolutions()
    exact, rounded = build(architecture, plan="dense"), build(architecture, plan="dense_bf16")
    rounded.load_state_dict(exact.state_dict())
    x = images(architecture, 64).float()
    answers = [network(x) for network in (exact, rounded)]
    for answer in answers:
        answer.logsumexp(1).sum().backward()
    torch.testing.assert_close(answers[1], answers[0], rtol=0.05, atol=0.05)
    assert not torch.equal(answers[0], answers[1])
    assert {p.dtype for p in rounded.parameters()} == {torch.float32}
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in rounded.parameters())


def test_a_plan_for_a_stack_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"found 'layers.9', expected one of the stacks layers.1"):
        build(two_convolutions(), plan="loop, layers.9 dense")


def test_an_unknown_plan_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="plan: found 'fast', expected auto, lanes, grouped"):
        build(SMALL["gate"], plan="fast")


def test_layers_that_do_not_fit_are_refused_before_anything_is_allocated() -> None:
    stack = next(layer for layer in SMALL["hybrid stack"].layers if isinstance(layer, Stack))
    with pytest.raises(ShapeError, match="units that take 7 channels"):
        build(Architecture(input=(2, 8, 8), layers=(stack,)))


def test_a_network_is_built_in_canonical_order() -> None:
    architecture = SMALL["hybrid stack"]
    stack = architecture.layers[1]
    assert isinstance(stack, Stack)
    turned = Stack(units=stack.units[::-1])
    other = Architecture(
        input=architecture.input, layers=(architecture.layers[0], turned, *architecture.layers[2:])
    )
    assert build(other).architecture == architecture
