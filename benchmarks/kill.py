"""Does a study that is killed again and again end as one that never was?

Command:  python -m benchmarks.kill --trials 40 --kills 20 --seed 0
Prints:   one line a kill, then "equal" or what differs, and that as one JSON line; exit 0 or 1
Method:   a run to its end is the reference. The same run elsewhere is killed (SIGKILL, in turn the
          whole process group, the driver alone, or one worker) after a random time, up to half
          of the reference's, and resumed, until it ends. After each kill: the study reads, no trial
          is listed as running, complete trials still are and are unchanged, and no worker outlives
          its driver by 5 s.
          At the end numbers, keys, seeds, values, accuracies, curves, digests, test accuracies and
          the names of all files are compared.
Noise:    none allowed: one worker or two, killed or not, the study is the same bit by bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.study.processes import is_worker, workers_of
from tests.study.trial_facts import TrialFacts, facts_of_trials
from unitsearch.errors import StudyError

COMMAND = [sys.executable, "-m", "unitsearch.cli.main"]
WORDS = ["name=killed", "train.epochs=1", "sampler.lag=2", "sampler.population=4"]


def start(home: Path, words: list[str]) -> subprocess.Popen[bytes]:
    with (home / "output.txt").open("ab") as output:
        return subprocess.Popen(
            [*COMMAND, *words], cwd=home, stdout=output, stderr=output, start_new_session=True
        )


def facts(folder: Path) -> dict[int, TrialFacts]:
    return {trial.number: trial for trial in facts_of_trials(folder)}


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def kill(process: subprocess.Popen[bytes], how: str, draw: random.Random) -> list[str]:
    """Kill as ``how`` says; return a line for each process that outlived it."""
    workers = workers_of(process.pid)
    if how == "worker":
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
        return []
    if how == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 5
    while any(map(is_worker, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [f"worker {pid} outlived its driver" for pid in workers if is_worker(pid)]


def check(folder: Path, before: dict[int, TrialFacts]) -> list[str]:
    """Return the damage of a kill: trials that are no longer complete, or have changed."""
    try:
        after = facts(folder)
    except StudyError as error:
        return [f"the study does not read: {error}"] if before else []
    wrong = [
        f"trial {n} is {trial.state}"
        for n, trial in after.items()
        if trial.state not in ("complete", "waiting")
    ]
    for number, trial in before.items():
        now = after.get(number)
        if trial.state == "complete" and (now is None or now.as_searched() != trial.as_searched()):
            wrong.append(f"trial {number} changed")
    before.clear()
    before.update(after)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    home = Path(tempfile.mkdtemp(prefix="unitsearch-kill-"))
    words = [*WORDS, f"budget.trials={asked.trials}", f"seed={asked.seed}"]
    straight, broken = home / "straight", home / "broken"
    straight.mkdir()
    broken.mkdir()
    began = time.monotonic()
    code = start(straight, ["run", *words, "engine.workers=1"]).wait()
    took = time.monotonic() - began
    assert code == 0, (straight / "output.txt").read_text()
    wrong: list[str] = []
    folder = broken / "studies" / "killed"
    before: dict[int, TrialFacts] = {}
    kills = 0
    process: subprocess.Popen[bytes] | None = None
    while True:
        if process is None:
            run = ["run", *words, f"engine.workers={asked.workers}"]
            alive = (folder / "study.yaml").is_file()
            process = start(broken, ["resume", "killed"] if alive else run)
        patience = draw.uniform(0, took / 2)  # from before the first import to several trials on
        try:
            code = process.wait(timeout=None if kills >= asked.kills else patience)
        except subprocess.TimeoutExpired:
            how = ("group", "driver", "worker")[kills % 3]
            kills += 1
            faults = kill(process, how, draw)
            if how != "worker":  # a driver that lost a worker goes on
                faults += check(folder, before)
                process = None
            done = sum(trial.state == "complete" for trial in before.values())
            print(f"kill {kills} ({how}) after {patience:.2f} s: {done} complete {faults or ''}")
            wrong += faults
            continue
        if code != 0:
            wrong.append(f"exit {code}: {(broken / 'output.txt').read_text()[-500:]}")
        break
    if not wrong:
        one, other = facts(straight / "studies" / "killed"), facts(folder)
        wrong += [f"trial {n}: {one.get(n)} != {other.get(n)}" for n in one.keys() | other.keys()
                  if one.get(n) != other.get(n)]  # fmt: skip
        apart = set(files(straight / "studies" / "killed")) ^ set(files(folder))
        wrong += [f"file {name}" for name in sorted(apart)]
    print("equal" if not wrong else "\n".join(wrong))
    print(json.dumps({"trials": asked.trials, "kills": kills, "seed": asked.seed,
                      "seconds": round(time.monotonic() - began, 1), "wrong": wrong}))  # fmt: skip
    if wrong:
        print(f"kept: {home}", file=sys.stderr)
    else:
        shutil.rmtree(home)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
