"""The rows of the papers' tables as numbers, and the trainings of the same networks.

Printed accuracies are test accuracies of the papers' own trainings: figures show them beside a
study's accuracies, but the two are not comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from unitsearch import wording
from unitsearch.architecture import Architecture, stacks
from unitsearch.architecture import key as key_of
from unitsearch.costs import Cost, count
from unitsearch.metrics import Measured, Metric
from unitsearch.papers.printed_networks import network
from unitsearch.papers.printed_tables import DROP, PrintedCost, printed_costs, printed_metrics
from unitsearch.papers.verdicts import printed
from unitsearch.study.record import Record, Trial
from unitsearch.views.figures.plotted_trials import axis_value

# Our names of data sets by the papers' names.
DATA = {
    "MNIST": "mnist",
    "CIFAR-10": "cifar10",
    "CIFAR-100": "cifar100",
    "Tiny-ImageNet": "tiny_imagenet",
    "ImageNet": "imagenet",
}
_NEWEST = "BUnit-Net"
_WHOLE = 10**9  # stands for the baseline's cost if a table prints only shares of it


@dataclass(frozen=True)
class PublishedRow:
    """A row of the papers' tables; a value that is not printed is None.

    Attributes:
        name: The row's name in the paper.
        source: The paper and its table.
        dataset: The data set's name in the paper.
        backbone: The backbone's name in the paper.
        own: Whether it is the paper's own network; else it is another method's.
        network: SPACE:POINT, or a name of the papers' networks; empty for another method's.
        accuracy: Test accuracy, a fraction.
        spread: Its printed standard deviation over runs, a fraction.
        base_accuracy: The accuracy of the baseline printed beside it.
        params: Parameters; from a printed drop they are computed by the table's own baseline.
        flops: FLOPs, computed as ``params``; a known misprint is corrected.
        shares: The remaining shares of the baseline's ``flops`` and ``params``, as fractions.
        note: A remark on the row.
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
        """Return its value on the axis of ``metric``; None if the print does not determine it."""
        relative = metric.needs_baseline
        known = {
            name: round(_WHOLE * share if relative else share)
            for name, share in (self.shares if relative else self._absolute)
        }
        if metric.is_measured or any(name not in known for name in metric.costs):
            return None
        if metric.needs_accuracy and (
            self.accuracy is None or (relative and self.base_accuracy is None)
        ):
            return None
        whole = Measured(self.base_accuracy or 0.0, Cost(params=_WHOLE, flops=_WHOLE))
        new = Measured(self.accuracy or 0.0, Cost(**known))
        return axis_value(metric, new, whole if relative else None)

    @property
    def _absolute(self) -> tuple[tuple[str, float], ...]:
        """The printed costs by name."""
        costs = (("params", self.params), ("flops", self.flops))
        return tuple((name, value) for name, value in costs if value is not None)


@cache
def published() -> tuple[PublishedRow, ...]:
    """Return every row of the papers' tables of costs, completed from their tables of metrics."""
    rows = printed_costs()
    bases = {_table(row): row for row in rows if row.row.startswith("Baseline")}
    relative = _relative()
    return tuple(_published(row, bases.get(_table(row)), relative) for row in rows)


_Relative = dict[tuple[str, ...], tuple[float | None, dict[str, float]]]


def _table(row: PrintedCost) -> tuple[str, ...]:
    return (row.paper, row.table, row.dataset, row.backbone)


def _relative() -> _Relative:
    """Return each row's baseline accuracy, and the remaining shares of the baseline's costs."""
    relative: dict[tuple[str, ...], tuple[float | None, dict[str, float]]] = {}
    for cell in printed_metrics():
        row = (cell.paper, cell.table, cell.dataset, cell.backbone, cell.row)
        base, shares = relative.get(row, (None, {}))
        base = float(cell.baseline_accuracy) / 100 if cell.baseline_accuracy else base
        name = {"ce": "flops", "tca": "flops", "se": "params", "tsa": "params"}.get(cell.formula)
        if name and cell.cost_drop:
            shares = {**shares, name: 1 - float(cell.cost_drop) / 100}
        elif name and cell.cost and cell.baseline_cost:
            shares = {**shares, name: float(cell.cost) / float(cell.baseline_cost)}
        relative[row] = base, shares
    return relative


