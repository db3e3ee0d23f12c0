"""The papers' trainings made again: named networks, several seeds each, resumable."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from unitsearch.api.networks import check_fits, point_architecture
from unitsearch.api.spaces import bound_space, space_points
from unitsearch.errors import StudyError, UsageError

if TYPE_CHECKING:
    from unitsearch.engine import Job, Outcome
    from unitsearch.study.config import Config
    from unitsearch.study.record import Record

TABLE_1 = tuple(f"lenet_table1:{name}" for name in ("U1", "U2", "U3", "Hybrid2"))
TRAININGS = "trainings.csv"
SETTINGS = "settings.yaml"
_TICK = 0.5


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


@dataclass(frozen=True)
class Repeated:
    """A network's trainings beside what a paper printed.

    Attributes:
        network: SPACE:POINT.
        printed: The printed accuracy, as it stands there; empty if there is none.
        count: How many seeds it was trained with.
        last: Mean test accuracy after the last epoch, a fraction.
        last_spread: Standard deviation over the seeds; None of a single one.
        best: Mean of the best epochs' test accuracies.
        best_spread: Likewise.
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
    watch: Callable[[str], None] = lambda said: None,
) -> list[Repeated]:
    """Train networks with the papers' recipe, and return what they reached beside what was printed.

    All networks are trained with one seed before any is with the next. Each training is written to
    ``trainings.csv`` in ``folder`` when it ends; the same call goes on with what is missing, also
    within a training. Test images are looked at after each epoch: this reproduces, it does not
    search.

    Args:
        networks: SPACE:POINT each; those of BUnit-Net Table I unless given.
        seeds: How many seeds each: 0, 1, …
        folder: Where the trainings are kept; made if it is not there.
        overrides: ``train=…``, ``data=…``, ``engine.workers=…`` and their keys. Networks train on
            the CPU unless ``engine.device=cuda`` is given, and alone unless ``engine.pack`` is.
        watch: Called with a line of news.

    Raises:
        StudyError: If a training fails; the others are done and kept first.
        UsageError: If a network or setting is not known, or not that of the folder's trainings.
    """
    from unitsearch.data.download import make_available
    from unitsearch.engine import open_engine
    from unitsearch.study.lock import driving

    networks = list(dict.fromkeys(networks)) or list(TABLE_1)
    configs = {name: _config(name, overrides) for name in networks}
    data = [override for override in overrides if override.startswith(("data=", "data."))]
    architectures = {name: point_architecture(name, data) for name in networks}
    for name, config in configs.items():
        make_available(config.data)
        check_fits(name, architectures[name], config.data)
    folder.mkdir(parents=True, exist_ok=True)
    with driving(folder):
        _settle(folder, configs)
        done = read_trainings(folder)
        known = {(one.network, one.seed) for one in done}
        left = [
            (name, seed) for seed in range(seeds) for name in networks if (name, seed) not in known
        ]
        jobs = [
            _job(at, architectures[name], configs[name], seed, _checkpoint(folder, name, seed))
            for at, (name, seed) in enumerate(left)
        ]
        if jobs:
            config = configs[networks[0]]
            device, size = jobs[0].device, jobs[0].pack or 1
            engine = open_engine("local", config.engine.workers, None, folder, device)
            try:
                for at in range(0, len(jobs), size):
                    engine.submit(jobs[at : at + size])
                watch(f"{len(jobs)} trainings to do, {len(done)} done before")
                waiting, failures = set(range(len(jobs))), []
                while waiting:
                    for outcome in engine.collect(_TICK):
                        waiting.discard(outcome.number)
                        name, seed = left[outcome.number]
                        if not outcome.is_complete:
                            failures.append(f"{name} with seed {seed} failed: {outcome.reason}")
                            watch(failures[-1])
                            continue
                        done.append(_training(name, seed, outcome, jobs[outcome.number]))
                        _write(folder, done)
                        _checkpoint(folder, name, seed).unlink(missing_ok=True)
                        one = done[-1]
                        watch(
                            f"{name} seed {seed}: {100 * one.last:.2f} % after the last epoch, "
                            f"{100 * one.best:.2f} % after epoch {one.best_epoch} "
                            f"({one.seconds:.0f} s)"
                        )
            finally:
                engine.close()
            if failures:
                more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
                raise StudyError(f"{failures[0]}{more}", fix=f"see {folder / 'workers.log'}")
    return [_repeated(name, done) for name in networks]


