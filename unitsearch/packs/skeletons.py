"""Skeletons: architectures of one skeleton may train as one pack. Does not import torch.

A skeleton holds what all members of a pack must share to run side by side, layer by layer: the
kinds of the layers, the height and width after each, norms, activations and pooling windows.
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
        places: Their places in the list that was grouped, ascending.
        reason: Why a group of one has no other member; empty for a group of several.
    """

    places: tuple[int, ...]
    reason: str = ""


def groups(architectures: Sequence[Architecture]) -> tuple[Group, ...]:
    """Return ``architectures`` in groups that may each train as one pack, in order of appearance.

    The architecture of a group of one trains alone; the group's ``reason`` says why.
    """
    places_of: dict[Skeleton | int, list[int]] = {}  # an architecture without skeleton: its place
    refused: dict[int, str] = {}
    for i, architecture in enumerate(architectures):
        try:
            places_of.setdefault(skeleton(architecture), []).append(i)
        except SpecError as error:
            places_of[i] = [i]
            refused[i] = str(error)
    skeletons = [key for key in places_of if not isinstance(key, int)]
    largest = max(skeletons, key=lambda key: len(places_of[key]), default=())
    if len(places_of.get(largest, ())) < 2:
        largest = ()
    result = []
    for key, places in places_of.items():
        reason = ""
        if isinstance(key, int):
            reason = refused[key]
        elif len(places) == 1:
            reason = difference(key, largest) if largest else "no other has its skeleton"
        result.append(Group(tuple(places), reason))
    return tuple(result)


def skeleton(architecture: Architecture) -> Skeleton:
    """Return an architecture's skeleton: pairs of a layer's place and its profile.

    Raises:
        SpecError: If it has a layer of a kind that packs do not support: binary filters share one
            filter bank between layers.
        ShapeError: If a layer cannot take what enters it.
    """
    profiles = [("input", _sizes(architecture.input))]
    x = _walk(architecture.layers, architecture.input, "layers", profiles)
    return (*profiles, ("classes", _sizes(x)))


def difference(own: Skeleton, others: Skeleton) -> str:
    """Return the first difference of two skeletons as a sentence, empty if there is none."""
    for (place, mine), (other_place, theirs) in zip(own, others, strict=False):
        if place != other_place:
            return f"{place} stands where the others have {other_place}"
        if mine != theirs:
            return f"{place}: {mine} where the others have {theirs}"
    if len(own) != len(others):
        return f"{len(own) - 2} layers where the others have {len(others) - 2}"
    return ""


def profile(layer: Layer, x: Shape) -> str:
    """Return the profile of a layer, in words: the traits that members of a pack must share.

    The layers inside a residual, branches or a gate have profiles of their own; the units of a
    stack have none, as they are free.

    Raises:
        SpecError: If packs do not support layers of this kind.
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


def _walk(layers: Layers, x: Shape, place: str, profiles: list[tuple[str, str]]) -> Shape:
    """Append the profiles of a sequence of layers; return the shape of its output."""
    for i, layer in enumerate(layers):
        here = f"{place}[{i}]"
        try:
            profiles.append((here, profile(layer, x)))
            _walk_inside(layer, x, here, profiles)
        except SpecError as error:
            raise error.within(here) if error.place == "kind" else error from None
        x = after(layer, x)
    return x


def _walk_inside(layer: Layer, x: Shape, place: str, profiles: list[tuple[str, str]]) -> None:
    match layer:
        case Stack(units=units):
            for i, run in enumerate(units):  # units are free, but packs must support their layers
                _walk(run.unit.layers, (run.unit.inputs, *x[1:]), f"{place}.units[{i}].layers", [])
        case Residual(body=body, shortcut=shortcut):
            _walk(body, x, f"{place}.body", profiles)
            _walk(shortcut, x, f"{place}.shortcut", profiles)
        case Branches(of=of, split=split):
            for i, sequence in enumerate(of):
                share = x if split is None else (split[i], *x[1:])
                _walk(sequence, share, f"{place}.of[{i}]", profiles)
        case Gate(body=body):
            _walk(body, x, f"{place}.body", profiles)
        case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
            pass
        case _:
            assert_never(layer)


def _sides(x: Shape) -> str:
    return "×".join(map(str, x[1:]))


def _sizes(x: Shape) -> str:
    return "×".join(map(str, x))
