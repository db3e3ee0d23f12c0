"""The progress of a running study: a live table at a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from unitsearch.cli.output import note

if TYPE_CHECKING:
    from rich.table import Table

    from unitsearch.api.types import Progress

_REFRESH = 0.25  # seconds between two updates of the table at least
_SHARE = 0.05  # of the driver's time that updates may take: a large study's front takes long


@contextlib.contextmanager
def watching() -> Iterator[Callable[[Progress], None]]:
    """Yield the function that a run calls with its progress."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        due = 0.0

        def watch(progress: Progress) -> None:
            nonlocal due
            if progress.news.startswith("stopping"):
                console.print(progress.news)
            began = time.monotonic()
            if began >= due:
                live.update(_table(progress))
                now = time.monotonic()
                due = now + max(_REFRESH, (now - began) / _SHARE)

        yield watch


def _lines() -> Callable[[Progress], None]:
    from unitsearch.api.study_facts import wanted_trials

    def watch(progress: Progress) -> None:
        if progress.news and "started" not in progress.news:
            total = wanted_trials(progress)
            note(f"[{progress.seconds:6.1f} s] {progress.record.counted}/{total} {progress.news}")

    return watch


def _table(progress: Progress) -> Table:
    from rich import box
    from rich.table import Table

    from unitsearch.api.study_facts import accuracy_text, live_facts, wanted_trials

    facts = live_facts(progress)
    counts = (("stopped early", facts.stopped), ("failed", facts.failed))
    more = "".join(f", {count} {state}" for state, count in counts if count)
    running = ", ".join(str(number) for number in progress.running) or "–"
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False, title=progress.record.name)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("workers", f"{progress.workers} (trials {running})")
    table.add_row("trials done", f"{facts.ended} of {wanted_trials(progress)}{more}")
    if progress.stage:
        table.add_row("now", progress.stage)
    table.add_row("front", f"{facts.front} architectures")
    if facts.hypervolume is not None:
        table.add_row("hypervolume", f"{facts.hypervolume:.4f}")
    if facts.best is not None:
        best = f"{accuracy_text(facts.best)} (trial {facts.best.number}, validation, 1 seed)"
        table.add_row("best accuracy", best)
    left = facts.seconds_left
    left_text = "time left not known yet" if left is None else f"about {_clock(left)} left"
    table.add_row("time", f"{_clock(progress.seconds)}, {left_text}")
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