def read_trainings(folder: Path) -> list[Training]:
    """Return the trainings that a folder holds.

    Raises:
        StudyError: If its table is damaged.
    """
    path = folder / TRAININGS
    if not path.is_file():
        return []
    found = []
    for line, row in enumerate(csv.DictReader(io.StringIO(path.read_text("utf-8"))), 2):
        try:
            found.append(
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
    return found


def _config(network: str, overrides: Sequence[str]) -> Config:
    from unitsearch.study.config import compose

    for override in overrides:
        if override.partition("=")[0].partition(".")[0] not in ("data", "train", "engine", "plan"):
            raise UsageError(found=override, expected="train=…, data=…, plan=… or engine.workers=…")
        if override.partition("=")[0] == "engine":
            raise UsageError(found=override, expected="engine.workers=…: these run on this machine")
    chosen = {override.partition("=")[0] for override in overrides}
    space, colon, point = network.rpartition(":")
    if not (space and colon and point):
        raise UsageError(found=network, expected="SPACE:POINT, as in lenet_table1:U1")
    own = bound_space(space).file.points.get(point, {}).get("data")
    data = [f"data={own}"] if own and "data" not in chosen else []
    recipe = [] if "train" in chosen else ["train=paper"]
    device = [] if "engine.device" in chosen else ["engine.device=cpu"]
    config, _ = compose([f"space={space}", *data, *recipe, *device, *overrides])
    return config


def _settle(folder: Path, configs: Mapping[str, Config]) -> None:
    """Write the settings of a folder's trainings, by data set, or hold ours against them."""
    from unitsearch.architecture import read_file, yaml_text
    from unitsearch.fields import write_all
    from unitsearch.study.folder import write_file

    path = folder / SETTINGS
    theirs: Any = read_file(path).data if path.is_file() else {}
    settings: dict[str, Any] = dict(theirs) if isinstance(theirs, dict) else {}
    for config in configs.values():
        ours = {"train": write_all(config.train), "data": write_all(config.data)}
        known = settings.setdefault(config.data.name, ours)
        for group, values in ours.items():
            for key, value in values.items():
                plain, kept = _plain(value), _plain(known[group].get(key))
                if kept != plain:
                    raise UsageError(
                        f"{path}: {group}.{key} is {kept!r} there and {plain!r} here",
                        fix="give the same settings, or another --folder",
                    )
    if settings != theirs:
        write_file(path, yaml_text(settings).encode())


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _job(number: int, architecture: Any, config: Config, seed: int, checkpoint: Path) -> Job:
    from unitsearch.architecture import write_architecture
    from unitsearch.engine import Job
    from unitsearch.fields import write_all

    minutes = config.engine.checkpoint
    return Job(
        number=number,
        task="train",
        architecture=write_architecture(architecture),
        seed=seed,
        recipe=write_all(config.train),
        data=write_all(config.data),
        plan=config.plan,
        watch="test",
        checkpoint="" if minutes is None else str(checkpoint.absolute()),
        minutes=minutes or 0.0,
        device=config.engine.found_device,
        pack=config.engine.pack or 1,
    )


def _checkpoint(folder: Path, network: str, seed: int) -> Path:
    """Return a file of the training's own, whatever its space is called."""
    name = hashlib.sha256(network.encode()).hexdigest()[:12]
    return folder / f"training-{name}-{seed}.checkpoint"


def _training(network: str, seed: int, outcome: Outcome, job: Job) -> Training:
    from unitsearch.architecture import read_architecture
    from unitsearch.costs import count

    best = max(outcome.curve)
    return Training(
        network=network,
        seed=seed,
        last=outcome.curve[-1],
        best=best,
        best_epoch=outcome.curve.index(best) + 1,
        images=outcome.images,
        params=count(read_architecture(job.architecture)).params,
        plan=outcome.plan,
        seconds=round(outcome.train_seconds, 1),
        curve=outcome.curve,
        loss_curve=tuple(round(loss, 6) for loss in outcome.loss_curve),
    )


def _write(folder: Path, trainings: Sequence[Training]) -> None:
    from unitsearch.study.folder import write_file

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Training)])
    for one in sorted(trainings, key=lambda one: (one.network, one.seed)):
        *row, curve, loss_curve = astuple(one)
        writer.writerow([*row, *(" ".join(map(repr, part)) for part in (curve, loss_curve))])
    write_file(folder / TRAININGS, text.getvalue().encode())


