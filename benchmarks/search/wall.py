"""Wall time from typing a command to a front, against a plain script that searches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.search.measures import reference_of, volume
from benchmarks.search.plain_search import open_study
from benchmarks.search.real import FRESH, true_of
from benchmarks.search.spec import Place
from benchmarks.search.table import baseline_proposal, member_of
from unitsearch.api import load_study
from unitsearch.fields import write_all
from unitsearch.search.front import front
from unitsearch.search.proposals import Proposal

PROCESSES = 2
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Timed:
    """The front that a command left.

    Attributes:
        what: The command, in words.
        seed: Its seed.
        seconds: From the start of the process to its end.
        members: The networks on its front.
    """

    what: str
    seed: int
    seconds: float
    members: list[Proposal]


def plain(place: Place, seed: int, trials: int) -> Timed:
    """Run the plain script: Optuna's NSGA-II, a DataLoader, a loop over units, two processes."""
    spec = place.read_spec()
    config = spec.config
    task = {
        "table": place.name, "seed": seed, "trials": trials, "networks": [],
        "recipe": write_all(config.train), "data": write_all(config.data),
    }  # fmt: skip
    pinned = {**os.environ, **dict.fromkeys(THREADS, "1")}
    with TemporaryDirectory() as folder:
        written, journal = Path(folder) / "task.json", Path(folder) / "journal"
        written.write_text(json.dumps(task))
        command = [sys.executable, "-m", "benchmarks.search.plain_search", written, journal]
        began = time.perf_counter()
        processes = [subprocess.Popen(command, env=pinned) for _ in range(PROCESSES)]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit("the plain script failed")
        seconds = time.perf_counter() - began
        done = [trial for trial in open_study(task, journal).trials if trial.values]
    best = front([(i, (-t.values[0], *t.values[1:])) for i, t in enumerate(done)])
    members = [member_of(spec.bound, done[i].user_attrs["values"]) for i in best]
    return Timed(f"plain script, {trials} trials", seed, seconds, members)


def ours(place: Place, seed: int, trials: int) -> Timed:
    """Run ``unitsearch run`` with a budget, in a folder of its own."""
    spec = place.read_spec()
    command = [sys.executable, "-m", "unitsearch", "run", *spec.overrides]
    with TemporaryDirectory() as folder:
        given = [f"budget.trials={trials}", f"seed={seed}", "name=wall"]
        began = time.perf_counter()
        subprocess.run([*command, *given], cwd=folder, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        record = load_study(Path(folder) / "studies" / "wall").record
    members = [
        Proposal(t.values, {}, t.architecture, t.key, t.cost, {})
        for t in record.front
        if not t.is_baseline
    ]
    return Timed(f"unitsearch run budget.trials={trials}", seed, seconds, members)


def compare(
    place: Place, seeds: Sequence[int], trials: int, ours_trials: Sequence[int],
    watch: Callable[[str], None],
) -> list[tuple[Timed, float]]:  # fmt: skip
    """Return each front with its hypervolume by fresh seeds.

    Args:
        place: The table whose space and settings are used.
        seeds: The seeds of both.
        trials: Trials of the plain script.
        ours_trials: Budgets of ours.
        watch: Called with a line of news.
    """
    ours(place, 0, 3)  # compiles what a machine compiles once
    done = []
    for seed in seeds:
        for one in (plain(place, seed, trials), *(ours(place, seed, n) for n in ours_trials)):
            done.append(one)
            watch(f"{one.what}, seed {seed}: {one.seconds:.1f} s, {len(one.members)} on its front")
    spec = place.read_spec()
    first = baseline_proposal(spec.bound)
    members = [first, *(member for one in done for member in one.members)]
    true = true_of(place, members, FRESH, watch)
    reference = reference_of(spec, true[first.key], first.cost)
    return [
        (one, volume([m.cost for m in one.members], [true[m.key] for m in one.members], reference))
        for one in done
    ]


def lines(found: Sequence[tuple[Timed, float]]) -> list[str]:
    """Return a line for each command: mean hypervolume and seconds, and the ratio of seconds."""
    kinds = list(dict.fromkeys(one.what for one, _ in found))
    seconds = {k: [one.seconds for one, _ in found if one.what == k] for k in kinds}
    result = []
    for kind in kinds:
        volumes = [value for one, value in found if one.what == kind]
        ratios = [a / b for a, b in zip(seconds[kinds[0]], seconds[kind], strict=True)]
        result.append(
            f"{kind:34} n={len(volumes)} HVt {sum(volumes) / len(volumes):.4f} "
            f"[{min(volumes):.4f}, {max(volumes):.4f}]  "
            f"{sum(seconds[kind]) / len(volumes):8.1f} s  "
            f"{sum(ratios) / len(ratios):6.1f}x [{min(ratios):.1f}, {max(ratios):.1f}]"
        )
    return result
