"""The health of a run: a study that cannot go well is ended."""

from __future__ import annotations

from collections.abc import Container
from itertools import islice
from pathlib import Path

from unitsearch.errors import StudyError
from unitsearch.study.trial_log import TrialLog

# So many failures in a row say that the study itself is broken, not its candidates.
FAILURES_IN_A_ROW = 10


def check_health(trials: TrialLog, ended_before: Container[int], folder: Path) -> None:
    """Refuse to go on with a study whose baseline failed, or too many trials in a row.

    Args:
        trials: The study's trials.
        ended_before: Numbers of the trials that ended in an earlier run. They are left out: what
            broke then may have been mended since.
        folder: The study's folder, for the advice.

    Raises:
        StudyError: If it cannot go on.
    """
    log = folder / "workers.log"
    first = trials[0] if len(trials) else None
    if first is not None and first.state == "failed":
        diverged = first.reason.startswith("diverged")
        recipe = "try another recipe (train.rate=…, train.epochs=…), data or baseline"
        raise StudyError(
            f"the baseline failed ({first.reason}), so nothing can be compared with it",
            fix=recipe if diverged else f"see {log}",
        )
    ended = (
        trial
        for trial in reversed(trials)
        if trial.state in ("complete", "stopped", "failed") and trial.number not in ended_before
    )
    last = list(islice(ended, FAILURES_IN_A_ROW))
    if len(last) == FAILURES_IN_A_ROW and all(trial.state == "failed" for trial in last):
        raise StudyError(
            f"{FAILURES_IN_A_ROW} trials in a row failed; the last: {last[0].reason}",
            fix=f"see {log}",
        )
