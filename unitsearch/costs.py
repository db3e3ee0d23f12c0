"""The second fold: exact costs in closed form, from the spec alone.

Six numbers, always called by these names:

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
- ``activation_bytes``: the most bytes of activations that live at one time on one image, the
  memory that a runtime needs beside the weights if it leaves no gaps. Exact, since it is stated:
  a number takes one byte (int8). Layers run in order, a residual's body before its shortcut;
  each writes an output of its own, for which its input lives on. Batch norm and activation are
  part of their layer. Sums, products, splits and concatenations write an output too; a flattening
  is a view of its input. A stack runs as one grouped operation a layer of its units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TypeAlias, assert_never

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
_DIGIT = 64  # bits of a digit of the steps of a unit, more than any sum of bytes takes
_LARGEST = (1 << _DIGIT) - 1


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a network: parameters, stored bits; MACs, FLOPs and memory of one image.

    Attributes:
        params: Trainable numbers.
        macs: Multiply-accumulates.
        flops: The papers' FLOPs.
        macs_shared: Multiply-accumulates if shared binary filters are applied once.
        bits: Bits of the stored network.
        activation_bytes: Most bytes of int8 activations that live at one time.
    """

    params: int = 0
    macs: int = 0
    flops: int = 0
    macs_shared: int = 0
    bits: int = 0
    activation_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of one network after the other, which uses the memory again."""
        return Cost(
            self.params + other.params,
            self.macs + other.macs,
            self.flops + other.flops,
            self.macs_shared + other.macs_shared,
            self.bits + other.bits,
            max(self.activation_bytes, other.activation_bytes),
        )

    def __mul__(self, times: int) -> Cost:
        """Return the cost of ``times`` equal networks side by side."""
        return Cost(
            self.params * times,
            self.macs * times,
            self.flops * times,
            self.macs_shared * times,
            self.bits * times,
            self.activation_bytes * times,
        )


COSTS = tuple(field.name for field in fields(Cost))


def count(architecture: Architecture) -> Cost:
    """Return the exact cost of ``architecture``.

    Raises:
        ShapeError: If a layer cannot take what enters it.

    Source:
        BUnit-Net Eqs. (5) to (8) for the weights; the convention of its tables for the FLOPs.
    """
    return Cost(*_sequence(architecture.layers, architecture.input)[0])


_Numbers: TypeAlias = tuple[int, int, int, int, int, int]  # the fields of a cost, in order


def _sequence(layers: Layers, x: Shape, *, keeps: bool = False) -> tuple[_Numbers, Shape]:
    """Return the cost of layers, number by number, and the shape that leaves them.

    Args:
        layers: The layers.
        x: The shape that enters them.
        keeps: Whether that lives on after them.
    """
    params = macs = flops = shared = bits = 0
    peak = math.prod(x)
    kept, at_input = peak * keeps, keeps  # bytes; whether the next layer itself takes what is kept
    for layer in layers:
        if isinstance(layer, Stack):
            if layer.inputs != x[0]:
                after(layer, x)  # raises the error with its full message
            width, y, rest = 0, x, x[1:]
            lives, depth, is_even = 0, len(layer.units[0].unit.layers), True
            for run in layer.units:
                n = run.count
                unit = run.unit
                p, m, f, s, b, steps, own_depth, y = _unit(unit, (unit.inputs, *rest))
                params += n * p
                macs += n * m
                flops += n * f
                shared += n * s
                bits += n * b
                lives += n * steps
                width += n * y[0]
                if own_depth != depth:
                    is_even = False
            if not is_even:
                lives = _uneven_steps(layer, x)
            most = (lives & _LARGEST) + (0 if at_input else kept)
            while lives := lives >> _DIGIT:
                if (step := (lives & _LARGEST) + kept) > most:
                    most = step
            x = (width, *y[1:])
        else:
            (p, m, f, s, b, most), x = _layer(layer, x, at_input)
            params += p
            macs += m
            flops += f
            shared += s
            bits += b
            if not at_input:
                most += kept
        if most > peak:
            peak = most
        at_input = at_input and isinstance(layer, Flatten)
    return (params, macs, flops, shared, bits, peak), x


def _uneven_steps(stack: Stack, x: Shape) -> int:
    """Return the steps of a stack, as ``_unit`` does, whose units differ in their layers.

    A unit that has ended keeps its output.
    """
    units = [(run.count, *_unit(run.unit, (run.unit.inputs, *x[1:]))[-3:]) for run in stack.units]
    deepest = max(depth for _, _, depth, _ in units)
    total = 0
    for count, steps, depth, y in units:
        ended = sum(math.prod(y) << _DIGIT * step for step in range(depth, deepest))
        total += count * (steps + ended)
    return total


@lru_cache(maxsize=65_536)
def _unit(unit: Unit, x: Shape) -> tuple[int, int, int, int, int, int, int, Shape]:
    """Return a unit's cost, number by number, its steps and layers, and the shape that leaves it.

    The steps are the bytes that live in each layer, as the digits of one number: those of all
    units of a stack are added at once, since a search counts all the time.
    """
    params = macs = flops = shared = bits = steps = 0
    for step, layer in enumerate(unit.layers):
        (p, m, f, s, b, lives), x = _layer(layer, x, False)
        params += p
        macs += m
        flops += f
        shared += s
        bits += b
        steps += lives << _DIGIT * step
    return params, macs, flops, shared, bits, steps, len(unit.layers), x


def layer_cost(layer: Layer, x: Shape) -> Cost:
    """Return the cost of one layer on an input of shape ``x``.

    Raises:
        ShapeError: If ``layer`` cannot take ``x``.
    """
    return Cost(*_layer(layer, x, False)[0])


@lru_cache(maxsize=65_536)
def _layer(layer: Layer, x: Shape, keeps: bool) -> tuple[_Numbers, Shape]:
    """Return the cost of one layer, number by number, and the shape that leaves it.

    Args:
        layer: The layer.
        x: The shape that enters it.
        keeps: Whether that lives on after it.
    """
    y = after(layer, x)
    lives = math.prod(x) + math.prod(y)
    match layer:
        case Conv():
            weights = layer.kernel**2 * (x[0] // layer.groups) * layer.out
            elements = math.prod(y)
            macs = weights * y[1] * y[2]
            norm = layer.norm == "batch"
            params = weights + layer.bias * layer.out + 2 * norm * layer.out
            flops = 2 * (macs + layer.bias * elements + 2 * norm * elements)
            return (params, macs, flops, macs, _stored(params, norm * layer.out), lives), y
        case Slbf():
            return _slbf(layer, x), y
        case Linear():
            weights = x[0] * layer.out
            norm = layer.norm == "batch"
            params = weights + layer.bias * layer.out + 2 * norm * layer.out
            flops = 2 * (weights + 2 * norm * layer.out)
            return (params, weights, flops, weights, _stored(params, norm * layer.out), lives), y
        case Stack():
            return _sequence((layer,), x, keeps=keeps)
        case Residual():
            return _residual(layer, x, math.prod(y), keeps), y
        case Gate():
            (p, m, f, s, b, peak), gate = _sequence(layer.body, x, keeps=True)
            return (p, m, f, s, b, max(peak, lives + math.prod(gate))), y
        case Branches():
            return _branches(layer, x, math.prod(y), keeps), y
        case Pool() | GlobalPool() | Shuffle():
            return (0, 0, 0, 0, 0, lives), y
        case Flatten():
            return (0, 0, 0, 0, 0, math.prod(x)), y
        case _:
            assert_never(layer)


def _residual(layer: Residual, x: Shape, sum_: int, keeps: bool) -> _Numbers:
    """Return the cost of a body, then of a shortcut beside its output, then of their sum."""
    (p, m, f, s, b, peak), _ = _sequence(layer.body, x, keeps=True)
    if not layer.shortcut:
        return p, m, f, s, b, max(peak, math.prod(x) + 2 * sum_)
    (p2, m2, f2, s2, b2, beside), _ = _sequence(layer.shortcut, x, keeps=keeps)
    most = max(peak, beside + sum_, 3 * sum_ + keeps * math.prod(x))
    return p + p2, m + m2, f + f2, s + s2, b + b2, most


def _branches(layer: Branches, x: Shape, joined: int, keeps: bool) -> _Numbers:
    """Return the cost of branches in order, then of their outputs joined.

    All shares of a split are written at once, beside the input; without a split, the input lives
    until the last branch has taken it, and to the end where a branch passes it on.
    """
    total, whole = Cost(), math.prod(x)
    last = max((i for i, sequence in enumerate(layer.of) if sequence), default=-1)
    to_end = whole * (keeps or (layer.split is None and not all(layer.of)))
    waiting = 0 if layer.split is None else whole  # bytes of shares that no branch has taken yet
    done, peak = 0, whole + waiting
    for i, sequence in enumerate(layer.of):
        if layer.split is not None:
            share = (layer.split[i], *x[1:])
            waiting -= math.prod(share)
            numbers, y = _sequence(sequence, share)
            peak = max(peak, to_end + waiting + done + numbers[-1])
        else:
            numbers, y = _sequence(sequence, x, keeps=bool(to_end) or i < last)
            peak = max(peak, done + numbers[-1])
        if sequence or layer.split is not None:
            done += math.prod(y)
        total += Cost(*numbers)
    most = max(peak, to_end + done + joined)
    return total.params, total.macs, total.flops, total.macs_shared, total.bits, most


def work(cost: Cost) -> float:
    """Return an estimate of the work of a training step for one image, in multiply-adds.

    Maps are read, written, normed and activated: where few channels have large maps, this takes
    longer than the multiply-adds. The papers' FLOPs count four for each normed element.
    """
    normed_elements = (cost.flops - 2 * cost.macs) / 4
    return 3 * cost.macs + _MACS_PER_NORMED_ELEMENT * normed_elements


def _slbf(layer: Slbf, x: Shape) -> _Numbers:
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
    return (
        binary + logits + scales + 2 * norm * n,
        macs,
        2 * (macs + 2 * norm * elements),
        (binary * layer.splits + selections) * pixels,
        binary + selections * layer.index_bits + 32 * (scales + 4 * norm * n),
        math.prod(x) + elements,
    )


def _stored(params: int, normed: int) -> int:
    """Return the bits of ``params`` numbers and the running statistics of ``normed`` channels."""
    return 32 * (params + 2 * normed)
