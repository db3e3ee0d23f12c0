"""The states of an engine's jobs: waiting, held by a worker, begun, and then done or given up.

Both engines keep their jobs here; they only start workers and carry messages. A worker is known by
its slot, a number from 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from unitsearch.engine.jobs import Job, Key, Outcome
from unitsearch.engine.retries import RetryLedger

_LONGEST_REASON = 500  # characters


class Dispatch:
    """The jobs of an engine, by state.

    Attributes:
        waiting: Lists of jobs, each for one worker, in the order in which they are assigned.
    """

    def __init__(self) -> None:
        self.waiting: deque[list[Job]] = deque()
        self._held: dict[int, list[Job]] = {}
        self._begun: dict[int, set[Key]] = {}
        self._retries = RetryLedger()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Append a list of jobs for one worker."""
        self.waiting.append(list(jobs))

    def is_idle(self, slot: int) -> bool:
        """Return whether the worker on ``slot`` holds no job."""
        return not self._held.get(slot)

    def assign(self, slot: int) -> list[Job]:
        """Return the first waiting list, which the worker on ``slot`` holds from now on."""
        jobs = self._held[slot] = self.waiting.popleft()
        return jobs

    def begin(self, slot: int, keys: Collection[Key]) -> None:
        """Record the jobs that a worker begins: its death may be the fault of one of them."""
        self._begun[slot] = set(keys)

    def finish(self, slot: int, key: Key) -> bool:
        """Record that a job is done; return False if the worker did not hold it.

        A worker that was wrongly declared dead does not hold it: the job went to another worker.
        """
        held = self._held.get(slot, [])
        left = [job for job in held if job.key != key]
        self._held[slot] = left
        self._begun.get(slot, set()).discard(key)
        if len(left) == len(held):
            return False
        self._retries.forget(key)
        return True

    def on_worker_death(self, slot: int, how: str, *, was_ready: bool = True) -> list[Outcome]:
        """Put the jobs of a dead worker first in the queue; return the outcomes of those given up.

        Args:
            slot: The worker's slot, which another may take from now on.
            how: The worker's end in words, for the reason of an outcome: ``with signal 9``.
            was_ready: Whether the worker had started completely before it died.
        """
        held = {job.key: job for job in self._held.pop(slot, [])}
        begun = self._begun.pop(slot, set())
        retries = self._retries.on_worker_death([*held], begun, how, was_ready=was_ready)
        self.waiting.extendleft([held[key] for key in keys] for keys in reversed(retries.lists))
        return [
            Outcome(*key, "failed", kind="killed", reason=reason[:_LONGEST_REASON])
            for key, reason in retries.given_up.items()
        ]
