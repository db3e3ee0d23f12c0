"""Replacement: what a space puts in place of a backbone's layers, site by site.

``sites`` and ``run`` say where, ``with`` says what: ``keep``, a layer or a list of them, or a
choice among those. Widths follow from the site, so that every member builds: a stack that ``fill``
describes has as many units as the site's input width wants, ``auto`` is what the site has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from unitsearch.architecture import Layer, Layers, Shuffle, Stack, Unit, Units
from unitsearch.architecture.reading import check_keys, read_unit
from unitsearch.errors import ShapeError, SpecError
from unitsearch.fields import Int, is_list, join
from unitsearch.shapes import Shape, after, say
from unitsearch.space.draws import Draw, Labels, below, layer_name, mixture, series
from unitsearch.space.nodes import (
    AUTO,
    MAX_TOTAL,
    Choose,
    ListNode,
    MapNode,
    Mix,
    Node,
    Plain,
    Replacement,
    Series,
    Use,
)
from unitsearch.space.sites import Base, Site

if TYPE_CHECKING:
    from unitsearch.space.space_file import Space

KEEP = "keep"
_NEW = "keep, a layer (its kind first), a list of layers, or run and with"
# Where a unit takes the site's stride: which of its layers, counted from the front or the back.
_STRIDES = {"first": 0, "second": 1, "last": -1}


def replaced(draw: Draw, space: Space) -> Layers:
    """Return the layers of the backbone with what is drawn for each site in its place."""
    base = space.drawn_base(draw)
    new: dict[Site, Layers] = {}
    for item in space.file.replace:
        others = tuple(new)
        for site in sites_of(draw, base, item):
            found = _at_site(draw, base, item, site)
            if found is None:
                continue
            target = found[0]
            for other in others:
                if target.overlaps(other):
                    both = target.name if target == other else f"{other.name} and {target.name}"
                    expected = "every layer replaced once"
                    raise SpecError(place=item.place, found=f"{both} again", expected=expected)
            new[target] = found[1]
    return base.replaced(new)


def sites_of(draw: Draw, base: Base, item: Replacement) -> tuple[Site, ...]:
    """Return the sites that an item of ``replace`` is about, its ``sites`` drawn."""
    patterns = draw.resolve(item.sites, f"{item.prefix}sites")
    return base.matching(tuple(patterns) if is_list(patterns) else (patterns,), item.sites.place)


def chosen(draw: Draw, node: Node, where: str, word: str) -> tuple[Node, str]:
    """Return what a choice comes to, and how the names of the parameters in it begin."""
    name = f"{where}.{word}" if word else where
    while True:
        match node:
            case Choose():
                name = draw.name(node.name, name)
                label = draw.choose(name, Labels(node.labels))
                node, where = node.options[label], f"{where}.{label}"
                name = where
            case Use(name=choice) if isinstance(draw.space.choices.get(choice), Choose):
                option = draw.space.choices[choice]
                assert isinstance(option, Choose)  # just looked at
                label = draw.choose(choice, Labels(option.labels))
                node, where = option.options[label], f"{where}.{label}"
                name = where
            case _:
                return node, where


def check_new(node: Node) -> None:
    """Check that what may come to a site is ``keep``, a layer, a list of them or a choice.

    Raises:
        SpecError: If it is anything else; the place says where.
    """
    match node:
        case Choose(options=options):
            for option in options.values():
                check_new(option)
        case ListNode(items=items):
            for item in items:
                check_new(item)
        case Plain(value=value) if is_list(value):
            for item in _sequence(node):
                check_new(item)
        case Plain(value=value) if not keeps(node) and not {"kind", "with"} & set(fields_of(node)):
            raise SpecError(place=node.place, found=value, expected=_NEW)
        case Mix():
            raise SpecError(place=node.place, found="a mix", expected=_NEW)
        case MapNode(items=keys) if not {"kind", "with"} & set(keys):
            raise SpecError(place=node.place, found=", ".join(keys), expected=_NEW)
        case MapNode(items=keys) if "with" in keys:
            check_new(keys["with"])
        case _:
            pass


def keeps(node: Node) -> bool:
    """Say whether ``node`` leaves a site as it is."""
    return isinstance(node, Plain) and node.value == KEEP


def run_and_new(item: Replacement, node: Node) -> tuple[Node | None, Node]:
    """Return which layers ``node`` is about and what comes there: an option may say its own run."""
    keys = fields_of(node)
    if "with" not in keys:
        return item.run, node
    check_keys(keys, ("run", "with"), node.place, "an option with its own run")
    return keys.get("run", item.run), keys["with"]


def _at_site(draw: Draw, base: Base, item: Replacement, site: Site) -> tuple[Site, Layers] | None:
    at = f"{site.name}.{item.prefix}".removesuffix(".")
    draw.within = at
    try:
        node, where = chosen(draw, item.new, at, "with")
        run, new = run_and_new(item, node)
        if new is not node:
            new, where = chosen(draw, new, where, "with")
        if keeps(new):
            return None
        target = site
        if run is not None:
            target = base.within(site, draw.resolve(run, f"{at}.run"), run.place)
        return target, _layers(draw, new, target, where)
    finally:
        draw.within = ""


def _layers(draw: Draw, node: Node, site: Site, where: str) -> Layers:
    """Return the layers that ``node`` describes, from the shape entering ``site`` to its own."""
    found: list[Layer] = []
    x, stride = site.x, site.stride
    for item, at in _items(draw, node, where):
        try:
            layer = _layer(draw, item, site, at, x, stride, found[-1] if found else None)
            if layer is None:
                continue
            x = after(layer, x)
        except ShapeError as error:
            raise SpecError(f"at site {site.name}: {error}", place=item.place) from None
        found.append(layer)
        stride = 1
    if x != site.y:
        raise SpecError(
            place=node.place,
            found=f"layers that give {say(x)}",
            expected=f"what the site {site.name} gives, {say(site.y)}",
            fix="out: auto and fill follow the site",
        )
    return tuple(found)


def _items(draw: Draw, node: Node, where: str) -> Iterator[tuple[Node, str]]:
    """Yield the layers of ``node``, choices among them drawn and lists spliced."""
    items = _sequence(node)
    for i, item in enumerate(items):
        at = where if len(items) == 1 else below(where, layer_name(item, f"layer{i}"))
        if isinstance(item, Series):
            name = draw.name(item.name, at)
            for position, kind in series(draw, item, name):
                before, draw.within = draw.within, f"{name}.{position}"
                yield from _items(draw, item.kinds[kind], f"{name}.{position}.{kind}")
                draw.within = before
            continue
        one, inner = chosen(draw, item, at, "")
        if one is item:
            yield one, at
        else:
            yield from _items(draw, one, inner)


def _sequence(node: Node) -> tuple[Node, ...]:
    match node:
        case ListNode(items=items):
            return items
        case Plain(value=value, place=place) if is_list(value):
            return tuple(Plain(item, f"{place}[{i}]") for i, item in enumerate(value))
        case _:
            return (node,)


def _layer(
    draw: Draw, node: Node, site: Site, where: str, x: Shape, stride: int, before: Layer | None
) -> Layer | None:
    keys = fields_of(node)
    kind = _plain(keys.get("kind"))
    if kind == "stack" and "fill" in keys:
        check_keys(keys, ("kind", "name", "fill"), node.place, "a stack that fills a site")
        fill, where = chosen(draw, keys["fill"], where, "fill")
        return _filled(draw, fill, site, where, x, stride)
    data = draw.resolve(node, where)
    if not isinstance(data, Mapping):
        raise SpecError(place=node.place, found=data, expected="a layer, a list of them, or keep")
    if kind == "shuffle" and data.get("groups") == AUTO:
        return shuffle_after(before, node.place)
    known = {"out": site.y[0], "stride": stride}
    settled = dict(data)
    if stride > 1 and kind in ("conv", "pool", "slbf"):
        settled.setdefault("stride", stride)
    for key, value in settled.items():
        if value == AUTO:
            settled[key] = known[key] if key in known else _of_site(site, key, node.place)
    return draw.space.read(settled, node.place)


def _of_site(site: Site, key: str, place: str) -> Any:
    """Return what the only layer of a site has for ``key``."""
    if len(site.layers) == 1 and hasattr(site.layers[0], key):
        return getattr(site.layers[0], key)
    expected = f"a value: {site.name} is not one layer that has {key}"
    raise SpecError(place=join(place, key), found=AUTO, expected=expected)


def shuffle_after(layer: Layer | None, place: str) -> Shuffle | None:
    """Return the shuffle that lets the units of a stack meet, None where it would move nothing.

    It has as many groups as the stack has units, or the next smaller number that divides the
    stack's channels.

    Raises:
        SpecError: If ``layer`` is no stack.
    """
    if not isinstance(layer, Stack):
        expected = "a number, or auto right after a stack"
        raise SpecError(place=join(place, "groups"), found=AUTO, expected=expected)
    channels = layer.outputs
    groups = max(n for n in range(1, min(layer.size, channels) + 1) if channels % n == 0)
    return None if groups in (1, channels) else Shuffle(groups=groups)


def _filled(draw: Draw, fill: Node, site: Site, where: str, x: Shape, stride: int) -> Stack:
    """Return a stack as wide as ``site``, on ``x``."""
    total = fill_total(draw.space, fill, x, site)

    def unit(node: Node, at: str) -> Unit:
        data = draw.resolve(node, at)
        return _unit(draw.space, data, node, (total, x[0], site.y[0], stride))

    runs: list[Units] = []
    draw.room = total
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
            runs.append(Units(total, unit(fill, where)))
    draw.room = None
    ends = {run.unit.outputs for run in runs}
    if len(ends) > 1:
        raise SpecError(
            place=fill.place,
            found=f"units with {', '.join(map(str, sorted(ends)))} output nodes",
            expected="units of equal ends, so that every mixture has the width of the site",
            fix="end their nodes with auto",
        )
    return Stack(units=tuple(runs), name=site.name)


def fill_total(space: Space, fill: Node, x: Shape, site: Site) -> int:
    """Return how many units fill a site on ``x``.

    Input nodes ``auto`` are the fewest, two or more, by which both the width that enters and the
    site's output width are shared out evenly.

    Raises:
        SpecError: If the kinds of unit have unequal input nodes, or a choice of them, or they do
            not share out the width.
    """
    kinds = tuple(fill.kinds.values()) if isinstance(fill, (Mix, Series)) else (fill,)
    for kind in kinds:
        if not isinstance(kind, Use) and not {"nodes", "in"} & set(fields_of(kind)):
            said = kind.value if isinstance(kind, Plain) else "something else"
            expected = "a unit ({nodes: […]}, or its name), a mix, a sequence or a choice of them"
            raise SpecError(place=kind.place, found=said, expected=expected)
    found = {_inputs(space, kind) for kind in kinds}
    if len(found) > 1:
        raise SpecError(
            place=fill.place,
            found=f"units with {', '.join(map(str, sorted(found, key=str)))} input nodes",
            expected="units of equal ends, so that every mixture has the width of the site",
        )
    inputs = found.pop()
    width, out = x[0], site.y[0]
    if inputs == AUTO:
        even = (n for n in range(2, width + 1) if width % n == 0 and out % (width // n) == 0)
        return width // next(even, width)
    if width % int(inputs):
        raise SpecError(
            place=fill.place,
            found=f"units with {inputs} input nodes",
            expected=f"a divisor of the {width} channels that enter {site.name}",
            fix="or auto, the fewest that share out what enters and what leaves",
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
    data = _plain(value)
    first = data[0] if is_list(data) and data else data
    return AUTO if first == AUTO else Int(1, MAX_TOTAL).read(first, join(node.place, key))


def _unit(space: Space, data: Any, node: Node, ends: tuple[int, int, int, int]) -> Unit:
    """Return a unit whose output nodes and stride follow from the site.

    ``ends`` are how many units there are, the width entering, the site's output width and stride.
    """
    key = (repr(data), ends)
    found = space.fills.get(key)
    if found is None:
        place = node.place
        if isinstance(node, Use) and node.name in space.units:
            place = space.units[node.name].place
        found = space.fills[key] = read_unit(_settled_unit(data, place, *ends), place)
    return found


def _settled_unit(data: Any, place: str, total: int, entering: int, width: int, stride: int) -> Any:
    if not isinstance(data, Mapping):
        return data  # the reader says what is wrong
    word = data.get("stride", "first")
    settled = dict(data)
    full = is_list(data.get("layers"))
    rows: Any = data["layers"] if full else data.get("nodes", ())
    if not is_list(rows) or not rows:
        return data
    last = rows[-1].get("out") if full and isinstance(rows[-1], Mapping) else rows[-1]
    if last == AUTO:
        if width % total:
            raise SpecError(
                place=join(place, "layers" if full else "nodes"),
                found=AUTO,
                expected=f"output nodes of their own: {width} channels are not shared out evenly "
                f"among {total} units",
            )
        end = width // total
        rows = [*rows[:-1], {**rows[-1], "out": end} if full else end]
    if full:
        if settled.get("in") == AUTO:
            settled["in"] = entering // total
        if stride > 1 and isinstance(rows[0], Mapping) and "stride" not in rows[0]:
            rows = [{**rows[0], "stride": stride}, *rows[1:]]
        return {**settled, "layers": rows}
    settled["nodes"] = rows = [entering // total if rows[0] == AUTO else rows[0], *rows[1:]]
    groups: Any = data.get("groups")
    if is_list(groups):  # depthwise: as many groups as channels enter that layer
        settled["groups"] = [
            rows[i] if word == "depthwise" and i < len(rows) else word
            for i, word in enumerate(groups)
        ]
    if isinstance(word, str):
        if word not in _STRIDES:
            expected = f"one of {', '.join(_STRIDES)}, or numbers"
            raise SpecError(place=join(place, "stride"), found=word, expected=expected)
        settled.pop("stride", None)
        if stride > 1 and len(rows) > 2:
            strides = [1] * (len(rows) - 1)
            strides[_STRIDES[word]] = stride
            settled["stride"] = strides
    return settled


def fields_of(node: Node) -> Mapping[str, Node]:
    """Return the values of a mapping by their keys; nothing for anything else."""
    match node:
        case MapNode(items=items):
            return items
        case Plain(value=value, place=place) if isinstance(value, Mapping):
            return {str(key): Plain(item, join(place, str(key))) for key, item in value.items()}
        case _:
            return {}


def _plain(node: Node | None) -> Any:
    return node.value if isinstance(node, Plain) else None
