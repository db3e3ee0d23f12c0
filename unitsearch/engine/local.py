"""The local engine: warm worker processes on this machine, one thread each."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from unitsearch.engine.devices import gpus, only_gpu
from unitsearch.engine.jobs import Job, Outcome, outcome_from, to_message
from unitsearch.engine.pipe import receive, send
from unitsearch.engine.retries import Key, RetryLedger
from unitsearch.errors import StudyError

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    jobs: list[Job] = field(default_factory=list)
    seat: int = 0  # the least that nobody had; the number of its GPU
    ready: bool = False
    began: set[Key] = field(default_factory=set)  # the job that it is at, or those of a pack

    @property
    def is_free(self) -> bool:
        """Whether it can take jobs: it has none, and it has not died unheard."""
        return not self.jobs and self.process.poll() is None

    def end(self) -> int:
        """Wait for the process, close its pipes and return its exit code."""
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return code


class LocalEngine:
    """Warm worker processes; see the protocol ``Engine``.

    Args:
        workers: How many; one per core unless given. On ``cuda`` one per GPU, and no more.
        log: Where what they print goes; nowhere unless given.
        device: Where they train: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, workers: int | None = None, log: Path | None = None, device: str = "cpu"
    ) -> None:
        self.workers = workers or len(cores())
        if device == "cuda":
            self.workers = min(workers or gpus(), gpus())
        self._device = device
        self._log = log
        self._waiting: deque[list[Job]] = deque()
        self._deaths = RetryLedger()
        self._heard: queue.Queue[tuple[_Worker, tuple[dict[str, object], bytes] | None]]
        self._heard = queue.Queue()
        self._team: list[_Worker] = []
        self._closed = False

    def submit(self, jobs: Sequence[Job]) -> None:
        """Hand over a list of jobs for one worker; those that may train as packs do."""
        self._waiting.append(list(jobs))
        self._hand_out()

    def collect(self, timeout: float) -> list[Outcome]:
        """Return the outcomes that have come, waiting up to ``timeout`` seconds for the first."""
        found: list[Outcome] = []
        try:
            found += self._hear(*self._heard.get(timeout=timeout))
            while True:
                found += self._hear(*self._heard.get_nowait())
        except queue.Empty:
            pass
        try:
            self._hand_out()
        except StudyError:
            if not found:  # else what has been heard comes first; the next call says it again
                raise
        return found

    def close(self) -> None:
        """End all workers; what they were at is given up."""
        self._closed = True
        for worker in self._team:
            worker.process.kill()
        for worker in self._team:
            worker.end()
        self._team.clear()

    def _hand_out(self) -> None:
        while self._waiting:
            free = next((worker for worker in self._team if worker.is_free), None)
            if free is None:
                if len(self._team) >= self.workers:
                    return
                free = self._start()
            free.jobs = self._waiting.popleft()
            parts = [to_message(job) for job in free.jobs]
            messages = [{**plain, "size": len(weights)} for plain, weights in parts]
            assert free.process.stdin is not None  # opened as a pipe
            with contextlib.suppress(BrokenPipeError):  # its end is heard and handled there
                send(free.process.stdin, messages, b"".join(weights for _, weights in parts))

    def _start(self) -> _Worker:
        log = subprocess.DEVNULL if self._log is None else self._log.open("ab")
        taken = {worker.seat for worker in self._team}
        seat = next(i for i in range(len(taken) + 1) if i not in taken)
        own = only_gpu(seat) if self._device == "cuda" else {}
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "unitsearch.engine.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **THREADS, **own},
            )
        except OSError as error:
            raise StudyError(f"cannot start a worker process ({error})") from None
        finally:
            if not isinstance(log, int):
                log.close()
        worker = _Worker(process, seat=seat)
        self._team.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None  # opened as a pipe
        try:
            while (received := receive(worker.process.stdout)) is not None:
                self._heard.put((worker, received))
        except (OSError, ValueError):  # closed under us: the engine is being closed
            pass
        self._heard.put((worker, None))

    def _hear(
        self, worker: _Worker, received: tuple[dict[str, object], bytes] | None
    ) -> list[Outcome]:
        if received is None:
            return [] if self._closed else self._bury(worker)
        message, weights = received
        if "ready" in message:
            worker.ready = True
            return []
        if "began" in message:
            worker.began = {(n, task) for n, task in cast("list[Key]", message["began"])}
            return []
        outcome = outcome_from(message, weights)
        key = (outcome.number, outcome.task)
        worker.began.discard(key)
        self._deaths.forget(key)
        worker.jobs = [job for job in worker.jobs if job.key != key]
        return [outcome]

    def _bury(self, worker: _Worker) -> list[Outcome]:
        """Take a dead worker off the team; give its jobs another try, then up."""
        if worker not in self._team:
            return []
        self._team.remove(worker)
        code = worker.end()
        how = f"with signal {-code}" if code < 0 else f"with exit code {code}"
        jobs = {job.key: job for job in worker.jobs}
        lost, lists = self._deaths.after([*jobs], worker.began, how, ready=worker.ready)
        # to the head of the line: their order stays
        self._waiting.extendleft([jobs[key] for key in keys] for keys in reversed(lists))
        return [
            Outcome(*key, "failed", kind="killed", reason=reason) for key, reason in lost.items()
        ]


def cores() -> set[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
