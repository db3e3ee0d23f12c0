"""The dense layers before and after a stack that treat its channels one by one.

Between a stack and such a layer lie only layers that treat each channel by itself: pooling,
depth-wise convolution, flatten before linear. A channel of the stack is then a channel of the
layer: units can change places with it, and a unit that goes takes its channels with it.

An ``Slbf`` layer is dense as a producer: its selection and its scales are given filter by filter,
and the bank is the same for all. As a consumer it is dense with one split, where a permutation of
the channels is one of the bank's depth; with more, the splits share the bank.
"""

from __future__ import annotations

from typing import assert_never

from unitsearch.architecture.convolutions import Conv, Slbf
from unitsearch.architecture.layers import (
    Branches,
    Flatten,
    Gate,
    GlobalPool,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Stack,
)


def producer(layers: Layers, at: int) -> int | None:
    """Return the index of the dense layer that alone makes the channels that enter ``layers[at]``.

    Returns:
        The index; None if no such layer precedes it in this sequence.
    """
    for i in range(at - 1, -1, -1):
        layer = layers[i]
        match layer:
            case Conv(groups=1) | Linear() | Slbf():
                return i
            case Conv(groups=groups, out=out) if groups == out and _width(layers, i) == out:
                continue
            case Pool() | GlobalPool():
                continue
            case Conv() | Flatten() | Shuffle() | Stack() | Residual() | Branches() | Gate():
                return None
            case _:
                assert_never(layer)
    return None


def consumer(layers: Layers, at: int) -> int | None:
    """Return the index of the dense layer that alone takes the channels of the stack at ``at``.

    Returns:
        The index; None if no such layer follows it in this sequence.
    """
    stack = layers[at]
    width = stack.outputs if isinstance(stack, Stack) else 0
    is_flat = False
    for i in range(at + 1, len(layers)):
        layer = layers[i]
        match layer:
            case Conv(groups=1) | Slbf(splits=1):
                return None if is_flat else i
            case Linear():
                return i
            case Conv(groups=groups, out=out) if groups == out == width and not is_flat:
                continue
            case Pool() | GlobalPool():
                continue
            case Flatten():
                is_flat = True
            case Conv() | Slbf() | Shuffle() | Stack() | Residual() | Branches() | Gate():
                return None
            case _:
                assert_never(layer)
    return None


def _width(layers: Layers, before: int) -> int:
    """Return the channels entering ``layers[before]``, by the nearest layer that sets them."""
    for layer in reversed(layers[:before]):
        match layer:
            case Conv() | Slbf() | Linear():
                return layer.out
            case Stack():
                return layer.outputs
            case Pool() | GlobalPool():
                continue
            case Flatten() | Shuffle() | Residual() | Branches() | Gate():
                return 0
            case _:
                assert_never(layer)
    return 0
