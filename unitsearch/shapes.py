"""The first fold: the shape that leaves a layer, from the shape that enters it.

A shape is (channels, height, width), or (features,) once it is flat; there is no batch axis.
"""

from __future__ import annotations

from functools import lru_cache
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
    Unit,
    kind_of,
)
from unitsearch.errors import ShapeError

Shape: TypeAlias = tuple[int, ...]

# No network of this field needs more numbers; a file with more would only fill the memory.
MAX_ELEMENTS = 2**31


def output(architecture: Architecture) -> Shape:
    """Return the shape that leaves ``architecture``, checking every layer on the way.

    Raises:
        ShapeError: If a layer cannot take the shape that enters it; the place names the layer.
    """
    return after_all(architecture.layers, architecture.input, "layers")


def after_all(layers: Layers, x: Shape, place: str = "") -> Shape:
    """Return the shape after a sequence of layers."""
    for i, layer in enumerate(layers):
        try:
            x = after(layer, x)
        except ShapeError as error:
            raise error.within(f"{place}[{i}]") from None
    return x


@lru_cache(maxsize=65_536)
def after(layer: Layer, x: Shape) -> Shape:
    """Return the shape that leaves one layer which takes ``x``.

    Raises:
        ShapeError: If ``layer`` cannot take ``x``.
    """
    match layer:
        case Conv():
            return _after_conv(layer, x)
        case Slbf():
            return _after_slbf(layer, x)
        case Linear():
            if len(x) != 1:
                fix = "put {kind: flatten} before it"
                raise ShapeError(
                    place="kind", found=f"linear on {say(x)}", expected="a flat input", fix=fix
                )
            return (layer.out,)
        case Pool():
            c, h, w = image(x, layer)
            return (
                c,
                _side(h, layer.kernel, layer.step, layer.padding),
                _side(w, layer.kernel, layer.step, layer.padding),
            )
        case GlobalPool():
            return (image(x, layer)[0], 1, 1)
        case Flatten():
            features = 1
            for side in x:
                features *= side
            return (features,)
        case Stack():
            return _after_stack(layer, x)
        case Residual():
            return _after_residual(layer, x)
        case Branches():
            return _after_branches(layer, x)
        case Gate():
            gate = after_all(layer.body, x, "body")
            if (
                len(gate) != len(x)
                or gate[0] != x[0]
                or any(g not in (1, s) for g, s in zip(gate[1:], x[1:], strict=True))
            ):
                raise ShapeError(
                    place="body",
                    found=say(gate),
                    expected=f"{x[0]} channels, one pixel each or all of {say(x)}",
                )
            return x
        case Shuffle():
            c, _, _ = image(x, layer)
            if c % layer.groups:
                raise ShapeError(
                    place="groups", found=layer.groups, expected=f"a divisor of the {c} channels"
                )
            return x
        case _:
            assert_never(layer)


@lru_cache(maxsize=65_536)
def after_unit(unit: Unit, x: Shape) -> Shape:
    """Return the shape that leaves one unit whose share of the input is ``x``."""
    return after_all(unit.layers, x, "layers")


def image(x: Shape, layer: Layer) -> tuple[int, int, int]:
    """Return ``x`` as (channels, height, width); raise ``ShapeError`` if it is flat."""
    if len(x) != 3:
        raise ShapeError(
            place="kind",
            found=f"{kind_of(layer)} on {say(x)}",
            expected="an input of channels, height and width",
        )
    return (x[0], x[1], x[2])


def say(x: Shape) -> str:
    """Return a shape as text for people: 8×24×24, or 32 features."""
    return f"{x[0]} features" if len(x) == 1 else "×".join(map(str, x))


def _after_conv(conv: Conv, x: Shape) -> Shape:
    c, h, w = image(x, conv)
    if c % conv.groups:
        raise ShapeError(
            place="groups", found=conv.groups, expected=f"a divisor of the {c} channels entering"
        )
    return _after_window(conv, h, w)


def _after_slbf(slbf: Slbf, x: Shape) -> Shape:
    c, h, w = image(x, slbf)
    if c % slbf.splits:
        near = max(s for s in range(1, min(slbf.splits, c) + 1) if c % s == 0)
        raise ShapeError(
            place="splits",
            found=slbf.splits,
            expected=f"a divisor of the {c} channels entering",
            fix=f"try {near}",
        )
    values = slbf.kernel**2 * (c // slbf.splits)
    if slbf.index_bits > values:
        raise ShapeError(
            place="bank",
            found=slbf.bank,
            expected=f"at most 2^{values}, the different binary filters of "
            f"{slbf.kernel}×{slbf.kernel}×{c // slbf.splits} values",
        )
    return _after_window(slbf, h, w)


def _after_window(layer: Conv | Slbf, h: int, w: int) -> Shape:
    k, s, p = layer.kernel, layer.stride, layer.margin
    y = (layer.out, _side(h, k, s, p), _side(w, k, s, p))
    if y[0] * y[1] * y[2] > MAX_ELEMENTS:
        raise ShapeError(place="out", found=say(y), expected=f"at most {MAX_ELEMENTS:,} numbers")
    return y


def _side(side: int, kernel: int, stride: int, padding: int) -> int:
    room = side + 2 * padding - kernel
    if room < 0:
        raise ShapeError(
            place="kernel",
            found=kernel,
            expected=f"at most the {side + 2 * padding} pixels of the input with its padding",
            fix="use a smaller kernel, more padding or less pooling before it",
        )
    return room // stride + 1


def _after_stack(stack: Stack, x: Shape) -> Shape:
    if stack.inputs != x[0]:
        raise ShapeError(
            place="units",
            found=f"units that take {stack.inputs} channels together",
            expected=f"the {x[0]} channels that enter the stack",
            fix="change the counts, or the out of the layer before (out: auto follows the stack)",
        )
    rest: Shape | None = None
    for i, run in enumerate(stack.units):
        try:
            y = after_unit(run.unit, (run.unit.inputs, *x[1:]))
        except ShapeError as error:
            raise error.within(f"units[{i}]") from None
        if rest is not None and y[1:] != rest:
            raise ShapeError(
                place=f"units[{i}]",
                found=f"a unit that gives {say(y)}",
                expected=f"the height and width of the others, {say(rest)}",
            )
        rest = y[1:]
    return (stack.outputs, *(rest or ()))


def _after_residual(residual: Residual, x: Shape) -> Shape:
    body = after_all(residual.body, x, "body")
    shortcut = after_all(residual.shortcut, x, "shortcut")
    if body != shortcut:
        raise ShapeError(
            place="body",
            found=f"a body that gives {say(body)}",
            expected=f"the output of the shortcut, {say(shortcut)}",
        )
    return body


def _after_branches(branches: Branches, x: Shape) -> Shape:
    if branches.split is not None and sum(branches.split) != x[0]:
        raise ShapeError(
            place="split",
            found=f"{sum(branches.split)} channels",
            expected=f"the {x[0]} channels entering",
        )
    total, rest = 0, None
    for i, sequence in enumerate(branches.of):
        share = x if branches.split is None else (branches.split[i], *x[1:])
        y = after_all(sequence, share, f"of[{i}]")
        if rest is not None and y[1:] != rest:
            raise ShapeError(
                place=f"of[{i}]",
                found=say(y),
                expected=f"the height and width of the others, {say(rest)}",
            )
        total, rest = total + y[0], y[1:]
    return (total, *(rest or ()))
