"""The second fold: exact costs in closed form, from the spec alone.

Three numbers, always called by these names:

- ``params``: all trainable numbers: weights, biases, batch norm's weight and bias.
- ``macs``: multiply-accumulates of convolutions and linear layers on one image, nothing else.
- ``flops``: FLOPs in the papers' own convention, which is never 2 × ``macs``: twice the sum of the
  MACs, one per output element of a convolution with a bias, and two per batch-norm element. A
  linear layer's bias, activations, pooling, sums and concatenations are free. This is ``2 * macs``
  of thop 0.0.31, the counter behind the papers' tables (BUnit-Net Tables I to VIII, TissueNet
  Tables 2 to 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Stack,
    Unit,
)
from unitsearch.shapes import Shape, after, after_unit


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs: parameters, and MACs and the papers' FLOPs of one image."""

    params: int = 0
    macs: int = 0
    flops: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return both costs together."""
        return Cost(self.params + other.params, self.macs + other.macs, self.flops + other.flops)

    def __mul__(self, times: int) -> Cost:
        """Return the cost of ``times`` equal networks."""
        return Cost(self.params * times, self.macs * times, self.flops * times)


def count(architecture: Architecture) -> Cost:
    """Return the exact cost of ``architecture``.

    Raises:
        ShapeError: If a layer cannot take what enters it.

    Source:
        BUnit-Net Eqs. (5) to (8) for the weights; the convention of its tables for the FLOPs.
    """
    return _sequence(architecture.layers, architecture.input)[0]


def _sequence(layers: Layers, x: Shape) -> tuple[Cost, Shape]:
    params = macs = flops = 0
    for layer in layers:
        if isinstance(layer, Stack):
            if layer.inputs != x[0]:
                after(layer, x)  # raises, with all its words
            for run in layer.units:
                one = _unit(run.unit, (run.unit.inputs, *x[1:]))
                params += run.count * one.params
                macs += run.count * one.macs
                flops += run.count * one.flops
            run = layer.units[0]
            x = (layer.outputs, *after_unit(run.unit, (run.unit.inputs, *x[1:]))[1:])
        else:
            cost = layer_cost(layer, x)
            params += cost.params
            macs += cost.macs
            flops += cost.flops
            x = after(layer, x)
    return Cost(params, macs, flops), x


@lru_cache(maxsize=65_536)
def _unit(unit: Unit, x: Shape) -> Cost:
    return _sequence(unit.layers, x)[0]


@lru_cache(maxsize=65_536)
def layer_cost(layer: Layer, x: Shape) -> Cost:
    """Return the cost of one layer on an input of shape ``x``.

    Raises:
        ShapeError: If ``layer`` cannot take ``x``.
    """
    match layer:
        case Conv():
            y = after(layer, x)
            weights = layer.kernel**2 * (x[0] // layer.groups) * layer.out
            elements = math.prod(y)
            macs = weights * y[1] * y[2]
            norm = layer.norm == "batch"
            params = weights + layer.bias * layer.out + 2 * norm * layer.out
            return Cost(params, macs, 2 * (macs + layer.bias * elements + 2 * norm * elements))
        case Linear():
            after(layer, x)
            weights = x[0] * layer.out
            norm = layer.norm == "batch"
            params = weights + layer.bias * layer.out + 2 * norm * layer.out
            return Cost(params, weights, 2 * (weights + 2 * norm * layer.out))
        case Stack():
            return _sequence((layer,), x)[0]
        case Residual():
            return _sequence(layer.body, x)[0] + _sequence(layer.shortcut, x)[0]
        case Gate():
            return _sequence(layer.body, x)[0]
        case Branches():
            total = Cost()
            for i, sequence in enumerate(layer.of):
                share = x if layer.split is None else (layer.split[i], *x[1:])
                total += _sequence(sequence, share)[0]
            return total
        case Pool() | GlobalPool() | Flatten() | Shuffle():
            return Cost()
        case _:
            assert_never(layer)
