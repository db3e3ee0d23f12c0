"""The papers' tables of metrics, computed again from the numbers printed beside them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from unitsearch.costs import Cost
from unitsearch.metrics import METRICS, Measured, ce, tca, tsa
from unitsearch.papers.printed_tables import PrintedMetric, printed_metrics
from unitsearch.papers.verdicts import Printed, Verdict, printed

_SCALE = 1_000_000  # printed costs have decimals, ours are whole
_FLOAT = Decimal("1e-9")  # the error that floating point may make


@dataclass(frozen=True)
class ReproducedMetric:
    """A printed metric and the value of its formula.

    Attributes:
        cell: The cell as printed, with its inputs.
        computed: The value of the formula; None if an input is not printed.
        verdict: ``DIFFERS`` if the numbers and the judgement cannot both be right.
    """

    cell: PrintedMetric
    computed: float | None
    verdict: Verdict

    @property
    def name(self) -> str:
        """The place where it is printed."""
        return self.cell.name


def reproduce_metrics() -> list[ReproducedMetric]:
    """Return every cell of the papers' tables of metrics with the value of its formula.

    Raises:
        SpecError: If the file of the tables breaks its format.

    Source:
        TissueNet §4.1 (CE, SE); BUnit-Net Eq. (9) (TCA, TSA).
    """
    return [judge_metric(cell) for cell in printed_metrics()]


def judge_metric(cell: PrintedMetric) -> ReproducedMetric:
    """Return ``cell`` with the value of its formula, and its verdict."""
    inputs = _inputs(cell)
    if inputs is None:
        return ReproducedMetric(cell, None, Verdict.no_inputs)
    computed = _value(cell, *(number.value for number in inputs))
    verdict = _compared(printed(cell.printed), computed, cell, inputs)
    if cell.judged:
        # a misprint is off; a cell that is right, or off and unexplained, contradicts its row
        verdict = Verdict.misprint if verdict == Verdict.differs else Verdict.differs
    return ReproducedMetric(cell, computed, verdict)


def _compared(
    number: Printed, computed: float, cell: PrintedMetric, inputs: list[Printed]
) -> Verdict:
    exact = Decimal(computed)
    if abs(exact - number.value) <= number.half + _FLOAT:
        return Verdict.exact
    corners = product(*((each.value - each.half, each.value + each.half) for each in inputs))
    values = [Decimal(_value(cell, *corner)) for corner in corners]
    reach = number.half + _FLOAT
    if min(values) - reach <= number.value <= max(values) + reach:
        return Verdict.rounding
    return Verdict.near if number.is_near(exact) else Verdict.differs


def _inputs(cell: PrintedMetric) -> list[Printed] | None:
    """Return accuracy, its baseline's, cost, its baseline's; None if one is not printed.

    An input that the formula does not use is 1. A printed drop stands for a cost of 100 less the
    drop, against a baseline of 100.
    """
    unit = Printed(Decimal(1), Decimal(0))
    numbers = [unit] * 4
    if cell.formula != "speedup":
        if not (cell.accuracy and cell.baseline_accuracy):
            return None
        numbers[:2] = printed(cell.accuracy), printed(cell.baseline_accuracy)
    if cell.cost_drop:
        drop = printed(cell.cost_drop)
        numbers[2:] = Printed(100 - drop.value, drop.half), Printed(Decimal(100), Decimal(0))
    elif cell.formula != "accuracy_drop":
        if not (cell.cost and cell.baseline_cost):
            return None
        numbers[2:] = printed(cell.cost), printed(cell.baseline_cost)
    return numbers


def _value(cell: PrintedMetric, a: Decimal, a_b: Decimal, cost: Decimal, cost_b: Decimal) -> float:
    new, baseline = _measured(a, cost), _measured(a_b, cost_b)
    match cell.formula:
        case "speedup":  # equals CE between networks of one accuracy
            return ce(new, baseline)
        case "tca":
            return tca(new, baseline, float(cell.w1), float(cell.w2))
        case "tsa":
            return tsa(new, baseline, float(cell.w1), float(cell.w2))
        case formula:
            return METRICS[formula].formula(new, baseline)


def _measured(accuracy: Decimal, cost: Decimal) -> Measured:
    whole = round(cost * _SCALE)
    return Measured(float(accuracy) / 100, Cost(whole, whole, whole))
