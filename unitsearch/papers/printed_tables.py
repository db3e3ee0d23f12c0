"""The printed tables, read from the files beside this one."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from unitsearch.errors import SpecError
from unitsearch.fields import Enum, Text, field_, read
from unitsearch.papers.verdicts import SCALES, Verdict

FOLDER = Path(__file__).parent
PAPERS = ("TissueNet", "BUnit-Net")
DROP = "drop %"

_UNIT = Enum((*filter(None, SCALES), DROP))
_JUDGED = (Verdict.misprint.value, Verdict.lost.value)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PrintedCost:
    """A row of a table of costs, as printed; a value that is not printed is empty.

    Attributes:
        paper: One of ``PAPERS``.
        table: The number of the table in the paper.
        dataset: The data set, as the paper calls it.
        backbone: The backbone, as the paper calls it.
        row: The row, as the paper calls it.
        kind: ``own`` for a network of the paper, ``other`` for a competitor's.
        accuracy: In percent.
        params: Digits, in ``params_unit``: k, M, or ``drop %`` against the baseline.
        params_of: The rounded costs that a drop follows from, as in ``4.04/14.91 M``.
        flops: Digits, in ``flops_unit``: M, e8, G or ``drop %``.
        flops_of: The rounded FLOPs that a drop follows from.
        flops_meant: The number meant by a misprint of the FLOPs, in the same unit.
        network: SPACE:POINT, or a name of ``networks.yaml``; empty for a competitor's, or where no
            layout is known.
        baseline: The network that drops are measured against.
        judged: ``misprint`` or ``not reproducible``, where a person must decide that.
        note: The reason, the best candidate, and the part of the layout that is ours.

    Raises:
        SpecError: If the row lacks what its verdict needs.
    """

    paper: str = field_(Enum(PAPERS))
    table: str = field_(Text())
    dataset: str = field_(Text())
    backbone: str = field_(Text())
    row: str = field_(Text())
    kind: str = field_(Enum(("own", "other")))
    accuracy: str = field_(Text(), "")
    params: str = field_(Text(), "")
    params_unit: str = field_(_UNIT, "M")
    params_of: str = field_(Text(), "")
    flops: str = field_(Text(), "")
    flops_unit: str = field_(_UNIT, "M")
    flops_of: str = field_(Text(), "")
    flops_meant: str = field_(Text(), "")
    network: str = field_(Text(), "")
    baseline: str = field_(Text(), "")
    judged: str = field_(Enum(_JUDGED), "")
    note: str = field_(Text(), "")

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
        """The place where it is printed."""
        return f"{self.paper} {self.table}, {self.dataset}, {self.backbone}, {self.row}"


@dataclass(frozen=True, kw_only=True)
class PrintedMetric:
    """A cell of a table of metrics, as printed, with the printed numbers it was made from.

    Attributes:
        paper: One of ``PAPERS``.
        table: The number of the table in the paper.
        dataset: The data set, as the paper calls it.
        backbone: The backbone, as the paper calls it.
        row: The row, as the paper calls it.
        metric: The metric, as the paper calls it.
        formula: The formula that computes it: ce, se, tca, tsa, speedup or accuracy_drop.
        w1: Weight of the drop in cost.
        w2: Weight of the drop in accuracy.
        accuracy: In percent.
        baseline_accuracy: In percent.
        cost: FLOPs or parameters, in the unit of ``baseline_cost``.
        baseline_cost: The cost of the baseline.
        cost_drop: The drop in percent, where that is printed instead of costs.
        printed: The printed value.
        judged: ``misprint``, where a person must decide that.
        note: The reason.

    Raises:
        SpecError: If a judgement has no reason.
    """

    paper: str = field_(Enum(PAPERS))
    table: str = field_(Text())
    dataset: str = field_(Text())
    backbone: str = field_(Text())
    row: str = field_(Text())
    metric: str = field_(Enum(("CE", "SE", "TCA", "TSA", "speedup", "accuracy drop")))
    formula: str = field_(Enum(("ce", "se", "tca", "tsa", "speedup", "accuracy_drop")))
    w1: str = field_(Text(), "")
    w2: str = field_(Text(), "")
    accuracy: str = field_(Text(), "")
    baseline_accuracy: str = field_(Text(), "")
    cost: str = field_(Text(), "")
    baseline_cost: str = field_(Text(), "")
    cost_drop: str = field_(Text(), "")
    printed: str = field_(Text())
    judged: str = field_(Enum((Verdict.misprint.value,)), "")
    note: str = field_(Text(), "")

    def __post_init__(self) -> None:
        if self.judged and not self.note:
            raise SpecError(place="note", found=None, expected=f"why it is a {self.judged}")

    @property
    def name(self) -> str:
        """The place where it is printed."""
        weights = f" ({self.w1}, {self.w2})" if self.w1 else ""
        place = f"{self.paper} {self.table}, {self.dataset}, {self.backbone}, {self.row}"
        return f"{place}, {self.metric}{weights}"


def printed_costs() -> list[PrintedCost]:
    """Return every row of the tables of costs.

    Raises:
        SpecError: If the file breaks its format; the message names the line.
    """
    return _rows(FOLDER / "costs.csv", PrintedCost)


def printed_metrics() -> list[PrintedMetric]:
    """Return every cell of the tables of metrics.

    Raises:
        SpecError: If the file breaks its format; the message names the line.
    """
    return _rows(FOLDER / "metrics.csv", PrintedMetric)


def _rows(path: Path, cls: type[T]) -> list[T]:
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        try:
            for data in reader:
                rows.append(read(cls, {key: value for key, value in data.items() if value}))
        except SpecError as error:
            error.origin = f"{path.name}:{reader.line_num}"
            raise
        except (csv.Error, UnicodeDecodeError) as error:
            raise SpecError(f"{path.name}:{reader.line_num + 1}: not CSV: {error}") from None
    return rows
