"""``sample(space, choose)``: the only interpreter of a space.

Random sampling, Optuna, replay of stored parameters, enumeration: each is a different ``choose``.
It is handed the name of a parameter and its domain, and returns a value. A name always has the same
domain, so that every sampler can work with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from unitsearch.architecture import (
    Architecture,
    Conv,
    Flatten,
    Layer,
    Layers,
    Linear,
    Residual,
    Slbf,
    Stack,
    Unit,
    Units,
    canonical,
    read_layer,
)
from unitsearch.architecture.reading import check_keys, read_unit
from unitsearch.errors import SpecError
from unitsearch.fields import join
from unitsearch.space.nodes import Choose, Mix, Node, Plain, Range, Row, Series, Table, Use

if TYPE_CHECKING:
    from unitsearch.space.files import Space

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Labels:
    """A parameter that is one of several labels."""

    options: tuple[Value, ...]


@dataclass(frozen=True)
class Steps:
    """A parameter that is a whole number from ``low`` to ``high`` in steps of ``step``."""

    low: int
    high: int
    step: int = 1

    @property
    def options(self) -> tuple[int, ...]:
        """Every value."""
        return tuple(range(self.low, self.high + 1, self.step))


@dataclass(frozen=True)
class Cut:
    """A cut point of a mixture: a whole number from 0 to ``high``.

    Cut points are sorted and scaled from ``high`` to the mixture's ``total``; the counts of the
    kinds are their differences. Few, ordered, fixed dimensions suit every sampler.

    Attributes:
        high: The largest total that the mixture can have.
        total: The total at hand.
        least: The cut before this one, scaled: enumeration goes on from there.
        index: Which cut of the mixture.
        kinds: Labels of the kinds, in order.
    """

    high: int
    total: int
    least: int
    index: int
    kinds: tuple[str, ...]

    @property
    def options(self) -> tuple[int, ...]:
        """One value for each scaled cut from ``least`` on, so that no mixture comes twice."""
        return tuple(
            unscaled(cut, self.total, self.high) for cut in range(self.least, self.total + 1)
        )


Domain: TypeAlias = Labels | Steps | Cut
Choice: TypeAlias = Callable[[str, Domain], Any]


@lru_cache(maxsize=65_536)
def scaled(cut: int, total: int, high: int) -> int:
    """Return a cut point of 0 … ``high`` on the scale 0 … ``total``, rounded half up."""
    return (2 * cut * total + high) // (2 * high) if high else 0


@lru_cache(maxsize=65_536)
def unscaled(cut: int, total: int, high: int) -> int:
    """Return the smallest value that ``scaled`` turns into ``cut``."""
    if cut == 0:
        return 0
    return -(-(2 * cut - 1) * high // (2 * total))


def sample(space: Space, choose: Choice) -> Architecture:
    """Return the member of ``space`` that ``choose`` picks, in canonical order.

    Args:
        space: The space, bound to a data set's shape and classes.
        choose: Called once for each parameter, with its name and domain; returns a value.

    Raises:
        SpecError: If a value drawn makes no architecture; the place says which line.
    """
    draw = Draw(space, choose)
    layers = _finish(_sequence(draw, space.layers, ""), space)
    return canonical(Architecture(input=space.input, layers=layers))


class Draw:
    """One walk through a space: what was drawn so far."""

    __slots__ = ("_choose", "drawn", "named", "space")

    def __init__(self, space: Space, choose: Choice) -> None:
        self.space = space
        self._choose = choose
        self.drawn: dict[str, Any] = {}
        self.named: dict[str, Any] = {}

    def choose(self, name: str, domain: Domain) -> Any:
        """Return the value of a parameter, asked for once however often it is met."""
        if name not in self.drawn:
            self.drawn[name] = self._choose(name, domain)
        return self.drawn[name]

    def resolve(self, node: Node, where: str) -> Any:
        """Return plain data for ``node``; ``where`` names the parameters in it."""
        match node:
            case Plain(value=value):
                return value
            case Use(name=name):
                return self.use(node, name, where)
            case Choose(labels=labels):
                name = node.name or where
                label = self.choose(name, Labels(labels))
                return self.resolve(node.options[label], _below(name, label))
            case Range():
                name = node.name or where
                return self.choose(name, Steps(node.low, node.high, node.step))
            case Table(items=items):
                found = {key: self.resolve(item, _below(where, key)) for key, item in items.items()}
                if "use" in found and isinstance(found["use"], Mapping):  # {count: 3, use: U1}
                    return {**found.pop("use"), **found}
                return found
            case Row(items=items):
                return self.row(items, where)
            case Mix():
                name = node.name or where
                return [
                    {"count": count, **self.resolve(node.kinds[kind], _below(name, kind))}
                    for kind, count in mixture(self, node, name)
                ]
            case Series():
                name = node.name or where
                return [
                    self.resolve(node.kinds[k], f"{name}.{i}") for i, k in series(self, node, name)
                ]

    def row(self, items: tuple[Node, ...], where: str) -> list[Any]:
        """Return a list; what a choice in it returns as a list is spliced."""
        found = []
        for i, item in enumerate(items):
            value = self.resolve(item, _below(where, i))
            if isinstance(value, list) and isinstance(item, (Choose, Series, Use, Mix)):
                found.extend(value)
            else:
                found.append(value)
        return found

    def use(self, node: Use, name: str, where: str) -> Any:
        """Return a named choice, drawn once, or the data of a unit."""
        if name in self.space.choices:
            if name not in self.named:
                self.named[name] = self.resolve(self.space.choices[name], name)
            return self.named[name]
        return self.resolve(self.space.units[name], where)


def mixture(draw: Draw, mix: Mix, name: str) -> list[tuple[str, int]]:
    """Return the kinds of a mixture with their counts, kinds without any left out."""
    kinds = tuple(mix.kinds)
    total = draw.resolve(mix.total, f"{name}.total")
    if mix.positions:
        drawn = [draw.choose(f"{name}.position{i}", Labels(kinds)) for i in range(total)]
        counts = [drawn.count(kind) for kind in kinds]
    else:
        least, cuts = 0, []
        for i in range(len(kinds) - 1):
            value = draw.choose(f"{name}.cut{i}", Cut(mix.most, total, least, i, kinds))
            cuts.append(scaled(value, total, mix.most))
            least = cuts[-1]
        cuts.sort()
        edges = [0, *cuts, total]
        counts = [edges[i + 1] - edges[i] for i in range(len(kinds))]
    return [(kind, count) for kind, count in zip(kinds, counts, strict=True) if count]


def series(draw: Draw, node: Series, name: str) -> list[tuple[int, Any]]:
    """Return the kinds of a sequence with their positions."""
    length = draw.resolve(node.length, f"{name}.length")
    labels = Labels(tuple(node.kinds))
    return [(i, draw.choose(f"{name}.{i}", labels)) for i in range(length)]


def _sequence(draw: Draw, node: Node, prefix: str) -> list[tuple[Layer | dict[str, Any], str]]:
    """Return the layers of a sequence with their places: ready, or as data that lacks a width."""
    items = node.items if isinstance(node, Row) else (node,)
    if isinstance(node, Plain):
        items = tuple(Plain(v, f"{node.place}[{i}]") for i, v in enumerate(node.value))
    found: list[tuple[Layer | dict[str, Any], str]] = []
    for i, item in enumerate(items):
        where = layer_name(item, f"{prefix}layer{i}")
        match item:
            case Choose():
                name = item.name or where
                label = draw.choose(name, Labels(item.labels))
                option = item.options[label]
                if _is_sequence(option):
                    found += _sequence(draw, option, f"{name}.{label}.")
                else:
                    found += _sequence(draw, Row((option,), option.place), f"{name}.{label}.")
            case Series():
                name = item.name or where
                for at, kind in series(draw, item, name):
                    option = item.kinds[kind]
                    whole = option if _is_sequence(option) else Row((option,), option.place)
                    found += _sequence(draw, whole, f"{name}.{at}.")
            case Table(items=keys) if _kind(keys) == "stack":
                found.append((_stack(draw, keys, where, item.place), item.place))
            case _:
                found.append((draw.space.layer(draw, item, where), item.place))
    return found


def layer_name(node: Node, otherwise: str) -> str:
    """Return the name that a layer's parameters begin with."""
    match node:
        case Table(items=items):
            name = items.get("name")
            if isinstance(name, Plain) and isinstance(name.value, str):
                return name.value
        case Plain(value=value):
            if isinstance(value, Mapping) and isinstance(value.get("name"), str):
                return str(value["name"])
        case Choose(name=name) | Series(name=name) if name:
            return name
        case _:
            pass
    return otherwise


