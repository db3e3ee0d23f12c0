"""``sample(space, choose)``: the only interpreter of a space.

Random sampling, Optuna, replay of stored parameters, enumeration: each is a different ``choose``,
a function that takes the name of a parameter and its domain and returns a value. A name always has
the same domain, so that every sampler can work with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, assert_never

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
    Units,
    canonical,
    read_layer,
)
from unitsearch.architecture.reading import check_keys
from unitsearch.errors import SpecError
from unitsearch.fields import join
from unitsearch.space.bound import Space
from unitsearch.space.draws import Choice, Draw, Labels, mixture, series
from unitsearch.space.nodes import Choose, MapNode, Mix, Node, Series
from unitsearch.space.queries import items_of, layer_name, plain_value
from unitsearch.space.replacing import replaced, shuffle_after


def sample(space: Space, choose: Choice) -> Architecture:
    """Return the member of ``space`` that ``choose`` picks, in canonical order.

    Args:
        space: The space, bound to a data set's shape and classes.
        choose: Called once for each parameter, with its name and domain; returns a value.

    Raises:
        SpecError: If a value drawn makes no architecture; the message names the line.
    """
    draw = space.start_draw(choose)
    if space.file.backbone is not None:
        return canonical(Architecture(input=space.input, layers=replaced(draw, space)))
    layers = _finish(_sequence(draw, space, space.layers, ""), space)
    return canonical(Architecture(input=space.input, layers=layers))


def _sequence(
    draw: Draw, space: Space, node: Node, prefix: str
) -> list[tuple[Layer | dict[str, Any], str]]:
    """Return the layers of a sequence with their places; a layer without a width yet stays data."""
    layers: list[tuple[Layer | dict[str, Any], str]] = []
    for i, item in enumerate(items_of(node)):
        where = prefix + layer_name(item, f"layer{i}")
        match item:
            case Choose():
                name = draw.name(item.name, where)
                label = draw.choose(name, Labels(item.labels))
                layers += _sequence(draw, space, item.options[label], f"{name}.{label}.")
            case Series():
                name = draw.name(item.name, where)
                for number, kind in series(draw, item, name):
                    with draw.inside(f"{name}.{number}"):
                        prefixed = f"{name}.{number}.{kind}."
                        layers += _sequence(draw, space, item.kinds[kind], prefixed)
            case MapNode(items=keys) if plain_value(keys.get("kind")) == "stack":
                layers.append((_stack(draw, space, keys, where, item.place), item.place))
            case _:
                layers.append((space.layer(draw, item, where), item.place))
    return layers


def _stack(draw: Draw, space: Space, keys: Mapping[str, Node], where: str, place: str) -> Stack:
    check_keys(keys, ("kind", "name", "units"), place, "stack")
    if "units" not in keys:
        raise SpecError(place=join(place, "units"), found=None, expected="a list of units or a mix")
    units = keys["units"]
    name = f"{where}.units"
    runs: list[Units] = []
    match units:
        case Mix():
            name = draw.name(units.name, name)
            for kind, count in mixture(draw, units, name):
                unit = space.unit(draw, units.kinds[kind], f"{where}.{kind}")
                runs.append(_run(count, unit))
        case Series():
            name = draw.name(units.name, name)
            for _, kind in series(draw, units, name):
                unit = space.unit(draw, units.kinds[kind], f"{where}.{kind}")
                runs.append(_run(1, unit))
        case _:
            layer = read_layer({"kind": "stack", "units": draw.resolve(units, name)}, place)
            assert isinstance(layer, Stack)  # kind: stack gives no other class
            runs = list(layer.units)
    if not runs:
        raise SpecError(place=join(place, "units"), found="no units", expected="at least one")
    return Stack(units=tuple(runs), name=where)


@lru_cache(maxsize=65_536)
def _run(count: int, unit: Unit) -> Units:
    return Units(count, unit)


def _finish(items: list[tuple[Layer | dict[str, Any], str]], space: Space) -> Layers:
    """Return finished layers: ``out: auto`` is the width of the stack that follows."""
    width: int | None = None
    layers: list[Layer] = []
    for i in range(len(items) - 1, -1, -1):
        item, place = items[i]
        if isinstance(item, dict) and item.get("kind") == "shuffle":
            shuffle = shuffle_after(_producer(items, i), place)
            if shuffle is not None:
                layers.append(shuffle)
            continue
        if isinstance(item, dict):
            if item.get("out") == "auto":
                if width is None:
                    raise SpecError(
                        place=join(place, "out"),
                        found="auto",
                        expected="a stack that it leads to (pooling between them is fine)",
                        fix="give a number, or out: classes for the last layer",
                    )
                item = {**item, "out": width}
            item = space.read(item, place)
        layers.append(item)
        match item:
            case Stack():
                width = item.inputs
            case Residual(body=(Stack() as first, *_)):
                width = first.inputs
            case Conv() | Linear() | Flatten() | Residual() | Slbf():
                width = None
            case Branches() | Gate() | GlobalPool() | Pool() | Shuffle():
                pass  # the width passes through them to the stack
            case _:
                assert_never(item)
    return tuple(reversed(layers))


def _producer(items: list[tuple[Layer | dict[str, Any], str]], at: int) -> Layer | None:
    """Return the layer whose channels enter ``items[at]``; pooling passes them on."""
    for item, _ in reversed(items[:at]):
        if not isinstance(item, Pool):
            return None if isinstance(item, dict) else item
    return None
