"""The parts of drawings: boxes of SVG with their size and the height at which lines meet them.

Ink is ``currentColor``, so that a drawing follows the page from light to dark; only units have a
colour of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

# Okabe and Ito's colours, which colour-blind readers can distinguish; the ninth kind starts again.
KIND_COLOURS = (
    "#2f7fc1", "#d9781e", "#0f9d77", "#b5609c", "#b59a1b", "#3aa7c9", "#d1495b", "#7a6fd0",
)  # fmt: skip
GREY = "#66707c"
INK = "#0b0f14"  # on a unit's colour

DOT = 2.7
_COLUMN = 15.0
_ROW = 8.5
_TURN = 12.0  # width beside the rows for the line from one row to the next
_BETWEEN = 13.0  # height between two rows
_CARD = 3.0  # offset of each card of a pile
_SHOWN = 6  # nodes of one layer drawn one by one; more are a bar with their number


@dataclass(frozen=True)
class Box:
    """A piece of a drawing: width, height, the height at which its line enters, and its SVG.

    Attributes:
        drop: The height of the leaving line below the entering one, for content in several rows.
    """

    width: float
    height: float
    mid: float
    body: str
    drop: float = 0.0


def num(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def moved(box: Box, x: float, y: float) -> str:
    """Return the SVG of ``box`` with its corner at (x, y)."""
    return f'<g transform="translate({num(x)} {num(y)})">{box.body}</g>'


def text(
    x: float, y: float, content: str, size: float = 9, *, bold: bool = False,
    anchor: str = "middle", opacity: float = 1.0, fill: str = "currentColor",
) -> str:  # fmt: skip
    """Return one line of text."""
    weight = ' font-weight="600"' if bold else ""
    faint = f' opacity="{num(opacity)}"' if opacity < 1 else ""
    return (
        f'<text x="{num(x)}" y="{num(y)}" font-size="{num(size)}" text-anchor="{anchor}"'
        f' fill="{fill}"{weight}{faint}>{escape(content)}</text>'
    )


def text_width(content: str, size: float = 9, *, bold: bool = False) -> float:
    """Return the largest width of a text in the fonts that systems have for pages."""
    return (0.68 if bold else 0.6) * size * len(content)


def line(points: Sequence[tuple[float, float]], opacity: float = 0.45) -> str:
    """Return a thin line through ``points``."""
    path = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="1.1"'
        f' stroke-linejoin="round" opacity="{opacity:g}"/>'
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
    """Return a unit: its nodes as dots, layer by layer, with lines to all dots of the next layer.

    Args:
        nodes: Input, hidden and output nodes.
        pools_after: Indices into ``nodes`` of the nodes before a pooling, drawn as an upright line.
        colour: The colour of dots and lines.
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
    for index in pools_after:
        x = DOT + (index + 0.5) * _COLUMN
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
            body.append(text(x, (top + low) / 2 + 2.3, str(count), size, fill=INK))
        else:
            dots = "".join(f'<circle cx="{num(x)}" cy="{num(y)}" r="{DOT}"/>' for x, y in column)
            body.append(f'<g fill="{colour}">{dots}</g>')
    return Box(width, height, height / 2, "".join(body))


def captioned(icon: Box, captions: Sequence[str], *, is_first: bool = False) -> Box:
    """Return ``icon`` with lines of small text under it; its line enters where the icon's does.

    If a caption is wider than the icon the line is extended to it; the first box has no line.
    """
    width = max(icon.width, *(text_width(caption, 8.5) for caption in captions))
    body = [moved(icon, (width - icon.width) / 2, 0)]
    left = (width - icon.width) / 2
    if left > 0.5:
        for start in (left + icon.width,) if is_first else (0.0, left + icon.width):
            body.append(line([(start, icon.mid), (start + left, icon.mid)]))
    y = icon.height + 10.5
    for i, caption in enumerate(captions):
        body.append(text(width / 2, y, caption, 8.5, opacity=1 if i == 0 else 0.65))
        y += 10
    return Box(width, icon.height + 10.0 * len(captions) + 4, icon.mid, "".join(body))


def row(boxes: Sequence[Box], gap: float = 10) -> Box:
    """Return ``boxes`` from left to right, tied together by a line at their middles."""
    if not boxes:
        return Box(26, 12, 6, line([(0, 6), (26, 6)]))
    levels, level = [], 0.0
    for box in boxes:
        levels.append(level)
        level += box.drop
    mid = max(box.mid - lower for box, lower in zip(boxes, levels, strict=True))
    low = max(box.height - box.mid + lower for box, lower in zip(boxes, levels, strict=True))
    body, x = [], 0.0
    for i, (box, lower) in enumerate(zip(boxes, levels, strict=True)):
        if i:
            body.append(line([(x - gap, mid + lower), (x, mid + lower)]))
        body.append(moved(box, x, mid + lower - box.mid))
        x += box.width + gap
    return Box(x - gap, mid + low, mid, "".join(body), level)