def _stack(draw: Draw, keys: Mapping[str, Node], where: str, place: str) -> Stack:
    check_keys(keys, ("kind", "name", "units"), place, "stack")
    if "units" not in keys:
        raise SpecError(place=join(place, "units"), found=None, expected="a list of units or a mix")
    units = keys["units"]
    name = f"{where}.units"
    runs: list[Units] = []
    match units:
        case Mix():
            name = units.name or name
            for kind, count in mixture(draw, units, name):
                unit = draw.space.unit(draw, units.kinds[kind], f"{where}.{kind}")
                runs.append(_run(count, unit))
        case Series():
            name = units.name or name
            for _, kind in series(draw, units, name):
                unit = draw.space.unit(draw, units.kinds[kind], f"{where}.{kind}")
                runs.append(_run(1, unit))
        case _:
            layer = read_layer({"kind": "stack", "units": draw.resolve(units, name)}, place)
            assert isinstance(layer, Stack)  # kind: stack reads as nothing else
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
    for item, place in reversed(items):
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
            case _:
                pass  # per-channel layers lead on to the stack
    return tuple(reversed(layers))


def read_data(data: Any, place: str) -> Layer:
    """Return the layer that resolved data describes."""
    return read_layer(data, place)


def read_unit_data(data: Any, place: str) -> Unit:
    """Return the unit that resolved data describes."""
    return read_unit(data, place)


def _is_sequence(node: Node) -> bool:
    return isinstance(node, Row) or (isinstance(node, Plain) and isinstance(node.value, list))


def _kind(keys: Mapping[str, Node]) -> Any:
    kind = keys.get("kind")
    return kind.value if isinstance(kind, Plain) else None


def _below(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)
