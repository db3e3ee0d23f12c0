"""The mailbox of the Ray engine: the actor between the driver and its workers."""

from __future__ import annotations

import asyncio

from unitsearch.engine.dispatch import Dispatch
from unitsearch.engine.jobs import Job, Key, Outcome

# Workers that die one after the other before their first request, while no other works: then the
# set-up is broken.
_MOST_FAILED_STARTS = 3


class Mailbox:
    """The actor between driver and workers: lists of jobs in, outcomes out.

    All its methods are coroutines, so that Ray runs them in one thread, one at a time. ``take``,
    ``collect`` and ``closed`` wait until there is something to return.
    """

    def __init__(self) -> None:
        self._dispatch = Dispatch()
        self._requests: dict[int, asyncio.Future[list[Job] | None]] = {}
        self._outcomes: list[Outcome] = []
        self._printed: list[str] = []
        self._failure = ""
        self._alive: set[int] = set()
        self._failed_starts = 0
        self._start_failure = ""
        self._news = asyncio.Event()
        self._end = asyncio.Event()

    async def submit(self, jobs: list[Job]) -> None:
        """Queue a list of jobs for one worker."""
        self._dispatch.submit(jobs)
        self._assign()

    async def take(self, slot: int) -> list[Job] | None:
        """Return the next list of jobs for the worker on ``slot``; None once all is closed."""
        # jobs held here were its predecessor's, whose death has not been reported yet
        self._release(slot, "another was started in its place")
        self._alive.add(slot)
        self._failed_starts = 0
        if self._end.is_set():
            return None
        request: asyncio.Future[list[Job] | None] = asyncio.get_running_loop().create_future()
        self._requests[slot] = request
        self._assign()
        return await request

    async def begin(self, slot: int, keys: list[Key]) -> None:
        """Record the jobs that the worker on ``slot`` begins."""
        self._dispatch.begin(slot, keys)

    async def report(self, slot: int, outcome: Outcome, printed: str) -> None:
        """Store the outcome of one job, and the text that the worker printed during the job."""
        if self._dispatch.finish(slot, outcome.key):
            self._outcomes.append(outcome)
        self._printed.append(printed)
        self._news.set()

    async def worker_died(self, slot: int, reason: str) -> None:
        """Queue the jobs of a dead worker again, or give them up."""
        request = self._requests.pop(slot, None)
        if request is not None:
            request.cancel()
        was_alive = slot in self._alive
        self._alive.discard(slot)
        if not was_alive and not self._alive:  # while others work, one bad node is tolerated
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                why = self._start_failure or reason
                await self.fail(f"no Ray worker can be started ({why})")
        self._release(slot, reason)
        self._assign()

    async def start_failed(self, reason: str) -> None:
        """Record why a worker is unable to work; it dies next."""
        self._start_failure = reason

    async def fail(self, reason: str) -> None:
        """Record that no worker is left, for the driver to read."""
        self._failure = reason
        self._news.set()

    async def collect(self) -> tuple[list[Outcome], str, str]:
        """Return the new outcomes, the new printed text and the failure, once there is any."""
        await self._news.wait()
        self._news.clear()
        news = (self._outcomes, "".join(self._printed), self._failure)
        self._outcomes, self._printed = [], []
        return news

    async def close(self) -> None:
        """Tell all workers to end."""
        self._end.set()
        for request in self._requests.values():
            if not request.done():
                request.set_result(None)

    async def closed(self) -> None:
        """Return when the engine is closed."""
        await self._end.wait()

    def _release(self, slot: int, reason: str) -> None:
        """Queue again, or give up, the jobs that the worker on ``slot`` held."""
        if given_up := self._dispatch.on_worker_death(slot, f"({reason})"):
            self._outcomes += given_up
            self._news.set()

    def _assign(self) -> None:
        for slot in [slot for slot, request in self._requests.items() if not request.done()]:
            if not self._dispatch.waiting:
                return
            self._requests.pop(slot).set_result(self._dispatch.assign(slot))
