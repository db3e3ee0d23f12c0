"""Architectures as pictures: inline SVG, layers from left to right, stacks as columns of units."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from html import escape
from itertools import groupby
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
    Unit,
)
from unitsearch.shapes import Shape, after, say
from unitsearch.views.drawing.glyphs import (
    GREY,
    Box,
    captioned,
    framed,
    line,
    moved,
    num,
    plate,
    row,
    text,
    text_width,
    unit_glyph,
    wrapped,
)
from unitsearch.views.drawing.kinds import describe, kind_colours, unit_kind

WIDTH = 420.0
_WIDEST = 4 * WIDTH
_TALL = 0.6  # a drawing higher than this share of its width would be shown as a thin strip
_SHOWN = 60  # layers of one sequence that are drawn; the rest are counted


def drawing(
    architecture: Architecture, colours: Mapping[str, str] | None = None, width: float = WIDTH
) -> str:
    """Return ``architecture`` as one ``<svg>`` element.

    Args:
        architecture: The network.
        colours: Colour of each kind of unit, from ``kind_colours``; its own kinds' unless given.
        width: Where a row of layers ends and the next begins, in the drawing's own units; at 360
            pixels the default is still legible. A deep network gets longer rows, up to four times
            the default, so that its drawing is no thin strip.
    """
    known = kind_colours([architecture]) if colours is None else colours
    x: Shape = architecture.input
    while True:
        boxes = [_input(x), *_sequence(architecture.layers, x, known, width - 40)]
        whole = wrapped(boxes, width)
        if whole.height <= _TALL * width or width >= _WIDEST:
            break
        width = min(1.25 * width, _WIDEST)
    w, h = max(whole.width, width * 0.6) + 4, whole.height + 4
    label = escape(f"Drawing of the network: {describe(architecture)}", quote=True)
    return (
        f'<svg class="drawing" viewBox="0 0 {num(w)} {num(h)}" width="{num(w)}" height="{num(h)}"'
        f' role="img" aria-label="{label}" font-family="system-ui,sans-serif">'
        f"{moved(whole, 2, 2)}</svg>"
    )


def _sequence(layers: Layers, x: Shape, colours: Mapping[str, str], width: float) -> list[Box]:
    boxes: list[Box] = []
    drawn = 0
    for layer, group in groupby(layers):
        left = len(list(group))
        while left:
            if drawn >= _SHOWN:
                more = len(layers) - drawn
                boxes.append(captioned(row([]), [f"{more:,} layers more"]))
                return boxes
            y = after(layer, x)
            # The first of equal layers may change the shape: it is drawn alone, before the others.
            repeats = left if y == x and not isinstance(layer, Stack) else 1
            box = _layer(layer, x, y, colours, width)
            boxes.append(box if repeats == 1 else framed(f"{repeats} × in a row", [box]))
            x = y
            drawn += repeats
            left -= repeats
    return boxes


def _layer(layer: Layer, x: Shape, y: Shape, colours: Mapping[str, str], width: float) -> Box:
    match layer:
        case Conv():
            return _conv(layer, x, y)
        case Slbf():
            return _slbf(layer, y)
        case Linear():
            return captioned(_block(layer.out, 19, radius=9), ["linear", _say_size(y)])
        case Pool():
            return captioned(_funnel(), [f"{layer.op} {layer.kernel}", _say_size(y)])
        case GlobalPool():
            return captioned(_funnel(), ["mean", _say_size(y)])
        case Flatten():
            lines = "".join(line([(4.5 * i, 0), (4.5 * i, 26)], 0.6) for i in range(3))
            return captioned(Box(9, 26, 13, lines), ["flat", f"{y[0]:,}"])
        case Shuffle():
            crossed = "".join(
                line([(0, 4 + 9 * i), (22, 4 + 9 * j)], 0.6) for i, j in ((0, 0), (1, 2), (2, 1))
            )
            return captioned(Box(22, 26, 13, crossed), ["shuffle", f"{layer.groups} groups"])
        case Stack():
            return _stack(layer, y, colours)
        case Residual():
            body = wrapped(_sequence(layer.body, x, colours, width - 40), width - 40)
            shortcut = row(_sequence(layer.shortcut, x, colours, width - 40))
            act = "" if layer.act == "none" else f", {layer.act}"
            return framed(f"residual{act} · {_say_size(y)}", [body, shortcut], "+")
        case Gate():
            body = wrapped(_sequence(layer.body, x, colours, width - 40), width - 40)
            return framed("gate", [row([]), body], "×")
        case Branches():
            lanes = []
            for i, sequence in enumerate(layer.of):
                share = x if layer.split is None else (layer.split[i], *x[1:])
                inner = _sequence(sequence, share, colours, width - 40)
                lanes.append(wrapped(inner, width - 40))
            split = "" if layer.split is None else f" of {' | '.join(map(str, layer.split))}"
            return framed(f"branches{split} · {_say_size(y)}", lanes)
        case _:
            assert_never(layer)


def _conv(conv: Conv, x: Shape, y: Shape) -> Box:
    captions = [_window(conv), _say_size(y)]
    if conv.groups > 1:
        depthwise = conv.groups == conv.out == x[0]
        captions.append("depth-wise" if depthwise else f"{conv.groups} groups")
    return captioned(_block(conv.out, 24), captions)


def _slbf(slbf: Slbf, y: Shape) -> Box:
    captions = [f"slbf {_window(slbf)}", _say_size(y), f"k {slbf.bank} · s {slbf.splits}"]
    return captioned(_block(slbf.out, 24), captions)


def _window(layer: Conv | Slbf) -> str:
    said = f"{layer.kernel}×{layer.kernel}"
    return f"{said} /{layer.stride}" if layer.stride > 1 else said


def _block(channels: int, width: float, radius: float = 4) -> Box:
    """A normal layer: the more channels, the taller, in powers of two."""
    height = 20 + 8 * math.log2(channels + 1)
    said = f"{channels:,}"
    width = max(width, text_width(said, 10) + 8)
    body = plate(0.5, 0.5, width - 1, height - 1, radius=radius)
    body += text(width / 2, height / 2 + 3.5, said, 10, bold=True)
    return Box(width, height, height / 2, body)


def _funnel() -> Box:
    body = (
        '<path d="M1 1L15 8V20L1 27z" fill="currentColor" fill-opacity=".09"'
        ' stroke="currentColor" stroke-opacity=".55" stroke-linejoin="round"/>'
    )
    return Box(16, 28, 14, body)


def _input(x: Shape) -> Box:
    body = "".join(plate(6 - 3 * i, 3 * i, 21, 21, radius=2, fill=0.06) for i in range(3))
    return captioned(Box(28, 28, 14, body), ["input", say(x)])


def _stack(stack: Stack, y: Shape, colours: Mapping[str, str]) -> Box:
    """One glyph for each unit that differs, with its count; at most five above each other."""
    merged: Counter[Unit] = Counter()
    for run in stack.units:
        merged[run.unit] += run.count
    cells = [_unit(unit, count, colours) for unit, count in merged.items()]
    columns = math.ceil(len(cells) / 5)
    each = math.ceil(len(cells) / columns)
    body, x, height = [], 8.0, 0.0
    parts = [cells[i : i + each] for i in range(0, len(cells), each)]
    tall = max(sum(cell.height for cell in part) + 7 * (len(part) - 1) for part in parts) + 14
    for part in parts:
        top = (tall - sum(cell.height for cell in part) - 7 * (len(part) - 1)) / 2
        for cell in part:
            body.append(moved(cell, x, top))
            top += cell.height + 7
        x += max(cell.width for cell in part) + 8
        height = max(height, top)
    body.insert(0, plate(0.5, 0.5, x - 1, tall - 1, radius=7, fill=0.03, stroke=0.35))
    kernels = {
        layer.kernel for unit in merged for layer in unit.weighted if not isinstance(layer, Linear)
    }
    said = f"{stack.size:,} unit{'s' if stack.size > 1 else ''}"
    if len(kernels) == 1:
        k = kernels.pop()
        said += f" · {k}×{k}"
    return captioned(
        Box(x, tall, tall / 2, "".join(body)), [said, f"→ {stack.outputs} · {_say_size(y)}"]
    )


def _unit(unit: Unit, count: int, colours: Mapping[str, str]) -> Box:
    colour = colours.get(unit_kind(unit), GREY)
    weighted, pools = 0, []
    for layer in unit.layers:
        if isinstance(layer, Pool):
            pools.append(min(weighted, len(unit.weighted) - 1))
        else:
            weighted += 1
    glyph = unit_glyph(unit.nodes, pools, colour)
    said = f"×{count:,}"
    height = max(glyph.height, 12)
    body = moved(glyph, 0, (height - glyph.height) / 2)
    body += text(glyph.width + 5, height / 2 + 3.4, said, 9.5, bold=True, anchor="start")
    return Box(glyph.width + 5 + text_width(said, 9.5), height, height / 2, body)


def _say_size(y: Shape) -> str:
    return f"{y[1]}×{y[2]}" if len(y) == 3 else f"{y[0]:,}"
