"""Which architectures may train as one pack: those of one skeleton. Knows no torch.

A skeleton is what all members of a pack must share so that they run side by side, layer by layer:
the kinds of the layers, the height and width after each, norms, activations and pooling windows.
Widths, kernels, strides, groups, biases, and the kinds and counts of a stack's units are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    kind_of,
)
from unitsearch.errors import SpecError
from unitsearch.shapes import Shape, after

Skeleton: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Group:
    """Architectures that may train as one pack.

    Attributes:
        places: Where they stand in the list that was grouped, ascending.
        reason: Why the architecture stays alone; empty for a group of several.
    """

    places: tuple[int, ...]
    reason: str = ""


def groups(architectures: Sequence[Architecture]) -> tuple[Group, ...]:
    """Return ``architectures`` in groups that may each train as one pack, in order of appearance.

    A group of one trains alone, and says why.
    """
    found: dict[Skeleton | int, list[int]] = {}
    refused: dict[int, str] = {}
    for i, one in enumerate(architectures):
        try:
            found.setdefault(skeleton(one), []).append(i)
        except SpecError as error:
            found[i] = [i]
            refused[i] = str(error)
    shared = [known for known in found if not isinstance(known, int)]
    largest = max(shared, key=lambda known: len(found[known]), default=())
    if len(found.get(largest, ())) < 2:
        largest = ()
    told = []
    for known, places in found.items():
        reason = ""
        if isinstance(known, int):
            reason = refused[known]
        elif len(places) == 1:
            reason = difference(known, largest) if largest else "no other has its skeleton"
        told.append(Group(tuple(places), reason))
    return tuple(told)


def skeleton(architecture: Architecture) -> Skeleton:
    """Return the places of an architecture's layers and what a pack needs to be equal at each.

    Raises:
        SpecError: If it has a layer that no pack holds: binary filters share a bank in a way of
            their own.
        ShapeError: If a layer cannot take what enters it.
    """
    said = [("input", _say(architecture.input))]
    x = _walk(architecture.layers, architecture.input, "layers", said)
    return (*said, ("classes", _say(x)))


def difference(one: Skeleton, other: Skeleton) -> str:
    """Return the first difference of two skeletons as a sentence, empty if there is none."""
    for (place, mine), (there, theirs) in zip(one, other, strict=False):
        if place != there:
            return f"{place} stands where the others have {there}"
        if mine != theirs:
            return f"{place}: {mine} where the others have {theirs}"
    if len(one) != len(other):
        return f"{len(one) - 2} layers where the others have {len(other) - 2}"
    return ""


def profile(layer: Layer, x: Shape) -> str:
    """Return what must be equal of a layer without layers inside, in words.

    Raises:
        SpecError: If no pack holds a layer of this kind.
    """
    match layer:
        case Conv(norm=norm, act=act) | Linear(norm=norm, act=act):
            y = after(layer, x)
            sides = f" to {_sides(y)}" if len(y) == 3 else ""
            return f"{kind_of(layer)}{sides}, norm {norm}, act {act}"
        case Pool(op=op, kernel=kernel, step=step, padding=padding):
            return f"{op} pooling of {kernel}, stride {step}, padding {padding}"
        case GlobalPool() | Flatten() | Shuffle():
            return kind_of(layer)
        case Stack():
            y = after(layer, x)
            return f"stack to {_sides(y)}" if len(y) == 3 else "stack of features"
        case Residual(act=act):
            return f"residual, act {act}"
        case Branches(of=of, split=split):
            return f"{len(of)} {'branches' if split is None else 'split branches'}"
        case Gate():
            return "gate"
        case Slbf():
            raise SpecError(
                place="kind", found="slbf", expected="a kind of layer that trains in a pack"
            )
        case _:
            assert_never(layer)


def _walk(layers: Layers, x: Shape, place: str, said: list[tuple[str, str]]) -> Shape:
    for i, layer in enumerate(layers):
        here = f"{place}[{i}]"
        try:
            said.append((here, profile(layer, x)))
            _walk_inside(layer, x, here, said)
        except SpecError as error:
            raise error.within(here) if error.place == "kind" else error from None
        x = after(layer, x)
    return x


def _walk_inside(layer: Layer, x: Shape, place: str, said: list[tuple[str, str]]) -> None:
    match layer:
        case Stack(units=units):
            for i, run in enumerate(units):  # what they are is free, but they must be packable
                _walk(run.unit.layers, (run.unit.inputs, *x[1:]), f"{place}.units[{i}].layers", [])
        case Residual(body=body, shortcut=shortcut):
            _walk(body, x, f"{place}.body", said)
            _walk(shortcut, x, f"{place}.shortcut", said)
        case Branches(of=of, split=split):
            for i, sequence in enumerate(of):
                share = x if split is None else (split[i], *x[1:])
                _walk(sequence, share, f"{place}.of[{i}]", said)
        case Gate(body=body):
            _walk(body, x, f"{place}.body", said)
        case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
            pass
        case _:
            assert_never(layer)


def _sides(x: Shape) -> str:
    return "×".join(map(str, x[1:]))


def _say(x: Shape) -> str:
    return "×".join(map(str, x))
