"""Lanes store the output of a convolution in front of a max pooling at the maxima only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.kernels.networks import close, of, pair, run
from unitsearch.architecture import Architecture, Conv, Flatten, Linear, Pool, Stack
from unitsearch.kernels.lane_program import unsupported
from unitsearch.kernels.lanes import Lanes
from unitsearch.network.build import build

NETWORKS = {
    "a layer": of((2, 9, 9), Conv(out=4), Pool(kernel=3, stride=2), Conv(out=4)),
    "units": of(
        (2, 12, 12),
        Stack(units=(run(2, 1, Conv(out=2), Pool(kernel=5, stride=2), Conv(out=3)),)),
        Pool(),
    ),
}


@pytest.mark.parametrize("architecture", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("gain", [-0.7, 0.0])
def test_a_gain_that_is_not_above_zero_agrees(architecture: Architecture, gain: float) -> None:
    """Below zero the smallest z gives the maximum; at zero all are equal, and the first counts."""
    both = pair(architecture, 13)
    state = both.state
    for name in state:
        if name.endswith("norm.weight"):
            state[name][::2] = gain
        if name.endswith("norm.bias"):
            state[name][:] = np.abs(state[name])
    both.network.load_state_dict({name: torch.from_numpy(v) for name, v in state.items()})
    both.lanes.load(state)
    expected = both.differentiate()
    loss, gradients = both.lanes.differentiate(both.pixels, both.labels, both.chosen)
    close(loss, expected)
    for name, parameter in both.network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())


@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_of_equal_maxima_the_first_has_the_gradient(kernel: int) -> None:
    """Pixels and weights are small integers: sums are exact, so ties are ties in torch too."""
    plain = {"norm": "none", "act": "relu", "bias": False}
    architecture = of(
        (1, 9, 9), Conv(out=2, **plain), Conv(out=3, **plain), Pool(kernel=kernel, stride=2)
    )
    rng = np.random.default_rng(0)
    network = build(architecture, plan="loop").double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(rng.integers(-1, 3, parameter.shape)))
    pixels = (rng.integers(0, 2, (16, 1, 9, 9)) * 255).astype(np.uint8)
    labels = rng.integers(0, 10, 16)
    lanes = Lanes(architecture, 16, mean=(0.0,), std=(1.0,), dtype="float64")
    lanes.load({name: value.numpy() for name, value in network.state_dict().items()})
    logits = network(torch.from_numpy(pixels).double() / 255)
    F.cross_entropy(logits, torch.from_numpy(labels)).backward()
    _, gradients = lanes.differentiate(pixels, labels, np.arange(16))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())


def test_linear_units_may_split_the_pixels_of_pooled_channels() -> None:
    architecture = Architecture(
        input=(1, 6, 6),
        layers=(
            Conv(out=2), Pool(), Flatten(),
            Stack(units=(run(9, 2, Linear(out=3, act="relu"), Linear(out=2)),)), Linear(out=10),
        ),
    )  # fmt: skip
    assert unsupported(architecture) == ""
    both = pair(architecture, 16)
    loss, _ = both.lanes.differentiate(both.pixels, both.labels, both.chosen)
    close(loss, both.differentiate())


def test_a_linear_layer_of_many_inputs_runs_in_parts() -> None:
    both = pair(of((1, 40, 40), Conv(out=3, kernel=1)), 40)
    expected = both.differentiate()
    loss, gradients = both.lanes.differentiate(both.pixels, both.labels, both.chosen)
    close(loss, expected)
    for name, parameter in both.network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())
