"""The run of a search: trials are proposed, trained, measured and stored until the budget is spent.

The driver is the store's only writer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.engine import Job, Outcome
from unitsearch.metrics import metric
from unitsearch.search.proposals import (
    Observation,
    Proposal,
    SearchProblem,
    admission,
    check_proposal,
)
from unitsearch.search.seeds import derive
from unitsearch.search.stopping import check_bars
from unitsearch.space import baseline
from unitsearch.study.folder import (
    checkpoint_path,
    weights_path,
)
from unitsearch.study.health import check_health
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.manifest import space_of
from unitsearch.study.open_study import OpenStudy, StudyJobs
from unitsearch.study.outcomes import keep_training
from unitsearch.study.progress import End, Progress
from unitsearch.study.record import Trial
from unitsearch.study.schedule import RunState, Schedule, visible
from unitsearch.study.study_run import StudyRun, run_open_study
from unitsearch.study.tables import reference_point, tight_reference_point
from unitsearch.study.verification import Verification, due_at_end
from unitsearch.study.weights import KeptWeights
from unitsearch.training.bars import Bars


def run_search(folder: Path, watch: Callable[[Progress], None], storage: str | None = None) -> End:
    """Run the study in ``folder`` until its budget is spent; the caller holds its lock.

    Trials that were started and not finished are run again first, with the same architecture and
    seed. At the end, unless interrupted, recommended trials are trained again with fresh seeds, and
    the front is then tested on the test images, each member once.

    Args:
        folder: The study's folder; its study.yaml says what is run.
        watch: Called with the progress, at least four times a second.
        storage: The storage's URL with its password, which is in no file.

    Raises:
        DataError: If the data cannot be read before the baseline is known; nothing of that is
            stored, so that the study can be resumed with the data mended.
        StudyError: If the baseline fails, too many trials fail in a row, or the data have changed.
        UsageError: If the study wants a GPU and there is none.
    """

    def steps(run: StudyRun) -> str:
        search = SearchRun(run.study, run.schedule, run.jobs)
        run.drive(search)
        why = search.ending
        if not run.study.signal:
            due = due_at_end(run.study.record)
            run.drive(Verification(run.study, run.jobs, run.schedule, due))
        run.test_front()
        return why

    return run_open_study(folder, watch, storage, steps)


class SearchRun(StudyJobs):
    """A source of jobs: the trials of a search, each trained and then measured.

    Attributes:
        jobs: Builds the jobs.
    """

    def __init__(self, study: OpenStudy, schedule: Schedule, jobs: JobBuilder) -> None:
        self.jobs = jobs
        super().__init__(study)
        self._schedule = schedule
        self._trials = study.trials
        self._weights = KeptWeights(study)
        config = study.manifest.config
        self._problem = SearchProblem(
            space_of(study.manifest),
            config.seed,
            tuple(metric(name) for name in config.objectives),
            config.floor or 0.0,
            config.largest,
            config.latency_limit,
        )
        self._sampler = config.sampler.make(self._problem)
        self._stopping = config.stopping.make()
        self._measured = config.measured
        self._waiting = deque(t.number for t in self._trials if t.state == "running")
        self._ended_before = {t.number for t in self._trials if t.state != "running"}
        self._keys = {trial.key for trial in self._trials}
        self._is_exhausted = False
        # outcomes of trainings whose trials still lack a measurement
        self._trained: dict[int, dict[str, Any]] = {
            number: dict(outcome)
            for number, outcome in study.store.held().items()
            if weights_path(study.folder, number).is_file()
        }
        self._unmeasured: deque[int] = deque()  # those of this run, next to be measured

    @property
    def ending(self) -> str:
        """The reason why no trial begins any more; empty if one may."""
        return self._schedule.ending(self._state())

    def next_list(self) -> Sequence[Job]:
        """Return the jobs that one worker is given next: measurements that are due come first."""
        check_health(self._trials, self._ended_before, self._study.folder)
        baseline_trial = self._study.baseline
        if baseline_trial is not None:
            self._learn_references(baseline_trial)
        if self._unmeasured:
            return (self._measurement(self._unmeasured.popleft()),)
        size = self._schedule.next_list(self._state())
        jobs: list[Job] = []
        while len(jobs) < size and (number := self._next_trial()) is not None:
            trained = number in self._trained
            jobs.append(self._measurement(number) if trained else self._training(number))
        return jobs

    def submitted(self, jobs: Sequence[Job]) -> None:
        """Report the trials that have started."""
        for job in jobs:
            if job.task == "train":
                self._study.report(f"trial {job.number} started")

    def take(self, job: Job, outcome: Outcome) -> None:
        """Store the outcome of a training or a measurement."""
        if job.task == "train":
            facts = keep_training(self._study, outcome)
        elif outcome.state == "failed":
            facts = {"state": "failed", "kind": outcome.kind, "reason": outcome.reason}
        else:
            assert outcome.measurement is not None  # it was measured
            facts = {**self._trained[job.number], job.task: list(outcome.measurement)}
        if facts["state"] == "complete" and any(name not in facts for name in self._measured):
            self._study.store.hold(job.number, facts)
            self._trained[job.number] = facts
            self._unmeasured.append(job.number)
        else:
            self._finish(job.number, facts)

    def _finish(self, number: int, facts: Mapping[str, Any]) -> None:
        """Store the end of a trial, and remove the weights that are off the front now."""
        self._trained.pop(number, None)
        trial = self._study.finish(number, facts)
        self._weights.end(trial)
        if trial.state == "complete":
            self._study.report(f"trial {number} complete: {100 * (trial.accuracy or 0):.1f} %")
        else:
            self._study.report(f"trial {number} {trial.state}: {trial.reason}")

    def _learn_references(self, baseline_trial: Trial) -> None:
        """Write the points that hypervolumes are measured from, once for the life of the study."""
        manifest = self._study.manifest
        if manifest.reference is not None and manifest.tight_reference is not None:
            return
        floor = self._problem.floor * (baseline_trial.accuracy or 0.0)
        self._study.learn(
            reference=manifest.reference or reference_point(baseline_trial),
            tight_reference=manifest.tight_reference
            or tight_reference_point(baseline_trial, floor, manifest.space.classes),
        )

    def _state(self) -> RunState:
        return RunState(
            proposed=len(self._trials),
            counted=self._trials.counted,
            running=(*self.under_way.numbers, *self._unmeasured),
            waiting=tuple(self._waiting),
            lists=self.under_way.lists,
            longest=self._trials.longest,
            seconds=self._study.seconds,
            is_exhausted=self._is_exhausted,
            is_interrupted=bool(self._study.signal),
        )

    def _next_trial(self) -> int | None:
        """Return the next trial to begin, proposed now unless one waits; None if there is none."""
        if self._study.signal:
            return None
        if self._waiting:
            return self._waiting.popleft()
        number = len(self._trials)
        proposal = self._proposal(number)
        if proposal is None:
            self._is_exhausted = True
            return None
        self._keys.add(proposal.key)
        seed = derive(self._study.manifest.config.seed, number, "train")
        self._study.start(number, seed, proposal)
        return number

    def _proposal(self, number: int) -> Proposal | None:
        """Return the proposal for trial ``number``; None when no untried architecture is left."""
        if number == 0:
            network = baseline(self._problem.space)
            return Proposal({}, {}, network, key(network), count(network))
        config = self._study.manifest.config
        admits = admission(self._keys, config.largest)
        proposal = self._sampler.propose(number, self._visible(number), admits)
        if proposal is not None:
            check_proposal(proposal, admits, config.sampler.name)
        return proposal

    def _visible(self, number: int) -> Sequence[Observation]:
        """Return the trials before ``number``; those within the lag without their outcomes."""
        known = visible(number, self._schedule.lag)
        return [*self._trials.observations[:known], *self._trials.started[known:number]]

    def _training(self, number: int) -> Job:
        trial = self._trials[number]
        bars: Bars = ()
        if not trial.is_baseline:  # everything is compared with it
            config = self._study.manifest.config
            epochs = config.points
            bars = self._stopping.bars(self._trials.started[number], self._visible(number), epochs)
            check_bars(bars, epochs, config.stopping.name)
        checkpoint = checkpoint_path(self._study.folder, number)
        return self.jobs.training(
            number, trial.architecture, trial.seed, checkpoint, bars, climbs=True
        )

    def _measurement(self, number: int) -> Job:
        """Return the job for the first measurement that trial ``number`` lacks."""
        trial, trained = self._trials[number], self._trained[number]
        name = next(name for name in self._measured if name not in trained)
        return self.jobs.measurement(number, trial.architecture, trial.seed, name)
