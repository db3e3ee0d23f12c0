"""Draws: the parameters of a space with their domains, and one walk that asks for their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from unitsearch.errors import SpecError
from unitsearch.space.nodes import (
    AUTO,
    Choose,
    ListNode,
    MapNode,
    Mix,
    Node,
    Plain,
    Range,
    Series,
    Use,
)

if TYPE_CHECKING:
    from unitsearch.space.space_file import Space

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


# No network of this field has as many; uses of uses could ask for any number.
MAX_VALUES = 1_000_000


class Draw:
    """One walk through a space: what was drawn so far.

    Attributes:
        within: The site that is being replaced, or the position in a sequence: the names of choices
            in it begin with that.
        room: How many units a site has room for, while they are drawn.
    """

    __slots__ = (
        "_choose", "_domains", "_sizes", "_values", "drawn", "named", "room", "space", "within",
    )  # fmt: skip

    def __init__(self, space: Space, choose: Choice) -> None:
        self.space = space
        self._choose = choose
        self.drawn: dict[str, Any] = {}
        self.named: dict[str, Any] = {}
        self.within = ""
        self._domains: dict[str, Domain] = {}
        self._sizes: dict[str, int] = {}
        self._values = 0
        self.room: int | None = None

    def choose(self, name: str, domain: Domain) -> Any:
        """Return the value of a parameter, asked for once however often it is met.

        Raises:
            SpecError: If another parameter of that name was met: a name has one domain.
        """
        if name not in self.drawn:
            self._domains[name] = domain
            self.drawn[name] = self._choose(name, domain)
        elif self._domains[name] != domain:
            raise SpecError(
                found=f"two parameters called {name}",
                expected="one domain for each name",
                fix="give one of the layers or choices another name",
            )
        return self.drawn[name]

    def name(self, given: str, where: str) -> str:
        """Return a parameter's name: its own, one for each site or position, else its place."""
        if not given:
            return where
        return f"{self.within}.{given}" if self.within else given

    def resolve(self, node: Node, where: str) -> Any:
        """Return plain data for ``node``; ``where`` names the parameters in it.

        Raises:
            SpecError: If uses of uses make more values than any network has.
        """
        self._count(node, 1)
        match node:
            case Plain(value=value):
                return value
            case Use(name=name):
                return self.use(node, name, where)
            case Choose(labels=labels):
                name = self.name(node.name, where)
                label = self.choose(name, Labels(labels))
                return self.resolve(node.options[label], below(name, label))
            case Range():
                name = self.name(node.name, where)
                return self.choose(name, Steps(node.low, node.high, node.step))
            case MapNode(items=items):
                found = {key: self.resolve(item, below(where, key)) for key, item in items.items()}
                if "use" in found and isinstance(found["use"], Mapping):  # {count: 3, use: U1}
                    return {**found.pop("use"), **found}
                return found
            case ListNode(items=items):
                return self.row(items, where)
            case Mix():
                name = self.name(node.name, where)
                return [
                    {"count": count, **self.unit(node.kinds[kind], below(name, kind))}
                    for kind, count in mixture(self, node, name)
                ]
            case Series():
                name = self.name(node.name, where)
                return [
                    self.at(f"{name}.{i}", node.kinds[k], f"{name}.{i}.{k}")
                    for i, k in series(self, node, name)
                ]

    def _count(self, node: Node, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise SpecError(
                place=node.place,
                found=f"more than {MAX_VALUES:,} values",
                expected="uses that do not multiply so",
            )

    def at(self, within: str, node: Node, where: str) -> Any:
        """Return plain data for what stands at a position of a sequence."""
        before, self.within = self.within, within
        found = self.resolve(node, where)
        self.within = before
        return found

    def unit(self, node: Node, where: str) -> Mapping[str, Any]:
        """Return the data of a kind of unit.

        Raises:
            SpecError: If it is no unit.
        """
        found = self.resolve(node, where)
        if not isinstance(found, Mapping):
            raise SpecError(place=node.place, found=found, expected="a unit: {nodes: […]}")
        return found

    def row(self, items: tuple[Node, ...], where: str) -> list[Any]:
        """Return a list; what a choice in it returns as a list is spliced."""
        found = []
        for i, item in enumerate(items):
            value = self.resolve(item, below(where, i))
            if isinstance(value, list) and isinstance(item, (Choose, Series, Use, Mix)):
                found.extend(value)
            else:
                found.append(value)
        return found

    def use(self, node: Use, name: str, where: str) -> Any:
        """Return a named choice, drawn once, or the data of a unit."""
        if name in self.space.choices:
            if name not in self.named:
                within, self.within = self.within, ""  # drawn once, wherever it is met
                before = self._values
                self.named[name] = self.resolve(self.space.choices[name], name)
                self._sizes[name] = self._values - before
                self.within = within
            else:
                self._count(node, self._sizes[name])  # it is there once more
            return self.named[name]
        return self.resolve(self.space.units[name], where)


def mixture(draw: Draw, mix: Mix, name: str) -> list[tuple[str, int]]:
    """Return the kinds of a mixture with their counts, kinds without any left out."""
    kinds = tuple(mix.kinds)
    total = _extent(draw, mix.total, f"{name}.total")
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
    length = _extent(draw, node.length, f"{name}.length")
    labels = Labels(tuple(node.kinds))
    return [(i, draw.choose(f"{name}.{i}", labels)) for i in range(length)]


def _extent(draw: Draw, node: Node, where: str) -> int:
    """Return how many; ``auto`` is what the site has room for."""
    value = draw.resolve(node, where)
    if value == AUTO:
        value = draw.room
        if value is None:
            expected = "a whole number: auto is for what fills a site"
            raise SpecError(place=node.place, found=AUTO, expected=expected)
    return int(value)


def layer_name(node: Node, otherwise: str) -> str:
    """Return the name that a layer's parameters begin with."""
    match node:
        case MapNode(items=items):
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


def below(where: str, key: object) -> str:
    """Return the name of what stands under ``key`` in what is called ``where``."""
    return f"{where}.{key}" if where else str(key)
