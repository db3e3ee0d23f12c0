"""Named networks trained with several seeds each, as the papers' trainings are reproduced."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from unitsearch.costs import count
from unitsearch.engine import Job, Outcome, open_engine
from unitsearch.errors import StudyError, UsageError
from unitsearch.space import load_space
from unitsearch.study.config import Config, compose
from unitsearch.study.driver import UnderWay, run_jobs
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.lock import driving
from unitsearch.study.trainings import (
    NamedNetwork,
    Training,
    check_settings,
    read_trainings,
    write_trainings,
)


def repeat_config(network: str, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration that the network SPACE:POINT is trained with.

    Its data are those that the point was printed for, its recipe is the papers', and it trains on
    the CPU, unless ``overrides`` say otherwise.

    Raises:
        UsageError: If ``network`` is not so called, or an override is of another part.
    """
    for override in overrides:
        if override.partition("=")[0].partition(".")[0] not in ("data", "train", "engine", "plan"):
            raise UsageError(found=override, expected="train=…, data=…, plan=… or engine.workers=…")
        if override.partition("=")[0] == "engine":
            raise UsageError(found=override, expected="engine.workers=…: these run on this machine")
    chosen = {override.partition("=")[0] for override in overrides}
    space, colon, point = network.rpartition(":")
    if not (space and colon and point):
        raise UsageError(found=network, expected="SPACE:POINT, as in lenet_table1:U1")
    own = (load_space(space).points.get(point) or {}).get("data")
    data = [f"data={own}"] if own and "data" not in chosen else []
    recipe = [] if "train" in chosen else ["train=paper"]
    device = [] if "engine.device" in chosen else ["engine.device=cpu"]
    config, _ = compose([f"space={space}", *data, *recipe, *device, *overrides])
    return config


def repeat_trainings(
    networks: Sequence[NamedNetwork], seeds: int, folder: Path, watch: Callable[[str], None]
) -> list[Training]:
    """Train ``networks`` with the seeds 0, 1, …, and return all trainings that the folder holds.

    All networks are trained with one seed before any is with the next. Each training is written to
    ``trainings.csv`` when it ends; the same call goes on with what is missing, also within a
    training. Test images are looked at after each epoch: this reproduces, it does not search.

    Args:
        networks: The networks.
        seeds: How many seeds each.
        folder: The folder of the trainings; made if it is not there.
        watch: Called with a line of news.

    Raises:
        StudyError: If a training fails; the others are done and kept first.
        UsageError: If a setting is not that of the folder's trainings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with driving(folder):
        check_settings(folder, [network.config for network in networks])
        repeats = Repeats(networks, seeds, folder, watch)
        if repeats.is_done:
            return repeats.trainings
        config = networks[0].config
        engine = open_engine(
            "local", config.engine.workers, None, folder, config.engine.resolved_device
        )
        try:
            run_jobs(repeats, engine)
        finally:
            engine.close()
        if repeats.failures:
            rest = len(repeats.failures) - 1
            more = f", and {rest} more" if rest else ""
            raise StudyError(f"{repeats.failures[0]}{more}", fix=f"see {folder / 'workers.log'}")
        return repeats.trainings


class Repeats:
    """A source of jobs: the trainings that a folder does not hold yet.

    Attributes:
        trainings: The folder's trainings.
        failures: A line for each training that failed.
    """

    def __init__(
        self,
        networks: Sequence[NamedNetwork],
        seeds: int,
        folder: Path,
        watch: Callable[[str], None],
    ) -> None:
        self.trainings = read_trainings(folder)
        self.failures: list[str] = []
        self._folder = folder
        self._watch = watch
        self._under_way = UnderWay()
        known = {(training.network, training.seed) for training in self.trainings}
        self._missing = [
            (network, seed)
            for seed in range(seeds)
            for network in networks
            if (network.name, seed) not in known
        ]
        self._next = deque(range(len(self._missing)))
        self._list_size = networks[0].config.engine.pack or 1

    @property
    def is_done(self) -> bool:
        """Whether no training is missing."""
        return not self._missing

    @property
    def under_way(self) -> UnderWay:
        """The jobs that are with the engine."""
        return self._under_way

    @property
    def is_left(self) -> bool:
        """Whether trainings under way are not waited for: never."""
        return False

    def next_list(self) -> Sequence[Job]:
        """Return the jobs of the next trainings, as many as train together."""
        if len(self._next) == len(self._missing):
            known = len(self.trainings)
            self._watch(f"{len(self._missing)} trainings to do, {known} done before")
        size = min(self._list_size, len(self._next))
        return [self._job(self._next.popleft()) for _ in range(size)]

    def submitted(self, jobs: Sequence[Job]) -> None:
        """Do nothing: a training is reported when it ends."""

    def take(self, job: Job, outcome: Outcome) -> None:
        """Write a training that has ended; note one that failed."""
        network, seed = self._missing[job.number]
        if outcome.state != "complete":
            self.failures.append(f"{network.name} with seed {seed} failed: {outcome.reason}")
            self._watch(self.failures[-1])
            return
        training = _training(network, seed, outcome)
        self.trainings.append(training)
        write_trainings(self._folder, self.trainings)
        _checkpoint(self._folder, network.name, seed).unlink(missing_ok=True)
        self._watch(
            f"{network.name} seed {seed}: {100 * training.last:.2f} % after the last epoch, "
            f"{100 * training.best:.2f} % after epoch {training.best_epoch} "
            f"({training.seconds:.0f} s)"
        )

    def report(self) -> None:
        """Do nothing: a training is reported when it ends."""

    def _job(self, number: int) -> Job:
        network, seed = self._missing[number]
        engine = network.config.engine
        jobs = JobBuilder(network.config, engine.resolved_device, engine.pack or 1, watch="test")
        checkpoint = _checkpoint(self._folder, network.name, seed)
        return jobs.training(number, network.architecture, seed, checkpoint)


def _checkpoint(folder: Path, network: str, seed: int) -> Path:
    """Return the file of the state of a training, whatever its space is called."""
    name = hashlib.sha256(network.encode()).hexdigest()[:12]
    return folder / f"training-{name}-{seed}.checkpoint"


def _training(network: NamedNetwork, seed: int, outcome: Outcome) -> Training:
    best = max(outcome.curve)
    return Training(
        network=network.name,
        seed=seed,
        last=outcome.curve[-1],
        best=best,
        best_epoch=outcome.curve.index(best) + 1,
        images=outcome.images,
        params=count(network.architecture).params,
        plan=outcome.plan,
        seconds=round(outcome.train_seconds, 1),
        curve=outcome.curve,
        loss_curve=tuple(round(loss, 6) for loss in outcome.loss_curve),
    )