def in_rows(boxes: Sequence[Box], width: float, gap: float = 10) -> list[list[Box]]:
    """Return ``boxes`` in rows of at most ``width``; a single box may be wider than that."""
    rows: list[list[Box]] = [[]]
    used = 0.0
    for box in boxes:
        if rows[-1] and used + gap + box.width > width:
            rows.append([])
            used = 0.0
        used += box.width + (gap if rows[-1] else 0)
        rows[-1].append(box)
    return rows


def wrapped(boxes: Sequence[Box], width: float, gap: float = 10, *, goes_on: bool = True) -> Box:
    """Return ``boxes`` in rows of at most ``width``; no box is broken.

    A line leads from the end of each row to the beginning of the next, and from the last row to the
    right edge if ``goes_on`` is set.
    """
    rows = in_rows(boxes, width, gap)
    if len(rows) == 1:
        return row(rows[0], gap)
    drawn = [row(in_row, gap) for in_row in rows]
    widest = _TURN + max(box.width for box in drawn)
    body, y = [], 0.0
    for i, box in enumerate(drawn):
        x = _TURN if i else 0.0
        body.append(moved(box, x, y))
        if i < len(drawn) - 1:
            end, bend = y + box.mid + box.drop, y + box.height + _BETWEEN / 2
            start = y + box.height + _BETWEEN + drawn[i + 1].mid
            right = x + box.width
            path = [(right, end), (right + _TURN - 2, end), (right + _TURN - 2, bend)]
            path += [(2, bend), (2, start), (_TURN, start)]
            body.append(line(path))
            body.append(_head(_TURN, start))
            widest = max(widest, right + _TURN)
        y += box.height + _BETWEEN
    last = y - drawn[-1].height - _BETWEEN + drawn[-1].mid + drawn[-1].drop
    right = _TURN + drawn[-1].width
    if goes_on and right < widest:
        body.append(line([(right, last), (widest, last)]))
    return Box(widest, y - _BETWEEN, drawn[0].mid, "".join(body), last - drawn[0].mid)


def _head(x: float, y: float) -> str:
    """Return the head of an arrow whose point is at (x, y)."""
    return f'<path d="M{num(x - 4)} {num(y - 3)}l4 3l-4 3z" fill="currentColor" opacity=".45"/>'


def framed(label: str, lanes: Sequence[Box], join: str = "", times: int = 1) -> Box:
    """Return lanes one above the other in a dashed frame with a label.

    Args:
        label: The text at the frame's top.
        lanes: The content of each lane; all start at the left edge and meet at the right.
        join: The sign where they meet (``+``, ``×``), if any.
        times: Number of repeats in a row; several are drawn as a pile of cards.
    """
    tail = 24.0 if join else 8.0
    count = f"{times:,} ×" if times > 1 else ""
    label_width = text_width(label, 8) + (text_width(count, 9, bold=True) + 4 if count else 0)
    inner = max(*(lane.width for lane in lanes), label_width - 14, 30)
    width = 12 + inner + tail + 4
    top = 15.0
    mids, outs, body = [], [], []
    for lane in lanes:
        mids.append(top + lane.mid)
        outs.append(top + lane.mid + lane.drop)
        body.append(moved(lane, 14, top))
        body.append(line([(14 + lane.width, outs[-1]), (14 + inner, outs[-1])]))
        top += lane.height + 6
    mid, out = mids[0], outs[0]
    for into, leaving in zip(mids, outs, strict=True):
        body.append(line([(0, mid), (6, mid), (6, into), (14, into)]))
        meet = 14 + inner + tail / 2 - (2 if join else 0)
        body.append(line([(14 + inner, leaving), (meet, leaving), (meet, out), (width, out)]))
    if join:
        x = 14 + inner + tail / 2 - 2
        body.append(
            f'<circle cx="{num(x)}" cy="{num(out)}" r="6" fill="{GREY}"/>'
            + text(x, out + 3.4, join, 10, bold=True, fill="#fff")
        )
    edge = plate(0.5, 0.5, width - 1, top - 2, radius=6, dash="3 2.5", fill=0.035, stroke=0.4)
    heading = ""
    if count:
        heading = text(6, 11, count, 9, bold=True, anchor="start")
        # The edges of further cards stand out to the upper right.
        behind = (_CARD, 2 * _CARD)[: min(times - 1, 2)]
        edge = "".join(_card(d, width, top) for d in reversed(behind)) + edge
    heading += text(
        6 + (text_width(count, 9, bold=True) + 4 if count else 0),
        10.5,
        label,
        8,
        anchor="start",
        opacity=0.8,
    )
    whole = Box(width, top, mid, edge + "".join(body) + heading, out - mid)
    if not count:
        return whole
    shift = _CARD * min(times - 1, 2)
    return Box(
        width + shift, top + shift, mid + shift,
        moved(whole, 0, shift) + line([(width, out + shift), (width + shift, out + shift)]),
        out - mid,
    )  # fmt: skip


def _card(by: float, width: float, low: float) -> str:
    """Return the upper and right edge of a card that stands out by ``by`` behind another."""
    path = f"M{num(6 + by)} {num(0.5 - by)}H{num(width - 6.5 + by)}q6 0 6 6V{num(low - 8 - by)}"
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".3"/>'
