"""The exact cost of a network without some of its units and the channels that only they use.

Removing a unit also removes its output channels from the next normal layer, and its input channels
from the normal layer before it. Between the stack and that layer may lie layers that treat each
channel by itself: pooling, depth-wise convolution, flatten before linear. Where there is no such
layer, as behind a residual sum, the channels stay, because other layers or the sum use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import count as numbers
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
    Units,
)
from unitsearch.architecture.channels import consumer, producer
from unitsearch.costs import Cost, layer_cost
from unitsearch.errors import ShapeError, SpecError, UsageError
from unitsearch.shapes import Shape, after

# Positions of units in their stack, by the stack's number in the order of ``stacks``.
UnitPositions = Mapping[int, Set[int]]


@dataclass
class _Entry:
    """A layer of a sequence with its input shape, without the channels that are removed."""

    layer: Layer
    x: Shape


def saved_cost(architecture: Architecture, removed: UnitPositions) -> Cost:
    """Return the costs that removing the units ``removed`` from ``architecture`` saves.

    Raises:
        UsageError: As ``cost_without`` raises it.
    """
    return cost_without(architecture, {}) + cost_without(architecture, removed) * -1


def cost_without(architecture: Architecture, removed: UnitPositions) -> Cost:
    """Return the exact cost of ``architecture`` without the units ``removed``.

    ``activation_bytes`` are left at 0: they are no sum over layers.

    Raises:
        UsageError: If a stack would lose all of its units, or has fewer units than a position says.
    """
    return _cost(architecture.layers, architecture.input, removed, numbers())


def _cost(layers: Layers, x: Shape, removed: UnitPositions, number: Iterator[int]) -> Cost:
    entries, reduced, total = [], [], Cost()
    plain: list[_Entry] = []  # the layers that hold no other layers
    for index, layer in enumerate(layers):
        entries.append(_Entry(layer, x))
        match layer:
            case Stack():
                plain.append(entries[-1])
                units = removed.get(next(number), frozenset())
                if units:
                    reduced.append((index, units))
            case Residual():
                total += _cost(layer.body, x, removed, number)
                total += _cost(layer.shortcut, x, removed, number)
            case Gate():
                total += _cost(layer.body, x, removed, number)
            case Branches():
                for i, sequence in enumerate(layer.of):
                    share = x if layer.split is None else (layer.split[i], *x[1:])
                    total += _cost(sequence, share, removed, number)
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                plain.append(entries[-1])
            case _:
                assert_never(layer)
        x = after(layer, x)
    for index, units in reduced:
        _remove_units(entries, index, units)
    for entry in plain:
        total += layer_cost(entry.layer, entry.x)
    return replace(total, activation_bytes=0)


def _remove_units(entries: list[_Entry], index: int, units: Set[int]) -> None:
    """Remove units from the stack at ``index``, and their channels from the layers around it."""
    stack, x = entries[index].layer, entries[index].x
    assert isinstance(stack, Stack)
    rest = _remaining(stack, units)
    first = _producer(entries, index, stack.inputs - rest.inputs)
    last = _consumer(entries, index, rest.outputs)
    entries[index].layer = rest
    if first is None:
        entries[index].x = (rest.inputs, *x[1:])
        first = index
    else:
        producer = entries[first].layer
        assert isinstance(producer, (Conv, Linear, Slbf))
        entries[first].layer = replace(producer, out=rest.inputs)
        for i in range(first + 1, index):
            entries[i].layer = _narrowed(entries[i].layer, rest.inputs)
    if last is None:
        last = index
    for i in range(index + 1, last):
        entries[i].layer = _narrowed(entries[i].layer, rest.outputs)
    for before, entry in zip(entries[first:last], entries[first + 1 : last + 1], strict=True):
        entry.x = after(before.layer, before.x)


def _remaining(stack: Stack, units: Set[int]) -> Stack:
    """Return ``stack`` without some of its units."""
    if any(not 0 <= unit < stack.size for unit in units):
        raise UsageError(place="units", found=sorted(units), expected=f"0 to {stack.size - 1}")
    if len(units) == stack.size:
        raise UsageError(place="units", found="all units of a stack", expected="some that stay")
    runs, start = [], 0
    for run in stack.units:
        remaining = run.count - sum(unit in units for unit in range(start, start + run.count))
        start += run.count
        if remaining:
            runs.append(Units(remaining, run.unit))
    return Stack(units=tuple(runs), name=stack.name)


def _producer(entries: list[_Entry], at: int, fewer: int) -> int | None:
    """Return the layer that makes the channels of the stack at ``at``, if it can make fewer."""
    i = producer(tuple(entry.layer for entry in entries), at)
    layer = None if i is None else entries[i].layer
    if isinstance(layer, Slbf):  # its bank may need every filter that it has
        try:
            replace(layer, out=layer.out - fewer)
        except SpecError:
            return None
    return i


def _consumer(entries: list[_Entry], at: int, width: int) -> int | None:
    """Return the layer that takes the stack's channels, if it can take ``width`` of them."""
    i = consumer(tuple(entry.layer for entry in entries), at)
    if i is not None and isinstance(entries[i].layer, Slbf):
        try:
            after(entries[i].layer, (width, *entries[i].x[1:]))
        except ShapeError:  # with so few channels its filters cannot all differ
            return None
    return i


def _narrowed(layer: Layer, width: int) -> Layer:
    """Return a layer that treats each channel by itself, for ``width`` channels."""
    return replace(layer, out=width, groups=width) if isinstance(layer, Conv) else layer
