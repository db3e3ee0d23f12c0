"""What becomes of the jobs of a worker that dies, and how often one may lose its worker.

Only a job that was alone at fault can be blamed: the one that its worker was at, or that was all it
held. Of several that trained as a pack nobody knows which it was, so none is charged; they are
handed out again in two halves, and those of a half that dies again likewise, until the culprit is
alone. So a pack of K costs log2 K deaths more, and no job is given up for another's doing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

# A job that takes its worker down twice is not to blame chance for.
TRIES = 2
# One handed to a worker that dies before it begins is hardly to blame, but not for ever.
UNBEGUN_TRIES = 5

Key = tuple[int, str]
Item = TypeVar("Item")


class RetryLedger:
    """The deaths of workers that held a job, counted by job: its number and task."""

    def __init__(self) -> None:
        self._begun: dict[Key, int] = {}
        self._unbegun: dict[Key, int] = {}

    def after(
        self, held: Sequence[Key], begun: Collection[Key], how: str, *, ready: bool = True
    ) -> tuple[dict[Key, str], list[list[Key]]]:
        """Count a death that ended ``how``.

        Args:
            held: The jobs that the worker had, in order.
            begun: Those of them that it was at, several if they trained as a pack.
            how: How it ended.
            ready: Whether the worker ever was able to work.

        Returns:
            Why jobs are given up, and the lists in which the others are handed out again.
        """
        first = [key for key in held if key in begun]
        rest = [key for key in held if key not in begun]
        blamed = held if len(held) == 1 else first if len(first) == 1 else ()
        lost = {}
        for key in blamed:
            if said := self._count(key, how, begun=key in begun or not ready):
                lost[key] = said
        lists = [*_halves(first), *_halves(rest)]
        return lost, [keys for keys in lists if not lost.keys() & keys]

    def forget(self, job: Key) -> None:
        """Take the deaths of ``job`` off the books."""
        self._begun.pop(job, None)
        self._unbegun.pop(job, None)

    def _count(self, job: Key, how: str, *, begun: bool) -> str:
        """Count a death, the job's doing perhaps; return why it is given up now, else nothing."""
        counts, most = (self._begun, TRIES) if begun else (self._unbegun, UNBEGUN_TRIES)
        counts[job] = counts.get(job, 0) + 1
        if counts[job] < most:
            return ""
        self.forget(job)
        if begun:
            return f"killed: its worker ended {how}, {most} times"
        return f"killed: {most} workers that were handed it ended {how} before they began"


def _halves(items: Sequence[Item]) -> Iterable[list[Item]]:
    middle = (len(items) + 1) // 2
    return (list(half) for half in (items[:middle], items[middle:]) if half)
