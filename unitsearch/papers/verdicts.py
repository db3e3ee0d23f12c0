"""Verdicts: the comparison of a printed number with a computed one.

A printed number stands for every number that rounds to its digits; ties go up, as in the papers'
tables. Costs are whole and compared without any rounding error of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Protocol

from unitsearch.errors import SpecError

SCALES = {"": 0, "%": 0, "k": 3, "M": 6, "e8": 8, "G": 9}
NEAR = Decimal("0.01")


class Verdict(StrEnum):
    """The result of comparing a printed number, or a row of them, with computed ones."""

    exact = "exact"
    rounding = "within rounding"
    near = "within 1 %"
    misprint = "misprint"
    lost = "not reproducible"
    other = "other method"
    no_cost = "no cost printed"
    no_inputs = "no inputs printed"
    differs = "DIFFERS"


# Of several numbers the worst decides.
_WORSE = (Verdict.exact, Verdict.rounding, Verdict.near, Verdict.differs)
AGREES = _WORSE[:-1]


@dataclass(frozen=True)
class Printed:
    """A number as printed: its digits, and the power of ten that its unit stands for."""

    value: Decimal
    half: Decimal

    def holds(self, number: Decimal) -> bool:
        """Return whether ``number`` rounds to the printed digits, ties up."""
        return self.value - self.half <= number < self.value + self.half

    def is_near(self, number: Decimal) -> bool:
        """Return whether ``number`` is at most 1 % off."""
        return abs(number - self.value) <= NEAR * abs(self.value)


def printed(text: str, unit: str = "") -> Printed:
    """Return the printed number ``text`` in ``unit`` (one of ``SCALES``).

    Raises:
        SpecError: If it is no number, or there is no such unit.
    """
    if unit not in SCALES:
        raise SpecError(found=unit, expected=f"a unit: {', '.join(filter(None, SCALES))}")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise SpecError(found=text, expected="a number as printed") from None
    half = Decimal((0, (5,), -len(text.partition(".")[2]) - 1))
    return Printed(value.scaleb(SCALES[unit]), half.scaleb(SCALES[unit]))


def of_cost(number: Printed, computed: int) -> Verdict:
    """Return the verdict on a printed cost."""
    computed_number = Decimal(computed)
    if number.holds(computed_number):
        return Verdict.exact
    return Verdict.near if number.is_near(computed_number) else Verdict.differs


def drop(computed: int, baseline: int) -> Decimal:
    """Return the percentage by which a cost is below its baseline's."""
    return 100 * (1 - Decimal(computed) / baseline)


def of_drop(number: Printed, computed: int, baseline: int, rounded: str = "") -> Verdict:
    """Return the verdict on a printed drop in percent.

    It is within rounding if it follows from ``rounded``, as in ``1.57/7.80 e8``: two printed costs
    to which the computed ones round. It is near if the cost that it stands for is near.
    """
    if number.holds(drop(computed, baseline)):
        return Verdict.exact
    if rounded:
        ratio, _, unit = rounded.partition(" ")
        new, base = (printed(text, unit) for text in ratio.split("/"))
        follows = number.holds(100 * (1 - new.value / base.value))
        if follows and new.holds(Decimal(computed)) and base.holds(Decimal(baseline)):
            return Verdict.rounding
    meant = baseline * (1 - number.value / 100)
    return Verdict.near if abs(computed - meant) <= NEAR * meant else Verdict.differs


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of numbers together, each exact, within rounding, near or different."""
    return max(verdicts, key=_WORSE.index)


class Reproduced(Protocol):
    """A row with its verdict."""

    @property
    def name(self) -> str:
        """The place where it is printed."""

    @property
    def verdict(self) -> Verdict:
        """The result of comparing the printed row with computed numbers."""


def contradictions(rows: Iterable[Reproduced]) -> list[str]:
    """Return the names of the rows whose numbers and judgement cannot both be right."""
    return [row.name for row in rows if row.verdict == Verdict.differs]


def tally(rows: Iterable[Reproduced]) -> dict[str, int]:
    """Return the number of rows of each verdict, in the order of ``Verdict``."""
    counts = Counter(row.verdict for row in rows)
    return {verdict.value: counts[verdict] for verdict in Verdict if counts[verdict]}