def read_record(study: str | Path) -> Record:
    """Return a study, or a folder of trainings made again, as a record that views can show.

    Raises:
        StudyError: If it is neither, or damaged.
    """
    from unitsearch.study.folder import FACTS, read_study

    folder = Path(study)
    if (folder / TRAININGS).is_file() and not (folder / FACTS).is_file():
        return trainings_record(folder)
    return read_study(study)


def trainings_record(folder: Path) -> Record:
    """Return the trainings that a folder holds as a record: each is a trial, by network and seed.

    Its accuracies are test accuracies after the last epoch, which its facts say; it has no
    baseline and no floor, for the papers' tables have none.

    Raises:
        StudyError: If the folder's files are damaged.
    """
    from unitsearch.architecture import key, read_file
    from unitsearch.costs import count
    from unitsearch.study.record import Record, Trial

    done = sorted(read_trainings(folder), key=lambda one: (one.network, one.seed))
    architectures = {one.network: point_architecture(one.network, []) for one in done}
    path = folder / SETTINGS
    settings: Any = read_file(path).data if path.is_file() else {}
    given: dict[str, Any] = settings if isinstance(settings, dict) else {}
    name = next(iter(given), "")
    ours: dict[str, Any] = given.get(name, {})
    spaces = sorted({one.network.partition(":")[0] for one in done})
    facts = {
        "accuracy": "test",
        "config": {
            "objectives": ["accuracy", "flops", "params"],
            "floor": None,
            "data": {**ours.get("data", {}), "name": name},
            "train": ours.get("train", {}),
            "space": ", ".join(spaces),
        },
        "space": {"name": ", ".join(spaces)},
    }
    trials = tuple(
        Trial(
            number=number,
            state="complete",
            key=key(architectures[one.network]),
            seed=one.seed,
            values={"network": one.network},
            architecture=architectures[one.network],
            cost=count(architectures[one.network]),
            accuracy=one.last,
            images=one.images,
            curve=one.curve,
            loss_curve=one.loss_curve,
            train_seconds=one.seconds,
            plan=one.plan,
        )
        for number, one in enumerate(done, start=1)  # 0 is a baseline's number
    )
    return Record(folder.name, folder, facts, trials)


def _repeated(network: str, trainings: Sequence[Training]) -> Repeated:
    mine = [one for one in trainings if one.network == network]
    space, _, name = network.rpartition(":")
    printed = next(
        (p.printed.get("accuracy", "") for p in space_points(bound_space(space)) if p.name == name),
        "",
    )
    lasts, bests = [one.last for one in mine], [one.best for one in mine]
    return Repeated(
        network=network,
        printed=printed,
        count=len(mine),
        last=mean(lasts),
        last_spread=stdev(lasts) if len(mine) > 1 else None,
        best=mean(bests),
        best_spread=stdev(bests) if len(mine) > 1 else None,
    )
