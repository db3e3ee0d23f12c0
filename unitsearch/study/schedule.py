"""The schedule of trials: a pure function of lag, budget, workers and the trials so far.

The lag rule: the proposal of trial n sees the outcomes of trials 0 … n-1-lag. So trial n may be
proposed when all of those have ended, and ``lag + 1`` trials can be under way at once. That bounds
a pack too: the networks that train together as one. The lag is fixed when a study is created,
because proposals depend on it. Unless it is given, it grows there to what packs need; how far is a
matter of what a stale outcome costs. Samplers that look at no outcome lose nothing: their lag grows
to the largest pack. Other samplers propose the first ``lag + 1`` trials without any outcome: unless
a pack is asked for by number, their lag grows to a fifth of the budget at most, so that four fifths
of the trials are proposed from outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from unitsearch.errors import UsageError
from unitsearch.network import AUTO

LARGEST = 256  # members of a pack whose size is measured
_SHARE = 5  # the lag is the budget by this at most, where outcomes matter
_UNKNOWN = 8  # the lag for a cluster of unknown size
_SHORT_SECONDS = 30.0


def visible(number: int, lag: int) -> int:
    """Return how many of the first trials the proposal of trial ``number`` sees the outcomes of."""
    return max(0, number - lag)


def first_blocked(next_number: int, unfinished: Iterable[int], lag: int) -> int:
    """Return the first trial that may not be proposed yet: it needs an outcome that is not known.

    Args:
        next_number: The number of the next trial; all before it were proposed.
        unfinished: Those of them that have not ended.
        lag: The study's lag.
    """
    return min(unfinished, default=next_number) + lag + 1


def most_at_once(lag: int) -> int:
    """Return how many trials can be under way at once."""
    return first_blocked(0, (), lag)


@dataclass(frozen=True)
class PackRequest:
    """The settings that the size of packs depends on.

    Attributes:
        pack: ``engine.pack``.
        plan: How networks run: a plan that is asked for outright is that of a network alone.
        device: The device that they train on, ``cpu`` or ``cuda``.
        workers: The number of workers, as far as that is known.
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


def lag_for(request: PackRequest) -> int:
    """Return the lag of a new study to which none was given."""
    size = request.size
    if size == 1:
        return request.lag
    if size is not None:
        return max(request.lag, size * request.workers)
    most = LARGEST * request.workers
    if request.looks_at_outcomes:
        most = min(most, request.trials // _SHARE)
    return max(request.lag, most)


def lag_of_workers(workers: int | None, trials: int, *, are_given: bool) -> int:
    """Return the lag with which ``workers`` that train one network each never wait.

    Each has a trial that it trains and one that is next. Where nobody asked for so many workers, a
    fifth of the budget is not exceeded for their sake.

    Args:
        workers: The number of workers; None where a cluster's is not known.
        trials: The budget.
        are_given: Whether that number of workers was asked for.
    """
    most = trials // _SHARE
    if workers is None:
        return min(_UNKNOWN, most)
    return max(min(2 * workers - 1, most), workers - 1 if are_given else 0)


def check(request: PackRequest) -> None:
    """Refuse a lag that leaves workers without trials, and a pack of networks in a plan.

    Raises:
        UsageError: If so.
    """
    size = request.size or 1
    if size > 1 and request.plan != AUTO:
        raise UsageError(
            place="engine.pack", found=size, expected=f"1 with plan={request.plan}",
            fix="leave plan=auto: a pack runs in a way of its own",
        )  # fmt: skip
    needed = size * request.workers
    if most_at_once(request.lag) < needed:
        of = "the number of workers" if size == 1 else "engine.pack for each worker"
        raise UsageError(
            place="sampler.lag",
            found=request.lag,
            expected=f"at least {of}, {needed}",
            fix=f"try sampler.lag={needed}",
        )


def workers_and_list(request: PackRequest) -> tuple[int, int]:
    """Return how many workers have anything to do, and how many trials one is given at a time.

    A pack of a given size is one list. Where workers measure, a list is all that the lag allows: a
    member of a pack that ends frees its place for the next trial of the list.
    """
    most = most_at_once(request.lag)
    workers = max(min(request.workers, most // (request.size or 1)), 1)
    return workers, max(min(request.size or LARGEST, most // workers), 1)


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run as its schedule sees it.

    Attributes:
        proposed: How many trials were proposed so far: the number of the next one.
        counted: How many trials count for the budget: the complete and the stopped ones.
        running: Numbers of the trials that this run has begun and that have not ended.
        waiting: Numbers of the trials that an earlier run proposed and that have not begun again.
        lists: How many lists of trials are with the workers.
        longest: Seconds that the longest of the finished trials took, its share of the pack that it
            was in; None while none is finished.
        seconds: Seconds since the run began.
        is_exhausted: Whether the space has no untried architecture left.
        is_interrupted: Whether a signal asked the run to end.
    """

    proposed: int
    counted: int = 0
    running: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    lists: int = 0
    longest: float | None = None
    seconds: float = 0.0
    is_exhausted: bool = False
    is_interrupted: bool = False


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The rules by which the trials of one run begin.

    Attributes:
        lag: ``sampler.lag``.
        trials: The budget of trials in the study, the baseline included.
        seconds: The budget of time of this run; None for any.
        workers: The number of workers.
        list_size: Trials that a worker is given at a time, so that they may train as a pack.
    """

    lag: int
    trials: int
    seconds: float | None = None
    workers: int = 1
    list_size: int = 1

    def ending(self, state: RunState) -> str:
        """Return why no trial begins any more; empty if one may, perhaps after others have ended.

        ``interrupted``, ``minutes``, ``exhausted`` or ``budget``. The trials that run may still
        change the last: a trial that fails does not count.
        """
        if state.is_interrupted:
            return "interrupted"
        if self.seconds is not None and state.seconds > self.seconds:
            return "minutes"
        if state.waiting:
            return ""
        if state.is_exhausted:
            return "exhausted"
        return "budget" if state.counted + len(state.running) >= self.trials else ""

    def next_list(self, state: RunState) -> int:
        """Return how many trials begin now, on one worker; 0 while it is better to wait.

        Trials that wait come first. A list that is not full is for a worker that would have nothing
        to do.
        """
        if self.ending(state):
            return 0
        unfinished = (*state.running, *state.waiting)
        new = min(
            first_blocked(state.proposed, unfinished, self.lag) - state.proposed,
            self.trials - state.counted - len(unfinished),
        )
        free = len(state.waiting) + (0 if state.is_exhausted else max(new, 0))
        free = min(free, self._at_once(state.longest) - len(state.running))
        is_full = free >= self.list_size
        return max(0, min(self.list_size, free)) if is_full or state.lists < self.workers else 0

    def lists_at_once(self, longest: float | None) -> int:
        """Return how many lists may be with the engine: if trials are short, one waits a worker.

        So no worker waits for the driver. Long trials are not queued: an interrupted study waits
        for all that were.
        """
        is_short = longest is not None and longest * self.list_size <= _SHORT_SECONDS
        return (2 if is_short else 1) * self.workers

    def _at_once(self, longest: float | None) -> int:
        """Return how many trials may be with the engine."""
        return min(self.lists_at_once(longest) * self.list_size, most_at_once(self.lag))
