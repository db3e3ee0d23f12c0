"""Trainings of named networks with several seeds, in a folder: their table and their settings."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from unitsearch.architecture import Architecture, key, read_file, yaml_text
from unitsearch.costs import count
from unitsearch.data import data_spec
from unitsearch.errors import SpecError, StudyError, UsageError
from unitsearch.fields import read, write_all
from unitsearch.study.config import Config
from unitsearch.study.folder import read_study, write_file
from unitsearch.study.manifest import MANIFEST, Manifest, SpaceText
from unitsearch.study.record import Record, Trial

TRAININGS = "trainings.csv"
SETTINGS = "settings.yaml"


@dataclass(frozen=True)
class NamedNetwork:
    """A named network and how it is trained.

    Attributes:
        name: SPACE:POINT.
        architecture: The network.
        config: The configuration: recipe, data, plan and engine.
    """

    name: str
    architecture: Architecture
    config: Config


@dataclass(frozen=True)
class Training:
    """One network trained with one seed.

    Attributes:
        network: SPACE:POINT.
        seed: Of weights, order and augmentation.
        last: Test accuracy after the last epoch, a fraction.
        best: Test accuracy after the epoch where it was highest; chosen on the test images, as the
            papers' released code does.
        best_epoch: That epoch, from 1.
        images: Test images behind both.
        params: Parameters.
        plan: How it ran.
        seconds: Time that training and testing took.
        curve: Test accuracy after each epoch.
        loss_curve: Mean cross-entropy of the test images after each epoch, in nats.
    """

    network: str
    seed: int
    last: float
    best: float
    best_epoch: int
    images: int
    params: int
    plan: str
    seconds: float
    curve: tuple[float, ...]
    loss_curve: tuple[float, ...] = ()


def read_trainings(folder: Path) -> list[Training]:
    """Return the trainings that a folder holds.

    Raises:
        StudyError: If its table is damaged.
    """
    path = folder / TRAININGS
    if not path.is_file():
        return []
    trainings = []
    for line, row in enumerate(csv.DictReader(io.StringIO(path.read_text("utf-8"))), 2):
        try:
            trainings.append(
                Training(
                    row["network"], int(row["seed"]), float(row["last"]), float(row["best"]),
                    int(row["best_epoch"]), int(row["images"]), int(row["params"]), row["plan"],
                    float(row["seconds"]), tuple(map(float, row["curve"].split())),
                    tuple(map(float, (row.get("loss_curve") or "").split())),
                )
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, AttributeError):
            raise StudyError(
                f"{path}:{line}: not a training", fix="put the file back as it was written"
            ) from None
    return trainings


def write_trainings(folder: Path, trainings: Sequence[Training]) -> None:
    """Write the table of a folder's trainings whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Training)])
    for training in _ordered(trainings):
        *row, curve, loss_curve = astuple(training)
        writer.writerow([*row, *(" ".join(map(repr, part)) for part in (curve, loss_curve))])
    write_file(folder / TRAININGS, text.getvalue().encode())


def check_settings(folder: Path, configs: Sequence[Config]) -> None:
    """Write the settings of a folder's trainings, by data set, or compare them with ``configs``.

    Raises:
        UsageError: If the folder's trainings had other settings.
    """
    path = folder / SETTINGS
    stored = _read_settings(folder)
    settings = dict(stored)
    for config in configs:
        asked = {"train": write_all(config.train), "data": write_all(config.data)}
        known = settings.setdefault(config.data.name, asked)
        for group, values in asked.items():
            for name, value in values.items():
                plain, kept = _plain(value), _plain(known[group].get(name))
                if kept != plain:
                    raise UsageError(
                        f"{path}: {group}.{name} is {kept!r} there and {plain!r} here",
                        fix="give the same settings, or another --folder",
                    )
    if settings != stored:
        write_file(path, yaml_text(settings).encode())


def read_record(study: str | Path, named: Callable[[str], NamedNetwork]) -> Record:
    """Return a study, or a folder of repeated trainings, as a record that views can show.

    Args:
        study: A study's name or folder, or a folder of trainings.
        named: Returns the network called SPACE:POINT.

    Raises:
        StudyError: If it is neither, or damaged.
    """
    folder = Path(study)
    if (folder / TRAININGS).is_file() and not (folder / MANIFEST).is_file():
        return trainings_record(folder, named)
    return read_study(study)


def trainings_record(folder: Path, named: Callable[[str], NamedNetwork]) -> Record:
    """Return the trainings that a folder holds as a record: each is a trial, by network and seed.

    Its accuracies are test accuracies after the last epoch, which its manifest says; it has no
    baseline and no floor, for the papers' tables have none.

    Raises:
        StudyError: If the folder's files are damaged.
    """
    trainings = _ordered(read_trainings(folder))
    networks = {training.network: named(training.network) for training in trainings}
    if not networks:
        raise StudyError(f"{folder / TRAININGS}: holds no training")
    trials = tuple(
        Trial(
            number=number,
            state="complete",
            key=key(networks[training.network].architecture),
            seed=training.seed,
            values={"network": training.network},
            architecture=networks[training.network].architecture,
            cost=count(networks[training.network].architecture),
            accuracy=training.last,
            images=training.images,
            curve=training.curve,
            loss_curve=training.loss_curve,
            train_seconds=training.seconds,
            plan=training.plan,
        )
        for number, training in enumerate(trainings, start=1)  # 0 is a baseline's number
    )
    return Record(folder.name, folder, _manifest(folder, list(networks.values())), trials)


def _manifest(folder: Path, networks: Sequence[NamedNetwork]) -> Manifest:
    """Return the manifest of a folder of trainings: that of a study without a search."""
    first = networks[0]
    spaces = ", ".join(sorted({network.name.partition(":")[0] for network in networks}))
    settings = _read_settings(folder)
    config = replace(
        first.config, space=spaces, floor=None, objectives=("accuracy", "flops", "params")
    )
    name = next(iter(settings), None)
    if name is not None:  # of several data sets the first is shown
        try:
            data = {**write_all(data_spec(name)), **settings[name].get("data", {}), "name": name}
            train = {**write_all(config.train), **settings[name].get("train", {})}
            config = replace(
                config,
                data=read(type(config.data), data, "data"),
                train=read(type(config.train), train, "train"),
            )
        except (SpecError, AttributeError, TypeError) as error:
            raise StudyError(f"{folder / SETTINGS}: {error}") from None
    return Manifest(
        name=folder.name,
        config=config,
        space=SpaceText(
            name=spaces,
            input=first.architecture.input,
            classes=config.data.classes or 1,
            text="",
        ),
        accuracy="test",
    )


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    data: Any = read_file(path).data if path.is_file() else {}
    return dict(data) if isinstance(data, Mapping) else {}


def _ordered(trainings: Sequence[Training]) -> list[Training]:
    return sorted(trainings, key=lambda training: (training.network, training.seed))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
