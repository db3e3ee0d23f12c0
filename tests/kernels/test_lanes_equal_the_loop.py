"""Lanes compute what the loop over units computes: in float64, to 1e-10."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.architecture.strategies import architectures
from tests.kernels.networks import MEAN, STD, TRAITS, close, pair, prepared, same_state
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.kernels.lane_program import unsupported
from unitsearch.kernels.lanes import Lanes
from unitsearch.network.build import build
from unitsearch.space import point

POINTS = {
    "lenet U1": ("lenet_table1", "U1"),
    "lenet U2": ("lenet_table1", "U2"),
    "lenet Hybrid2": ("lenet_table1", "Hybrid2"),
    "toy No.1": ("toy_hybrid", "No.1"),
    "toy No.7": ("toy_hybrid", "No.7"),
    "digits": ("lenet_hybrid", "hybrid"),
    "mlp": ("mlp", "n4_deep"),
}
NETWORKS = {name: point(bound_space(space, []), key) for name, (space, key) in POINTS.items()}
RESNET = replace(point(bound_space("resnet18_cifar", []), "n4_r"), input=(3, 8, 8))

every_trait = pytest.mark.parametrize("architecture", TRAITS.values(), ids=TRAITS.keys())
every_network = pytest.mark.parametrize("architecture", NETWORKS.values(), ids=NETWORKS.keys())


def agree(architecture: Architecture, batch: int, steps: int = 2) -> None:
    """Compare loss and gradients, the state after steps of SGD, and the evaluation's logits."""
    both = pair(architecture, batch, momentum=0.9, weight_decay=5e-4)
    optimiser = torch.optim.SGD(both.network.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    lanes, data = both.lanes, (both.pixels, both.labels)
    before = both.state
    loss, gradients = lanes.differentiate(*data, both.chosen)
    lanes.load(before)
    for step in range(steps):
        expected = both.differentiate()
        if step == 0:
            close(loss, expected)
            for name, parameter in both.network.named_parameters():
                assert parameter.grad is not None
                close(gradients[name], parameter.grad.numpy())
        optimiser.step()
        close(lanes.train_step(*data, both.chosen, 0.05), expected)
        if step == 0:
            same_state(both)
    same_state(both)
    both.network.eval()
    with torch.no_grad():
        close(lanes.logits(both.pixels), both.network(both.images()).numpy())


@every_trait
@pytest.mark.parametrize("batch", [16, 13])
def test_each_trait_agrees(architecture: Architecture, batch: int) -> None:
    agree(architecture, batch)


@every_network
def test_the_papers_networks_agree_for_20_steps(architecture: Architecture) -> None:
    agree(architecture, 16, steps=20)


@pytest.mark.parametrize("batch", [16, 32, 33])
def test_any_batch_size_agrees(batch: int) -> None:
    agree(NETWORKS["lenet Hybrid2"], batch)


@pytest.mark.slow
def test_a_resnet_of_units_agrees() -> None:
    agree(RESNET, 8)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
@given(architectures(classes=10), st.sampled_from((8, 13)))
def test_any_architecture_that_lanes_take_agrees(architecture: Architecture, batch: int) -> None:
    assume(not unsupported(architecture))
    agree(architecture, batch)


@every_network
def test_one_step_in_float32_agrees_but_for_rounding(architecture: Architecture) -> None:
    """A tie of ReLU or pooling can flip between two orders of summation, hence the tolerance."""
    network = build(architecture, plan="loop")
    c = architecture.input[0]
    mean, std = (MEAN,) * c, (STD,) * c
    lanes = Lanes(architecture, 32, mean=mean, std=std)
    lanes.load({name: value.numpy() for name, value in network.state_dict().items()})
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (32, *architecture.input)).astype(np.uint8)
    labels = rng.integers(0, 10, 32)
    logits = network(prepared(pixels, mean, std))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    made, gradients = lanes.differentiate(pixels, labels, np.arange(32))
    close(made, loss.item(), 1e-5)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(gradients[name], parameter.grad.numpy(), rtol=0, atol=2e-3)


def test_two_runs_are_equal_to_the_last_bit() -> None:
    states = []
    for _ in range(2):
        both = pair(NETWORKS["lenet U2"], 20)
        for _ in range(3):
            both.lanes.train_step(both.pixels, both.labels, both.chosen, 0.1)
        states.append(both.lanes.state())
    for name, value in states[0].items():
        assert np.array_equal(value, states[1][name]), name
