"""Weights that are made again: recommended trials whose weights were removed train once more.

With the trial's own seed a training gives the same network, on the CPU and outside packs. Where it
does not, its weights are not kept: they are not the trial's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from unitsearch.engine import Job, Outcome
from unitsearch.study.folder import checkpoint_path, remove_checkpoint, weights_path, write_file
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.open_study import OpenStudy, StudyJobs
from unitsearch.study.outcomes import learn_data
from unitsearch.study.schedule import Schedule

_CLOSE = 1e-4  # of logits, as exports compare them


class LostWeights(StudyJobs):
    """A source of jobs: the trainings of recommended trials that have no weights."""

    def __init__(self, study: OpenStudy, jobs: JobBuilder, schedule: Schedule) -> None:
        super().__init__(study)
        self._jobs = jobs
        self._schedule = schedule
        self._lost = deque(
            trial
            for trial in study.record.front
            if not weights_path(study.folder, trial.number).is_file()
        )
        self._wanted, self._done = len(self._lost), 0
        if self._lost:
            study.report("training members of the front again, for their weights", stage=self.stage)

    @property
    def stage(self) -> str:
        """The progress in a few words."""
        return f"training again: {self._done} of {self._wanted} networks"

    @property
    def is_left(self) -> bool:
        """Whether a signal came: what has no weights then gets them from the next resume."""
        return bool(self._study.signal)

    def next_list(self) -> Sequence[Job]:
        """Return the job of the next network; alone, for a pack rounds in its own way."""
        at_once = self._schedule.lists_at_once(self._study.trials.longest)
        if not self._lost or self._study.signal or self.under_way.lists >= at_once:
            return ()
        trial = self._lost.popleft()
        checkpoint = checkpoint_path(self._study.folder, trial.number)
        return (self._jobs.training(trial.number, trial.architecture, trial.seed, checkpoint),)

    def take(self, job: Job, outcome: Outcome) -> None:
        """Keep the weights of a network that is the trial's again; report one that is not."""
        self._done += 1
        remove_checkpoint(self._study.folder, job.number)
        if outcome.state != "complete":
            self._report(f"trial {job.number} could not be trained again: {outcome.reason}")
            return
        learn_data(self._study, outcome)
        if not _is_same(self._study.trials[job.number].digest, outcome.digest):
            self._report(f"trial {job.number} did not come out the same: it has no weights")
            return
        write_file(weights_path(self._study.folder, job.number), outcome.weights)
        self._report(f"trial {job.number} has its weights again")

    def report(self) -> None:
        """Report how the study stands."""
        self._report()

    def _report(self, news: str = "") -> None:
        self._study.report(f"{self.stage}, {news}" if news else "", stage=self.stage)


def _is_same(digest: str, other: str) -> bool:
    """Say whether two digests are of the same network, to rounding."""
    if digest == other:
        return True
    from unitsearch.network.weights import distance  # torch, which a driver does without

    return distance(digest, other) <= _CLOSE
