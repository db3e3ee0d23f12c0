"""The test of a front: its members, and the baseline, on the test images, each once at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from unitsearch.engine import Job, Outcome
from unitsearch.study.folder import weights_path
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.open_study import OpenStudy, StudyJobs
from unitsearch.study.tables import front_trials


class FrontTest(StudyJobs):
    """A source of jobs that test each member of a front, and the baseline, once."""

    def __init__(self, study: OpenStudy, jobs: JobBuilder) -> None:
        super().__init__(study)
        self._jobs = jobs
        record = study.record
        chosen = {trial.number: trial for trial in front_trials(record)}
        if record.baseline is not None:
            chosen[0] = record.baseline
        self._untested = deque(
            trial
            for trial in chosen.values()
            if trial.test_accuracy is None and weights_path(study.folder, trial.number).is_file()
        )
        if self._untested:
            number = len(self._untested)
            networks = "1 network" if number == 1 else f"{number} networks"
            study.report(f"testing {networks} on the test images")

    @property
    def is_left(self) -> bool:
        """Whether a signal came: what is not tested then is tested by the next resume."""
        return bool(self._study.signal)

    def next_list(self) -> Sequence[Job]:
        """Return the job of the next network; one a worker."""
        if not self._untested or self._study.signal:
            return ()
        trial = self._untested.popleft()
        weights = weights_path(self._study.folder, trial.number).read_bytes()
        return (self._jobs.test(trial.number, trial.architecture, trial.seed, weights),)

    def take(self, job: Job, outcome: Outcome) -> None:
        """Store a test accuracy; a network that could not be tested is reported."""
        if outcome.accuracy is None:
            self._study.report(f"trial {job.number} could not be tested: {outcome.reason}")
        else:
            self._study.test(job.number, outcome.accuracy, outcome.images)
