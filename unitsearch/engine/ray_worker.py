"""A worker of the Ray engine: it takes lists of jobs from the mailbox and reports outcomes."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

from unitsearch.engine.jobs import Job
from unitsearch.engine.local import THREADS


class MailboxWorker:
    """The work of a Ray worker process, on this machine or another.

    Args:
        slot: The worker's slot.
        mailbox: The name of the mailbox actor.
        folder: The driver's working folder.
    """

    def __init__(self, slot: int, mailbox: str, folder: str) -> None:
        import ray

        self.slot = slot
        self._busy = True
        self._mailbox: Any = ray.get_actor(mailbox)
        threading.Thread(target=self._end_with_the_mailbox, daemon=True).start()
        with contextlib.suppress(ValueError):  # outside the main thread there is no handler to set
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles Ctrl-C
        with contextlib.suppress(OSError):  # paths of data are relative to the driver's folder
            os.chdir(folder)
        os.environ.update(THREADS)

        try:
            from unitsearch.engine import work  # torch, which reads those variables
        except Exception as error:  # noqa: BLE001  # raised, it would keep this process alive
            ray.get(self._mailbox.start_failed.remote(f"{type(error).__name__}: {error}"))
            os._exit(1)
        work.prepare_process()
        self._cache = work.WorkerCache()
        self._busy = False

    def work(self) -> bool:
        """Run the next list of jobs; return False once there will be none."""
        import ray

        from unitsearch.engine import batching

        def begin(begun: Sequence[Job]) -> None:
            ray.get(self._mailbox.begin.remote(self.slot, [job.key for job in begun]))

        jobs: list[Job] | None = ray.get(self._mailbox.take.remote(self.slot))
        if jobs is None:
            return False
        self._busy = True
        outcomes = batching.run_jobs(jobs, self._cache, begin)
        while True:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                outcome = next(outcomes, None)
            if outcome is None:
                break
            reported = self._mailbox.report.remote(self.slot, outcome, printed.getvalue())
            ray.get(reported)  # before the next begins: a death is blamed on the right job
        self._busy = False
        return True

    def _end_with_the_mailbox(self) -> None:
        """End this process when the mailbox, which dies with the driver, is gone.

        Once the engine is closed, the job under way is given up in the same way; a worker that
        waits is ended by Tune.
        """
        import ray

        try:
            ray.get(self._mailbox.closed.remote())
        except ray.exceptions.RayError:
            os._exit(0)
        if self._busy:
            os._exit(0)
