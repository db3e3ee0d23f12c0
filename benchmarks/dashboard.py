"""Time the dashboard on a large study, and the speed of a search while a page shows it.

Command:  python -m benchmarks.dashboard --trials 10000 --rounds 7
Prints:   seconds of Python for each figure of a large study; seconds from the opening of a page
          until its header, its first and its second figure are drawn, with the server just started
          and again with the study read; milliseconds from a click until the details are shown, and
          from a brush until the other figures in view are dimmed; seconds until a new trial is
          shown; the speed of a search with a page open on it over the speed without, and the
          shares of a core that the server and the browser took; and all as one JSON line
Method:   a headless Chromium that draws in software, driven over its debugging pipe. The study
          consists of networks drawn from a space, with invented accuracies. The search is a study
          of 300 trials that is resumed again and again from a copy, so that every turn trains the
          same networks of half a second each, by two workers on two cores, so that the page takes
          its time from the search, or by ``--workers 1``. A round is a turn without a page, one
          with a page and one without, and the same trials are timed in each.
Noise:    medians with the lowest and highest; for the search also the second turn without a page
          over the first
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from tests.records import make_record
from tests.views.browser import Browser, Page, brush, point
from unitsearch.api import bound_space
from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.search.proposals import Proposal
from unitsearch.space import at_random, baseline, draw
from unitsearch.study.config import compose
from unitsearch.study.creation import new_manifest
from unitsearch.study.lock import LOCK, is_driven
from unitsearch.study.looking import Looker
from unitsearch.study.manifest import write_manifest
from unitsearch.study.store import JOURNAL, Store, create_store
from unitsearch.views.figures import FIGURES
from unitsearch.views.pages.document import figure_json

COMMAND = [sys.executable, "-m", "unitsearch.cli.main"]
SPACE = "lenet_hybrid"
SETTLED = 5.0  # seconds after which a page has drawn the parts in view
WARM = 300  # trials that the search has before it is timed
LEAD = 60  # trials of each turn before the timed ones, while the page opens and settles
TAIL = 2  # trials of each turn after the timed ones, while a worker may be idle
EPOCHS = 20  # epochs of the search's trainings on digits, which take two thirds of a second
STAGES = ("header", "first figure", "second figure")
# Records the time of each stage in the page itself: a request from outside would wait for the page.
CLOCK = """
window.stages = [];
(function look() {
    const div = part => document.querySelector(`[data-part="${part}"] .plot`);
    const stageReached = [
        document.querySelector("#head h1"), plotState.traces(div(0))?.length,
        plotState.traces(div(1))?.length,
    ];
    if (stageReached[stages.length]) {
        requestAnimationFrame(() => {
            stages.push(performance.now() / 1000);
            look();
        });
    } else if (stages.length < stageReached.length) setTimeout(look, 5);
})();"""
# The milliseconds from an event of the given type to the frame that shows its effect.
SINCE = """(type, isShown) => new Promise(done => document.addEventListener(type, event => {
    (function look() {
        if (isShown()) requestAnimationFrame(() => done(performance.now() - event.timeStamp));
        else setTimeout(look, 1);
    })();
}, {capture: true, once: true}))"""


class Unsynced(JournalFileBackend):
    """A journal that does not wait until its lines are on the disk."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with Path(self._file_path).open("a") as file:
            file.writelines(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--timed", type=int, default=200, help="trials of each turn of the search")
    parser.add_argument("--workers", type=int, default=2, help="of the search")
    parser.add_argument("--only", choices=("figures", "large", "new", "search"))
    args = parser.parse_args()
    results: dict[str, Any] = {"trials": args.trials, "rounds": args.rounds}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        browser = Browser(home / "browser")
        try:
            if args.only in (None, "figures"):
                results |= figures(args.trials, args.rounds)
            if args.only in (None, "large"):
                results |= large(home, browser, args.trials, args.rounds)
            if args.only in (None, "new"):
                results |= new(home, browser, args.rounds)
            if args.only in (None, "search"):
                results |= search(home, browser, args.rounds, args.timed, args.workers)
        finally:
            browser.close()
    print(json.dumps(results))


def figures(trials: int, rounds: int) -> dict[str, Any]:
    """Time the computation of each figure, and of its JSON, from a record of so many trials."""
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        record = make_record(trials)  # a new one: a record keeps its front and its tables
        for name, figure in FIGURES.items():
            began = time.perf_counter()
            figure_json(figure.plain(record))
            seconds.setdefault(name, []).append(time.perf_counter() - began)
    for name, times in seconds.items():
        report(f"figure {name}", times, "s")
    return {"figures_s": seconds}


def large(home: Path, browser: Browser, trials: int, rounds: int) -> dict[str, Any]:
    write_study(home / "studies" / "large", trials)
    cold, warm, clicks, brushes = [], [], [], []
    for _ in range(rounds):
        with serving(home, "large") as url, browser.page() as page:
            cold.append(opened(page, url))
            warm.append(opened(page, url))
    with serving(home, "large") as url, browser.page() as page:
        opened(page, url)
        numbers = page.run("unitsearch.choice.table().ids.length")
        front = page.run("[...unitsearch.choice.table().front].map(id => +id.split(':').pop())")
        for number in random.Random(0).sample(front, min(rounds, len(front))):
            place = point(page, "figure-0", number)
            page.run("document.getElementById('drawer-body').replaceChildren()")
            page.run(
                f"window.since = ({SINCE})('mouseup', () => document.querySelector('#drawer pre'))"
                ", 0"
            )
            page.click(*place)
            clicks.append(page.run("window.since"))
        page.key("Escape")
        for _ in range(rounds):
            page.run("unitsearch.clearChoice(), 0")
            page.run(f"""window.since = ({SINCE})('mouseup', () => ['figure-0', 'figure-1'].every(
                name => document.querySelector(`[data-figure=${{name}}]`)
                    .classList.contains('dimmed'))), 0""")
            brush(page, "figure-0")
            brushes.append(page.run("window.since"))
        assert numbers == trials
        assert page.errors == []
    for when, times in (("server just started", cold), ("study read", warm)):
        for stage, seconds in zip(STAGES, zip(*times, strict=True), strict=True):
            report(f"{stage}, {when}", list(seconds), "s")
    report("click to details", clicks, "ms")
    report("brush to other figures", brushes, "ms")
    return {"cold_s": cold, "warm_s": warm, "click_ms": clicks, "brush_ms": brushes}


def opened(page: Page, url: str) -> list[float]:
    """Open a page and return the seconds until each of its stages."""
    added = page.call("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)["identifier"]
    page.go(url)
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)
    page.wait(f"window.stages.length === {len(STAGES)}")
    seconds: list[float] = page.run("window.stages")
    return seconds


def new(home: Path, browser: Browser, rounds: int) -> dict[str, Any]:
    folder = home / "studies" / "grows"
    write_study(folder, 200)
    held = {"pid": os.getpid(), "host": socket.gethostname()}
    (folder / LOCK).write_text(json.dumps(held))  # the page takes this process for the driver
    shown = """(div => plotState.traces(div)
            .some(trace => trace.customdata && [...trace.customdata].includes(%d))
        || unitsearch.plots.of(div).clouds.some(cloud => cloud.ids.includes("grows:%d"))
        )(document.querySelector('[data-figure=figure-0]'))"""
    seconds = []
    with serving(home, "grows") as url, browser.page() as page:
        opened(page, url)
        for i in range(rounds):
            began = time.perf_counter()
            write_trials(folder, range(200 + i, 201 + i), seed=i + 1)
            page.wait(shown % (200 + i, 200 + i))
            seconds.append(time.perf_counter() - began)
    report("a new trial is seen after", seconds, "s")
    return {"new_s": seconds}


def search(home: Path, browser: Browser, rounds: int, timed: int, workers: int) -> dict[str, Any]:
    overrides = [
        f"space={SPACE}",
        "name=search",
        "sampler=random",
        f"budget.trials={WARM}",
        f"train.epochs={EPOCHS}",
        f"engine.workers={workers}",
    ]
    subprocess.run([*COMMAND, "run", *overrides], cwd=home, capture_output=True, check=True)
    with_page, without, served, drawn, same = [], [], [], [], set()
    for _ in range(rounds):
        before, beside, after = (
            turn(home, browser if has_page else None, timed) for has_page in (False, True, False)
        )
        with_page.append((before.seconds + after.seconds) / 2 / beside.seconds)
        without.append(before.seconds / after.seconds)
        served.append(beside.served)
        drawn.append(beside.drawn)
        same |= {before.keys, beside.keys, after.keys}
        assert len(same) == 1, "the turns trained different networks"
    report("speed of the search with a page open over without", with_page, "x")
    report("without over without", without, "x")
    report("of a core that the server took", served, "")
    report("of a core that the browser took", drawn, "")
    return {
        "search_with_over_without": with_page,
        "search_without_over_without": without,
        "server_cpu_share": served,
        "browser_cpu_share": drawn,
    }


@dataclass(frozen=True)
class Turn:
    """One resumption of the search.

    Attributes:
        keys: The keys of the networks that it trained.
        seconds: The time that the timed trials took.
        served: The share of a core that the server took meanwhile.
        drawn: The share of a core that the browser took meanwhile.
    """

    keys: frozenset[str]
    seconds: float
    served: float = 0.0
    drawn: float = 0.0


def turn(home: Path, browser: Browser | None, timed: int) -> Turn:
    """Resume a copy of the search; with a browser, with a page open on it."""
    with tempfile.TemporaryDirectory(dir=home) as place:
        folder = Path(place) / "studies" / "search"
        shutil.copytree(home / "studies" / "search", folder)
        raised = f"budget.trials={WARM + LEAD + timed + TAIL}"
        with subprocess.Popen(
            [*COMMAND, "resume", "search", raised], cwd=place,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as driver:  # fmt: skip
            until(lambda: is_driven(folder))
            shares = watched(Path(place), browser, driver) if browser else (0.0, 0.0, WARM)
        assert driver.returncode == 0
        assert shares[2] < WARM + LEAD, "the page was opened too late"
        trials = optuna_trials(folder)
        ends = sorted(trial.datetime_complete for trial in trials if trial.datetime_complete)
        first, last = ends[WARM + LEAD - 1], ends[WARM + LEAD + timed - 1]
        with contextlib.closing(Looker(folder)) as looker:
            keys = frozenset(trial.key for trial in looker.look().complete)
        return Turn(keys, (last - first).total_seconds(), *shares[:2])


def watched(
    home: Path, browser: Browser, driver: subprocess.Popen[bytes]
) -> tuple[float, float, int]:
    """Open a page on the search until it ends.

    Returns:
        The shares of a core that the server and the browser took once the page had settled, and
        how many trials were complete by then.
    """
    with started(home, "search") as (server, url), browser.page() as page:
        opened(page, url)
        time.sleep(SETTLED)
        done = complete(home / "studies" / "search")
        used, began = (cpu_seconds(server), session_seconds(browser.process.pid)), time.monotonic()
        driver.wait()
        took = time.monotonic() - began
        now = cpu_seconds(server), session_seconds(browser.process.pid)
        return (now[0] - used[0]) / took, (now[1] - used[1]) / took, done


def optuna_trials(folder: Path) -> list[FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    return storage.get_all_trials(storage.get_study_id_from_name(folder.name))


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process."""
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session_seconds(session: int) -> float:
    """Return the CPU time of all processes of a session."""
    seconds = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if int(_stat(int(folder.name))[3]) == session:
                seconds += cpu_seconds(int(folder.name))
    return seconds


def _stat(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def complete(folder: Path) -> int:
    with contextlib.closing(Looker(folder)) as looker:
        return len(looker.look().complete)


@contextlib.contextmanager
def serving(home: Path, study: str) -> Iterator[str]:
    """Serve a study by the command, and yield its address."""
    with started(home, study) as (_, url):
        yield url


@contextlib.contextmanager
def started(home: Path, study: str) -> Iterator[tuple[int, str]]:
    """Serve a study by the command, and yield its process and its address."""
    with subprocess.Popen(
        [*COMMAND, "dashboard", study, "--port", "0", "--no-open"],
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.terminate()


def write_study(folder: Path, trials: int) -> None:
    """Write a study of networks of a space, with accuracies that grow with their FLOPs."""
    folder.mkdir(parents=True)
    config, _ = compose([f"space={SPACE}", "sampler=random", f"budget.trials={trials}"])
    manifest = new_manifest(
        replace(config, name=folder.name), bound_space(SPACE), "benchmarks.dashboard"
    )
    write_manifest(folder, manifest)
    create_store(folder, folder.name, None).close()
    write_trials(folder, range(trials), seed=0)


def write_trials(folder: Path, numbers: range, seed: int) -> None:
    space, numbers_drawn = bound_space(SPACE), random.Random(seed)
    choose = at_random(numbers_drawn)
    storage = JournalStorage(Unsynced(str(folder / JOURNAL)))
    store = Store(storage, storage.get_study_id_from_name(folder.name), str(folder))
    for number in numbers:
        architecture = baseline(space) if number == 0 else draw(space, choose)[1]
        cost = count(architecture)
        store.start(number, number, Proposal({}, {}, architecture, key(architecture), cost))
        chance = 0.985 - 0.25 * math.exp(-1.5 * (math.log10(cost.flops) - 4))
        accuracy = min(1.0, max(0.1, chance + numbers_drawn.gauss(0, 0.006)))
        accuracy = round(450 * accuracy) / 450
        curve = [accuracy * (1 - math.exp(-(epoch + 1) / 3)) for epoch in range(12)]
        outcome = {"state": "complete", "accuracy": accuracy, "images": 450, "curve": curve}
        store.finish(number, {**outcome, "train_seconds": 2.0, "plan": "lanes"})
    store.close()


def until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def report(name: str, values: list[float], unit: str) -> None:
    low, high = min(values), max(values)
    median = statistics.median(values)
    print(f"{name}: {median:.2f} {unit} [{low:.2f}, {high:.2f}], n = {len(values)}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
