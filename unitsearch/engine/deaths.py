"""How often a job may lose its worker before it is given up."""

from __future__ import annotations

# A job that takes its worker down twice is not to blame chance for.
TRIES = 2
# One handed to a worker that dies before it begins is hardly to blame, but not for ever.
UNBEGUN_TRIES = 5

Key = tuple[int, str]


class Deaths:
    """The deaths of workers that held a job, counted by job: its number and task."""

    def __init__(self) -> None:
        self._begun: dict[Key, int] = {}
        self._unbegun: dict[Key, int] = {}

    def count(self, job: Key, how: str, *, begun: bool) -> str:
        """Count a death that ended ``how``; return why ``job`` is given up now, else nothing.

        ``begun`` says whether the worker was at the job, so that its death may be the job's doing.
        """
        counts, most = (self._begun, TRIES) if begun else (self._unbegun, UNBEGUN_TRIES)
        counts[job] = counts.get(job, 0) + 1
        if counts[job] < most:
            return ""
        self.forget(job)
        if begun:
            return f"killed: its worker ended {how}, {most} times"
        return f"killed: {most} workers that were handed it ended {how} before they began"

    def forget(self, job: Key) -> None:
        """Take the deaths of ``job`` off the books."""
        self._begun.pop(job, None)
        self._unbegun.pop(job, None)
