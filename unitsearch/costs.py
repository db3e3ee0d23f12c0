"""The second fold: exact costs in closed form, from the spec alone.

Five numbers, always called by these names:

- ``params``: all trainable numbers: weights, biases, batch norm's weight and bias.
- ``macs``: multiply-accumulates of convolutions and linear layers on one image, nothing else.
- ``flops``: FLOPs in the papers' own convention, which is never 2 × ``macs``: twice the sum of the
  MACs, one per output element of a convolution with a bias, and two per batch-norm element. A
  linear layer's bias, activations, pooling, sums and concatenations are free. This is ``2 * macs``
  of thop 0.0.31, the counter behind the papers' tables (BUnit-Net Tables I to VIII, TissueNet
  Tables 2 to 5).
- ``macs_shared``: the ``macs`` that remain if every binary filter that output filters share is
  applied once (an ``Slbf`` layer as split, transform, merge); of any other layer its ``macs``.
- ``bits``: the size of the trained network when stored: 32 for every number that it needs to run
  (batch norm has four a channel: weight, bias, running mean and variance), 1 for a binary weight,
  ⌈log2 bank⌉ for a selection. Compression is claimed in these alone, never in ``params``, which
  counts the full-precision proxies that binary weights and selections are trained by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
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
    Slbf,
    Stack,
    Unit,
)
from unitsearch.shapes import Shape, after

# Multiply-adds of a convolution that take as long as one element of a batch norm.
_MACS_PER_NORMED_ELEMENT = 50.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a network: parameters, stored bits, and MACs and FLOPs of one image.

    Attributes:
        params: Trainable numbers.
        macs: Multiply-accumulates.
        flops: The papers' FLOPs.
        macs_shared: Multiply-accumulates if shared binary filters are applied once.
        bits: Bits of the stored network.
    """

    params: int = 0
    macs: int = 0
    flops: int = 0
    macs_shared: int = 0
    bits: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return both costs together."""
        return Cost(
            self.params + other.params,
            self.macs + other.macs,
            self.flops + other.flops,
            self.macs_shared + other.macs_shared,
            self.bits + other.bits,
        )

    def __mul__(self, times: int) -> Cost:
        """Return the cost of ``times`` equal networks."""
        return Cost(
            self.params * times,
            self.macs * times,
            self.flops * times,
            self.macs_shared * times,
            self.bits * times,
        )


COSTS = tuple(field.name for field in fields(Cost))


def count(architecture: Architecture) -> Cost:
    """Return the exact cost of ``architecture``.

    Raises:
        ShapeError: If a layer cannot take what enters it.

    Source:
        BUnit-Net Eqs. (5) to (8) for the weights; the convention of its tables for the FLOPs.
    """
    return _sequence(architecture.layers, architecture.input)[0]


def _sequence(layers: Layers, x: Shape) -> tuple[Cost, Shape]:
    params = macs = flops = shared = bits = 0
    for layer in layers:
        if isinstance(layer, Stack):
            if layer.inputs != x[0]:
                after(layer, x)  # raises the error with its full message
            width, y = 0, x
            for run in layer.units:
                n = run.count
                p, m, f, s, b, y = _unit(run.unit, (run.unit.inputs, *x[1:]))
                params += n * p
                macs += n * m
                flops += n * f
                shared += n * s
                bits += n * b
                width += n * y[0]
            x = (width, *y[1:])
        else:
            cost = layer_cost(layer, x)
            params += cost.params
            macs += cost.macs
            flops += cost.flops
            shared += cost.macs_shared
            bits += cost.bits
            x = after(layer, x)
    return Cost(params, macs, flops, shared, bits), x


@lru_cache(maxsize=65_536)
def _unit(unit: Unit, x: Shape) -> tuple[int, int, int, int, int, Shape]:
    """Return a unit's cost, number by number, and the shape that leaves it."""
    cost, y = _sequence(unit.layers, x)
    return cost.params, cost.macs, cost.flops, cost.macs_shared, cost.bits, y


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
            flops = 2 * (macs + layer.bias * elements + 2 * norm * elements)
            return Cost(params, macs, flops, macs, _stored(params, norm * layer.out))
        case Slbf():
            return _slbf(layer, x)
        case Linear():
            after(layer, x)
            weights = x[0] * layer.out
            norm = layer.norm == "batch"
            params = weights + layer.bias * layer.out + 2 * norm * layer.out
            flops = 2 * (weights + 2 * norm * layer.out)
            return Cost(params, weights, flops, weights, _stored(params, norm * layer.out))
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


def work(cost: Cost) -> float:
    """Return an estimate of the work of a training step for one image, in multiply-adds.

    Maps are read, written, normed and activated: where few channels have large maps, this takes
    longer than the multiply-adds. The papers' FLOPs count four for each normed element.
    """
    normed_elements = (cost.flops - 2 * cost.macs) / 4
    return 3 * cost.macs + _MACS_PER_NORMED_ELEMENT * normed_elements


def _slbf(layer: Slbf, x: Shape) -> Cost:
    """Return the cost of a convolution by a shared bank of binary filters.

    With d² window pixels, c channels entering, n filters on w × h pixels, s splits of q = c / s
    channels and a bank of k filters: ``macs`` d² c n w h, of the composed convolution;
    ``macs_shared`` d² q k s w h for every filter of the bank on every split, and s n w h to merge
    them; ``bits`` k d² q for the bank, n s ⌈log2 k⌉ for the selection and 32 n for scales, where
    there are any; ``params`` k d² q + n s k, the proxies of bank and selection, and n scales.

    Source:
        Ours: the abstract of Lan and Lan 2021 says that memory and computation are analysed; the
        formulas of the paper could not be read.
    """
    y = after(layer, x)
    n, pixels, elements = layer.out, y[1] * y[2], math.prod(y)
    share = layer.kernel**2 * (x[0] // layer.splits)
    norm, scales = layer.norm == "batch", n * (layer.scale == "alpha")
    binary, selections = layer.bank * share, n * layer.splits
    logits = 0 if layer.select == "fixed" else selections * layer.bank
    macs = share * layer.splits * n * pixels
    return Cost(
        params=binary + logits + scales + 2 * norm * n,
        macs=macs,
        flops=2 * (macs + 2 * norm * elements),
        macs_shared=(binary * layer.splits + selections) * pixels,
        bits=binary + selections * layer.index_bits + 32 * (scales + 4 * norm * n),
    )


def _stored(params: int, normed: int) -> int:
    """Return the bits of ``params`` numbers and the running statistics of ``normed`` channels."""
    return 32 * (params + 2 * normed)
