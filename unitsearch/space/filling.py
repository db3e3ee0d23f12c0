"""Fills: the stack that replaces a site, with the number of units that gives the site's width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from unitsearch.architecture import Stack, Unit, Units
from unitsearch.architecture.reading import read_unit
from unitsearch.errors import SpecError
from unitsearch.fields import Int, is_list, join
from unitsearch.shapes import Shape
from unitsearch.space.bound import Space
from unitsearch.space.draws import Draw, mixture, series
from unitsearch.space.nodes import (
    AUTO,
    MAX_TOTAL,
    Choose,
    ListNode,
    Mix,
    Node,
    Plain,
    Series,
    Use,
)
from unitsearch.space.queries import fields_of, plain_value
from unitsearch.space.sites import Site

# The layer of a unit that takes the site's stride, counted from the front or the back.
_STRIDES = {"first": 0, "second": 1, "last": -1}


class Ends(NamedTuple):
    """The widths that the units of a fill divide evenly among them, and the stride of each unit.

    Attributes:
        total: The number of units.
        entering: Channels that enter all of them together.
        leaving: Channels that leave the site.
        stride: The stride of the site in pixels.
    """

    total: int
    entering: int
    leaving: int
    stride: int


def filled(
    draw: Draw, space: Space, fill: Node, site: Site, where: str, x: Shape, stride: int
) -> Stack:
    """Return a stack as wide as ``site``, on ``x``.

    Args:
        draw: The walk that gives the values.
        space: The space.
        fill: The node that describes the units: a unit, a mix or a sequence.
        site: The site that the stack takes the place of.
        where: The beginning of the names of the parameters in the fill.
        x: The shape that enters the stack.
        stride: The stride in pixels that the units take.

    Raises:
        SpecError: If the units do not divide the site's widths evenly, or their outputs differ.
    """
    ends = Ends(fill_total(space, fill, x, site), x[0], site.y[0], stride)

    def unit(node: Node, name: str) -> Unit:
        return _unit(space, draw.resolve(node, name), node, ends)

    runs: list[Units] = []
    with draw.filling(ends.total):
        match fill:
            case Mix():
                name = draw.name(fill.name, f"{where}.units")
                for kind, count in mixture(draw, fill, name):
                    runs.append(Units(count, unit(fill.kinds[kind], f"{where}.{kind}")))
            case Series():
                name = draw.name(fill.name, f"{where}.units")
                for _, kind in series(draw, fill, name):
                    runs.append(Units(1, unit(fill.kinds[kind], f"{where}.{kind}")))
            case _:
                runs.append(Units(ends.total, unit(fill, where)))
    widths = {run.unit.outputs for run in runs}
    if len(widths) > 1:
        raise SpecError(
            place=fill.place,
            found=f"units with {', '.join(map(str, sorted(widths)))} output nodes",
            expected="units of equal ends, so that every mixture has the width of the site",
            fix="end their nodes with auto",
        )
    return Stack(units=tuple(runs), name=site.name)


def fill_total(space: Space, fill: Node, x: Shape, site: Site) -> int:
    """Return the number of units that fill a site on ``x``.

    Input nodes ``auto`` are the smallest number, two or more, that makes units which divide both
    the input width and the site's output width evenly.

    Raises:
        SpecError: If the kinds of unit have unequal input nodes, or a choice of them, or they do
            not divide the width evenly.
    """
    kinds = tuple(fill.kinds.values()) if isinstance(fill, (Mix, Series)) else (fill,)
    for kind in kinds:
        if not isinstance(kind, Use) and not {"nodes", "in"} & set(fields_of(kind)):
            value = kind.value if isinstance(kind, Plain) else "something else"
            expected = "a unit ({nodes: […]}, or its name), a mix, a sequence or a choice of them"
            raise SpecError(place=kind.place, found=value, expected=expected)
    different = {_inputs(space, kind) for kind in kinds}
    if len(different) > 1:
        raise SpecError(
            place=fill.place,
            found=f"units with {', '.join(map(str, sorted(different, key=str)))} input nodes",
            expected="units of equal ends, so that every mixture has the width of the site",
        )
    inputs = different.pop()
    width, out = x[0], site.y[0]
    if inputs == AUTO:
        even = (n for n in range(2, width + 1) if width % n == 0 and out % (width // n) == 0)
        return width // next(even, width)
    if width % int(inputs):
        raise SpecError(
            place=fill.place,
            found=f"units with {inputs} input nodes",
            expected=f"a divisor of the {width} channels that enter {site.name}",
            fix="or auto, the smallest number that suits both widths",
        )
    return width // int(inputs)


def _inputs(space: Space, kind: Node) -> int | str:
    """Return the input nodes of a kind of unit, which may be ``auto``."""
    node = space.units[kind.name] if isinstance(kind, Use) and kind.name in space.units else kind
    keys = fields_of(node)
    key = "nodes" if "nodes" in keys else "in"
    value = keys.get(key)
    if isinstance(value, ListNode):
        value = value.items[0]
    if isinstance(value, (Choose, Use)):
        expected = "a number or auto: the width of a site is shared out by it"
        raise SpecError(place=join(node.place, key), found="a choice", expected=expected)
    data = plain_value(value)
    first = data[0] if is_list(data) and data else data
    return AUTO if first == AUTO else Int(1, MAX_TOTAL).read(first, join(node.place, key))


def _unit(space: Space, data: Any, node: Node, ends: Ends) -> Unit:
    """Return a unit whose output nodes and stride follow from the site; equal units are reused."""
    key = (repr(data), ends)
    unit = space.fills.get(key)
    if unit is None:
        place = space.unit_place(node)
        unit = space.fills[key] = read_unit(_with_ends(data, place, ends), place)
    return unit


def _with_ends(data: Any, place: str, ends: Ends) -> Any:
    """Return a unit's data with ``auto``, ``depthwise`` and the stride's word as numbers."""
    if not isinstance(data, Mapping):
        return data  # the reader refuses it with its own message
    is_full = is_list(data.get("layers"))
    rows: Any = data["layers"] if is_full else data.get("nodes", ())
    if not is_list(rows) or not rows:
        return data
    rows = _with_output(rows, place, ends, is_full)
    return _full_unit(data, rows, ends) if is_full else _short_unit(data, rows, place, ends)


def _with_output(rows: Any, place: str, ends: Ends, is_full: bool) -> Any:
    """Return nodes, or layers, with the site's share as the last width if that is ``auto``."""
    last = rows[-1].get("out") if is_full and isinstance(rows[-1], Mapping) else rows[-1]
    if last != AUTO:
        return rows
    if ends.leaving % ends.total:
        raise SpecError(
            place=join(place, "layers" if is_full else "nodes"),
            found=AUTO,
            expected=f"output nodes of their own: {ends.leaving} channels are not shared out "
            f"evenly among {ends.total} units",
        )
    share = ends.leaving // ends.total
    return [*rows[:-1], {**rows[-1], "out": share} if is_full else share]


