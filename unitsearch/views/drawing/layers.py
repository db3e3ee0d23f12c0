"""Layers as boxes of SVG: normal ones in ink, stacks as columns of their kinds of units."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
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
    Unit,
    kind_of,
)
from unitsearch.architecture.description import unit_kind
from unitsearch.shapes import Shape, say
from unitsearch.views.drawing.folding import Fold, PlacedLayer, folded
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

_LANE = 560.0  # width of a row inside of a block
_COLUMN = 5  # kinds of units in one column
_SHOWN = 60  # boxes of one sequence that are drawn; the rest are counted

Colours = Mapping[str, str]
Sides = tuple[int, ...]


def boxes(folds: Sequence[Fold], colours: Colours, sides: Sides) -> list[Box]:
    """Return a box for each fold.

    Args:
        folds: The folds in order.
        colours: The colour of each kind of unit.
        sides: Height and width of the part; a layer with output of another size shows its own.
    """
    drawn = [_fold(fold, colours, sides) for fold in folds[:_SHOWN]]
    left = sum(fold.times * len(fold.layers) for fold in folds[_SHOWN:])
    if left:
        drawn.append(captioned(row([]), [f"{left:,} layers more"]))
    return drawn


def layer_box(placed: PlacedLayer, colours: Colours, sides: Sides) -> Box:
    """Return the box of one layer."""
    return _box(placed.layer, placed.x, placed.y, colours, sides, "", 1)


def input_box(x: Shape) -> Box:
    """Return the box of the input image."""
    body = "".join(plate(6 - 3 * i, 3 * i, 21, 21, radius=2, fill=0.06) for i in range(3))
    return captioned(Box(28, 28, 14, body), ["input", say(x)], is_first=True)


def part_box(inner: Box, sides: Sides) -> Box:
    """Return a part of a network on a plate that shows the height and width of its maps."""
    size = "×".join(map(str, sides))
    top = 14.0
    width = max(inner.width + 16, text_width(size, 8.5, bold=True) + 14)
    height = top + inner.height + 4
    left = (width - inner.width) / 2
    body = plate(0.5, 0.5, width - 1, height - 1, radius=8, fill=0.04, stroke=0.14)
    body += text(7, 11, size, 8.5, bold=True, anchor="start", opacity=0.75)
    body += moved(inner, left, top)
    mid, out = top + inner.mid, top + inner.mid + inner.drop
    body += line([(0, mid), (left, mid)]) + line([(left + inner.width, out), (width, out)])
    return Box(width, height, mid, body, inner.drop)


def _fold(fold: Fold, colours: Colours, sides: Sides) -> Box:
    only = fold.only
    if only is not None:
        if fold.times == 1 or isinstance(only.layer, (Residual, Branches, Gate)):
            return _box(only.layer, only.x, only.y, colours, sides, fold.name, fold.times)
        inner = layer_box(only, colours, sides)
        return framed("in a row", [inner], times=fold.times)
    inner = row([_box(p.layer, p.x, p.y, colours, sides, kind_of(p.layer), 1) for p in fold.layers])
    return framed(fold.name or "in a row", [inner], times=fold.times)


def _box(
    layer: Layer, x: Shape, y: Shape, colours: Colours, sides: Sides, name: str, times: int
) -> Box:
    match layer:
        case Conv():
            return _conv(layer, x, y, sides)
        case Slbf():
            return _slbf(layer, y, sides)
        case Linear():
            return captioned(_block(layer.out, 30, radius=10), ["linear"])
        case Pool():
            return captioned(_funnel(), [f"{layer.op} {layer.kernel}", *_size(y, sides)])
        case GlobalPool():
            return captioned(_funnel(), ["mean"])
        case Flatten():
            lines = "".join(line([(4.5 * i, 0), (4.5 * i, 26)], 0.6) for i in range(3))
            return captioned(Box(9, 26, 13, lines), ["flat", f"{y[0]:,}"])
        case Shuffle():
            crossed = "".join(
                line([(0, 4 + 9 * i), (22, 4 + 9 * j)], 0.6) for i, j in ((0, 0), (1, 2), (2, 1))
            )
            return captioned(Box(22, 26, 13, crossed), ["shuffle"])
        case Stack():
            return _stack(layer, y, colours, sides)
        case Residual():
            lanes = [_lane(layer.body, x, colours, sides), _lane(layer.shortcut, x, colours, sides)]
            return framed(name or layer.name or "residual", lanes, "+", times)
        case Gate():
            lanes = [row([]), _lane(layer.body, x, colours, sides)]
            return framed(name or "gate", lanes, "×", times)
        case Branches():
            shares = [x] * len(layer.of)
            label = name or layer.name or "branches"
            if layer.split is not None:
                shares = [(share, *x[1:]) for share in layer.split]
                label = f"{label} · {' | '.join(map(str, layer.split))}"
            lanes = [
                _lane(sequence, share, colours, sides)
                for sequence, share in zip(layer.of, shares, strict=True)
            ]
            return framed(label, lanes, times=times)
        case _:
            assert_never(layer)


def _lane(layers: Layers, x: Shape, colours: Colours, sides: Sides) -> Box:
    return wrapped(boxes(folded(layers, x), colours, sides), _LANE)


def _conv(conv: Conv, x: Shape, y: Shape, sides: Sides) -> Box:
    captions = [_window(conv)]
    if conv.groups > 1:
        depthwise = conv.groups == conv.out == x[0]
        captions.append("depth-wise" if depthwise else f"{conv.groups} groups")
    return captioned(_block(conv.out, 24), [*captions, *_size(y, sides)])


def _slbf(slbf: Slbf, y: Shape, sides: Sides) -> Box:
    captions = [f"slbf {_window(slbf)}", f"k {slbf.bank} · s {slbf.splits}"]
    block = _block(slbf.out, 24)
    # A column of binary values marks the layers that share binary filters.
    squares = [(i % 2, y) for i, y in enumerate(range(3, int(block.height) - 5, 4))]
    column = "".join(f"M{3 + 4 * x} {y}h4v4h-4z" for x, y in squares)
    body = f'<path d="{column}" fill="currentColor" opacity=".6"/>{moved(block, 14, 0)}'
    edge = plate(0.5, 0.5, block.width + 13, block.height - 1)
    whole = Box(block.width + 14, block.height, block.mid, edge + body)
    return captioned(whole, [*captions, *_size(y, sides)])


def _window(layer: Conv | Slbf) -> str:
    window = f"{layer.kernel}×{layer.kernel}"
    return f"{window} /{layer.stride}" if layer.stride > 1 else window


def _block(channels: int, width: float, radius: float = 4) -> Box:
    """Return the box of a normal layer, whose height grows with the logarithm of its channels."""
    height = 18 + 5 * math.log2(channels + 1)
    number = f"{channels:,}"
    width = max(width, text_width(number, 10, bold=True) + 7)
    body = plate(0.5, 0.5, width - 1, height - 1, radius=radius)
    body += text(width / 2, height / 2 + 3.5, number, 10, bold=True)
    return Box(width, height, height / 2, body)


def _funnel() -> Box:
    body = (
        '<path d="M1 1L15 8V20L1 27z" fill="currentColor" fill-opacity=".09"'
        ' stroke="currentColor" stroke-opacity=".55" stroke-linejoin="round"/>'
    )
    return Box(16, 28, 14, body)


def _stack(stack: Stack, y: Shape, colours: Colours, sides: Sides) -> Box:
    """Return a box with one glyph and a count for each distinct unit, and a bar of their shares."""
    merged: Counter[Unit] = Counter()
    for run in stack.units:
        merged[run.unit] += run.count
    cells = [_unit(unit, count, colours) for unit, count in merged.items()]
    columns = math.ceil(len(cells) / _COLUMN)
    each = math.ceil(len(cells) / columns)
    parts = [cells[i : i + each] for i in range(0, len(cells), each)]
    gap = 8.0
    tall = max(sum(cell.height for cell in part) + gap * (len(part) - 1) for part in parts) + 14
    body, x = [_shares(merged, tall - 12, colours)], 15.0
    for part in parts:
        top = (tall - sum(cell.height for cell in part) - gap * (len(part) - 1)) / 2
        for cell in part:
            body.append(moved(cell, x, top))
            top += cell.height + gap
        x += max(cell.width for cell in part) + 8
    body.insert(0, plate(0.5, 0.5, x - 1, tall - 1, radius=7, fill=0.03, stroke=0.35))
    kernels = {
        layer.kernel for unit in merged for layer in unit.weighted if not isinstance(layer, Linear)
    }
    caption = f"{stack.size:,} unit{'s' if stack.size > 1 else ''}"
    if len(kernels) == 1:
        k = kernels.pop()
        caption += f" · {k}×{k}"
    steps = {_step(unit) for unit in merged} - {1}
    if steps:  # all units of a stack have the same step
        caption += f" /{steps.pop()}"
    width = f"{stack.inputs:,} → {stack.outputs:,}"
    return captioned(Box(x, tall, tall / 2, "".join(body)), [caption, width, *_size(y, sides)])


def _step(unit: Unit) -> int:
    """Return the factor by which a unit divides the sides of its maps."""
    steps = [
        layer.step if isinstance(layer, Pool) else layer.stride
        for layer in unit.layers
        if isinstance(layer, (Conv, Pool, Slbf))
    ]
    return math.prod(steps)


def _shares(units: Mapping[Unit, int], height: float, colours: Colours) -> str:
    """Return an upright bar with the share of each kind among the units of a stack."""
    counts: Counter[str] = Counter()
    for unit, count in units.items():
        counts[colours.get(unit_kind(unit), GREY)] += count
    total, top, bars = sum(counts.values()), 6.0, []
    for colour, count in counts.items():
        length = height * count / total
        bars.append(
            f'<rect x="6" y="{num(top)}" width="4" height="{num(max(length - 0.8, 0.4))}" rx="1"'
            f' fill="{colour}"/>'
        )
        top += length
    return "".join(bars)


def _unit(unit: Unit, count: int, colours: Colours) -> Box:
    """Return a unit's glyph, the number of such units, and its nodes as the papers write them."""
    glyph = kind_glyph(unit, colours.get(unit_kind(unit), GREY))
    times, nodes = f"×{count:,}", "-".join(map(str, unit.nodes))
    height = max(glyph.height, 19)
    x, mid = glyph.width + 5, height / 2
    body = moved(glyph, 0, (height - glyph.height) / 2)
    body += text(x, mid - 0.7, times, 9.5, bold=True, anchor="start")
    body += text(x, mid + 8.3, nodes, 7.5, anchor="start", opacity=0.8)
    return Box(
        x + max(text_width(times, 9.5, bold=True), text_width(nodes, 7.5)), height, mid, body
    )


def kind_glyph(unit: Unit, colour: str) -> Box:
    """Return a unit's nodes with its pooling."""
    weighted, pools = 0, []
    for layer in unit.layers:
        if isinstance(layer, Pool):
            pools.append(min(weighted, len(unit.weighted) - 1))
        else:
            weighted += 1
    return unit_glyph(unit.nodes, pools, colour)


def _size(y: Shape, sides: Sides) -> list[str]:
    """Return height and width of a layer's maps, or nothing if they are the part's or one pixel."""
    is_shown = len(y) < 3 or y[1:] in (sides, (1, 1))
    return [] if is_shown else ["×".join(map(str, y[1:]))]
