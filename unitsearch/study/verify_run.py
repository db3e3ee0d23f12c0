"""The run of a verification that is asked for: the front of a study gets more seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unitsearch.engine import open_engine
from unitsearch.study.driver import run_jobs
from unitsearch.study.folder import record_of, remove_torn, study_store
from unitsearch.study.manifest import read_manifest
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.progress import End, Progress
from unitsearch.study.record import Record
from unitsearch.study.search_run import schedule_and_jobs, test_front
from unitsearch.study.signals import until_second_signal
from unitsearch.study.verification import Verification, due_for_seeds


@dataclass(frozen=True)
class VerificationPlan:
    """The trainings that a verification does.

    Attributes:
        members: The number of recommended trials that have too few seeds.
        trainings: The number of trainings.
        seconds: The time of these, one after the other, as the trials' own trainings took.
    """

    members: int
    trainings: int
    seconds: float


def plan_verification(record: Record, seeds: int) -> VerificationPlan:
    """Return what it takes to give each recommended trial at least ``seeds`` trainings."""
    due = due_for_seeds(record, seeds)
    each = (record.trials[training.number].train_seconds or 0.0 for training in due)
    return VerificationPlan(len({training.number for training in due}), len(due), sum(each))


def run_verification(
    folder: Path, seeds: int, watch: Callable[[Progress], None], storage: str | None = None
) -> End:
    """Train each recommended trial until it has ``seeds`` trainings; the caller holds the lock.

    The front is the one that the study has now, the baseline excepted. What a signal or a kill
    leaves over is done by the next call; a training that fails is reported. If the search has
    ended, members that are new on the front are tested.

    Raises:
        StudyError: If the data have changed.
        UsageError: If the study wants a GPU and there is none.
    """
    manifest = read_manifest(folder, strict=True)
    asked = manifest.config.engine
    device = asked.resolved_device
    remove_torn(folder)
    store = study_store(folder, manifest, writer=True, url=storage)
    engine = open_engine(asked.name, asked.workers, asked.address, folder, device)
    try:
        study = OpenStudy(folder, manifest, store, watch)
        schedule, jobs = schedule_and_jobs(study, engine, device)
        due = due_for_seeds(study.record, seeds)
        with until_second_signal(study.stop):
            run_jobs(Verification(study, jobs, schedule, due), engine)
            if study.trials.counted >= manifest.config.budget.trials:
                test_front(study, jobs, schedule, engine)
        final = record_of(folder, study.manifest, store, driven=False)
        return End("interrupted" if study.signal else "verified", final, study.signal)
    finally:
        engine.close()
        store.close()
