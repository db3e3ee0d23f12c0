"""What people see while a study runs: a live table at a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from unitsearch.cli.output import note

if TYPE_CHECKING:
    from rich.table import Table

    from unitsearch.study.progress import End, Progress
    from unitsearch.study.record import Trial

_REFRESH = 0.25  # seconds between two looks at the front at least
_SHARE = 0.05  # of the driver's time that they may take: a large study's front takes long


@contextlib.contextmanager
def watching() -> Iterator[Callable[[Progress], None]]:
    """Yield what a run calls with its progress."""
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


def closing(end: End, resumed: str) -> str:
    """Return what was found and what to do next, in a line or two."""
    from unitsearch.api import best_trial
    from unitsearch.study.tables import front_trials

    record = end.record
    complete = len(record.complete)
    early = record.counted - complete
    stopped = f", {early} stopped early" if early else ""
    why = {
        "budget": f"{complete} trials complete{stopped}",
        "minutes": f"time is up after {complete} complete trials",
        "exhausted": f"the space is exhausted: no untried architecture is left after {complete}",
        "interrupted": f"interrupted after {complete} complete trials; everything is saved",
    }[end.why or "budget"]
    best, baseline = best_trial(record), record.baseline
    lines = []
    if best is None or baseline is None:
        lines.append(f"{why}: nothing reaches the floor yet")
    else:
        in_bits = {"bits", "se_bits"} & set(record.manifest.config.objectives)
        against = (
            "it is the baseline"
            if best.is_baseline
            else _against(best, baseline, in_bits=bool(in_bits))
        )
        size = len(front_trials(record))
        lines.append(f"{why}: best {_percent(best)} (validation), {against}; {size} on the front")
    able = sum((trial.accuracy or 0.0) >= record.floor for trial in record.complete)
    if complete >= 20 and able < 0.05 * complete:
        lines.append(
            f"the floor of {100 * record.floor:.1f} % leaves {able} of {complete} trials: lower it?"
        )
    lines.append(f"open {record.folder / 'report.html'}")
    if end.why == "interrupted":
        lines.append(f"next: unitsearch resume {resumed}")
    else:
        lines.append(f"next: unitsearch export {resumed} --front -o exported")
    return "; ".join(lines)


def _against(best: Trial, baseline: Trial, *, in_bits: bool) -> str:
    from unitsearch.metrics import ce, se_bits
    from unitsearch.views import words

    new, old = best.measured, baseline.measured
    than = words.versus(new.cost.flops, old.cost.flops, "FLOPs")
    said = f"{than} the baseline's {_percent(baseline)}{words.efficiency('CE', ce(new, old))}"
    if in_bits:
        bits = words.fewer(new.cost.bits, old.cost.bits)
        said += f" and {bits} stored bits{words.efficiency('SE in bits', se_bits(new, old))}"
    return said


def _percent(trial: Trial) -> str:
    return f"{100 * (trial.accuracy or 0):.1f} ± {100 * (trial.accuracy_se or 0):.1f} %"


def _lines() -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        if progress.news and "started" not in progress.news:
            total = progress.record.manifest.config.budget.trials
            note(f"[{progress.seconds:6.1f} s] {progress.record.counted}/{total} {progress.news}")

    return watch


def _table(progress: Progress) -> Table:
    from rich import box
    from rich.table import Table

    from unitsearch.api import best_trial
    from unitsearch.study.tables import front_trials, hypervolume_history

    record = progress.record
    total = record.manifest.config.budget.trials
    states = Counter(trial.state for trial in record.trials)
    done = record.counted
    more = [f"{states[name]} {name}" for name in ("stopped", "failed") if states[name]]
    best = best_trial(record)
    history = hypervolume_history(record)
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False, title=record.name)
    table.add_column(style="bold")
    table.add_column()
    running = ", ".join(str(number) for number in progress.running) or "–"
    table.add_row("workers", f"{progress.workers} (trials {running})")
    table.add_row("trials done", ", ".join([f"{done} of {total}", *more]))
    table.add_row("front", f"{len(front_trials(record))} architectures")
    if history:
        table.add_row("hypervolume", f"{history[-1][1]:.4f}")
    if best is not None:
        table.add_row("best accuracy", f"{_percent(best)} (trial {best.number}, validation)")
    table.add_row("time", f"{_clock(progress.seconds)}, {_left(progress, done, total)}")
    return table


def _left(progress: Progress, done: int, total: int) -> str:
    times = [t.train_seconds for t in progress.record.complete if t.train_seconds]
    if not times:
        return "time left not known yet"
    each = sum(times) / len(times)
    return f"about {_clock(each * max(0, total - done) / progress.workers)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