def _full_unit(data: Mapping[str, Any], rows: Any, ends: Ends) -> dict[str, Any]:
    """Return the data of a unit that lists its layers; the first layer takes the stride."""
    settled = dict(data)
    if settled.get("in") == AUTO:
        settled["in"] = ends.entering // ends.total
    if ends.stride > 1 and isinstance(rows[0], Mapping) and "stride" not in rows[0]:
        rows = [{**rows[0], "stride": ends.stride}, *rows[1:]]
    return {**settled, "layers": rows}


def _short_unit(data: Mapping[str, Any], rows: Any, place: str, ends: Ends) -> dict[str, Any]:
    """Return the data of a unit in shorthand; a word names the layer that takes the stride."""
    settled = dict(data)
    nodes = [ends.entering // ends.total if rows[0] == AUTO else rows[0], *rows[1:]]
    settled["nodes"] = nodes
    groups: Any = data.get("groups")
    if is_list(groups):  # depthwise: as many groups as channels enter that layer
        settled["groups"] = [
            nodes[i] if group == "depthwise" and i < len(nodes) else group
            for i, group in enumerate(groups)
        ]
    word = data.get("stride", "first")
    if isinstance(word, str):
        if word not in _STRIDES:
            expected = f"one of {', '.join(_STRIDES)}, or numbers"
            raise SpecError(place=join(place, "stride"), found=word, expected=expected)
        settled.pop("stride", None)
        if ends.stride > 1 and len(nodes) > 2:
            strides = [1] * (len(nodes) - 1)
            strides[_STRIDES[word]] = ends.stride
            settled["stride"] = strides
    return settled
