"""Folded sequences of layers for a drawing: equal blocks once with a count, parts by resolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from unitsearch.architecture import (
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
)
from unitsearch.shapes import Shape, after

_LONGEST = 6  # layers of a pattern that is searched for
_WORTH = 3  # boxes that a fold must save, or its frame takes more space than it saves


@dataclass(frozen=True)
class PlacedLayer:
    """A layer with its input shape and its output shape."""

    layer: Layer
    x: Shape
    y: Shape


@dataclass(frozen=True)
class Fold:
    """A sequence of layers that occurs ``times`` times in a row."""

    times: int
    layers: tuple[PlacedLayer, ...]
    name: str = ""

    @property
    def only(self) -> PlacedLayer | None:
        """Its layer, if it holds a single one."""
        return self.layers[0] if len(self.layers) == 1 else None


@dataclass(frozen=True)
class Part:
    """The layers between two changes of the resolution.

    Attributes:
        sides: Height and width of its layers' output maps; empty where they are flat.
        folds: Its layers in order.
    """

    sides: tuple[int, ...]
    folds: tuple[Fold, ...]


def folded(layers: Layers, x: Shape) -> list[Fold]:
    """Return a sequence with input shape ``x`` in which equal layers in a row are folded into one.

    The output shape of a fold is its input shape, so that every repeat looks the same. Names do not
    count: equal layers are equal networks.
    """
    shapes = [x]
    for layer in layers:
        shapes.append(after(layer, shapes[-1]))
    numbers: dict[Layer, int] = {}
    ids = [numbers.setdefault(layer, len(numbers)) for layer in layers]
    folds: list[Fold] = []
    start = 0
    while start < len(layers):
        length, times = _pattern(layers, ids, shapes, start)
        if times > 1 and _begins_later(layers, ids, shapes, start, times):
            length = times = 1
        indices = range(start, start + length)
        placed = tuple(PlacedLayer(layers[i], shapes[i], shapes[i + 1]) for i in indices)
        folds.append(Fold(times, placed, _name(layers[start : start + length * times])))
        start += length * times
    return folds


def parts(folds: Sequence[Fold]) -> Iterator[Part | PlacedLayer]:
    """Yield the parts of a network, and between them the layers that change the resolution.

    A convolution or block that changes it is the first layer of the next part; pooling and
    flattening stand alone between two parts.
    """
    current: list[Fold] = []
    sides: tuple[int, ...] = ()
    for fold in folds:
        last = fold.layers[-1]
        step = fold.only
        if step is not None and _is_step(step):
            if current:
                yield Part(sides, tuple(current))
                current = []
            yield step
            continue
        if current and last.y[1:] != sides:
            yield Part(sides, tuple(current))
            current = []
        sides = last.y[1:]
        current.append(fold)
    if current:
        yield Part(sides, tuple(current))


def _is_step(placed: PlacedLayer) -> bool:
    steps = isinstance(placed.layer, (Pool, GlobalPool, Flatten))
    return steps and placed.x[1:] != placed.y[1:]


def _pattern(
    layers: Layers, ids: Sequence[int], shapes: Sequence[Shape], start: int
) -> tuple[int, int]:
    """Return the number of layers from ``start`` on that repeat, and how often; 1, 1 if none do."""
    best, saved = (1, 1), 0
    for length in range(1, min(_LONGEST, (len(ids) - start) // 2) + 1):
        if shapes[start] != shapes[start + length]:
            continue
        pattern = ids[start : start + length]
        times = 1
        while ids[start + times * length : start + (times + 1) * length] == pattern:
            times += 1
        gain = (times - 1) * sum(_boxes(layer) for layer in layers[start : start + length])
        if gain >= _WORTH and gain > saved:
            best, saved = (length, times), gain
    return best


def _begins_later(
    layers: Layers, ids: Sequence[int], shapes: Sequence[Shape], start: int, times: int
) -> bool:
    """Return whether as many repeats begin with the block that follows a simple layer."""
    blocks = (Residual, Branches, Gate)
    if isinstance(layers[start], blocks) or not isinstance(layers[start + 1], blocks):
        return False
    return _pattern(layers, ids, shapes, start + 1)[1] == times


def _boxes(layer: Layer) -> int:
    """Return the rough width of a layer in a drawing, relative to a convolution's."""
    match layer:
        case Stack():
            return 2
        case Residual():
            return 1 + sum(map(_boxes, layer.body))
        case Gate():
            return 1 + sum(map(_boxes, layer.body))
        case Branches():
            return 1 + max((sum(map(_boxes, sequence)) for sequence in layer.of), default=0)
        case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
            return 1
        case _:
            assert_never(layer)


def _name(layers: Layers) -> str:
    """Return the common name of layers: ``layer2.1``, ``layer2.1-3``, or an empty text."""
    composite = (Residual, Branches, Gate)
    names = [layer.name for layer in layers if isinstance(layer, composite)]
    if not names or not all(names):
        return ""
    first, last = str(names[0]), str(names[-1])
    if first == last:
        return first
    family, dot, _ = first.rpartition(".")
    return f"{first}–{last.removeprefix(family + dot)}"
