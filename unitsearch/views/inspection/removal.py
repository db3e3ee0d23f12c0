"""What a network costs without some of its units, exactly: they, and what only they needed.

A unit that goes takes with it the channels that it gave to the next normal layer, and those that
the normal layer before made for it alone. Both are looked for as far as only layers that treat each
channel by itself (pooling, depth-wise convolution, flatten before linear) lie between. Where there
is no such layer, as behind a residual sum, the channels stay: others need them, or the sum does.
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

# Which units go: their positions in each stack, by the stack's number in the order of ``stacks``.
Gone = Mapping[int, Set[int]]


@dataclass
class _Entry:
    """A layer of a sequence, and the shape of what enters it and is still of use."""

    layer: Layer
    x: Shape


def saved(architecture: Architecture, gone: Gone) -> Cost:
    """Return what ``architecture`` costs less without the units ``gone``.

    Raises:
        UsageError: As of ``cost_without``.
    """
    return cost_without(architecture, {}) + cost_without(architecture, gone) * -1


def cost_without(architecture: Architecture, gone: Gone) -> Cost:
    """Return the exact cost of ``architecture`` without the units ``gone``.

    Raises:
        UsageError: If a stack would lose all of its units, or has not so many.
    """
    return _cost(architecture.layers, architecture.input, gone, numbers())


def _cost(layers: Layers, x: Shape, gone: Gone, number: Iterator[int]) -> Cost:
    entries, own, thinned, total = [], [], [], Cost()  # own: all but composite layers
    for at, layer in enumerate(layers):
        entries.append(_Entry(layer, x))
        match layer:
            case Stack():
                own.append(entries[-1])
                units = gone.get(next(number), frozenset())
                if units:
                    thinned.append((at, units))
            case Residual():
                total += _cost(layer.body, x, gone, number)
                total += _cost(layer.shortcut, x, gone, number)
            case Gate():
                total += _cost(layer.body, x, gone, number)
            case Branches():
                for i, sequence in enumerate(layer.of):
                    share = x if layer.split is None else (layer.split[i], *x[1:])
                    total += _cost(sequence, share, gone, number)
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                own.append(entries[-1])
            case _:
                assert_never(layer)
        x = after(layer, x)
    for at, units in thinned:
        _thin(entries, at, units)
    for entry in own:
        total += layer_cost(entry.layer, entry.x)
    return total


def _thin(entries: list[_Entry], at: int, units: Set[int]) -> None:
    """Take ``units`` out of the stack at ``at``, and their channels out of its neighbours."""
    stack, x = entries[at].layer, entries[at].x
    assert isinstance(stack, Stack)
    rest = _left(stack, units)
    first = _producer(entries, at, stack.inputs - rest.inputs)
    last = _consumer(entries, at, rest.outputs)
    entries[at].layer = rest
    if first is None:
        entries[at].x = (rest.inputs, *x[1:])
        first = at
    else:
        producer = entries[first].layer
        assert isinstance(producer, (Conv, Linear, Slbf))
        entries[first].layer = replace(producer, out=rest.inputs)
        for i in range(first + 1, at):
            entries[i].layer = _narrowed(entries[i].layer, rest.inputs)
    if last is None:
        last = at
    for i in range(at + 1, last):
        entries[i].layer = _narrowed(entries[i].layer, rest.outputs)
    for before, entry in zip(entries[first:last], entries[first + 1 : last + 1], strict=True):
        entry.x = after(before.layer, before.x)


def _left(stack: Stack, units: Set[int]) -> Stack:
    """Return ``stack`` without some of its units."""
    if any(not 0 <= unit < stack.size for unit in units):
        raise UsageError(place="units", found=sorted(units), expected=f"0 to {stack.size - 1}")
    if len(units) == stack.size:
        raise UsageError(place="units", found="all units of a stack", expected="some that stay")
    runs, start = [], 0
    for run in stack.units:
        stay = run.count - sum(unit in units for unit in range(start, start + run.count))
        start += run.count
        if stay:
            runs.append(Units(stay, run.unit))
    return Stack(units=tuple(runs), name=stack.name)


def _producer(entries: list[_Entry], at: int, fewer: int) -> int | None:
    """Return the layer that makes the channels of the stack at ``at`` and can do with fewer."""
    i = producer(tuple(entry.layer for entry in entries), at)
    layer = None if i is None else entries[i].layer
    if isinstance(layer, Slbf):  # its bank may ask for as many filters as there are
        try:
            replace(layer, out=layer.out - fewer)
        except SpecError:
            return None
    return i


def _consumer(entries: list[_Entry], at: int, width: int) -> int | None:
    """Return the layer that takes the channels of the stack at ``at`` and can do with ``width``."""
    i = consumer(tuple(entry.layer for entry in entries), at)
    if i is not None and isinstance(entries[i].layer, Slbf):
        try:
            after(entries[i].layer, (width, *entries[i].x[1:]))
        except ShapeError:  # so few channels do not tell its filters apart
            return None
    return i


def _narrowed(layer: Layer, width: int) -> Layer:
    """Return a layer between the stack and its neighbour for ``width`` channels."""
    return replace(layer, out=width, groups=width) if isinstance(layer, Conv) else layer
