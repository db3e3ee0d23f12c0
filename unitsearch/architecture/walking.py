"""Walks through the layers of an architecture."""

from __future__ import annotations

from collections.abc import Iterator
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


def stacks(layers: Layers) -> Iterator[Stack]:
    """Yield every stack, at any depth, in order."""
    for layer in layers:
        match layer:
            case Stack():
                yield layer
            case Residual():
                yield from stacks(layer.body)
                yield from stacks(layer.shortcut)
            case Gate():
                yield from stacks(layer.body)
            case Branches():
                for sequence in layer.of:
                    yield from stacks(sequence)
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                pass
            case _:
                assert_never(layer)
