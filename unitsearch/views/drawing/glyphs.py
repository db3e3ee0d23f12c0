"""The parts that drawings are made of: boxes of SVG that know their size and where lines meet them.

Ink is ``currentColor``, so that a drawing follows the page from light to dark; only units have a
colour of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

# Okabe and Ito's colours, told apart by colour-blind readers; the ninth kind starts again.
KIND_COLOURS = (
    "#2f7fc1", "#d9781e", "#0f9d77", "#b5609c", "#b59a1b", "#3aa7c9", "#d1495b", "#7a6fd0",
)  # fmt: skip
GREY = "#8a94a0"

DOT = 2.7
_COLUMN = 15.0
_ROW = 8.5
_SHOWN = 6  # nodes of one layer drawn one by one; more are a bar with their number


@dataclass(frozen=True)
class Box:
    """A piece of a drawing: width, height, the height at which its line enters, and its SVG."""

    width: float
    height: float
    mid: float
    body: str


def num(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def moved(box: Box, x: float, y: float) -> str:
    """Return the SVG of ``box`` with its corner at (x, y)."""
    return f'<g transform="translate({num(x)} {num(y)})">{box.body}</g>'


def text(
    x: float, y: float, said: str, size: float = 9, *, bold: bool = False, anchor: str = "middle",
    opacity: float = 1.0, fill: str = "currentColor",
) -> str:  # fmt: skip
    """Return one line of text."""
    weight = ' font-weight="600"' if bold else ""
    faint = f' opacity="{num(opacity)}"' if opacity < 1 else ""
    return (
        f'<text x="{num(x)}" y="{num(y)}" font-size="{num(size)}" text-anchor="{anchor}"'
        f' fill="{fill}"{weight}{faint}>{escape(said)}</text>'
    )


def text_width(said: str, size: float = 9) -> float:
    """Return roughly how wide ``said`` is."""
    return 0.58 * size * len(said)


def line(points: Sequence[tuple[float, float]], opacity: float = 0.45, dash: str = "") -> str:
    """Return a thin line through ``points``."""
    at = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<polyline points="{at}" fill="none" stroke="currentColor" stroke-width="1.1"'
        f' stroke-linejoin="round" opacity="{opacity:g}"{dashed}/>'
    )


def plate(
    x: float, y: float, width: float, height: float, *, radius: float = 4, dash: str = "",
    fill: float = 0.09, stroke: float = 0.55,
) -> str:  # fmt: skip
    """Return a rounded rectangle in faint ink."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}"'
        f' rx="{num(radius)}" fill="currentColor" fill-opacity="{fill:g}" stroke="currentColor"'
        f' stroke-opacity="{stroke:g}"{dashed}/>'
    )


def unit_glyph(nodes: Sequence[int], pools_after: Sequence[int], colour: str) -> Box:
    """Return a unit: its nodes as dots, layer by layer, every dot tied to all of the next layer.

    Args:
        nodes: Input, hidden and output nodes.
        pools_after: Indices into ``nodes`` after which a pooling stands, drawn as an upright line.
        colour: Of dots and lines.
    """
    height = max(min(count, _SHOWN) for count in nodes) * _ROW
    width = (len(nodes) - 1) * _COLUMN + 2 * DOT
    columns = []
    for i, count in enumerate(nodes):
        drawn = min(count, _SHOWN)
        top = (height - drawn * _ROW) / 2 + _ROW / 2
        columns.append([(DOT + i * _COLUMN, top + j * _ROW) for j in range(drawn)])
    lines = " ".join(
        f"M{num(x)} {num(y)}L{num(x2)} {num(y2)}"
        for left, right in pairwise(columns)
        for x, y in left
        for x2, y2 in right
    )
    body = [f'<path d="{lines}" stroke="{colour}" stroke-width=".9" opacity=".55" fill="none"/>']
    for at in pools_after:
        x = DOT + (at + 0.5) * _COLUMN
        body.append(
            f'<path d="M{num(x)} 0V{num(height)}" stroke="{colour}" stroke-width="2.2"'
            ' opacity=".8"/>'
        )
    for count, column in zip(nodes, columns, strict=True):
        if count > _SHOWN:
            x, top, low = column[0][0], column[0][1], column[-1][1]
            body.append(
                f'<rect x="{num(x - 5)}" y="{num(top - 3)}" width="10"'
                f' height="{num(low - top + 6)}" rx="5" fill="{colour}"/>'
            )
            size = 6.5 if count < 100 else 5
            body.append(text(x, (top + low) / 2 + 2.3, str(count), size, fill="#fff"))
        else:
            dots = "".join(f'<circle cx="{num(x)}" cy="{num(y)}" r="{DOT}"/>' for x, y in column)
            body.append(f'<g fill="{colour}">{dots}</g>')
    return Box(width, height, height / 2, "".join(body))


