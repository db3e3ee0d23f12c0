"""Replacement: the layers that a space puts in place of a backbone's layers, site by site.

``sites`` and ``run`` name the layers that are replaced, ``with`` describes the new layers:
``keep``, a layer, a list of layers, or a choice among these. Widths follow from the site, so that
every member builds: a stack that ``fill`` describes has as many units as the site's input width
allows, and ``auto`` is the value of the site.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from unitsearch.architecture import Layer, Layers, Shuffle, Stack
from unitsearch.architecture.reading import check_keys
from unitsearch.errors import ShapeError, SpecError
from unitsearch.fields import is_list, join
from unitsearch.shapes import Shape, after, say
from unitsearch.space.bound import Space
from unitsearch.space.draws import Draw, Labels, below, series
from unitsearch.space.filling import filled
from unitsearch.space.nodes import AUTO, Choose, Node, Replacement, Series, Use
from unitsearch.space.queries import fields_of, items_of, keeps, layer_name, plain_value
from unitsearch.space.sites import Base, Site


def replaced(draw: Draw, space: Space) -> Layers:
    """Return the layers of the backbone, at each site the ones that are drawn for it."""
    base = space.drawn_base(draw)
    new: dict[Site, Layers] = {}
    for item in space.file.replace:
        others = tuple(new)
        for site in sites_of(draw, base, item):
            replacement = _at_site(draw, space, base, item, site)
            if replacement is None:
                continue
            target, layers = replacement
            for other in others:
                if target.overlaps(other):
                    both = target.name if target == other else f"{other.name} and {target.name}"
                    expected = "every layer replaced once"
                    raise SpecError(place=item.place, found=f"{both} again", expected=expected)
            new[target] = layers
    return base.replaced(new)


def sites_of(draw: Draw, base: Base, item: Replacement) -> tuple[Site, ...]:
    """Return the sites that an item of ``replace`` names, its ``sites`` drawn."""
    patterns = draw.resolve(item.sites, f"{item.prefix}sites")
    return base.matching(tuple(patterns) if is_list(patterns) else (patterns,), item.sites.place)


def run_and_new(item: Replacement, node: Node) -> tuple[Node | None, Node]:
    """Return the run of layers that ``node`` replaces and the node of the new layers.

    An option may give its own run; every other one has the run of ``item``.
    """
    keys = fields_of(node)
    if "with" not in keys:
        return item.run, node
    check_keys(keys, ("run", "with"), node.place, "an option with its own run")
    return keys.get("run", item.run), keys["with"]


def _chosen(draw: Draw, node: Node, where: str, word: str) -> tuple[Node, str]:
    """Return the drawn option, and the beginning of the names of its parameters."""
    name = f"{where}.{word}" if word else where
    while True:
        match node:
            case Choose():
                name = draw.name(node.name, name)
                label = draw.choose(name, Labels(node.labels))
                node, where = node.options[label], f"{where}.{label}"
                name = where
            case Use(name=choice) if isinstance(option := draw.choices.get(choice), Choose):
                label = draw.choose(choice, Labels(option.labels))
                node, where = option.options[label], f"{where}.{label}"
                name = where
            case _:
                return node, where


def _at_site(
    draw: Draw, space: Space, base: Base, item: Replacement, site: Site
) -> tuple[Site, Layers] | None:
    """Return the part of ``site`` that is replaced with its new layers; None to keep the site."""
    prefix = f"{site.name}.{item.prefix}".removesuffix(".")
    with draw.inside(prefix):
        node, where = _chosen(draw, item.new, prefix, "with")
        run, new = run_and_new(item, node)
        if new is not node:
            new, where = _chosen(draw, new, where, "with")
        if keeps(new):
            return None
        target = site
        if run is not None:
            target = base.within(site, draw.resolve(run, f"{prefix}.run"), run.place)
        return target, _layers(draw, space, new, target, where)


class _Position(NamedTuple):
    """The place of the next new layer at a site.

    Attributes:
        site: The site.
        x: The shape that enters the layer.
        stride: The stride in pixels that the site's layers have and no new layer has taken yet.
        before: The new layer before it; None for the first.
    """

    site: Site
    x: Shape
    stride: int
    before: Layer | None = None


def _layers(draw: Draw, space: Space, node: Node, site: Site, where: str) -> Layers:
    """Return the layers that ``node`` describes, from the shape entering ``site`` to its own."""
    layers: list[Layer] = []
    position = _Position(site, site.x, site.stride)
    with closing(_items(draw, node, where)) as items:  # an error ends its blocks at once
        for item, name in items:
            try:
                layer = _layer(draw, space, item, position, name)
                if layer is None:
                    continue
                position = _Position(site, after(layer, position.x), 1, layer)
            except ShapeError as error:
                raise SpecError(f"at site {site.name}: {error}", place=item.place) from None
            layers.append(layer)
    if position.x != site.y:
        raise SpecError(
            place=node.place,
            found=f"layers that give {say(position.x)}",
            expected=f"the output of the site {site.name}, {say(site.y)}",
            fix="out: auto and fill follow the site",
        )
    return tuple(layers)


def _items(draw: Draw, node: Node, where: str) -> Generator[tuple[Node, str], None, None]:
    """Yield the layers of ``node``, choices among them drawn and lists spliced."""
    items = items_of(node)
    for i, item in enumerate(items):
        name = where if len(items) == 1 else below(where, layer_name(item, f"layer{i}"))
        if isinstance(item, Series):
            whole = draw.name(item.name, name)
            for number, kind in series(draw, item, whole):
                with draw.inside(f"{whole}.{number}"):
                    yield from _items(draw, item.kinds[kind], f"{whole}.{number}.{kind}")
            continue
        option, inner = _chosen(draw, item, name, "")
        if option is item:
            yield option, name
        else:
            yield from _items(draw, option, inner)


def _layer(draw: Draw, space: Space, node: Node, position: _Position, where: str) -> Layer | None:
    """Return the layer that ``node`` describes; None for a shuffle that would change nothing."""
    site, x, stride, before = position
    keys = fields_of(node)
    kind = plain_value(keys.get("kind"))
    if kind == "stack" and "fill" in keys:
        check_keys(keys, ("kind", "name", "fill"), node.place, "a stack that fills a site")
        fill, where = _chosen(draw, keys["fill"], where, "fill")
        return filled(draw, space, fill, site, where, x, stride)
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
    return space.read(settled, node.place)


def _of_site(site: Site, key: str, place: str) -> Any:
    """Return the value that the only layer of a site has for ``key``."""
    if len(site.layers) == 1 and hasattr(site.layers[0], key):
        return getattr(site.layers[0], key)
    expected = f"a value: {site.name} is not one layer that has {key}"
    raise SpecError(place=join(place, key), found=AUTO, expected=expected)


def shuffle_after(layer: Layer | None, place: str) -> Shuffle | None:
    """Return the shuffle that mixes the channels of a stack's units; None if it changes nothing.

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
