"""Of a convolution in front of a max pooling, lanes keep z at the maxima and nothing else."""

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


@pytest.mark.parametrize("one", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("gain", [-0.7, 0.0])
def test_a_gain_that_is_not_above_zero_agrees(one: Architecture, gain: float) -> None:
    """Below zero the smallest z is the maximum; at zero all are, and the first one is taken."""
    found = pair(one, 13)
    state = found.state
    for name in state:
        if name.endswith("norm.weight"):
            state[name][::2] = gain
        if name.endswith("norm.bias"):
            state[name][:] = np.abs(state[name])
    found.network.load_state_dict({name: torch.from_numpy(v) for name, v in state.items()})
    found.lanes.load(state)
    expected = found.differentiate()
    loss, gradients = found.lanes.differentiate(found.pixels, found.labels, found.chosen)
    close(loss, expected)
    for name, parameter in found.network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())


@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_of_equal_maxima_the_first_has_the_gradient(kernel: int) -> None:
    """Pixels and weights are small whole numbers: sums are exact, so ties are ties everywhere."""
    plain = {"norm": "none", "act": "relu", "bias": False}
    one = of((1, 9, 9), Conv(out=2, **plain), Conv(out=3, **plain), Pool(kernel=kernel, stride=2))
    rng = np.random.default_rng(0)
    network = build(one, plan="loop").double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(rng.integers(-1, 3, parameter.shape)))
    pixels = (rng.integers(0, 2, (16, 1, 9, 9)) * 255).astype(np.uint8)
    labels = rng.integers(0, 10, 16)
    lanes = Lanes(one, 16, mean=(0.0,), std=(1.0,), dtype="float64")
    lanes.load({name: value.numpy() for name, value in network.state_dict().items()})
    logits = network(torch.from_numpy(pixels).double() / 255)
    F.cross_entropy(logits, torch.from_numpy(labels)).backward()
    _, gradients = lanes.differentiate(pixels, labels, np.arange(16))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())


def test_flat_units_may_still_cut_the_pixels_of_pooled_channels_apart() -> None:
    one = Architecture(
        input=(1, 6, 6),
        layers=(
            Conv(out=2), Pool(), Flatten(),
            Stack(units=(run(9, 2, Linear(out=3, act="relu"), Linear(out=2)),)), Linear(out=10),
        ),
    )  # fmt: skip
    assert unsupported(one) == ""
    found = pair(one, 16)
    loss, _ = found.lanes.differentiate(found.pixels, found.labels, found.chosen)
    close(loss, found.differentiate())


def test_a_linear_layer_of_many_inputs_is_worked_through_in_parts() -> None:
    found = pair(of((1, 40, 40), Conv(out=3, kernel=1)), 40)
    expected = found.differentiate()
    loss, gradients = found.lanes.differentiate(found.pixels, found.labels, found.chosen)
    close(loss, expected)
    for name, parameter in found.network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())
