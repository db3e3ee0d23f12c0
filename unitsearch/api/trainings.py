"""The papers' trainings made again: named networks, several seeds each, beside the printed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from unitsearch.api.networks import check_fits, point_architecture
from unitsearch.api.spaces import bound_space, space_points

if TYPE_CHECKING:
    from unitsearch.study.record import Record
    from unitsearch.study.trainings import NamedNetwork, Training

TABLE_1 = tuple(f"lenet_table1:{name}" for name in ("U1", "U2", "U3", "Hybrid2"))


@dataclass(frozen=True)
class Repeated:
    """A network's trainings beside the accuracy that a paper printed.

    Attributes:
        network: SPACE:POINT.
        printed: The printed accuracy, word for word; empty if there is none.
        count: The number of seeds that it was trained with.
        last: Mean test accuracy after the last epoch, a fraction.
        last_spread: Standard deviation of these over the seeds; None of a single one.
        best: Mean of the best epochs' test accuracies.
        best_spread: Standard deviation of these over the seeds; None of a single one.
    """

    network: str
    printed: str
    count: int
    last: float
    last_spread: float | None
    best: float
    best_spread: float | None


def reproduce_training(
    networks: Sequence[str],
    seeds: int,
    folder: Path,
    overrides: Sequence[str] = (),
    watch: Callable[[str], None] = lambda news: None,
) -> list[Repeated]:
    """Train networks with the papers' recipe, and return their accuracies beside the printed ones.

    All networks are trained with one seed before any is with the next. Each training is written to
    ``trainings.csv`` in ``folder`` when it ends; the same call continues with the missing
    trainings, also within a training. The test images are used after each epoch, as in the papers;
    this is no search.

    Args:
        networks: SPACE:POINT each; the networks of BUnit-Net Table I unless given.
        seeds: The number of seeds of each network: 0, 1, …
        folder: The folder of the trainings; made if it is not there.
        overrides: ``train=…``, ``data=…``, ``engine.workers=…`` and their keys. Networks train on
            the CPU unless ``engine.device=cuda`` is given, and alone unless ``engine.pack`` is.
        watch: Called with a line of progress.

    Raises:
        StudyError: If a training fails; the others are done and kept first.
        UsageError: If a network or setting is unknown, or differs from the folder's trainings.
    """
    from unitsearch.data.download import make_available
    from unitsearch.study.repeats import repeat_trainings

    names = list(dict.fromkeys(networks)) or list(TABLE_1)
    chosen = [named_network(name, overrides) for name in names]
    for network in chosen:
        make_available(network.config.data)
        check_fits(network.name, network.architecture, network.config.data)
    trainings = repeat_trainings(chosen, seeds, folder, watch)
    return [_repeated(name, trainings) for name in names]


def named_network(name: str, overrides: Sequence[str] = ()) -> NamedNetwork:
    """Return the network SPACE:POINT with the configuration that it is trained with."""
    from unitsearch.study.repeats import repeat_config
    from unitsearch.study.trainings import NamedNetwork

    config = repeat_config(name, overrides)
    data = [override for override in overrides if override.startswith(("data=", "data."))]
    return NamedNetwork(name, point_architecture(name, data), config)


def read_record(study: str | Path) -> Record:
    """Return a study, or a folder of trainings made again, as a record that views can show.

    Raises:
        StudyError: If it is neither, or damaged.
    """
    from unitsearch.study import trainings

    return trainings.read_record(study, named_network)


def _repeated(network: str, trainings: Sequence[Training]) -> Repeated:
    own = [training for training in trainings if training.network == network]
    space, _, name = network.rpartition(":")
    points = {point.name: point for point in space_points(bound_space(space))}
    printed = points[name].printed.get("accuracy", "") if name in points else ""
    lasts, bests = [training.last for training in own], [training.best for training in own]
    return Repeated(
        network=network,
        printed=printed,
        count=len(own),
        last=mean(lasts),
        last_spread=stdev(lasts) if len(own) > 1 else None,
        best=mean(bests),
        best_spread=stdev(bests) if len(own) > 1 else None,
    )
