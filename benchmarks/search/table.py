"""A recorded table: members of a space, each trained with several seeds."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.search.spec import Place, TableSpec
from unitsearch.architecture import Architecture, key
from unitsearch.costs import Cost, count
from unitsearch.errors import StudyError
from unitsearch.files import write_whole
from unitsearch.search.proposals import Proposal, proposal_of
from unitsearch.space import Space, baseline, draw, replay

COLUMNS = (
    "space", "values", "key", "seed", "images", "params", "flops", "seconds", "curve", "loss_curve",
)  # fmt: skip
BASELINE = 0
LARGEST_PLAIN = 300_000  # bytes; a larger table is packed


@dataclass(frozen=True)
class Recorded:
    """One training of a table.

    Attributes:
        values: The space's parameters; empty for a baseline outside the space.
        key: The architecture's key.
        seed: The number of the member's training, from 0.
        images: Validation images.
        cost: Parameters and FLOPs, as they were counted when it was recorded.
        seconds: Time that it took, on one core.
        curve: Validation accuracy after each epoch.
        loss_curve: Mean cross-entropy after each epoch, in nats; None where it was not finite.
    """

    values: Mapping[str, Any]
    key: str
    seed: int
    images: int
    cost: tuple[int, int]
    seconds: float
    curve: tuple[float, ...]
    loss_curve: tuple[float | None, ...]

    @property
    def accuracy(self) -> float:
        """The validation accuracy after the last epoch."""
        return self.curve[-1]


@dataclass(frozen=True)
class TableMember:
    """A member of a table and its trainings.

    Attributes:
        proposal: The member, as a sampler proposes it.
        trainings: Its trainings, by seed.
    """

    proposal: Proposal
    trainings: tuple[Recorded, ...]

    @property
    def cost(self) -> Cost:
        """The exact cost."""
        return self.proposal.cost

    @cached_property
    def accuracies(self) -> np.ndarray:
        """The accuracies of the trainings."""
        return np.array([training.accuracy for training in self.trainings])

    def others(self, seed: int) -> float:
        """Return the mean accuracy of all trainings but the one with ``seed``."""
        return float(np.delete(self.accuracies, seed).mean())


@dataclass(frozen=True)
class Table:
    """The complete members of a recorded table; the first is the baseline.

    Attributes:
        name: The table's name.
        spec: Its description.
        members: The members, in the order in which they were recorded.
    """

    name: str
    spec: TableSpec
    members: tuple[TableMember, ...]

    @cached_property
    def places(self) -> dict[str, int]:
        """The places of the members by key."""
        return {member.proposal.key: place for place, member in enumerate(self.members)}

    @property
    def baseline(self) -> TableMember:
        """The baseline."""
        return self.members[BASELINE]

    @property
    def candidates(self) -> range:
        """The places of the members that a search may propose."""
        return range(1, len(self.members))

    @property
    def seeds(self) -> int:
        """The number of trainings of a member."""
        return self.spec.seeds

    @cached_property
    def seconds(self) -> np.ndarray:
        """Seconds of a training of each member, by a line in the FLOPs that fits all trainings.

        A single time says how busy the machine was; the median slope does not.
        """
        flops = np.array([member.cost.flops for member in self.members], float)
        times = np.array([np.median([t.seconds for t in m.trainings]) for m in self.members])
        if len(self.members) < 3:
            return times
        slope, offset = _robust_line(flops, times)
        return np.asarray(np.maximum(offset + slope * flops, times.min()))


def _robust_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the line through the medians of the outer thirds of the points."""
    order = np.argsort(x, kind="stable")
    third = max(len(x) // 3, 1)
    low, high = order[:third], order[-third:]
    x_low, x_high = float(np.median(x[low])), float(np.median(x[high]))
    y_low, y_high = float(np.median(y[low])), float(np.median(y[high]))
    slope = (y_high - y_low) / (x_high - x_low) if x_high > x_low else 0.0
    return slope, float(np.median(y - slope * x))


def read_trainings(place: Place) -> list[Recorded]:
    """Return the trainings that are recorded, in their order.

    A last line that a killed run left incomplete is not counted.

    Raises:
        StudyError: If the file is damaged elsewhere.
    """
    if place.trainings.is_file():
        text = place.trainings.read_text("utf-8")
    elif place.packed.is_file():
        text = gzip.decompress(place.packed.read_bytes()).decode("utf-8")
    else:
        return []
    whole = text[: text.rfind("\n") + 1]
    trainings = []
    for line, row in enumerate(csv.DictReader(io.StringIO(whole)), 2):
        try:
            trainings.append(_read_row(row))
        except (KeyError, ValueError, TypeError, AttributeError):
            raise StudyError(
                f"{place.trainings}:{line}: not a training", fix="put the file back as it was"
            ) from None
    return trainings


def _read_row(row: Mapping[str, str]) -> Recorded:
    losses = (float(text) for text in row["loss_curve"].split())
    return Recorded(
        values=json.loads(row["values"]),
        key=row["key"],
        seed=int(row["seed"]),
        images=int(row["images"]),
        cost=(int(row["params"]), int(row["flops"])),
        seconds=float(row["seconds"]),
        curve=tuple(map(float, row["curve"].split())),
        loss_curve=tuple(loss if math.isfinite(loss) else None for loss in losses),
    )


def append(place: Place, space: str, trainings: Sequence[Recorded]) -> None:
    """Append trainings to the file, which is unpacked or made if need be."""
    path = place.trainings
    if not path.is_file():
        content = gzip.decompress(place.packed.read_bytes()) if place.packed.is_file() else b""
        write_whole(path, content or (",".join(COLUMNS) + "\n").encode())
        place.packed.unlink(missing_ok=True)
    _cut_torn_line(place)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for training in trainings:
            losses = (math.nan if loss is None else loss for loss in training.loss_curve)
            writer.writerow(
                (
                    space, json.dumps(dict(training.values), separators=(",", ":")), training.key,
                    training.seed, training.images, *training.cost, f"{training.seconds:.4g}",
                    " ".join(f"{accuracy:.6g}" for accuracy in training.curve),
                    " ".join(f"{loss:.5g}" for loss in losses),
                )
            )  # fmt: skip


def _cut_torn_line(place: Place) -> None:
    """Remove a last line that a killed run left incomplete."""
    content = place.trainings.read_bytes()
    if content and not content.endswith(b"\n"):
        write_whole(place.trainings, content[: content.rfind(b"\n") + 1])


def pack(place: Place) -> None:
    """Replace the file of a large table with a packed one of the same content."""
    if place.trainings.is_file() and place.trainings.stat().st_size > LARGEST_PLAIN:
        packed = gzip.compress(place.trainings.read_bytes(), 9, mtime=0)
        write_whole(place.packed, packed)
        place.trainings.unlink()


def load(place: Place) -> Table:
    """Return a table: the baseline and the members that are trained with all seeds.

    Raises:
        StudyError: If it holds nothing, or the costs of its members are not today's.
    """
    spec = place.read_spec()
    trainings = read_trainings(place)
    by_key: dict[str, list[Recorded]] = {}
    for training in trainings:
        by_key.setdefault(training.key, []).append(training)
    space = spec.bound
    first = baseline_proposal(space)
    members = []
    for name in dict.fromkeys([first.key, *by_key]):
        own = sorted(by_key.get(name, ()), key=lambda training: training.seed)
        if [training.seed for training in own] != list(range(spec.seeds)):
            continue
        proposal = first if name == first.key else member_of(space, own[0].values)
        if proposal.key != name or own[0].cost != (proposal.cost.params, proposal.cost.flops):
            raise StudyError(
                f"{place.name}: the values of {name} draw another architecture now",
                fix="record the table anew",
            )
        members.append(TableMember(proposal, tuple(own)))
    if len(members) < 2 or members[0].proposal.key != first.key:
        raise StudyError(
            f"{place.name}: no complete members yet",
            fix=f"python -m benchmarks.search record {place.name}",
        )
    return Table(place.name, spec, tuple(members))


def baseline_proposal(space: Space) -> Proposal:
    """Return the baseline as a proposal without values."""
    architecture: Architecture = baseline(space)
    return Proposal({}, {}, architecture, key(architecture), count(architecture))


def member_of(space: Space, values: Mapping[str, Any]) -> Proposal:
    """Return the member that ``values`` draw."""
    return proposal_of(space, *draw(space, replay(values)), {})


def distinct(proposals: Iterable[Proposal], known: Iterable[str]) -> list[Proposal]:
    """Return the proposals without repeats and without those whose keys are known."""
    found = {proposal.key: proposal for proposal in proposals}
    for name in known:
        found.pop(name, None)
    return list(found.values())


def with_members(table: Table, places: Sequence[int]) -> Table:
    """Return the table of the baseline and the members at ``places``."""
    kept = [table.members[BASELINE], *(table.members[place] for place in places if place)]
    return replace(table, members=tuple(kept))
