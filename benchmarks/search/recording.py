"""The recording of a table: its trainings are done by the engine and appended one by one."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.search.choosing import rounds
from benchmarks.search.spec import Place, TableSpec
from benchmarks.search.table import Recorded, append, pack, read_trainings
from unitsearch.engine import Engine, Job, Outcome, open_engine
from unitsearch.errors import StudyError
from unitsearch.search.proposals import Proposal
from unitsearch.search.seeds import derive
from unitsearch.study.driver import UnderWay, run_jobs
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.lock import driving

QUEUED = 3  # trainings a worker that are with the engine


class Trainings:
    """A source of jobs: trainings of members with seeds.

    Args:
        wanted: The members and the seeds.
        spec: The table's description.
        folder: A folder for nothing that is kept.
        take: Called with each training that ended; None for a warm-up.
    """

    def __init__(
        self,
        wanted: Sequence[tuple[Proposal, int]],
        spec: TableSpec,
        folder: Path,
        take: Callable[[Recorded], None] | None,
    ) -> None:
        self._wanted = wanted
        self._next = deque(range(len(wanted)))
        self._jobs = JobBuilder(spec.config, "cpu")
        self._most = QUEUED * (spec.config.engine.workers or 2)
        self._folder = folder
        self._take = take
        self._under_way = UnderWay()

    @property
    def under_way(self) -> UnderWay:
        """The jobs that are with the engine."""
        return self._under_way

    @property
    def is_left(self) -> bool:
        """Whether trainings under way are not waited for: never."""
        return False

    def next_list(self) -> Sequence[Job]:
        """Return the job of the next training, while few are with the engine."""
        if not self._next or len(self._under_way) >= self._most:
            return ()
        number = self._next.popleft()
        proposal, seed = self._wanted[number]
        own = derive(seed, 0, f"table {proposal.key}")  # members share no order of batches
        checkpoint = self._folder / f"training-{number}.checkpoint"
        return (self._jobs.training(number, proposal.architecture, own, checkpoint),)

    def submitted(self, jobs: Sequence[Job]) -> None:
        """Do nothing: a training is reported when it ends."""

    def take(self, job: Job, outcome: Outcome) -> None:
        """Keep the training.

        Raises:
            StudyError: If it failed.
        """
        proposal, seed = self._wanted[job.number]
        if not outcome.is_complete:
            raise StudyError(f"{proposal.key} with seed {seed} failed: {outcome.reason}")
        if self._take is not None:
            self._take(
                Recorded(
                    proposal.values, proposal.key, seed, outcome.images,
                    (proposal.cost.params, proposal.cost.flops), outcome.train_seconds,
                    outcome.curve, tuple(outcome.loss_curve),
                )
            )  # fmt: skip

    def report(self) -> None:
        """Do nothing."""


def record(place: Place, watch: Callable[[str], None], most: int | None = None) -> int:
    """Record what a table lacks, and return the number of trainings that were done.

    Args:
        place: The table's files.
        watch: Called with a line of news.
        most: The most members; all of the description unless given.
    """
    spec = place.read_spec()
    recorded: dict[str, list[Recorded]] = {}
    for training in read_trainings(place):
        recorded.setdefault(training.key, []).append(training)
    if _is_complete(spec, recorded):
        watch(f"{place.name}: all {len(recorded)} members are recorded")
        return 0
    done, members, began = 0, 0, time.monotonic()

    def take(training: Recorded) -> None:
        nonlocal done
        append(place, spec.space, [training])
        recorded.setdefault(training.key, []).append(training)
        done += 1

    lock = Path(tempfile.gettempdir()) / f"table-{place.name}"
    lock.mkdir(exist_ok=True)
    with driving(lock), contextlib.ExitStack() as stack:
        engine: Engine | None = None
        for proposals in rounds(spec, recorded):
            kept = proposals if most is None else proposals[: max(most - members, 0)]
            members += len(kept)
            wanted = [
                (proposal, seed)
                for proposal in kept
                for seed in range(spec.seeds)
                if seed not in {t.seed for t in recorded.get(proposal.key, ())}
            ]
            if wanted:
                if engine is None:
                    engine = open_engine("local", spec.config.engine.workers, None, lock, "cpu")
                    stack.callback(engine.close)
                    _warm_up(engine, spec, lock, wanted[0][0])
                run_jobs(Trainings(wanted, spec, lock, take), engine)
            minutes = (time.monotonic() - began) / 60
            watch(f"{place.name}: {members} members, {done} trainings done in {minutes:.1f} min")
            if len(kept) < len(proposals):
                break
    if most is None:
        pack(place)
    return done


def _is_complete(spec: TableSpec, recorded: Mapping[str, Sequence[Recorded]]) -> bool:
    """Return whether as many members are recorded as the description asks for."""
    wanted = spec.members
    most = 1 + wanted.random + wanted.cheap + wanted.near_front
    return (
        not wanted.all
        and len(recorded) >= most
        and all(len(own) >= spec.seeds for own in recorded.values())
    )


def _warm_up(engine: Engine, spec: TableSpec, folder: Path, proposal: Proposal) -> None:
    """Train once on each worker, so that no recorded training compiles or reads data."""
    wanted = [(proposal, seed) for seed in range(2 * engine.workers)]
    run_jobs(Trainings(wanted, spec, folder, None), engine)
