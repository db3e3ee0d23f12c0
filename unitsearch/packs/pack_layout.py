"""The layout of a pack's numbers: parameters in one row, running statistics in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

Spans: TypeAlias = dict[str, list[tuple[int, int, int]]]
"""For each tensor of a network, by its name, its spans: number of the unit, first place, length."""


@dataclass(frozen=True)
class Owner:
    """A layer of a member, to which a span of the row belongs.

    Attributes:
        member: The number of the member in the pack.
        name: The name of the layer's module in the member's network.
        number: The number of the unit among the equal units that the module holds.
    """

    member: int
    name: str
    number: int


class PackLayout:
    """The places of all parameters and statistics of a pack, given one after the other.

    A part is a piece of the row that one step of the program uses: the weights of many layers.

    Attributes:
        parts: Lengths of the parameters' parts, in the order in which they lie.
        stats: Channels of each norm's running statistics, in the order in which they lie.
        tables: Index tables.
        parameters: For each member, the spans of its parameters by their names.
        running: For each member, the spans of its running statistics by the norms' names.
    """

    def __init__(self, members: int) -> None:
        self.parts: list[int] = []
        self.stats: list[int] = []
        self.tables: list[NDArray[Any]] = []
        self.parameters: list[Spans] = [{} for _ in range(members)]
        self.running: list[Spans] = [{} for _ in range(members)]
        self._ends = [0, 0]

    def part(self, owners: Sequence[Owner], kind: str, sizes: Sequence[int]) -> int:
        """Place parameters one after the other; return the number of their part."""
        self._place(0, self.parameters, owners, kind, sizes)
        self.parts.append(sum(sizes))
        return len(self.parts) - 1

    def stat(self, owners: Sequence[Owner], kind: str, sizes: Sequence[int]) -> int:
        """Place running statistics one after the other; return their number."""
        self._place(1, self.running, owners, kind, sizes)
        self.stats.append(sum(sizes))
        return len(self.stats) - 1

    def table(self, values: NDArray[Any]) -> int:
        """Keep an index table; return its number."""
        self.tables.append(values)
        return len(self.tables) - 1

    def _place(
        self,
        row: int,
        spans: list[Spans],
        owners: Sequence[Owner],
        kind: str,
        sizes: Sequence[int],
    ) -> None:
        for owner, size in zip(owners, sizes, strict=True):
            of_tensor = spans[owner.member].setdefault(f"{owner.name}.{kind}", [])
            of_tensor.append((owner.number, self._ends[row], size))
            self._ends[row] += size
