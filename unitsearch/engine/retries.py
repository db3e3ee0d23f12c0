"""Retries of the jobs of workers that die: which jobs are given up, and how the others continue.

A job is blamed for a death only if it alone can be at fault: the one job that the worker had begun,
or the only one that it held. When several trained as a pack, the job at fault is unknown, so none
is blamed; they are submitted again in two halves, and a half whose worker dies again is halved
again, until the job at fault is alone. So a pack of K costs log2 K deaths more, and no job is given
up because of another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from unitsearch.engine.jobs import Key

# A job whose worker died twice is given up: two deaths are unlikely to be chance.
TRIES = 2
# A job that was queued on a dying worker but had not started is given up after five deaths.
UNBEGUN_TRIES = 5


@dataclass(frozen=True)
class Retries:
    """The jobs of a dead worker, divided into those given up and those submitted again.

    Attributes:
        given_up: The reason, for each job that is given up.
        lists: The other jobs, in the lists in which they are submitted again.
    """

    given_up: dict[Key, str]
    lists: list[list[Key]]


class RetryLedger:
    """The number of deaths that each job is blamed for, while it is not done."""

    def __init__(self) -> None:
        self._begun: dict[Key, int] = {}
        self._unbegun: dict[Key, int] = {}

    def on_worker_death(
        self, held: Sequence[Key], begun: Collection[Key], how: str, *, was_ready: bool = True
    ) -> Retries:
        """Count the death of a worker.

        Args:
            held: The jobs that the worker held, in order.
            begun: Those of them that it had begun and not finished: several if they trained as a
                pack.
            how: The worker's end in words, for the reason of an outcome: ``with signal 9``.
            was_ready: Whether the worker had started completely before it died.
        """
        first = [key for key in held if key in begun]
        rest = [key for key in held if key not in begun]
        blamed = held if len(held) == 1 else first if len(first) == 1 else ()
        given_up = {}
        for key in blamed:
            if reason := self._count(key, how, begun=key in begun or not was_ready):
                given_up[key] = reason
        lists = [*_halves(first), *_halves(rest)]
        return Retries(given_up, [keys for keys in lists if not given_up.keys() & keys])

    def forget(self, job: Key) -> None:
        """Remove the deaths of ``job``."""
        self._begun.pop(job, None)
        self._unbegun.pop(job, None)

    def _count(self, job: Key, how: str, *, begun: bool) -> str:
        """Count a death that ``job`` is blamed for; return the reason to give it up, if any."""
        counts, most = (self._begun, TRIES) if begun else (self._unbegun, UNBEGUN_TRIES)
        counts[job] = counts.get(job, 0) + 1
        if counts[job] < most:
            return ""
        self.forget(job)
        if begun:
            return f"killed: its worker ended {how}, {most} times"
        return f"killed: {most} workers that were handed it ended {how} before they began"


def _halves(keys: Sequence[Key]) -> Iterable[list[Key]]:
    middle = (len(keys) + 1) // 2
    return (list(half) for half in (keys[:middle], keys[middle:]) if half)
