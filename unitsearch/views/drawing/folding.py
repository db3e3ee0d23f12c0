"""What a drawing shows of a sequence: equal blocks once with their number, parts by resolution."""

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

_LONGEST = 6  # layers of a pattern that is looked for
_WORTH = 3  # boxes that a fold must save, or its frame takes more room than it gives


@dataclass(frozen=True)
class Placed:
    """A layer with the shape that enters it and the one that leaves it."""

    layer: Layer
    x: Shape
    y: Shape


@dataclass(frozen=True)
class Fold:
    """Layers that follow each other ``times`` times over, every time the same."""

    times: int
    layers: tuple[Placed, ...]
    name: str = ""

    @property
    def only(self) -> Placed | None:
        """Its layer, if it holds a single one."""
        return self.layers[0] if len(self.layers) == 1 else None


@dataclass(frozen=True)
class Part:
    """What lies between two changes of the resolution.

    Attributes:
        sides: Height and width of the maps that its layers give; empty where they are flat.
        folds: Its layers in order.
    """

    sides: tuple[int, ...]
    folds: tuple[Fold, ...]


def folded(layers: Layers, x: Shape) -> list[Fold]:
    """Return a sequence that takes ``x`` with neighbours that are equal folded into one.

    What is folded leaves the shape that enters it, so that it looks the same every time. Names do
    not count: equal layers are equal networks.
    """
    shapes = [x]
    for layer in layers:
        shapes.append(after(layer, shapes[-1]))
    numbers: dict[Layer, int] = {}
    ids = [numbers.setdefault(layer, len(numbers)) for layer in layers]
    found: list[Fold] = []
    at = 0
    while at < len(layers):
        length, times = _pattern(layers, ids, shapes, at)
        if times > 1 and _begins_later(layers, ids, shapes, at, times):
            length = times = 1
        some = tuple(Placed(layers[i], shapes[i], shapes[i + 1]) for i in range(at, at + length))
        found.append(Fold(times, some, _name(layers[at : at + length * times])))
        at += length * times
    return found


def parts(folds: Sequence[Fold]) -> Iterator[Part | Placed]:
    """Yield the parts of a network, and between them what brings the maps to another resolution.

    A convolution or block that does so begins the part that it leads to; pooling and flattening
    stand alone between two parts.
    """
    some: list[Fold] = []
    sides: tuple[int, ...] = ()
    for fold in folds:
        last = fold.layers[-1]
        step = fold.only
        if step is not None and _is_step(step):
            if some:
                yield Part(sides, tuple(some))
                some = []
            yield step
            continue
        if some and last.y[1:] != sides:
            yield Part(sides, tuple(some))
            some = []
        sides = last.y[1:]
        some.append(fold)
    if some:
        yield Part(sides, tuple(some))


def _is_step(placed: Placed) -> bool:
    steps = isinstance(placed.layer, (Pool, GlobalPool, Flatten))
    return steps and placed.x[1:] != placed.y[1:]


def _pattern(
    layers: Layers, ids: Sequence[int], shapes: Sequence[Shape], at: int
) -> tuple[int, int]:
    """Return how many layers from ``at`` on repeat, and how often; 1 and 1 if none do."""
    best, saved = (1, 1), 0
    for length in range(1, min(_LONGEST, (len(ids) - at) // 2) + 1):
        if shapes[at] != shapes[at + length]:
            continue
        pattern = ids[at : at + length]
        times = 1
        while ids[at + times * length : at + (times + 1) * length] == pattern:
            times += 1
        gain = (times - 1) * sum(_boxes(layer) for layer in layers[at : at + length])
        if gain >= _WORTH and gain > saved:
            best, saved = (length, times), gain
    return best


def _begins_later(
    layers: Layers, ids: Sequence[int], shapes: Sequence[Shape], at: int, times: int
) -> bool:
    """Say whether as many repeats begin with the block that follows a simple layer at ``at``."""
    blocks = (Residual, Branches, Gate)
    if isinstance(layers[at], blocks) or not isinstance(layers[at + 1], blocks):
        return False
    return _pattern(layers, ids, shapes, at + 1)[1] == times


def _boxes(layer: Layer) -> int:
    """Return roughly how much room a layer takes, a convolution being 1."""
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
    """Return what layers are called together: ``layer2.1``, ``layer2.1-3``, or nothing."""
    composite = (Residual, Branches, Gate)
    names = [layer.name for layer in layers if isinstance(layer, composite)]
    if not names or not all(names):
        return ""
    first, last = str(names[0]), str(names[-1])
    if first == last:
        return first
    family, dot, _ = first.rpartition(".")
    return f"{first}–{last.removeprefix(family + dot)}"
