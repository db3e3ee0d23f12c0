"""The local engine: warm worker processes on this machine, one thread each."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitsearch.engine.devices import cores, gpus, only_gpu
from unitsearch.engine.dispatch import Dispatch
from unitsearch.engine.jobs import Job, Outcome, outcome_from, to_message
from unitsearch.engine.pipe import receive, send
from unitsearch.errors import StudyError

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(eq=False)
class _WorkerProcess:
    """A worker process.

    Attributes:
        process: The process.
        slot: The least number that no other live worker has; also the number of its GPU.
        is_ready: Whether it can run jobs: it has imported torch.
    """

    process: subprocess.Popen[bytes]
    slot: int
    is_ready: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def send(self, jobs: Sequence[Job]) -> None:
        """Write a list of jobs to the process."""
        parts = [to_message(job) for job in jobs]
        messages = [{**plain, "size": len(weights)} for plain, weights in parts]
        assert self.process.stdin is not None  # opened as a pipe
        with contextlib.suppress(BrokenPipeError):  # the thread that listens reports its end
            send(self.process.stdin, messages, b"".join(weights for _, weights in parts))

    def end(self) -> int:
        """Wait for the process, close its pipes and return its exit code."""
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return code


Received = tuple[dict[str, Any], bytes]
"""A message from a worker and the bytes that came with it."""


class LocalEngine:
    """Warm worker processes; see the protocol ``Engine``.

    Args:
        workers: The number of workers; one per core unless given. On ``cuda`` one per GPU, and no
            more.
        log: The file that the workers' output goes to; the output is dropped unless given.
        device: The device that they train on: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, workers: int | None = None, log: Path | None = None, device: str = "cpu"
    ) -> None:
        self.workers = workers or len(cores())
        if device == "cuda":
            self.workers = min(workers or gpus(), gpus())
        self._device = device
        self._log = log
        self._dispatch = Dispatch()
        self._received: queue.Queue[tuple[_WorkerProcess, Received | None]] = queue.Queue()
        self._processes: list[_WorkerProcess] = []
        self._closed = False

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue a list of jobs for one worker; those that may train as packs do."""
        self._dispatch.submit(jobs)
        self._assign()

    def collect(self, timeout: float) -> list[Outcome]:
        """Return the outcomes that have come, waiting up to ``timeout`` seconds for the first."""
        outcomes: list[Outcome] = []
        try:
            outcomes += self._handle(*self._received.get(timeout=timeout))
            while True:
                outcomes += self._handle(*self._received.get_nowait())
        except queue.Empty:
            pass
        try:
            self._assign()
        except StudyError:
            if not outcomes:  # else the outcomes come first; the next call raises it again
                raise
        return outcomes

    def close(self) -> None:
        """End all workers; unfinished jobs are given up."""
        self._closed = True
        for worker in self._processes:
            worker.process.kill()
        for worker in self._processes:
            worker.end()
        self._processes.clear()

    def _assign(self) -> None:
        """Send waiting jobs to idle workers; start workers while there are too few."""
        while self._dispatch.waiting:
            worker = self._idle_worker()
            if worker is None:
                return
            worker.send(self._dispatch.assign(worker.slot))

    def _idle_worker(self) -> _WorkerProcess | None:
        for worker in self._processes:
            if self._dispatch.is_idle(worker.slot) and worker.is_alive:
                return worker
        return self._start() if len(self._processes) < self.workers else None

    def _start(self) -> _WorkerProcess:
        log = subprocess.DEVNULL if self._log is None else self._log.open("ab")
        taken = {worker.slot for worker in self._processes}
        slot = next(i for i in range(len(taken) + 1) if i not in taken)
        own = only_gpu(slot) if self._device == "cuda" else {}
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
        worker = _WorkerProcess(process, slot)
        self._processes.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _WorkerProcess) -> None:
        """Queue a worker's messages, and None at its end; runs in a thread of its own."""
        assert worker.process.stdout is not None  # opened as a pipe
        try:
            while (received := receive(worker.process.stdout)) is not None:
                self._received.put((worker, received))
        except (OSError, ValueError):  # the engine is being closed, and has closed the pipe
            pass
        self._received.put((worker, None))

    def _handle(self, worker: _WorkerProcess, received: Received | None) -> list[Outcome]:
        """Record a message of a worker, or its end; return the outcomes that follow from it."""
        if received is None:
            return [] if self._closed else self._on_death(worker)
        message, weights = received
        if "ready" in message:
            worker.is_ready = True
            return []
        if "began" in message:
            self._dispatch.begin(worker.slot, [(number, task) for number, task in message["began"]])
            return []
        outcome = outcome_from(message, weights)
        return [outcome] if self._dispatch.finish(worker.slot, outcome.key) else []

    def _on_death(self, worker: _WorkerProcess) -> list[Outcome]:
        """Remove a dead worker; return the outcomes of the jobs that are given up."""
        if worker not in self._processes:
            return []
        self._processes.remove(worker)
        code = worker.end()
        how = f"with signal {-code}" if code < 0 else f"with exit code {code}"
        return self._dispatch.on_worker_death(worker.slot, how, was_ready=worker.is_ready)
