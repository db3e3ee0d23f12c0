"""How many trials a worker is given at a time, so that they may train as a pack.

Proposal n sees the outcomes of trials 0 … n-1-lag, so lag + 1 trials can be under way at once, and
no more: the lag bounds a pack. It is fixed when a study is created, because proposals depend on it.
There, unless it is given, it grows to what packs need; how far is a matter of what a stale outcome
costs. Random and exhaustive search look at none: theirs grows to the largest pack. Other samplers
propose the first lag + 1 trials blindly: unless a pack is asked for by number, theirs grows to a
fifth of the budget at most, so that four fifths of the trials are proposed from outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

from unitsearch.errors import UsageError
from unitsearch.network import AUTO

LARGEST = 256  # members of a pack whose size is measured
_SHARE = 5  # the lag is the budget by this at most, where outcomes matter
_SHORT_SECONDS = 30.0


@dataclass(frozen=True)
class Wanted:
    """What the size of packs depends on.

    Attributes:
        pack: ``engine.pack``.
        plan: How networks run: a plan that is asked for outright is that of a network alone.
        device: Where they train, ``cpu`` or ``cuda``.
        workers: How many there are, as far as that is known.
        lag: ``sampler.lag``.
        looks_at_outcomes: Whether the sampler or the stopping rule does.
        trials: The budget.
    """

    pack: int | None
    plan: str
    device: str
    workers: int
    lag: int
    looks_at_outcomes: bool
    trials: int

    @property
    def size(self) -> int | None:
        """Members of a pack: a number, or None where workers measure what is fastest."""
        if self.pack is None and self.device == "cuda" and self.plan == AUTO:
            return None
        return self.pack or 1


def lag_for(wanted: Wanted) -> int:
    """Return the lag of a new study to which none was given."""
    size = wanted.size
    if size == 1:
        return wanted.lag
    if size is not None:
        return max(wanted.lag, size * wanted.workers)
    most = LARGEST * wanted.workers
    if wanted.looks_at_outcomes:
        most = min(most, wanted.trials // _SHARE)
    return max(wanted.lag, most)


def check(wanted: Wanted) -> None:
    """Refuse a lag that leaves workers without trials, and a pack of networks in a plan.

    Raises:
        UsageError: If so.
    """
    size = wanted.size or 1
    if size > 1 and wanted.plan != AUTO:
        raise UsageError(
            place="engine.pack", found=size, expected=f"1 with plan={wanted.plan}",
            fix="leave plan=auto: a pack runs in a way of its own",
        )  # fmt: skip
    needed = size * wanted.workers
    if wanted.lag + 1 < needed:
        of = "the number of workers" if size == 1 else "engine.pack for each worker"
        raise UsageError(
            place="sampler.lag",
            found=wanted.lag,
            expected=f"at least {of}, {needed}",
            fix=f"try sampler.lag={needed}",
        )


def workers_and_list(wanted: Wanted) -> tuple[int, int]:
    """Return how many workers have anything to do, and how many trials one is given at a time.

    A pack of a given size is one list. Where workers measure, a list is all that the lag allows:
    who is done in a pack makes room for who waits in the list.
    """
    free = wanted.lag + 1
    workers = max(min(wanted.workers, free // (wanted.size or 1)), 1)
    return workers, max(min(wanted.size or LARGEST, free // workers), 1)


def at_once(workers: int, size: int, lag: int, longest: float | None) -> int:
    """Return how many trials may be with the engine: while they are short, a list waits a worker.

    So no worker waits for the driver. Long ones are not started before their time: whoever
    interrupts the study waits for all that were.

    Args:
        workers: How many there are.
        size: Trials of a list.
        lag: The study's.
        longest: Seconds that the longest of the finished trials took, its share of the pack that it
            was in; None while none is finished.
    """
    is_short = longest is not None and longest * size <= _SHORT_SECONDS
    return min((1 + is_short) * workers * size, lag + 1)


def room(size: int, free: int, workers: int, lists: int) -> int:
    """Return how many trials the next list should have, 0 for none yet.

    A list that is not full is for a worker that would have nothing to do.

    Args:
        size: Trials of a full list.
        free: Trials that could be started now.
        workers: How many there are.
        lists: How many lists are with them.
    """
    return min(size, free) if free >= size or lists < workers else 0