def _published(row: PrintedCost, base: PrintedCost | None, relative: _Relative) -> PublishedRow:
    accuracy, _, spread = row.accuracy.partition("±")
    base_accuracy, shares = relative.get((*_table(row), row.row), (None, {}))
    return PublishedRow(
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
    """Return a printed cost; from a drop compute the rest of the table's baseline."""
    text, unit = cost
    if not text:
        return None
    if unit != DROP:
        return float(printed(text, unit).value)
    whole = _absolute(base, ("", "")) if base[1] != DROP else None
    return None if whole is None else whole * float(1 - Decimal(text) / 100)


def fitting_rows(record: Record) -> list[PublishedRow]:
    """Return the printed rows with an accuracy that fit a study's data and its space or baseline.

    A table fits if its data set is the study's, and one of its networks is a point of the study's
    space or its baseline has the cost of the study's baseline.
    """
    name = record.manifest.config.data.name
    spaces = record.manifest.space.name.split(", ")
    base = record.baseline.cost if record.baseline else None
    rows = [row for row in published() if DATA.get(row.dataset) == name]
    tables: dict[tuple[str, str], list[PublishedRow]] = {}
    for row in rows:
        tables.setdefault((row.source, row.backbone), []).append(row)
    return [
        row
        for table in tables.values()
        if any(_fits(other, spaces, base) for other in table)
        for row in table
        if row.accuracy is not None
    ]


def _fits(row: PublishedRow, spaces: Sequence[str], base: Cost | None) -> bool:
    if not row.network:
        return False
    if row.network.partition(":")[0] in spaces:
        return True
    return base is not None and row.name.startswith("Baseline") and _cost(row.network) == base


@lru_cache(maxsize=256)
def architecture(name: str) -> Architecture:
    """Return the network called ``name`` in a row of the papers."""
    return network(name)


def _cost(name: str) -> Cost:
    return count(architecture(name))


@dataclass(frozen=True)
class TrainedAccuracy:
    """The accuracy of one training of a study.

    Attributes:
        on: ``validation`` or ``test`` images.
        accuracy: A fraction.
        images: The number of these images.
        study: The record's name.
        number: The trial's number.
    """

    on: str
    accuracy: float
    images: int
    study: str
    number: int


@dataclass(frozen=True)
class ComparedNetwork:
    """A printed network and the trainings of the same architecture in studies.

    Attributes:
        printed: The row.
        key: The key of its architecture.
        cost: Its exact cost.
        is_hybrid: Whether a stack of it mixes kinds of units.
        trainings: The accuracies of its trainings.
    """

    printed: PublishedRow
    key: str
    cost: Cost
    is_hybrid: bool
    trainings: tuple[TrainedAccuracy, ...]

    def on(self, images: str) -> list[TrainedAccuracy]:
        """Return the accuracies on ``validation`` or on ``test`` images."""
        return [training for training in self.trainings if training.on == images]


def compared_networks(records: Sequence[Record]) -> list[ComparedNetwork]:
    """Return each printed network that fits the records, with its trainings in them.

    Networks are equal if their keys are, so the order of units does not matter.
    """
    trainings: dict[str, list[TrainedAccuracy]] = {}
    for record in records:
        for trial in record.complete:
            trainings.setdefault(trial.key, []).extend(_accuracies(record, trial))
    networks = []
    rows = list(dict.fromkeys(row for record in records for row in fitting_rows(record)))
    rows.sort(key=lambda row: not row.source.startswith(_NEWEST))  # the newest tables come first
    for row in rows:
        if row.own and row.network:
            printed_network = architecture(row.network)
            key = key_of(printed_network)
            mixes = any(
                len({run.unit for run in s.units}) > 1 for s in stacks(printed_network.layers)
            )
            cost, same = count(printed_network), tuple(trainings.get(key, ()))
            networks.append(ComparedNetwork(row, key, cost, mixes, same))
    return networks


def _accuracies(record: Record, trial: Trial) -> list[TrainedAccuracy]:
    accuracies = []
    if trial.accuracy is not None:
        on = wording.measured_on(record)
        accuracies.append(
            TrainedAccuracy(on, trial.accuracy, trial.images, record.name, trial.number)
        )
    if trial.test_accuracy is not None:
        accuracies.append(
            TrainedAccuracy(
                "test", trial.test_accuracy, trial.test_images, record.name, trial.number
            )
        )
    return accuracies
