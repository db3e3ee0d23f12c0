"""The states of trials, in the words that readers see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from unitsearch.study.record import Trial

STATE_NAMES = {
    "complete": "complete",
    "failed": "failed",
    "stopped": "stopped early",
    "running": "running",
    "waiting": "waiting",
}


def state_counts(trials: Iterable[Trial]) -> str:
    """Return the number of trials in each state: ``12 complete, 3 stopped early``."""
    counts = Counter(trial.state for trial in trials)
    return ", ".join(
        f"{counts[state]:,} {name}" for state, name in STATE_NAMES.items() if counts[state]
    )
