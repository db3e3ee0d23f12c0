"""What the papers print, as numbers that a figure can place: from the tables of ``papers``.

Printed accuracies are test accuracies of other trainings: they stand beside a study's, they are no
contest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from unitsearch.architecture import Architecture, stacks
from unitsearch.architecture import key as key_of
from unitsearch.costs import Cost, count
from unitsearch.metrics import Measured, Metric
from unitsearch.papers.networks import network
from unitsearch.papers.tables import DROP, PrintedCost, printed_costs, printed_metrics
from unitsearch.papers.verdicts import printed
from unitsearch.study.record import Record, Trial
from unitsearch.views import words
from unitsearch.views.figures.points import axis_value

# The papers' names of data sets, and ours.
DATA = {
    "MNIST": "mnist",
    "CIFAR-10": "cifar10",
    "CIFAR-100": "cifar100",
    "Tiny-ImageNet": "tiny_imagenet",
    "ImageNet": "imagenet",
}
# Which printed costs a metric is made from, besides accuracies.
_NEEDS = {
    "accuracy": (), "accuracy_drop": (), "flops": ("flops",), "params": ("params",),
    "ce": ("flops",), "tca": ("flops",), "tca_1_4": ("flops",), "tca_4_1": ("flops",),
    "flops_drop": ("flops",), "se": ("params",), "tsa": ("params",), "tsa_1_4": ("params",),
    "tsa_4_1": ("params",), "params_drop": ("params",),
}  # fmt: skip
_NEWEST = "BUnit-Net"
_ABSOLUTE = ("accuracy", "flops", "params")
_WHOLE = 10**9  # the baseline's cost where only shares of it are printed


@dataclass(frozen=True)
class Published:
    """A row of the papers' tables; what is not printed is None.

    Attributes:
        name: The row, as the paper calls it.
        source: The paper and its table.
        dataset: As the paper calls it.
        backbone: As the paper calls it.
        own: Whether it is the paper's own network; else a rival's.
        network: SPACE:POINT, or a name of the papers' networks; empty for a rival's.
        accuracy: Test accuracy, a fraction.
        spread: Its printed standard deviation over runs, a fraction.
        base_accuracy: That of the baseline printed beside it.
        params: Parameters; a printed drop is taken from the table's own baseline.
        flops: FLOPs, likewise; a known misprint is put right.
        shares: What is left of the baseline's ``flops`` and ``params``, as fractions.
        note: What is said of the row.
    """

    name: str
    source: str
    dataset: str
    backbone: str
    own: bool
    network: str
    accuracy: float | None
    spread: float | None
    base_accuracy: float | None
    params: float | None
    flops: float | None
    shares: tuple[tuple[str, float], ...]
    note: str

    def value(self, metric: Metric) -> float | None:
        """Return its place on the axis of ``metric``; None if it cannot be told from the print."""
        needs = _NEEDS.get(metric.name)
        if needs is None:
            return None
        if metric.name in _ABSOLUTE:
            known = {"params": self.params, "flops": self.flops}
            found = known.get(metric.name, self.accuracy)
            return 100 * found if found is not None and metric.is_accuracy else found
        shares = dict(self.shares)
        if any(name not in shares for name in needs) or (
            metric.needs_accuracy and (self.accuracy is None or self.base_accuracy is None)
        ):
            return None
        left = {name: round(_WHOLE * share) for name, share in shares.items()}
        new = Measured(self.accuracy or 0.0, Cost(**left))
        return axis_value(
            metric, new, Measured(self.base_accuracy or 0.0, Cost(params=_WHOLE, flops=_WHOLE))
        )


@cache
def published() -> tuple[Published, ...]:
    """Return every row of the papers' tables of costs, with what their tables of metrics add."""
    rows = printed_costs()
    bases = {_table(row): row for row in rows if row.row.startswith("Baseline")}
    relative = _relative()
    return tuple(_published(row, bases.get(_table(row)), relative) for row in rows)


_Relative = dict[tuple[str, ...], tuple[float | None, dict[str, float]]]


def _table(row: PrintedCost) -> tuple[str, ...]:
    return (row.paper, row.table, row.dataset, row.backbone)


def _relative() -> _Relative:
    """Return each row's baseline accuracy, and what is left of the baseline's costs."""
    found: dict[tuple[str, ...], tuple[float | None, dict[str, float]]] = {}
    for cell in printed_metrics():
        at = (cell.paper, cell.table, cell.dataset, cell.backbone, cell.row)
        base, shares = found.get(at, (None, {}))
        base = float(cell.baseline_accuracy) / 100 if cell.baseline_accuracy else base
        name = {"ce": "flops", "tca": "flops", "se": "params", "tsa": "params"}.get(cell.formula)
        if name and cell.cost_drop:
            shares = {**shares, name: 1 - float(cell.cost_drop) / 100}
        elif name and cell.cost and cell.baseline_cost:
            shares = {**shares, name: float(cell.cost) / float(cell.baseline_cost)}
        found[at] = base, shares
    return found


