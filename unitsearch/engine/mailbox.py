"""Between a Ray driver and its workers: the mailbox actor, and the hand that does what it holds."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from unitsearch.engine.jobs import Job, Outcome, job_from, to_message
from unitsearch.engine.local import THREADS
from unitsearch.engine.retries import Key, RetryLedger

# Workers that die one after the other before any of them asks for a job, while no other works: the
# set-up is broken.
_STILLBORN = 3

Message = tuple[dict[str, Any], bytes]


class Mailbox:
    """The actor between driver and workers: lists of jobs in, outcomes out.

    All its methods are coroutines, so that Ray runs them in one thread, turn about. ``take``,
    ``hear`` and ``closed`` answer when there is something to say.
    """

    def __init__(self) -> None:
        self._lists: deque[list[Message]] = deque()
        self._held: dict[int, list[Message]] = {}
        self._asking: dict[int, asyncio.Future[list[Message] | None]] = {}
        self._begun: dict[int, set[Key]] = {}
        self._deaths = RetryLedger()
        self._outcomes: list[Message] = []
        self._printed: list[str] = []
        self._failure = ""
        self._alive: set[int] = set()
        self._stillborn = 0
        self._declined = ""
        self._news = asyncio.Event()
        self._end = asyncio.Event()

    async def submit(self, jobs: list[Message]) -> None:
        """Put a list of jobs at the end of the row."""
        self._lists.append(jobs)
        self._hand_out()

    async def take(self, seat: int) -> list[Message] | None:
        """Return the next list of jobs for the worker on ``seat``; None once all is closed."""
        # what is held here was a forerunner's, whose death is not heard of yet
        self._put_back(seat, "another was started in its place")
        self._alive.add(seat)
        self._stillborn = 0
        if self._end.is_set():
            return None
        self._asking[seat] = asyncio.get_running_loop().create_future()
        asked = self._asking[seat]
        self._hand_out()
        return await asked

    async def begin(self, seat: int, keys: list[Key]) -> None:
        """Note what the worker on ``seat`` is at: its death may be the doing of one of these."""
        self._begun[seat] = set(keys)

    async def give(self, seat: int, outcome: Message, printed: str) -> None:
        """Take in what became of one job, and what the worker printed meanwhile."""
        done, held = _key(outcome), self._held.get(seat, [])
        self._begun.get(seat, set()).discard(done)
        self._held[seat] = [job for job in held if _key(job) != done]
        if len(self._held[seat]) < len(held):  # else from one taken for dead: another has the job
            self._outcomes.append(outcome)
            self._deaths.forget(done)
        self._printed.append(printed)
        self._news.set()

    async def lose(self, seat: int, reason: str) -> None:
        """Give the jobs of a dead worker another try, then up."""
        asked = self._asking.pop(seat, None)
        if asked is not None:
            asked.cancel()
        was_alive = seat in self._alive
        self._alive.discard(seat)
        if not was_alive and not self._alive:  # while others work, one bad node is borne
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                await self.fail(f"no Ray worker can be started ({self._declined or reason})")
        self._put_back(seat, reason)
        self._hand_out()

    async def decline(self, reason: str) -> None:
        """Note why a worker cannot work; it ends thereupon, and is lost."""
        self._declined = reason

    async def fail(self, reason: str) -> None:
        """Tell the driver that nobody is left to work."""
        self._failure = reason
        self._news.set()

    async def hear(self) -> tuple[list[Message], str, str]:
        """Return the outcomes that have come, what was printed and what failed, once any did."""
        await self._news.wait()
        self._news.clear()
        heard = (self._outcomes, "".join(self._printed), self._failure)
        self._outcomes, self._printed = [], []
        return heard

    async def close(self) -> None:
        """Send all workers home."""
        self._end.set()
        for asked in self._asking.values():
            if not asked.done():
                asked.set_result(None)

    async def closed(self) -> None:
        """Return when the engine is closed."""
        await self._end.wait()

    def _put_back(self, seat: int, reason: str) -> None:
        """Give what ``seat`` holds another try, or up."""
        begun = self._begun.pop(seat, set())
        held = {_key(job): job for job in self._held.pop(seat, [])}
        lost, lists = self._deaths.after([*held], begun, f"({reason})")
        for key, said in lost.items():
            told = Outcome(*key, "failed", kind="killed", reason=said[:500])
            self._outcomes.append(to_message(told))
            self._news.set()
        # to the head of the row, in order
        self._lists.extendleft([held[key] for key in keys] for keys in reversed(lists))

    def _hand_out(self) -> None:
        for seat in [seat for seat, asked in self._asking.items() if not asked.done()]:
            if not self._lists:
                return
            self._held[seat] = self._lists.popleft()
            self._asking.pop(seat).set_result(self._held[seat])


class Hand:
    """What a worker process does, on whatever machine it is."""

    def __init__(self, seat: int, mailbox: str, folder: str) -> None:
        import ray

        self.seat = seat
        self._busy = True
        self._mailbox: Any = ray.get_actor(mailbox)
        threading.Thread(target=self._watch, daemon=True).start()
        with contextlib.suppress(ValueError):  # not the main thread: no handler of ours to set
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
        with contextlib.suppress(OSError):  # relative paths to data are the driver's
            os.chdir(folder)
        os.environ.update(THREADS)

        try:
            from unitsearch.engine import work  # torch, which reads those variables
        except Exception as error:  # noqa: BLE001  # raised, it would wait for the watch to end
            ray.get(self._mailbox.decline.remote(f"{type(error).__name__}: {error}"))
            os._exit(1)
        work.prepare_process()
        self._bench = work.WorkerCache()
        self._busy = False

    def work(self) -> bool:
        """Do the next list of jobs; return False once there will be none."""
        import ray

        from unitsearch.engine import batching

        def begin(jobs: Sequence[Job]) -> None:
            ray.get(self._mailbox.begin.remote(self.seat, [job.key for job in jobs]))

        taken: list[Message] | None = ray.get(self._mailbox.take.remote(self.seat))
        if taken is None:
            return False
        self._busy = True
        jobs = [job_from(*message) for message in taken]
        outcomes = batching.run_jobs(jobs, self._bench, begin)
        while True:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                outcome = next(outcomes, None)
            if outcome is None:
                break
            told = self._mailbox.give.remote(self.seat, to_message(outcome), printed.getvalue())
            ray.get(told)  # before the next begins: whoever dies is charged with the right job
        self._busy = False
        return True

    def _watch(self) -> None:
        """End this process when the mailbox, which dies with the driver, is gone.

        Once the engine is closed, a job under way is given up in the same way, while a worker that
        waits is left for Tune to end.
        """
        import ray

        try:
            ray.get(self._mailbox.closed.remote())
        except ray.exceptions.RayError:
            os._exit(0)
        if self._busy:
            os._exit(0)


def _key(message: Message) -> tuple[int, str]:
    return message[0]["number"], message[0]["task"]
