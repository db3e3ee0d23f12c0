"""Walking through the layers of an architecture."""

from __future__ import annotations

from collections.abc import Iterator

from unitsearch.architecture.layers import Branches, Gate, Layers, Residual, Stack


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
            case _:
                pass
