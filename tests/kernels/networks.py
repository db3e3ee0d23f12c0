"""Architectures for lanes, each with one trait, and the comparison with the loop over units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from unitsearch.architecture import (
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
    Stack,
    Unit,
    Units,
)
from unitsearch.data.batches import normalise
from unitsearch.kernels.lanes import Lanes
from unitsearch.kernels.settings import OptimiserSettings
from unitsearch.network.build import Network, build

MEAN, STD = 0.3, 0.25


def of(image: tuple[int, int, int], *layers: Layer) -> Architecture:
    return Architecture(input=image, layers=(*layers, Flatten(), Linear(out=10)))


def run(count: int, inputs: int, *layers: Layer) -> Units:
    return Units(count, Unit(inputs=inputs, layers=layers))


def _down(out: int) -> Residual:
    body = (Conv(out=out, stride=2), Conv(out=out, act="none"))
    return Residual(body=body, shortcut=(Conv(out=out, kernel=1, stride=2, act="none"),))


TRAITS = {
    "strides": of(
        (3, 9, 11), Conv(out=4, stride=2), Conv(out=6, stride=2, kernel=5), Conv(out=5, stride=3)
    ),
    "kernels 1, 3, 5, 7": of(
        (3, 9, 9), Conv(out=5, kernel=1, bias=True), Conv(out=6, kernel=7),
        Conv(out=4, kernel=1, stride=2), Conv(out=6, kernel=5), Conv(out=3, padding=0),
    ),
    "even and large kernels": of(
        (2, 16, 16), Conv(out=3, kernel=2, padding=0), Conv(out=4, kernel=4, padding=1),
        Conv(out=4, kernel=6, padding=2), Conv(out=3, kernel=8, padding=3), Conv(out=2, kernel=9),
    ),
    "groups and depth-wise": of(
        (4, 8, 8), Conv(out=8, groups=2), Conv(out=8, groups=8),
        Conv(out=8, groups=8, stride=2, act="relu6"), Conv(out=12, groups=4, kernel=1),
    ),
    "norms and activations": of(
        (3, 8, 8), Conv(out=8, act="relu6"), Conv(out=8, act="none"),
        Conv(out=4, norm="none", act="none", bias=True),
        Conv(out=4, norm="none", act="relu6", bias=True), Conv(out=4, norm="none"),
        Conv(out=4, norm="none", act="none"), Conv(out=4, bias=True),
    ),
    "poolings": of(
        (3, 12, 12), Conv(out=8), Pool(kernel=3, stride=2, padding=1), Conv(out=8, act="none"),
        Pool(op="avg", kernel=3, stride=1, padding=1), Conv(out=6), Pool(op="avg"),
        Pool(kernel=2, stride=1),
    ),
    "a pooling first": of((3, 12, 12), Pool(), Conv(out=8), GlobalPool()),
    "residuals": of(
        (3, 8, 8), Conv(out=6), Residual(body=(Conv(out=6), Conv(out=6, act="none"))), _down(8),
        Residual(body=(Conv(out=8),), act="none"),
        Residual(body=(Conv(out=8),), shortcut=(Conv(out=8, kernel=1),), act="relu6"),
        GlobalPool(),
    ),
    "residuals without a body": of(
        (3, 8, 8), Conv(out=6), Residual(body=(), shortcut=(Conv(out=6, act="none"),)),
        Residual(body=(), shortcut=()),
    ),
    "a stack in a residual": of(
        (3, 8, 8), Conv(out=6),
        Residual(body=(Stack(units=(run(3, 2, Conv(out=4), Conv(out=2, act="none")),)),)), Pool(),
    ),
    "units of unequal depth": of(
        (1, 12, 12), Conv(out=7),
        Stack(units=(
            run(2, 1, Conv(out=2), Conv(out=1)),
            run(1, 2, Conv(out=3), Conv(out=3), Conv(out=1)),
            run(1, 3, Conv(out=2), Pool(kernel=3, stride=1, padding=1), Conv(out=2, kernel=5)),
        )),
        Conv(out=4),
    ),
    "units that end in a pooling": of(
        (1, 12, 12), Conv(out=3),
        Stack(units=(
            run(2, 1, Conv(out=2), Conv(out=1), Pool()),
            run(1, 1, Conv(out=2, stride=2), Conv(out=2)),
        )),
        Conv(out=4),
    ),
    "stacks on the images": of(
        (4, 8, 8), Stack(units=(run(2, 2, Conv(out=2), Conv(out=3)),)),
        Stack(units=(run(3, 2, Conv(out=1, norm="none", bias=True), Conv(out=2)),)),
    ),
    "linear units": Architecture(
        input=(1, 6, 6),
        layers=(
            Flatten(), Linear(out=16, norm="batch", act="relu"),
            Stack(units=(
                run(8, 2, Linear(out=3, act="relu"),
                    Linear(out=2, norm="batch", act="relu6", bias=False)),
            )),
            Linear(out=12, norm="batch", bias=False), Linear(out=10),
        ),
    ),
    "an activation at the end": Architecture(
        input=(1, 6, 6), layers=(Flatten(), Linear(out=10, norm="batch", act="relu"))
    ),
    "wider than tall": of((3, 5, 7), Conv(out=33), Conv(out=50, kernel=1), Conv(out=3)),
}  # fmt: skip


@dataclass
class Pair:
    """One network twice: as the loop over units in float64, and in lanes."""

    network: Network
    lanes: Lanes
    pixels: Any
    labels: Any
    chosen: Any

    @property
    def state(self) -> dict[str, Any]:
        return {name: value.numpy() for name, value in self.network.state_dict().items()}

    def images(self) -> torch.Tensor:
        return (torch.from_numpy(self.pixels).double() / 255 - MEAN) / STD

    def differentiate(self, smoothing: float = 0.0) -> float:
        """Compute the loop's gradients of the chosen batch; return its loss."""
        self.network.train()
        self.network.zero_grad()
        logits = self.network(self.images()[self.chosen])
        labels = torch.from_numpy(self.labels[self.chosen])
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        loss.backward()
        return loss.item()


def pair(
    architecture: Architecture, batch: int, *, smoothing: float = 0.0, **optimiser: Any
) -> Pair:
    """Return a network in both forms, with equal weights, none of them at 0 or 1."""
    settings = OptimiserSettings(**optimiser)
    torch.manual_seed(1)
    network = build(architecture, plan="loop").double()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    c = architecture.input[0]
    lanes = Lanes(
        architecture, batch, mean=(MEAN,) * c, std=(STD,) * c, dtype="float64",
        optimiser=settings, smoothing=smoothing,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2 * batch, *architecture.input)).astype(np.uint8)
    labels = rng.integers(0, 10, 2 * batch)
    chosen = rng.permutation(2 * batch)[:batch]
    both = Pair(network, lanes, pixels, labels, chosen)
    lanes.load(both.state)
    return both


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def same_state(both: Pair) -> None:
    """Check that all parameters and running statistics are equal."""
    state = both.lanes.state()
    assert list(state) == list(both.state)
    for name, expected in both.state.items():
        np.testing.assert_allclose(state[name], expected, rtol=1e-10, atol=1e-10, err_msg=name)


def prepared(pixels: Any, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    return normalise(torch.from_numpy(pixels), mean, std)
