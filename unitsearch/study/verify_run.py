"""The run of a verification that is asked for: the front of a study gets more seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unitsearch.study.progress import End, Progress
from unitsearch.study.record import Record
from unitsearch.study.study_run import StudyRun, run_open_study
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

    def steps(run: StudyRun) -> str:
        due = due_for_seeds(run.study.record, seeds)
        run.drive(Verification(run.study, run.jobs, run.schedule, due))
        if run.study.trials.counted >= run.study.manifest.config.budget.trials:
            run.test_front()
        return "verified"

    return run_open_study(folder, watch, storage, steps)
