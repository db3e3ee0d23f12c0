"""A study that this process runs: opened with its engine, driven step by step, then closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unitsearch.engine import Engine, open_engine
from unitsearch.study.config import pack_request
from unitsearch.study.driver import JobSource, run_jobs
from unitsearch.study.folder import record_of, remove_torn, study_store
from unitsearch.study.front_test import FrontTest
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.lost_weights import LostWeights
from unitsearch.study.manifest import read_manifest
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.progress import End, Progress
from unitsearch.study.schedule import Schedule, workers_and_list
from unitsearch.study.signals import until_second_signal


@dataclass(frozen=True)
class StudyRun:
    """An open study with all that its jobs need.

    Attributes:
        study: The study.
        engine: The workers.
        schedule: The rules by which trials begin.
        jobs: Builds the jobs.
    """

    study: OpenStudy
    engine: Engine
    schedule: Schedule
    jobs: JobBuilder

    def drive(self, source: JobSource) -> None:
        """Do the jobs of ``source``."""
        run_jobs(source, self.engine)

    def test_front(self) -> None:
        """Test the front on the test images, after its weights; nothing is done after a signal."""
        if not self.study.signal:
            self.drive(LostWeights(self.study, self.jobs, self.schedule))
        if not self.study.signal:
            self.drive(FrontTest(self.study, self.jobs))


def run_open_study(
    folder: Path,
    watch: Callable[[Progress], None],
    storage: str | None,
    steps: Callable[[StudyRun], str],
) -> End:
    """Open the study in ``folder``, whose lock the caller holds, do ``steps``, and close it.

    A first signal lets the jobs under way end; a second one leaves ``steps`` at once.

    Args:
        folder: The study's folder; its study.yaml says what is run.
        watch: Called with the progress, at least four times a second.
        storage: The storage's URL with its password, which is in no file.
        steps: Drives the study's jobs; returns the reason of its end.

    Returns:
        The study as it is stored, and the reason of the end: that of ``steps``, or a signal.

    Raises:
        UsageError: If the study wants a GPU and there is none.
    """
    manifest = read_manifest(folder, strict=True)
    asked = manifest.config.engine
    device = asked.resolved_device
    remove_torn(folder)
    store = study_store(folder, manifest, writer=True, url=storage)
    engine = open_engine(asked.name, asked.workers, asked.address, folder, device)
    why = ""
    try:
        study = OpenStudy(folder, manifest, store, watch)
        schedule, jobs = _schedule_and_jobs(study, engine, device)
        with until_second_signal(study.stop):
            why = steps(StudyRun(study, engine, schedule, jobs))
        final = record_of(folder, study.manifest, store, driven=False)  # which learned the data
        return End("interrupted" if study.signal else why, final, study.signal)
    finally:
        engine.close()
        store.close()


def _schedule_and_jobs(
    study: OpenStudy, engine: Engine, device: str
) -> tuple[Schedule, JobBuilder]:
    """Return the schedule of a run and the builder of its jobs; workers to spare are let go."""
    config = study.manifest.config
    request = pack_request(config, device, engine.workers)
    engine.workers, list_size = workers_and_list(request)  # more workers could only wait
    study.workers = engine.workers
    if list_size < (request.size or 1):
        study.report(f"packs of {list_size}: sampler.lag={request.lag} allows no more")
    minutes = config.budget.minutes
    schedule = Schedule(
        lag=request.lag,
        trials=config.budget.trials,
        seconds=None if minutes is None else 60 * minutes,
        workers=engine.workers,
        list_size=list_size,
    )
    return schedule, JobBuilder(config, device, request.size if list_size > 1 else 1)
