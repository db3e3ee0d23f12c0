"""The papers' tables of costs, computed again from the architectures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from unitsearch.costs import Cost, count
from unitsearch.papers.printed_networks import network
from unitsearch.papers.printed_tables import DROP, PrintedCost, printed_costs
from unitsearch.papers.verdicts import (
    AGREES,
    Verdict,
    drop,
    of_cost,
    of_drop,
    printed,
    worst,
)


@dataclass(frozen=True)
class ReproducedCost:
    """A printed row of costs and the costs that are computed for it.

    Attributes:
        row: The row as printed.
        cost: The cost of its network; None for a competitor's, or where no layout is known.
        baseline: The cost of the network that its drops are measured against.
        params_verdict: Of the printed params; None where none are printed or none computed.
        flops_verdict: Of the printed FLOPs; None where none are printed or none computed.
        verdict: Of the row; ``DIFFERS`` if its numbers and its judgement cannot both be right.
    """

    row: PrintedCost
    cost: Cost | None
    baseline: Cost | None
    params_verdict: Verdict | None
    flops_verdict: Verdict | None
    verdict: Verdict

    @property
    def name(self) -> str:
        """The place where it is printed."""
        return self.row.name

    @property
    def printed_params(self) -> str | None:
        """The params with their unit, as in ``14.96 M`` or ``drop 72.90 %``."""
        return _with_unit(self.row.params, self.row.params_unit)

    @property
    def printed_flops(self) -> str | None:
        """The FLOPs with their unit."""
        return _with_unit(self.row.flops, self.row.flops_unit)

    @property
    def params_drop(self) -> Decimal | None:
        """The percentage by which the computed params are below the baseline's."""
        return drop(self.cost.params, self.baseline.params) if self.cost and self.baseline else None

    @property
    def flops_drop(self) -> Decimal | None:
        """The percentage by which the computed FLOPs are below the baseline's."""
        return drop(self.cost.flops, self.baseline.flops) if self.cost and self.baseline else None


def reproduce_costs() -> list[ReproducedCost]:
    """Return every row of the papers' tables of costs with the costs computed for it.

    Raises:
        SpecError: If a file of the tables breaks its format.
        UsageError: If a space or point that a row names does not exist.

    Source:
        TissueNet Tables 2 to 5; BUnit-Net Tables I to VI and VIII.
    """
    rows = printed_costs()
    names = {name for row in rows for name in (row.network, row.baseline) if name}
    costs = {name: count(network(name)) for name in names}
    return [judge(row, costs.get(row.network), costs.get(row.baseline)) for row in rows]


def judge(row: PrintedCost, cost: Cost | None, baseline: Cost | None) -> ReproducedCost:
    """Return ``row`` with its verdicts, given the costs of its network and its baseline."""
    if row.kind == "other":
        verdict = Verdict.other if row.params or row.flops else Verdict.no_cost
        return ReproducedCost(row, None, None, None, None, verdict)
    if cost is None:
        lost = Verdict.lost
        return ReproducedCost(row, None, baseline, lost, lost, lost)
    base = baseline or cost
    params = _verdict(row.params, row.params_unit, cost.params, base.params, row.params_of)
    flops = _verdict(row.flops, row.flops_unit, cost.flops, base.flops, row.flops_of)
    verdict = worst(each for each in (params, flops) if each is not None)
    if row.judged == Verdict.misprint and flops == Verdict.differs and row.flops_meant:
        # a misprint must agree with the number that was meant
        meant = of_cost(printed(row.flops_meant, row.flops_unit), cost.flops)
        flops = Verdict.misprint if meant in AGREES else flops
    if row.judged == Verdict.lost:
        params, flops = (Verdict.lost if v == Verdict.differs else v for v in (params, flops))
    if row.judged:
        contradicted = verdict == Verdict.exact or Verdict.differs in (params, flops)
        verdict = Verdict.differs if contradicted else Verdict(row.judged)
    return ReproducedCost(row, cost, baseline, params, flops, verdict)


def _verdict(text: str, unit: str, computed: int, base: int, rounded: str) -> Verdict | None:
    if not text:
        return None
    if unit == DROP:
        return of_drop(printed(text, "%"), computed, base, rounded)
    return of_cost(printed(text, unit), computed)


def _with_unit(text: str, unit: str) -> str | None:
    if not text:
        return None
    return f"drop {text} %" if unit == DROP else f"{text} {unit}"
