"""The printed tables, read from the files beside this one."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from unitsearch.errors import SpecError
from unitsearch.fields import OneOf, Text, read, setting
from unitsearch.papers.verdicts import SCALES, Verdict

FOLDER = Path(__file__).parent
PAPERS = ("TissueNet", "BUnit-Net")
DROP = "drop %"

_UNIT = OneOf((*filter(None, SCALES), DROP))
_JUDGED = (Verdict.misprint.value, Verdict.lost.value)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PrintedCost:
    """A row of a table of costs, as printed; what is not printed is empty.

    Attributes:
        paper: One of ``PAPERS``.
        table: Its number there.
        dataset: As the paper calls it.
        backbone: As the paper calls it.
        row: As the paper calls it.
        kind: ``own`` for a network of the paper, ``other`` for a competitor's.
        accuracy: In percent.
        params: Digits, in ``params_unit``: k, M, or ``drop %`` against the baseline.
        params_of: The rounded costs that a drop follows from, as in ``4.04/14.91 M``.
        flops: Digits, in ``flops_unit``: M, e8, G or ``drop %``.
        flops_of: Likewise.
        flops_meant: What a misprint of the FLOPs should have been, in the same unit.
        network: SPACE:POINT, or a name of ``networks.yaml``; empty for a competitor's, or where no
            layout is known.
        baseline: The network that drops are against.
        judged: ``misprint`` or ``not reproducible``, where that takes a person.
        note: The reason, the best candidate, what is ours.

    Raises:
        SpecError: If the row lacks what its verdict needs.
    """

    paper: str = setting(OneOf(PAPERS))
    table: str = setting(Text())
    dataset: str = setting(Text())
    backbone: str = setting(Text())
    row: str = setting(Text())
    kind: str = setting(OneOf(("own", "other")))
    accuracy: str = setting(Text(), "")
    params: str = setting(Text(), "")
    params_unit: str = setting(_UNIT, "M")
    params_of: str = setting(Text(), "")
    flops: str = setting(Text(), "")
    flops_unit: str = setting(_UNIT, "M")
    flops_of: str = setting(Text(), "")
    flops_meant: str = setting(Text(), "")
    network: str = setting(Text(), "")
    baseline: str = setting(Text(), "")
    judged: str = setting(OneOf(_JUDGED), "")
    note: str = setting(Text(), "")

    def __post_init__(self) -> None:
        if self.kind == "own" and not self.network and self.judged != Verdict.lost:
            expected = "a network, or the judgement that it is not reproducible"
            raise SpecError(place="network", found=None, expected=expected)
        if self.kind == "other" and (self.network or self.judged):
            expected = "nothing: another method's network is not computed"
            raise SpecError(place="network", found=self.network or self.judged, expected=expected)
        if self.judged and not self.note:
            raise SpecError(place="note", found=None, expected=f"why it is {self.judged}")
        has_drop = DROP in (self.params_unit, self.flops_unit)
        if self.network and has_drop and not self.baseline:
            raise SpecError(place="baseline", found=None, expected="the network dropped from")

    @property
    def name(self) -> str:
        """Where it is printed."""
        return f"{self.paper} {self.table}, {self.dataset}, {self.backbone}, {self.row}"


@dataclass(frozen=True, kw_only=True)
class PrintedMetric:
    """A cell of a table of metrics, as printed, with the printed numbers it was made from.

    Attributes:
        paper: One of ``PAPERS``.
        table: Its number there.
        dataset: As the paper calls it.
        backbone: As the paper calls it.
        row: As the paper calls it.
        metric: As the paper calls it.
        formula: What it is: ce, se, tca, tsa, speedup or accuracy_drop.
        w1: Weight of the drop in cost.
        w2: Weight of the drop in accuracy.
        accuracy: In percent.
        baseline_accuracy: In percent.
        cost: FLOPs or parameters, in the unit of ``baseline_cost``.
        baseline_cost: The baseline's.
        cost_drop: In percent, where that is printed instead.
        printed: The metric.
        judged: ``misprint``, where that takes a person.
        note: The reason.

    Raises:
        SpecError: If a judgement has no reason.
    """

    paper: str = setting(OneOf(PAPERS))
    table: str = setting(Text())
    dataset: str = setting(Text())
    backbone: str = setting(Text())
    row: str = setting(Text())
    metric: str = setting(OneOf(("CE", "SE", "TCA", "TSA", "speedup", "accuracy drop")))
    formula: str = setting(OneOf(("ce", "se", "tca", "tsa", "speedup", "accuracy_drop")))
    w1: str = setting(Text(), "")
    w2: str = setting(Text(), "")
    accuracy: str = setting(Text(), "")
    baseline_accuracy: str = setting(Text(), "")
    cost: str = setting(Text(), "")
    baseline_cost: str = setting(Text(), "")
    cost_drop: str = setting(Text(), "")
    printed: str = setting(Text())
    judged: str = setting(OneOf((Verdict.misprint.value,)), "")
    note: str = setting(Text(), "")

    def __post_init__(self) -> None:
        if self.judged and not self.note:
            raise SpecError(place="note", found=None, expected=f"why it is a {self.judged}")

    @property
    def name(self) -> str:
        """Where it is printed."""
        weights = f" ({self.w1}, {self.w2})" if self.w1 else ""
        place = f"{self.paper} {self.table}, {self.dataset}, {self.backbone}, {self.row}"
        return f"{place}, {self.metric}{weights}"


def printed_costs() -> list[PrintedCost]:
    """Return every row of the tables of costs.

    Raises:
        SpecError: If the file breaks its format; the place says the line.
    """
    return _rows(FOLDER / "costs.csv", PrintedCost)


def printed_metrics() -> list[PrintedMetric]:
    """Return every cell of the tables of metrics.

    Raises:
        SpecError: If the file breaks its format; the place says the line.
    """
    return _rows(FOLDER / "metrics.csv", PrintedMetric)


def _rows(path: Path, cls: type[T]) -> list[T]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = []
        for data in reader:
            try:
                found.append(read(cls, {key: value for key, value in data.items() if value}))
            except SpecError as error:
                error.origin = f"{path.name}:{reader.line_num}"
                raise
    return found
