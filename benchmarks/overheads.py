"""Is the cost of a search besides training small: its start, its scheduling, its workers' memory?

Command:  UNITSEARCH_DATA=… python -m benchmarks.overheads --trials 500 --rounds 3
Prints:   seconds of `unitsearch --help`; seconds from typing `unitsearch run space=lenet_table1` to
          the first training step with cold caches and with warm ones; the driver's CPU milliseconds
          a trial; the workers' resident memory after the first tenth of the trials and at the end;
          then all of it as one JSON line
Method:   commands are run as a user types them, in a new folder; a cold start has an empty
          UNITSEARCH_CACHE. The first step is when the first trial ended less the time that its
          training took. Scheduling and memory: one study of lenet_hybrid on digits, one epoch a
          trial, two workers; CPU time of the driver between the first tenth of the trials and the
          last, imports, report and this benchmark's own looks left out; memory is the largest PSS
          among the workers
Noise:    starts are given as all rounds' values
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from unitsearch.api.studies import run_study
from unitsearch.study.progress import Progress

UNITSEARCH = [str(Path(sys.executable).with_name("unitsearch"))]


def help_seconds() -> float:
    start = time.perf_counter()
    subprocess.run([*UNITSEARCH, "--help"], check=True, capture_output=True)
    return time.perf_counter() - start


def start_seconds(cache: Path) -> float:
    """From typing the command to the first training step."""
    import optuna

    with tempfile.TemporaryDirectory() as folder:
        asked = ["run", "space=lenet_table1", "name=start", "budget.trials=1"]
        asked += ["train.epochs=1", "data.limit=1000"]
        start = time.time()
        environment = {**os.environ, "UNITSEARCH_CACHE": str(cache)}
        subprocess.run(
            [*UNITSEARCH, *asked], check=True, capture_output=True, cwd=folder, env=environment
        )
        backend = optuna.storages.journal.JournalFileBackend(f"{folder}/studies/start/journal.log")
        storage = optuna.storages.JournalStorage(backend)
        (study,) = storage.get_all_studies()
        first = storage.get_all_trials(study._study_id)[0]
        assert first.datetime_complete is not None
        trained = first.user_attrs["outcome"]["train_seconds"]
        return first.datetime_complete.timestamp() - trained - start


def pss(pid: int) -> float:
    """Proportional resident memory in MiB; 0 of a process that is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    (line,) = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) / 1024


def workers() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children]


def search(trials: int) -> dict[str, float]:
    seen: list[tuple[int, float, float]] = []  # trials done, driver's CPU seconds, MiB

    looking = 0.0

    def watch(progress: Progress) -> None:
        nonlocal looking
        start = time.process_time()
        done = sum(trial.state == "complete" for trial in progress.record.trials)
        if not seen or done > seen[-1][0]:
            seen.append((done, start - looking, max(map(pss, workers()), default=0.0)))
        looking += time.process_time() - start

    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            run_study(
                ["space=lenet_hybrid", f"budget.trials={trials}", "train.epochs=1",
                 "engine.workers=2"], watch=watch,
            )  # fmt: skip
        finally:
            os.chdir(before)
    early = next(row for row in seen if row[0] >= trials // 10)
    last = seen[-1]
    return {
        "driver_ms_a_trial": 1000 * (last[1] - early[1]) / (last[0] - early[0]),
        "worker_mib_early": early[2],
        "worker_mib_late": last[2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    helps = [help_seconds() for _ in range(asked.rounds)]
    cold, warm = [], []
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(start_seconds(Path(cache)))
            warm.append(start_seconds(Path(cache)))
    result = search(asked.trials)
    for name, row in (("--help", helps), ("cold start", cold), ("warm start", warm)):
        print(f"{name:12} {median(row):6.2f} s  ({', '.join(f'{s:.2f}' for s in row)})")
    print(f"scheduling   {result['driver_ms_a_trial']:6.2f} ms of the driver's CPU a trial")
    print(
        f"a worker     {result['worker_mib_early']:6.0f} MiB after {asked.trials // 10} trials, "
        f"{result['worker_mib_late']:.0f} MiB after {asked.trials}"
    )
    print(json.dumps({"help": helps, "cold": cold, "warm": warm, **result}))


if __name__ == "__main__":
    main()
