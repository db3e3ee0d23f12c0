"""Draws: the parameters of a space with their domains, and one walk that asks for their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

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
        total: The total of the mixture that is being drawn.
        least: The cut before this one, scaled: enumeration continues from there.
        index: The number of this cut in the mixture, from 0.
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


# No network of this field has as many values; uses of uses could make any number.
MAX_VALUES = 1_000_000


class Draw:
    """One walk through a space: it asks ``choose`` for values and keeps them.

    Args:
        choose: Called once for each parameter, with its name and domain; returns a value.
        choices: The named choices of the space.
        units: The named units of the space.

    Attributes:
        prefix: The present beginning of the names of choices: the site that is being replaced,
            or the position in a sequence.
        fitting: The number of units that the site being filled has room for; None outside a fill.
    """

    __slots__ = (
        "_choose",
        "_domains",
        "_named",
        "_size",
        "_sizes",
        "_values",
        "choices",
        "fitting",
        "prefix",
        "units",
    )  # fmt: skip

    def __init__(
        self, choose: Choice, choices: Mapping[str, Node], units: Mapping[str, Node]
    ) -> None:
        self.choices = choices
        self.units = units
        self.prefix = ""
        self.fitting: int | None = None
        self._choose = choose
        self._values: dict[str, Any] = {}
        self._domains: dict[str, Domain] = {}
        self._named: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0

    def choose(self, name: str, domain: Domain) -> Any:
        """Return the value of a parameter; it is asked for once, however often it is used.

        Raises:
            SpecError: If another parameter has that name: a name has one domain.
        """
        if name not in self._values:
            self._domains[name] = domain
            self._values[name] = self._choose(name, domain)
        elif self._domains[name] != domain:
            raise SpecError(
                found=f"two parameters called {name}",
                expected="one domain for each name",
                fix="give one of the layers or choices another name",
            )
        return self._values[name]

    def name(self, given: str, where: str) -> str:
        """Return a parameter's name: its own, one for each site or position, else its place."""
        if not given:
            return where
        return f"{self.prefix}.{given}" if self.prefix else given

    def inside(self, prefix: str) -> _Override:
        """Return a block in which the names of choices begin with ``prefix``."""
        return _Override(self, "prefix", prefix)

    def filling(self, total: int) -> _Override:
        """Return a block in which ``auto`` stands for ``total`` units."""
        return _Override(self, "fitting", total)

    def resolve(self, node: Node, where: str) -> Any:
        """Return plain data for ``node``; ``where`` names the parameters in it.

        Raises:
            SpecError: If nested uses make more values than any network has.
        """
        self._count(node, 1)
        match node:
            case Plain(value=value):
                return value
            case Use(name=name):
                return self._use(node, name, where)
            case Choose(labels=labels):
                name = self.name(node.name, where)
                label = self.choose(name, Labels(labels))
                return self.resolve(node.options[label], below(name, label))
            case Range():
                name = self.name(node.name, where)
                return self.choose(name, Steps(node.low, node.high, node.step))
            case MapNode(items=items):
                data = {key: self.resolve(item, below(where, key)) for key, item in items.items()}
                if "use" in data and isinstance(data["use"], Mapping):  # {count: 3, use: U1}
                    return {**data.pop("use"), **data}
                return data
            case ListNode(items=items):
                return self._list(items, where)
            case Mix():
                name = self.name(node.name, where)
                return [
                    {"count": count, **self._unit(node.kinds[kind], below(name, kind))}
                    for kind, count in mixture(self, node, name)
                ]
            case Series():
                name = self.name(node.name, where)
                values = []
                for i, kind in series(self, node, name):
                    with self.inside(f"{name}.{i}"):
                        values.append(self.resolve(node.kinds[kind], f"{name}.{i}.{kind}"))
                return values

    def _count(self, node: Node, values: int) -> None:
        self._size += values
        if self._size > MAX_VALUES:
            raise SpecError(
                place=node.place,
                found=f"more than {MAX_VALUES:,} values",
                expected="uses that do not multiply so",
            )

    def _unit(self, node: Node, where: str) -> Mapping[str, Any]:
        """Return the data of a kind of unit.

        Raises:
            SpecError: If it is no unit.
        """
        data = self.resolve(node, where)
        if not isinstance(data, Mapping):
            raise SpecError(place=node.place, found=data, expected="a unit: {nodes: […]}")
        return data

    def _list(self, items: tuple[Node, ...], where: str) -> list[Any]:
        """Return a list; a choice in it that gives a list is spliced."""
        values = []
        for i, item in enumerate(items):
            value = self.resolve(item, below(where, i))
            if isinstance(value, list) and isinstance(item, (Choose, Series, Use, Mix)):
                values.extend(value)
            else:
                values.append(value)
        return values

    def _use(self, node: Use, name: str, where: str) -> Any:
        """Return a named choice, drawn once, or the data of a unit."""
        if name not in self.choices:
            return self.resolve(self.units[name], where)
        if name in self._named:
            self._count(node, self._sizes[name])  # the same values stand there once more
            return self._named[name]
        before = self._size
        with self.inside(""):  # its parameters have one name, whichever site uses it first
            self._named[name] = self.resolve(self.choices[name], name)
        self._sizes[name] = self._size - before
        return self._named[name]


class _Override:
    """A block in which one attribute of a draw has another value, reset also after an error.

    It is a class because a generator with ``contextmanager`` takes three times as long, and every
    site of a sample enters such a block.
    """

    __slots__ = ("_before", "_draw", "_name", "_value")

    def __init__(self, draw: Draw, name: str, value: str | int) -> None:
        self._draw, self._name, self._value = draw, name, value

    def __enter__(self) -> None:
        self._before = getattr(self._draw, self._name)
        setattr(self._draw, self._name, self._value)

    def __exit__(self, *error: object) -> None:
        setattr(self._draw, self._name, self._before)


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
    """Return the total or length that ``node`` gives; ``auto`` is the number that fits the site."""
    value = draw.resolve(node, where)
    if value == AUTO:
        value = draw.fitting
        if value is None:
            expected = "a whole number: auto is for what fills a site"
            raise SpecError(place=node.place, found=AUTO, expected=expected)
    return int(value)


def below(where: str, key: object) -> str:
    """Return the name of the value under ``key`` in the part called ``where``."""
    return f"{where}.{key}" if where else str(key)
