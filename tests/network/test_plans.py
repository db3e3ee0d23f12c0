"""Unit by unit or grouped: one function."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from architecture.strategies import architectures
from hypothesis import given, settings
from space.files import SPACES, bound, some

from network.layouts import SMALL, images, unsettle
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
from unitsearch.shapes import output

every_layout = pytest.mark.parametrize("one", SMALL.values(), ids=SMALL.keys())


def both(one: Architecture) -> tuple[Network, Network]:
    grouped, loop = build(one, plan="grouped").double(), build(one, plan="loop").double()
    unsettle(grouped)
    loop.load_state_dict(grouped.state_dict())
    return grouped, loop


def agree(one: Architecture) -> None:
    """Train on one batch in both plans: outputs, gradients and running statistics."""
    networks = both(one)
    x = images(one)
    outputs = []
    for network in networks:
        network.train()
        y = network(x)
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
        outputs.append(y.detach())
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-10, atol=1e-10)
    grads = [{n: p.grad for n, p in network.named_parameters()} for network in networks]
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-10, atol=1e-10)
    states = [network.state_dict() for network in networks]
    torch.testing.assert_close(states[0], states[1], rtol=1e-10, atol=1e-10)
    for network in networks:
        network.eval()
    torch.testing.assert_close(networks[0](x), networks[1](x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("nodes", [(2, 4, 2), (1, 3, 2), (2, 6, 6, 2)], ids=str)
def test_a_stack_of_equal_units_is_a_row_of_grouped_convolutions(nodes: tuple[int, ...]) -> None:
    """One network in two spellings: outputs and gradients to 1e-5, in float32."""
    units, (first, *rest) = 8, nodes
    head = (GlobalPool(), Flatten(), Linear(out=10))
    before = Conv(out=units * first)
    unit = Unit(inputs=first, layers=tuple(Conv(out=out, bias=True) for out in rest))
    stacked = (before, Stack(units=(Units(units, unit),)), *head)
    convs = tuple(Conv(out=units * out, groups=units, bias=True) for out in rest)
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
    found = set()
    for layer in layers:
        found.add(type(layer).__name__)
        for inner in (getattr(layer, "body", ()), getattr(layer, "shortcut", ())):
            found |= kinds_in(inner)
        for sequence in getattr(layer, "of", ()):
            found |= kinds_in(sequence)
    return found


def test_these_layouts_hold_every_kind_of_layer() -> None:
    found = {kind for one in SMALL.values() for kind in kinds_in(one.layers)}
    assert found == {cls.__name__ for cls in KINDS.values()}


@every_layout
def test_outputs_gradients_and_statistics_agree(one: Architecture) -> None:
    agree(one)


@given(architectures(classes=3, most=3))
@settings(deadline=None, max_examples=50)
def test_plans_agree_on_any_architecture(one: Architecture) -> None:
    agree(one)


@every_layout
def test_the_network_gives_the_shape_that_was_promised(one: Architecture) -> None:
    x = images(one, dtype=torch.float32)
    assert tuple(build(one)(x).shape) == (len(x), *output(one))


@every_layout
def test_names_and_shapes_of_parameters_do_not_depend_on_the_plan(one: Architecture) -> None:
    shapes = [
        {name: tensor.shape for name, tensor in build(one, plan=plan).state_dict().items()}
        for plan in PLANS
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("path", SPACES.values(), ids=SPACES.keys())
def test_plans_agree_on_a_member_of_every_space(path: Path) -> None:
    (_, one), *_ = some(bound(path), 1, seed=4)
    networks = both(one)
    x = images(one, 2)
    with torch.inference_mode():
        answers = [network.eval()(x) for network in networks]
    torch.testing.assert_close(answers[0], answers[1], rtol=1e-10, atol=1e-10)


def test_an_unknown_plan_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="plan: found 'fast', expected one of grouped, loop"):
        build(SMALL["gate"], plan="fast")


def test_layers_that_do_not_fit_are_refused_before_anything_is_allocated() -> None:
    stack = next(layer for layer in SMALL["hybrid stack"].layers if isinstance(layer, Stack))
    with pytest.raises(ShapeError, match="units that take 7 channels"):
        build(Architecture(input=(2, 8, 8), layers=(stack,)))


def test_a_network_is_built_in_canonical_order() -> None:
    one = SMALL["hybrid stack"]
    stack = one.layers[1]
    assert isinstance(stack, Stack)
    turned = Stack(units=stack.units[::-1])
    other = Architecture(input=one.input, layers=(one.layers[0], turned, *one.layers[2:]))
    assert build(other).architecture == one
