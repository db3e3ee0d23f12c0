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
GREY = "#66707c"
INK = "#0b0f14"  # on a unit's colour

DOT = 2.7
_COLUMN = 15.0
_ROW = 8.5
_TURN = 12.0  # what a line needs beside the rows to get from one to the next
_BETWEEN = 13.0  # rows
_CARD = 3.0  # by which the cards of a pile stand out
_SHOWN = 6  # nodes of one layer drawn one by one; more are a bar with their number


@dataclass(frozen=True)
class Box:
    """A piece of a drawing: width, height, the height at which its line enters, and its SVG.

    Attributes:
        drop: How much lower its line leaves, where its content went on in further rows.
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


def text_width(said: str, size: float = 9, *, bold: bool = False) -> float:
    """Return how wide ``said`` is at most, in fonts that systems have for pages."""
    return (0.68 if bold else 0.6) * size * len(said)


def line(points: Sequence[tuple[float, float]], opacity: float = 0.45) -> str:
    """Return a thin line through ``points``."""
    at = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    return (
        f'<polyline points="{at}" fill="none" stroke="currentColor" stroke-width="1.1"'
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
            body.append(text(x, (top + low) / 2 + 2.3, str(count), size, fill=INK))
        else:
            dots = "".join(f'<circle cx="{num(x)}" cy="{num(y)}" r="{DOT}"/>' for x, y in column)
            body.append(f'<g fill="{colour}">{dots}</g>')
    return Box(width, height, height / 2, "".join(body))


def captioned(icon: Box, captions: Sequence[str], *, is_first: bool = False) -> Box:
    """Return ``icon`` with lines of small text under it; its line enters where the icon's does.

    Where a caption is wider the line goes on to the icon; none comes to the first box of all.
    """
    width = max(icon.width, *(text_width(said, 8.5) for said in captions))
    body = [moved(icon, (width - icon.width) / 2, 0)]
    left = (width - icon.width) / 2
    if left > 0.5:
        for at in (left + icon.width,) if is_first else (0.0, left + icon.width):
            body.append(line([(at, icon.mid), (at + left, icon.mid)]))
    y = icon.height + 10.5
    for i, said in enumerate(captions):
        body.append(text(width / 2, y, said, 8.5, opacity=1 if i == 0 else 0.65))
        y += 10
    return Box(width, icon.height + 10.0 * len(captions) + 4, icon.mid, "".join(body))


def row(boxes: Sequence[Box], gap: float = 10) -> Box:
    """Return ``boxes`` from left to right, tied together by a line at their middles."""
    if not boxes:
        return Box(26, 12, 6, line([(0, 6), (26, 6)]))
    mids, level = [], 0.0
    for box in boxes:
        mids.append(level)
        level += box.drop
    mid = max(box.mid - at for box, at in zip(boxes, mids, strict=True))
    low = max(box.height - box.mid + at for box, at in zip(boxes, mids, strict=True))
    body, x = [], 0.0
    for i, (box, at) in enumerate(zip(boxes, mids, strict=True)):
        if i:
            body.append(line([(x - gap, mid + at), (x, mid + at)]))
        body.append(moved(box, x, mid + at - box.mid))
        x += box.width + gap
    return Box(x - gap, mid + low, mid, "".join(body), level)


def in_rows(boxes: Sequence[Box], width: float, gap: float = 10) -> list[list[Box]]:
    """Return ``boxes`` in as many rows as ``width`` asks for; a box may be wider than that."""
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
    """Return ``boxes`` in as many rows as ``width`` asks for; each box stays whole.

    A line leads from the end of each row to the beginning of the next, and from the last one to the
    right edge if it goes on there.
    """
    rows = in_rows(boxes, width, gap)
    if len(rows) == 1:
        return row(rows[0], gap)
    drawn = [row(some, gap) for some in rows]
    widest = _TURN + max(one.width for one in drawn)
    body, y = [], 0.0
    for i, one in enumerate(drawn):
        x = _TURN if i else 0.0
        body.append(moved(one, x, y))
        if i < len(drawn) - 1:
            end, bend = y + one.mid + one.drop, y + one.height + _BETWEEN / 2
            start = y + one.height + _BETWEEN + drawn[i + 1].mid
            right = x + one.width
            path = [(right, end), (right + _TURN - 2, end), (right + _TURN - 2, bend)]
            path += [(2, bend), (2, start), (_TURN, start)]
            body.append(line(path))
            body.append(_head(_TURN, start))
            widest = max(widest, right + _TURN)
        y += one.height + _BETWEEN
    last = y - drawn[-1].height - _BETWEEN + drawn[-1].mid + drawn[-1].drop
    right = _TURN + drawn[-1].width
    if goes_on and right < widest:
        body.append(line([(right, last), (widest, last)]))
    return Box(widest, y - _BETWEEN, drawn[0].mid, "".join(body), last - drawn[0].mid)


def _head(x: float, y: float) -> str:
    """The head of an arrow whose point is at (x, y)."""
    return f'<path d="M{num(x - 4)} {num(y - 3)}l4 3l-4 3z" fill="currentColor" opacity=".45"/>'


def framed(label: str, lanes: Sequence[Box], join: str = "", times: int = 1) -> Box:
    """Return lanes one above the other in a dashed frame that says what it is.

    Args:
        label: Written at the frame's top.
        lanes: What every lane holds; all start at the left edge and meet at the right.
        join: Sign where they meet (``+``, ``×``), if any.
        times: How often it stands there in a row; more than once it is drawn as a pile of cards.
    """
    tail = 24.0 if join else 8.0
    count = f"{times:,} ×" if times > 1 else ""
    room = text_width(label, 8) + (text_width(count, 9, bold=True) + 4 if count else 0)
    inner = max(*(lane.width for lane in lanes), room - 14, 30)
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
    said = ""
    if count:
        said = text(6, 11, count, 9, bold=True, anchor="start")
        # the edges of further cards, behind to the upper right
        behind = (_CARD, 2 * _CARD)[: min(times - 1, 2)]
        edge = "".join(_card(d, width, top) for d in reversed(behind)) + edge
    said += text(
        6 + (text_width(count, 9, bold=True) + 4 if count else 0),
        10.5,
        label,
        8,
        anchor="start",
        opacity=0.8,
    )
    whole = Box(width, top, mid, edge + "".join(body) + said, out - mid)
    if not count:
        return whole
    shift = _CARD * min(times - 1, 2)
    return Box(
        width + shift, top + shift, mid + shift,
        moved(whole, 0, shift) + line([(width, out + shift), (width + shift, out + shift)]),
        out - mid,
    )  # fmt: skip


def _card(by: float, width: float, low: float) -> str:
    """The upper and right edge of a card that stands out ``by`` so much behind another."""
    path = f"M{num(6 + by)} {num(0.5 - by)}H{num(width - 6.5 + by)}q6 0 6 6V{num(low - 8 - by)}"
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".3"/>'
