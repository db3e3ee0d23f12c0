"""Verification of a study on request: its front is trained with more seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.api.studies import Study, Watch, load_study
from unitsearch.errors import UsageError

if TYPE_CHECKING:
    from unitsearch.study.progress import End, Progress

_MOST_SEEDS = 1000


def verify(study: str | Path, *, seeds: int, watch: Watch | None = None) -> Study:
    """Train each member of a study's front until it has ``seeds`` trainings, and return the study.

    Each training has a seed that no earlier one had, and enters what the model believes; the
    baseline is not trained again. What was stored is not done again.

    Args:
        study: A study's name or folder.
        seeds: The least number of trainings of each member, its first included.
        watch: Called with the progress, several times a second.

    Raises:
        StudyError: If it is no study, or it is running.
        UsageError: If ``seeds`` is no number from 2 up.
    """
    end = verify_study(str(study), seeds, watch or _silent)
    return Study(end.record, end.why)


def verify_study(study: str, seeds: int, watch: Watch) -> End:
    """Do what ``verify`` does, and return the end of the run."""
    from unitsearch.api.outputs import write_outputs
    from unitsearch.study.creation import reopened_study
    from unitsearch.study.progress import End
    from unitsearch.study.verify_run import plan_verification, run_verification

    _check(seeds)
    record = load_study(study).record
    if not plan_verification(record, seeds).trainings:
        return End("verified", record)
    with reopened_study(study, []) as reopened:
        end = run_verification(reopened.folder, seeds, watch, reopened.storage)
        write_outputs(end.record)
    return end


def verification_text(study: str, seeds: int) -> str:
    """Return in a line which trainings ``verify`` would do, and how long they would take."""
    from unitsearch.study.schedule import most_at_once
    from unitsearch.study.verify_run import plan_verification
    from unitsearch.wording import count

    _check(seeds)
    record = load_study(study).record
    members = sum(not trial.is_baseline for trial in record.front)
    if not members:
        return f"{record.name}: nothing to verify: no network but the baseline is on the front"
    plan = plan_verification(record, seeds)
    if not plan.trainings:
        return f"{record.name}: nothing to train: each of {members} on the front has {seeds} seeds"
    config = record.manifest.config
    workers = min(config.engine.workers or 2, most_at_once(config.sampler.lag), plan.trainings)
    minutes = plan.seconds / workers / 60
    return (
        f"{record.name}: {count(plan.trainings, 'training')} of {plan.members} of the {members} "
        f"networks on the front, about {minutes:.1f} min on {count(workers, 'worker')}"
    )


def verified_text(end: End, seeds: int, resumed: str) -> str:
    """Return the result of ``verify`` and the next command, in one line.

    Args:
        end: The end of the run.
        seeds: The number of seeds that was asked for.
        resumed: The name by which the next command finds the study.
    """
    from unitsearch.api.study_facts import best_text
    from unitsearch.wording import count

    record = end.record
    members = [trial for trial in record.front if not trial.is_baseline]
    able = sum(trial.seeds >= seeds for trial in members)
    state = f"{able} of {count(len(members), 'network')} on the front have {seeds} seeds or more"
    lines = [f"{state}: {best_text(record)}", f"open {record.folder / 'report.html'}"]
    if able < len(members):
        lines.append(f"next: unitsearch verify {resumed} --seeds {seeds}")
    return "; ".join(lines)


def _check(seeds: int) -> None:
    if not 2 <= seeds <= _MOST_SEEDS:
        raise UsageError(
            place="seeds",
            found=seeds,
            expected=f"a number of trainings from 2 to {_MOST_SEEDS:,}, the first included",
        )


def _silent(progress: Progress) -> None:
    """Report nothing."""
