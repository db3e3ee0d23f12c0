"""The forms in which a stack is written for inference, as descriptions. Imports no torch.

A form is a row of parts, each of equal groups side by side, so that a layer of a part is one
(grouped) convolution or linear layer. Several units may be one group: a small dense network with
zeros between them. All forms of a stack compute the same function, with the channels in the same
order: nothing is permuted, because ``canonical`` has sorted the units wherever their order is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar, assert_never

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
    Units,
)
from unitsearch.shapes import Shape, after

STACK_FORMS = ("runs", "blocks", "masked", "loop")
# Channels of the widest layer of a block; of the sizes tried on five runtimes the fastest.
BLOCK_WIDTH = 16

Weighted = TypeVar("Weighted", Conv, Linear)


@dataclass(frozen=True)
class StackPart:
    """Equal groups side by side: a part of a stack in some form.

    Attributes:
        count: The number of groups.
        units: The units of a group in order; several of them are one dense network with zeros.
    """

    count: int
    units: tuple[Unit, ...]

    @property
    def inputs(self) -> int:
        """Channels (or features) that enter all groups together."""
        return self.count * sum(unit.inputs for unit in self.units)

    @property
    def has_zeros(self) -> bool:
        """Whether weights between units are written as zeros."""
        return len(self.units) > 1

    @property
    def group(self) -> Unit:
        """The dense network of one group."""
        if not self.has_zeros:
            return self.units[0]
        depths = zip(*(unit.layers for unit in self.units), strict=True)
        return Unit(
            inputs=sum(unit.inputs for unit in self.units),
            layers=tuple(_joined(layers) for layers in depths),
        )


@dataclass(frozen=True)
class StackSite:
    """A stack and its place in a network.

    Attributes:
        name: The name of its module.
        stack: The stack.
        shape: Shape of its input for one image.
    """

    name: str
    stack: Stack
    shape: Shape


def stack_parts(stack: Stack, form: str) -> tuple[StackPart, ...]:
    """Return the parts of a stack in a form.

    Args:
        stack: The stack; its runs are those of a network, each of equal units.
        form: One of ``STACK_FORMS``. ``runs``: equal neighbours are one grouped operation.
            ``loop``: each unit by itself. ``blocks``: several units of a run are one dense group.
            ``masked``: all neighbours that differ in nothing but widths are one dense network.
            Units that cannot be joined, as those of binary filters, are written as in ``runs``.
    """
    if form == "loop":
        return tuple(StackPart(1, (run.unit,)) for run in stack.units for _ in range(run.count))
    if form == "blocks":
        return tuple(part for run in stack.units for part in _blocks(run))
    if form == "masked":
        parts = []
        for outline, same in groupby(stack.units, key=lambda run: _outline(run.unit)):
            runs = tuple(same)
            if outline is None:
                parts += [StackPart(run.count, (run.unit,)) for run in runs]
            else:
                parts.append(
                    StackPart(1, tuple(run.unit for run in runs for _ in range(run.count)))
                )
        return tuple(parts)
    return tuple(StackPart(run.count, (run.unit,)) for run in stack.units)


def distinct_forms(stack: Stack) -> tuple[str, ...]:
    """Return the forms of a stack that differ from those before them, in order."""
    seen: dict[tuple[StackPart, ...], str] = {}
    for form in STACK_FORMS:
        seen.setdefault(stack_parts(stack, form), form)
    return tuple(seen.values())


def stack_sites(architecture: Architecture) -> dict[str, StackSite]:
    """Return the stacks of a network by the names of their modules, in order."""
    return {site.name: site for site in _sites(architecture.layers, architecture.input, "layers")}


def formed(architecture: Architecture, forms: Mapping[str, str]) -> Architecture:
    """Return the architecture of the layers that are written, zeros between units included.

    Its costs in closed form are those of the written network.

    Args:
        architecture: The architecture, its units in the order of the network.
        forms: The form of each stack by the name of its module; ``runs`` unless given.
    """
    return replace(architecture, layers=_formed(architecture.layers, forms, "layers"))


def _joined(layers: tuple[Layer, ...]) -> Layer:
    """Return the dense layer in place of one layer of each unit."""
    first = layers[0]
    if isinstance(first, (Conv, Linear)):
        out = sum(layer.out for layer in layers if isinstance(layer, (Conv, Linear)))
        joined = replace(first, out=out)
        return replace(joined, groups=1) if isinstance(joined, Conv) else joined
    return first


def _outline(unit: Unit) -> tuple[Layer, ...] | None:
    """Return all of a unit but its widths; None if it cannot be joined to others."""
    outline: list[Layer] = []
    for layer in unit.layers:
        match layer:
            case Conv():
                outline.append(replace(layer, out=1, groups=1, name=None))
            case Linear():
                outline.append(replace(layer, out=1, name=None))
            case Pool():
                outline.append(replace(layer, name=None))
            case _:
                return None
    return tuple(outline)


def _blocks(run: Units) -> list[StackPart]:
    """Return a run as blocks of as many units as fit; what does not come out even is a block too.

    A number of units that divides the run is taken unless it fills less than half a block.
    """
    most = BLOCK_WIDTH // max(run.unit.nodes)
    if most < 2 or run.count < 2 or _outline(run.unit) is None:
        return [StackPart(run.count, (run.unit,))]
    even = max(size for size in range(1, most + 1) if run.count % size == 0)
    blocks = -(-run.count // most)
    size = even if 2 * even >= min(most, run.count) else -(-run.count // blocks)
    whole, rest = divmod(run.count, size)
    parts = [StackPart(whole, (run.unit,) * size)]
    return [*parts, StackPart(1, (run.unit,) * rest)] if rest else parts


def _sites(layers: Layers, x: Shape, prefix: str) -> list[StackSite]:
    sites: list[StackSite] = []
    for i, layer in enumerate(layers):
        name = f"{prefix}.{i}"
        match layer:
            case Stack():
                sites.append(StackSite(name, layer, x))
            case Residual():
                sites += _sites(layer.body, x, f"{name}.body")
                sites += _sites(layer.shortcut, x, f"{name}.shortcut")
            case Gate():
                sites += _sites(layer.body, x, f"{name}.body")
            case Branches():
                shares = [x] * len(layer.of)
                if layer.split is not None:
                    shares = [(width, *x[1:]) for width in layer.split]
                for j, (sequence, share) in enumerate(zip(layer.of, shares, strict=True)):
                    sites += _sites(sequence, share, f"{name}.of.{j}")
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                pass
            case _:
                assert_never(layer)
        x = after(layer, x)
    return sites


def _formed(layers: Layers, forms: Mapping[str, str], prefix: str) -> Layers:
    written: list[Layer] = []
    for i, layer in enumerate(layers):
        name = f"{prefix}.{i}"
        match layer:
            case Stack():
                parts = stack_parts(layer, forms.get(name, "runs"))
                units = tuple(Units(part.count, part.group) for part in parts)
                written.append(replace(layer, units=units))
            case Residual():
                body = _formed(layer.body, forms, f"{name}.body")
                shortcut = _formed(layer.shortcut, forms, f"{name}.shortcut")
                written.append(replace(layer, body=body, shortcut=shortcut))
            case Gate():
                written.append(replace(layer, body=_formed(layer.body, forms, f"{name}.body")))
            case Branches():
                of = tuple(
                    _formed(sequence, forms, f"{name}.of.{j}")
                    for j, sequence in enumerate(layer.of)
                )
                written.append(replace(layer, of=of))
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                written.append(layer)
            case _:
                assert_never(layer)
    return tuple(written)