def captioned(icon: Box, captions: Sequence[str], least: float = 0) -> Box:
    """Return ``icon`` with lines of small text under it; its line enters where the icon's does."""
    width = max(icon.width, least, *(text_width(said, 8.5) for said in captions))
    body = [moved(icon, (width - icon.width) / 2, 0)]
    left = (width - icon.width) / 2
    if left > 0.5:  # the line goes on to the icon where the caption is wider
        for at in (0.0, left + icon.width):
            body.append(line([(at, icon.mid), (at + left, icon.mid)]))
    y = icon.height + 10.5
    for i, said in enumerate(captions):
        body.append(text(width / 2, y, said, 8.5, opacity=1 if i == 0 else 0.65))
        y += 10
    return Box(width, icon.height + 10.0 * len(captions) + 4, icon.mid, "".join(body))


def row(boxes: Sequence[Box], gap: float = 10) -> Box:
    """Return ``boxes`` from left to right, tied together by a line at their middles."""
    mid = max((box.mid for box in boxes), default=6.0)
    low = max((box.height - box.mid for box in boxes), default=6.0)
    if not boxes:
        return Box(26, 12, 6, line([(0, 6), (26, 6)]))
    body, x = [], 0.0
    for i, box in enumerate(boxes):
        if i:
            body.append(line([(x - gap, mid), (x, mid)]))
        body.append(moved(box, x, mid - box.mid))
        x += box.width + gap
    return Box(x - gap, mid + low, mid, "".join(body))


def wrapped(boxes: Sequence[Box], width: float, gap: float = 10) -> Box:
    """Return ``boxes`` in as many rows as ``width`` asks for; each box stays whole."""
    rows: list[list[Box]] = [[]]
    used = 0.0
    for box in boxes:
        if rows[-1] and used + gap + box.width > width:
            rows.append([])
            used = 0.0
        used += box.width + (gap if rows[-1] else 0)
        rows[-1].append(box)
    if len(rows) == 1:
        return row(rows[0], gap)
    body, y, widest = [], 0.0, 0.0
    drawn = [row(boxes, gap) for boxes in rows]
    for i, one in enumerate(drawn):
        x = 12.0 if i else 0.0
        if i:
            body.append(_arrow(x, y + one.mid))
        if i < len(drawn) - 1:
            body.append(_arrow(x + one.width + 12, y + one.mid))
        body.append(moved(one, x, y))
        widest = max(widest, x + one.width + 12)
        y += one.height + 12
    return Box(widest, y - 12, drawn[0].mid, "".join(body))


def _arrow(x: float, y: float) -> str:
    return line([(x - 11, y), (x - 3, y)]) + (
        f'<path d="M{num(x - 4)} {num(y - 3)}l4 3l-4 3z" fill="currentColor" opacity=".45"/>'
    )


def framed(label: str, lanes: Sequence[Box], join: str = "") -> Box:
    """Return lanes one above the other in a dashed frame that says what it is.

    Args:
        label: Written at the frame's top.
        lanes: What every lane holds; all start at the left edge and meet at the right.
        join: Sign where they meet (``+``, ``×``), if any.
    """
    tail = 20.0 if join else 8.0
    inner = max(*(lane.width for lane in lanes), text_width(label, 8) - 20, 30)
    width = 12 + inner + tail + 4
    top = 15.0
    mids, body = [], []
    for lane in lanes:
        mids.append(top + lane.mid)
        body.append(moved(lane, 14, top))
        body.append(line([(14 + lane.width, mids[-1]), (14 + inner, mids[-1])]))
        top += lane.height + 6
    mid = mids[0]
    for other in mids:
        body.append(line([(0, mid), (6, mid), (6, other), (14, other)]))
        body.append(
            line(
                [(14 + inner, other), (14 + inner + 4, other), (14 + inner + 4, mid), (width, mid)]
            )
        )
    if join:
        x = 14 + inner + 4
        body.append(
            f'<circle cx="{num(x)}" cy="{num(mid)}" r="6" fill="{GREY}"/>'
            + text(x, mid + 3.4, join, 10, bold=True, fill="#fff")
        )
    body.insert(
        0, plate(0.5, 0.5, width - 1, top - 2, radius=6, dash="3 2.5", fill=0.035, stroke=0.4)
    )
    body.append(text(6, 10.5, label, 8, anchor="start", opacity=0.8))
    return Box(width, top, mid, "".join(body))
