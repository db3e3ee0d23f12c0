"""Architectures as pictures: inline SVG for pages, or an SVG file."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from unitsearch.architecture import Architecture, Unit, stacks
from unitsearch.architecture.description import describe, unit_counts, unit_kind
from unitsearch.costs import count
from unitsearch.shapes import output, say
from unitsearch.views.drawing.folding import Part, folded, parts
from unitsearch.views.drawing.glyphs import (
    GREY,
    Box,
    in_rows,
    moved,
    num,
    text,
    text_width,
    wrapped,
)
from unitsearch.views.drawing.kinds import kind_colours
from unitsearch.views.drawing.layers import boxes, input_box, kind_glyph, layer_box, part_box

# The widths of rows that are tried, in the drawing's own units, of which the smallest type takes 8.
# The drawing gets the width at which it can be shown largest in the space of a page.
WIDTHS = (420.0, 470.0, 520.0, 580.0, 640.0, 720.0, 800.0, 900.0, 1000.0, 1200.0, 1450.0, 1700.0)
SHAPE = 1.7  # width over height of that space
_LONELY = 1.3  # penalty, as a factor of the size, if the last row is nearly empty
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',sans-serif"
_STYLE = (
    "svg{color:#1c2430;background:#fff}.paper{fill:#fff}"
    "@media (prefers-color-scheme:dark){svg{color:#e6eaef;background:#12161b}.paper{fill:#12161b}}"
)


def drawing(
    architecture: Architecture, colours: Mapping[str, str] | None = None, width: float | None = None
) -> str:
    """Return ``architecture`` as one ``<svg>`` element for a page, in the page's own ink.

    Layers run from left to right in parts of one resolution; equal blocks are drawn once with their
    number.

    Args:
        architecture: The network.
        colours: Colour of each kind of unit, from ``kind_colours``; its own kinds' unless given.
        width: Width of a row in the drawing's own units (the smallest type is 8 high); chosen to
            suit the network unless given. A block is never broken.
    """
    whole = _whole(architecture, _colours(architecture, colours), width)
    w, h = whole.width + 4, whole.height + 4
    label = escape(f"Drawing of the network: {describe(architecture)}", quote=True)
    return (
        f'<svg class="drawing" viewBox="0 0 {num(w)} {num(h)}" width="{num(w)}" height="{num(h)}"'
        f' role="img" aria-label="{label}" font-family="system-ui,sans-serif">'
        f"{moved(whole, 2, 2)}</svg>"
    )


def drawing_file(
    architecture: Architecture, title: str, width: float | None = None, *, paper: bool = True
) -> str:
    """Return ``architecture`` as an SVG file with title, costs and a legend of its kinds of units.

    Args:
        architecture: The network.
        title: The title above the drawing.
        width: Width of a row, as in ``drawing``.
        paper: Whether the file has a background, light or dark as the reader's system asks for.
            Without one it is drawn for light paper.
    """
    colours = _colours(architecture, None)
    whole = _whole(architecture, colours, width)
    cost = count(architecture)
    facts = (
        f"{say(architecture.input)} → {output(architecture)[0]:,} outputs  ·  "
        f"{cost.params:,} parameters"
        f"  ·  {cost.macs:,} MACs  ·  {cost.flops:,} FLOPs (the papers' convention)"
    )
    legend = _legend(architecture, colours, max(whole.width, 420.0))
    inner = max(whole.width, text_width(title, 15, bold=True), text_width(facts, 9), legend.width)
    margin, head = 18.0, 44.0
    w = inner + 2 * margin
    h = margin + head + whole.height + (18 + legend.height if legend.height else 0) + margin
    low = margin + head + whole.height + 18
    paint = '<rect class="paper" width="100%" height="100%" fill="#fff"/>' if paper else ""
    style = f"<style>{_STYLE}</style>" if paper else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" color="#1c2430"'
        f' viewBox="0 0 {num(w)} {num(h)}" width="{num(w)}" height="{num(h)}"'
        f' font-family="{_FONT}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(_described(architecture))}</desc>\n"
        f"{style}{paint}\n"
        f"{text(margin, margin + 13, title, 15, bold=True, anchor='start')}"
        f"{text(margin, margin + 29, facts, 9, anchor='start', opacity=0.75)}\n"
        f"{moved(whole, margin, margin + head)}\n{moved(legend, margin, low)}</svg>\n"
    )


def _colours(architecture: Architecture, colours: Mapping[str, str] | None) -> Mapping[str, str]:
    return kind_colours([architecture]) if colours is None else colours


def _whole(architecture: Architecture, colours: Mapping[str, str], width: float | None) -> Box:
    pieces: list[Part | Box] = [input_box(architecture.input)]
    inner: dict[int, list[Box]] = {}
    for part in parts(folded(architecture.layers, architecture.input)):
        if isinstance(part, Part):
            inner[len(pieces)] = boxes(part.folds, colours, part.sides)
            pieces.append(part)
        else:
            pieces.append(layer_box(part, colours, part.y[1:]))
    candidates = []
    for candidate in WIDTHS if width is None else (width,):
        flow: list[Box] = []
        for i, piece in enumerate(pieces):
            if isinstance(piece, Box):
                flow.append(piece)
            elif piece.sides:
                flow.append(part_box(wrapped(inner[i], candidate - 16), piece.sides))
            else:
                flow += inner[i]
        whole = wrapped(flow, candidate, goes_on=False)
        rows = [sum(box.width for box in in_row) for in_row in in_rows(flow, candidate)]
        lonely = _LONELY if len(rows) > 1 and rows[-1] < 0.25 * max(rows) else 1.0
        candidates.append((lonely * max(whole.width / SHAPE, whole.height), whole))
    return min(candidates, key=lambda sized: sized[0])[1]


def _legend(architecture: Architecture, colours: Mapping[str, str], width: float) -> Box:
    """Return a legend of all kinds of units: glyph, name and number of units in the network."""
    units: dict[str, Unit] = {}
    for stack in stacks(architecture.layers):
        for run in stack.units:
            units.setdefault(unit_kind(run.unit), run.unit)
    counts = unit_counts(architecture.layers)
    body, x, y, high, widest = [], 0.0, 0.0, 0.0, 0.0
    for name, unit in sorted(units.items(), key=lambda item: (item[1].nodes, item[0])):
        glyph = kind_glyph(unit, colours.get(name, GREY))
        total = f"{counts[name]:,} unit{'s' if counts[name] > 1 else ''}"
        across = glyph.width + 7 + max(text_width(name, 10, bold=True), text_width(total, 8.5)) + 22
        if x and x + across > width:
            x, y, high = 0.0, y + high + 10, 0.0
        tall = max(glyph.height, 22)
        body.append(moved(glyph, x, y + (tall - glyph.height) / 2))
        left = x + glyph.width + 7
        body.append(text(left, y + tall / 2 - 1, name, 10, bold=True, anchor="start"))
        body.append(text(left, y + tall / 2 + 9.5, total, 8.5, anchor="start", opacity=0.75))
        x += across
        high, widest = max(high, tall), max(widest, x - 22)
    return Box(widest, y + high if body else 0.0, 0.0, "".join(body))


def _described(architecture: Architecture) -> str:
    """Return the description of a drawing for readers who cannot see it."""
    units = describe(architecture)
    summary = (
        f"A neural network that takes {say(architecture.input)} and gives "
        f"{say(output(architecture))}, from left to right."
    )
    if units == "no units":
        return f"{summary} It holds no units."
    return f"{summary} Units of its stacked layers, in order: {units}."
