"""Is the dashboard quick on a large study, and does it leave a running search its speed?

Command:  python -m benchmarks.dashboard --trials 10000 --rounds 7
Prints:   seconds from the opening of a page until its header, its first figure and its second one
          stand there, the server just started and again with the study read; milliseconds of a
          click (until the details stand there) and of a brush (until the other figures in view
          have followed); seconds until a new trial is seen; the speed of a search with a page open
          on it over that without, and the shares of a core that the server and the browser took;
          and all as one JSON line
Method:   a headless Chromium that draws in software, driven over its debugging pipe. The study is
          made of networks drawn from a space, with invented accuracies. The search is a study of
          300 trials that is resumed again and again from a copy, so that every turn trains the
          same networks of half a second each: by two workers on two cores, so that all that a page
          does is taken from it, or by ``--workers 1``. A round is a turn without a page, one with
          it and one without, and what is timed are the same trials of each.
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

COMMAND = [sys.executable, "-m", "unitsearch.cli.main"]
SPACE = "lenet_hybrid"
SETTLED = 5.0  # seconds after which a page has drawn what is near
WARM = 300  # trials that the search has before it is timed
LEAD = 60  # trials of each turn before those that are timed: a page opens and settles meanwhile
TAIL = 2  # trials after those that are timed, when a worker has nothing more to do
EPOCHS = 20  # of the search's trainings on digits, which take two thirds of a second so
STAGES = ("header", "first figure", "second figure")
# Notes when each stage is seen, in the page itself: what asks from outside waits for its drawing.
CLOCK = """
window.stages = [];
(function look() {
    const div = part => document.querySelector(`[data-part="${part}"] .plot`);
    const claims = [
        document.querySelector("#head h1"), div(0)?._fullData?.length, div(1)?._fullData?.length,
    ];
    if (claims[stages.length]) {
        requestAnimationFrame(() => {
            stages.push(performance.now() / 1000);
            look();
        });
    } else if (stages.length < claims.length) setTimeout(look, 5);
})();"""
# From the event that the browser was given to the frame that shows what follows from it.
SINCE = """(type, claim) => new Promise(done => document.addEventListener(type, event => {
    (function look() {
        if (claim()) requestAnimationFrame(() => done(performance.now() - event.timeStamp));
        else setTimeout(look, 1);
    })();
}, {capture: true, once: true}))"""


class Unsynced(JournalFileBackend):
    """A journal whose lines are not waited for until they are on the disk."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with Path(self._file_path).open("a") as file:
            file.writelines(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--timed", type=int, default=200, help="trials of each turn of the search")
    parser.add_argument("--workers", type=int, default=2, help="of the search")
    parser.add_argument("--only", choices=("large", "new", "search"))
    given = parser.parse_args()
    found: dict[str, Any] = {"trials": given.trials, "rounds": given.rounds}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        browser = Browser(home / "browser")
        try:
            if given.only in (None, "large"):
                found |= large(home, browser, given.trials, given.rounds)
            if given.only in (None, "new"):
                found |= new(home, browser, given.rounds)
            if given.only in (None, "search"):
                found |= search(home, browser, given.rounds, given.timed, given.workers)
        finally:
            browser.close()
    print(json.dumps(found))


def large(home: Path, browser: Browser, trials: int, rounds: int) -> dict[str, Any]:
    write_study(home / "studies" / "large", trials)
    cold, warm, click, brushed = [], [], [], []
    for _ in range(rounds):
        with serving(home, "large") as url, browser.page() as page:
            cold.append(opened(page, url))
            warm.append(opened(page, url))
    with serving(home, "large") as url, browser.page() as page:
        opened(page, url)
        numbers = page.run("unitsearch.choice.table().ids.length")
        front = page.run("[...unitsearch.choice.table().front].map(id => +id.split(':').pop())")
        for number in random.Random(0).sample(front, min(rounds, len(front))):
            at = point(page, "figure-0", number)
            page.run("document.getElementById('drawer-body').replaceChildren()")
            page.run(
                f"window.since = ({SINCE})('mouseup', () => document.querySelector('#drawer pre'))"
                ", 0"
            )
            page.click(*at)
            click.append(page.run("window.since"))
        page.key("Escape")
        for _ in range(rounds):
            page.run("unitsearch.clearChoice(), 0")
            page.run(f"""window.since = ({SINCE})('mouseup', () => ['figure-0', 'figure-1'].every(
                name => document.querySelector(`[data-figure=${{name}}]`)
                    .classList.contains('dimmed'))), 0""")
            brush(page, "figure-0")
            brushed.append(page.run("window.since"))
        assert numbers == trials
        assert page.errors == []
    for when, found in (("server just started", cold), ("study read", warm)):
        for stage, seconds in zip(STAGES, zip(*found, strict=True), strict=True):
            say(f"{stage}, {when}", list(seconds), "s")
    say("click to details", click, "ms")
    say("brush to other figures", brushed, "ms")
    return {"cold_s": cold, "warm_s": warm, "click_ms": click, "brush_ms": brushed}


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
    (folder / LOCK).write_text(json.dumps(held))  # by a driver, as far as a page can tell
    shown = """(div => div._fullData.some(t => t.customdata && [...t.customdata].includes(%d))
        || unitsearch.plots.of(div).clouds.some(cloud => cloud.ids.includes("grows:%d"))
        )(document.querySelector('[data-figure=figure-0]'))"""
    seconds = []
    with serving(home, "grows") as url, browser.page() as page:
        opened(page, url)
        for at in range(rounds):
            began = time.perf_counter()
            write_trials(folder, range(200 + at, 201 + at), seed=at + 1)
            page.wait(shown % (200 + at, 200 + at))
            seconds.append(time.perf_counter() - began)
    say("a new trial is seen after", seconds, "s")
    return {"new_s": seconds}


def search(home: Path, browser: Browser, rounds: int, timed: int, workers: int) -> dict[str, Any]:
    words = [
        f"space={SPACE}",
        "name=search",
        "sampler=random",
        f"budget.trials={WARM}",
        f"train.epochs={EPOCHS}",
        f"engine.workers={workers}",
    ]
    subprocess.run([*COMMAND, "run", *words], cwd=home, capture_output=True, check=True)
    beside, alone, served, drawn, same = [], [], [], [], set()
    for _ in range(rounds):
        before, with_page, after = (
            turn(home, browser if seen else None, timed) for seen in (False, True, False)
        )
        beside.append((before.seconds + after.seconds) / 2 / with_page.seconds)
        alone.append(before.seconds / after.seconds)
        served.append(with_page.served)
        drawn.append(with_page.drawn)
        same |= {before.keys, with_page.keys, after.keys}
        assert len(same) == 1, "the turns trained different networks"
    say("speed of the search with a page open over without", beside, "x")
    say("without over without", alone, "x")
    say("of a core that the server took", served, "")
    say("of a core that the browser took", drawn, "")
    return {
        "search_with_over_without": beside,
        "search_without_over_without": alone,
        "server_cpu_share": served,
        "browser_cpu_share": drawn,
    }


@dataclass(frozen=True)
class Turn:
    """The search resumed once.

    Attributes:
        keys: Of the networks that it trained.
        seconds: That the timed trials took.
        served: Share of a core that the server took meanwhile.
        drawn: Share of a core that the browser took meanwhile.
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
    """Return the time that a process has had of the CPU."""
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session_seconds(session: int) -> float:
    """Return the time that the processes of a session have had of the CPU."""
    found = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if int(_stat(int(folder.name))[3]) == session:
                found += cpu_seconds(int(folder.name))
    return found


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


def until(claim: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def say(what: str, values: list[float], unit: str) -> None:
    low, high = min(values), max(values)
    median = statistics.median(values)
    print(f"{what}: {median:.2f} {unit} [{low:.2f}, {high:.2f}], n = {len(values)}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
