"""The state of a study: whether it runs, is done, or was stopped before its budget was spent."""

from __future__ import annotations

from unitsearch.study.lock import is_driven
from unitsearch.study.record import Record


def study_state(record: Record) -> str:
    """Return ``running``, ``done`` or ``stopped``."""
    if is_driven(record.folder):
        return "running"
    return "done" if record.counted >= record.manifest.config.budget.trials else "stopped"
