"""The progress that a run reports, and its end."""

from __future__ import annotations

from dataclasses import dataclass

from unitsearch.study.record import Record


@dataclass(frozen=True)
class Progress:
    """The progress of a run while it goes on.

    Attributes:
        record: The study as it stands.
        complete: How many trials are complete.
        running: Numbers of the trials being trained.
        workers: How many workers there are.
        seconds: Time since this run began.
        news: The latest event, in a line; empty for a tick.
        stage: What follows the search and is going on now, in a few words: ``verifying: 3 of 4
            trainings``. Empty during the search.
    """

    record: Record
    complete: int
    running: tuple[int, ...]
    workers: int
    seconds: float
    news: str = ""
    stage: str = ""


@dataclass(frozen=True)
class End:
    """The end of a run.

    Attributes:
        why: ``budget``, ``minutes``, ``exhausted`` or ``interrupted``; ``verified`` of a run that
            searched nothing.
        record: The study as it stands.
        signal: The number of the signal that interrupted it; 0 for none.
    """

    why: str
    record: Record
    signal: int = 0
