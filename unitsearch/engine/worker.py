"""A warm worker process: ``python -m unitsearch.engine.worker``, jobs on stdin, outcomes on stdout.

It ends as soon as its stdin ends, even in the middle of a job: the driver holds the only other end,
so that no worker outlives its driver, however the driver dies.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Sequence
from typing import BinaryIO

from unitsearch.engine.jobs import Job, job_from, to_message
from unitsearch.engine.pipe import receive, send


def main() -> None:
    """Run jobs until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles Ctrl-C
    jobs_in: BinaryIO = os.fdopen(os.dup(0), "rb")
    outcomes_out: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of libraries must not come among the messages
    waiting: queue.Queue[tuple[list[dict[str, object]], bytes]] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs_in, waiting), daemon=True).start()

    # after the thread has started: importing torch takes seconds
    from unitsearch.engine import batching, work

    def begin(begun: Sequence[Job]) -> None:
        send(outcomes_out, {"began": [job.key for job in begun]})

    work.prepare_process()
    cache = work.WorkerCache()
    send(outcomes_out, {"ready": os.getpid()})
    while True:
        messages, content = waiting.get()
        start, jobs = 0, []
        for message in messages:
            end = start + int(str(message.pop("size")))
            jobs.append(job_from(message, content[start:end]))
            start = end
        for outcome in batching.run_jobs(jobs, cache, begin):
            plain, weights = to_message(outcome)
            send(outcomes_out, plain, weights)


def _listen(stream: BinaryIO, waiting: queue.Queue[tuple[list[dict[str, object]], bytes]]) -> None:
    try:
        while (received := receive(stream)) is not None:
            waiting.put(received)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