def _published(row: PrintedCost, base: PrintedCost | None, relative: _Relative) -> Published:
    accuracy, _, spread = row.accuracy.partition("±")
    base_accuracy, shares = relative.get((*_table(row), row.row), (None, {}))
    return Published(
        name=row.row,
        source=f"{row.paper} Table {row.table}",
        dataset=row.dataset,
        backbone=row.backbone,
        own=row.kind == "own",
        network=row.network,
        accuracy=float(accuracy) / 100 if accuracy else None,
        spread=float(spread) / 100 if spread else None,
        base_accuracy=base_accuracy,
        params=_absolute(_params(row), _params(base)),
        flops=_absolute(_flops(row), _flops(base)),
        shares=tuple(sorted(shares.items())),
        note=row.note,
    )


def _params(row: PrintedCost | None) -> tuple[str, str]:
    return (row.params, row.params_unit) if row else ("", "")


def _flops(row: PrintedCost | None) -> tuple[str, str]:
    return (row.flops_meant or row.flops, row.flops_unit) if row else ("", "")


def _absolute(cost: tuple[str, str], base: tuple[str, str]) -> float | None:
    """Return a printed cost; of a drop what it leaves of the table's baseline."""
    text, unit = cost
    if not text:
        return None
    if unit != DROP:
        return float(printed(text, unit).value)
    of = _absolute(base, ("", "")) if base[1] != DROP else None
    return None if of is None else of * float(1 - Decimal(text) / 100)


def fitting(record: Record) -> list[Published]:
    """Return what the papers print for a study's data and baseline, accuracies known.

    A table fits where its data set is the study's, and a network of it is a point of the study's
    space or its baseline costs what the study's does.
    """
    name = record.manifest.config.data.name
    spaces = record.manifest.space.name.split(", ")
    base = record.baseline.cost if record.baseline else None
    rows = [row for row in published() if DATA.get(row.dataset) == name]
    tables: dict[tuple[str, str], list[Published]] = {}
    for row in rows:
        tables.setdefault((row.source, row.backbone), []).append(row)
    return [
        row
        for table in tables.values()
        if any(_fits(other, spaces, base) for other in table)
        for row in table
        if row.accuracy is not None
    ]


def _fits(row: Published, spaces: Sequence[str], base: Cost | None) -> bool:
    if not row.network:
        return False
    if row.network.partition(":")[0] in spaces:
        return True
    return base is not None and row.name.startswith("Baseline") and _cost(row.network) == base


@lru_cache(maxsize=256)
def architecture(name: str) -> Architecture:
    """Return the network that a row of the papers names."""
    return network(name)


def _cost(name: str) -> Cost:
    return count(architecture(name))


@dataclass(frozen=True)
class Taken:
    """One accuracy of a training here.

    Attributes:
        on: ``validation`` or ``test`` images.
        accuracy: A fraction.
        images: How many of them.
        study: The record's name.
        number: The trial's.
    """

    on: str
    accuracy: float
    images: int
    study: str
    number: int


@dataclass(frozen=True)
class Beside:
    """A printed network and the trainings of the very same architecture.

    Attributes:
        printed: The row.
        key: Its architecture's key.
        cost: Its exact cost.
        is_hybrid: Whether a stack of it mixes kinds of units.
        taken: What its trainings here reached.
    """

    printed: Published
    key: str
    cost: Cost
    is_hybrid: bool
    taken: tuple[Taken, ...]

    def on(self, images: str) -> list[Taken]:
        """Return the accuracies on ``validation`` or on ``test`` images."""
        return [one for one in self.taken if one.on == images]


def beside(records: Sequence[Record]) -> list[Beside]:
    """Return each printed network that fits the records, with the trainings of it in them.

    A network is known by its key, so units may stand in any order that makes no difference.
    """
    taken: dict[str, list[Taken]] = {}
    for record in records:
        for trial in record.complete:
            taken.setdefault(trial.key, []).extend(_taken(record, trial))
    found = []
    rows = list(dict.fromkeys(row for record in records for row in fitting(record)))
    rows.sort(key=lambda row: not row.source.startswith(_NEWEST))  # its tables first
    for row in rows:
        if row.own and row.network:
            drawn = architecture(row.network)
            key = key_of(drawn)
            mixes = any(len({run.unit for run in s.units}) > 1 for s in stacks(drawn.layers))
            found.append(Beside(row, key, count(drawn), mixes, tuple(taken.get(key, ()))))
    return found


def _taken(record: Record, trial: Trial) -> list[Taken]:
    found = []
    if trial.accuracy is not None:
        on = words.measured_on(record)
        found.append(Taken(on, trial.accuracy, trial.images, record.name, trial.number))
    if trial.test_accuracy is not None:
        found.append(
            Taken("test", trial.test_accuracy, trial.test_images, record.name, trial.number)
        )
    return found
