"""A study that this process drives: its manifest, its store, and its trials in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unitsearch.engine import Job
from unitsearch.search.proposals import Proposal
from unitsearch.study.driver import UnderWay
from unitsearch.study.folder import record_of, remove_checkpoint
from unitsearch.study.manifest import Manifest, write_manifest
from unitsearch.study.progress import Progress
from unitsearch.study.record import Record, Repeat, Trial
from unitsearch.study.store import Store
from unitsearch.study.trial_log import TrialLog


class OpenStudy:
    """A study under way: everything that is written of it is written here.

    Attributes:
        folder: The study's folder.
        manifest: The content of its study.yaml.
        store: Its store, open for writing.
        trials: Its trials as they stand.
        under_way: The jobs that are with the engine.
        workers: How many workers there are.
        signal: The number of the signal that asked the run to end; 0 for none.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, store: Store, watch: Callable[[Progress], None]
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.store = store
        record = record_of(folder, manifest, store, driven=True)
        self.trials = TrialLog(record.trials, manifest.config.points)
        self.under_way = UnderWay()
        self.workers = 1
        self.signal = 0
        self._watch = watch
        self._began = time.monotonic()
        for trial in record.trials:
            if trial.state != "running":  # a crash may have come between its end and this
                remove_checkpoint(folder, trial.number)
            for repeat in trial.repeats:
                remove_checkpoint(folder, trial.number, repeat.seed)

    @property
    def record(self) -> Record:
        """The study as it stands."""
        return Record(self.manifest.name, self.folder, self.manifest, tuple(self.trials))

    @property
    def baseline(self) -> Trial | None:
        """Trial 0 once it is complete."""
        first = self.trials[0] if len(self.trials) else None
        return first if first is not None and first.state == "complete" else None

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def start(self, number: int, seed: int, proposal: Proposal) -> None:
        """Write that trial ``number`` starts."""
        self.store.start(number, seed, proposal)
        self.trials.put(
            Trial(
                number,
                "running",
                proposal.key,
                seed,
                proposal.values,
                proposal.architecture,
                proposal.cost,
                sampler_state=proposal.state,
            )
        )

    def finish(self, number: int, outcome: Mapping[str, Any]) -> Trial:
        """Write the end of trial ``number`` and return the trial."""
        self.store.finish(number, outcome)
        remove_checkpoint(self.folder, number)
        trial = self.store.trial(number)
        self.trials.put(trial)
        return trial

    def test(self, number: int, accuracy: float, images: int) -> None:
        """Write the accuracy of trial ``number`` on the test images."""
        self.store.test(number, accuracy, images)
        self.trials.put(self.store.trial(number))

    def repeat(self, number: int, repeat: Repeat) -> None:
        """Write a repeat of trial ``number``."""
        self.store.repeat(number, repeat)
        remove_checkpoint(self.folder, number, repeat.seed)
        self.trials.put(self.store.trial(number))

    def learn(self, **learnt: Any) -> None:
        """Write to study.yaml what only a training could tell: the named keys of the manifest."""
        self.manifest = replace(self.manifest, **learnt)
        write_manifest(self.folder, self.manifest)

    def report(self, news: str = "", running: Sequence[int] | None = None, stage: str = "") -> None:
        """Report how the study stands, and what has just happened.

        Args:
            news: The latest event, in a line; empty for a tick.
            running: Numbers of the trials that are being trained, unless the jobs have them.
            stage: What follows the search and is going on now, in a few words.
        """
        self._watch(
            Progress(
                self.record,
                self.trials.complete,
                self.under_way.numbers if running is None else tuple(running),
                self.workers,
                self.seconds,
                news,
                stage,
            )
        )

    def stop(self, number: int) -> None:
        """Take in the signal ``number``: no trial begins any more."""
        self.signal = number
        self.report(
            f"stopping: {self.under_way.trials} running trainings are finished first; "
            "again to leave them (resume runs them anew)"
        )


class StudyJobs:
    """The part that the sources of jobs of an open study share; each is a ``JobSource``."""

    def __init__(self, study: OpenStudy) -> None:
        self._study = study

    @property
    def under_way(self) -> UnderWay:
        """The jobs that are with the engine."""
        return self._study.under_way

    @property
    def is_left(self) -> bool:
        """Whether jobs under way are not waited for: never, a first signal waits for them."""
        return False

    def submitted(self, jobs: Sequence[Job]) -> None:
        """Do nothing: most jobs are reported when they end."""

    def report(self) -> None:
        """Report how the study stands."""
        self._study.report()
