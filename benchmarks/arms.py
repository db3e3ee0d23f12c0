"""The arms of ``benchmarks.training``, each a process of its own: ``python -m benchmarks.arms``.

An arm is told in a file what to train, trains it, and prints one JSON line: when it began, and for
each network its number, accuracy, seconds, the time it was finished, and the seconds by phase.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BEGAN = time.time()
TPE_STARTUP = 10


def ours(task: Path) -> dict[str, Any]:
    """Run a study of ours with two local workers, in a folder that is thrown away."""
    import unitsearch

    said = json.loads(task.read_text())
    finished: dict[int, float] = {}

    def watch(progress: Any) -> None:
        words = progress.news.split()
        if words[2:3] == ["complete:"]:
            finished[int(words[1])] = time.time()

    os.chdir(task.parent)
    study = unitsearch.run(
        said["space"],
        watch=watch,
        name=f"ours-{time.time_ns()}",
        seed=said["seed"],
        data=said["changes"],
        train=said["recipe"],
        sampler={"name": "tpe", "startup": TPE_STARTUP},
        engine={"workers": said["workers"]},
        budget={"trials": said["trials"]},
    )
    from unitsearch.architecture import write_architecture

    rows = []
    for trial in study.record.complete:
        rows.append(
            {
                "number": trial.number,
                "accuracy": trial.accuracy,
                "seconds": trial.train_seconds,
                "finished": finished[trial.number],
                "architecture": write_architecture(trial.architecture),
                "seed": trial.seed,
                "plan": getattr(trial, "plan", ""),
            }
        )
    return {"rows": rows}


def profiled(task: Path) -> dict[str, Any]:
    """Do a job of ours in this process under a profiler, to see where its time goes."""
    import torch

    from unitsearch.engine import Job, work
    from unitsearch.fields import read, write_all
    from unitsearch.training import Recipe

    work.prepare_process()
    said = json.loads(task.read_text())
    recipe = write_all(read(Recipe, said["recipe"], "train"))
    row = said["networks"][-1]
    job = Job(1, "train", row["architecture"], row["seed"], recipe, said["data"])
    cache = work.WorkerCache()
    work.run_job(job, cache)  # warm
    profile = cProfile.Profile()
    begin = time.perf_counter()
    outcome = profile.runcall(work.run_job, job, cache)
    whole = time.perf_counter() - begin
    torch.set_num_threads(1)
    return {"rows": [], "whole": whole, "train": outcome.train_seconds, **_by_phase(profile)}


def _by_phase(profile: cProfile.Profile) -> dict[str, float]:
    """Return seconds by phase: of functions by their names, in calls from training only."""
    found = {"data": 0.0, "optimiser": 0.0, "evaluation": 0.0, "lanes": 0.0}
    names = ("batches", "normalise", "_prepared", "shuffled", "draw_crops")
    for (file, _, name), entry in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        *_, cumulative, callers = entry
        if name == "accuracy" and "training" in file:
            # each calls the next where a runner stands between
            outer = [c for c in callers if c[2] != "accuracy"]
            found["evaluation"] += sum(callers[c][3] for c in outer)
        elif name == "train_step":
            found["lanes"] += cumulative
        elif name in names and "unitsearch" in file:
            outer = [c for c in callers if c[2] not in ("accuracy", "is_finite", *names)]
            found["data"] += sum(callers[c][3] for c in outer)
        elif name in ("zero_grad", "step") and "optim" in file and "unitsearch" not in file:
            found["optimiser"] += entry[2] if name == "step" else cumulative
        elif name.endswith(("_fused_sgd", "_fused_adam", "sgd", "adam")) and "torch" in file:
            found["optimiser"] += entry[2]
    return found


def optuna_script(task: Path, threads: int, loaders: int, *, compiled: bool) -> dict[str, Any]:
    """Train all networks of the task, one after the other, as an Optuna study with TPE."""
    return {"rows": list(_asked(task, loaders, compiled, None, threads))}


def _asked(
    task: Path, loaders: int, compiled: bool, journal: Path | None, threads: int
) -> list[dict[str, Any]]:
    import optuna
    import torch
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from benchmarks.plain import Plain
    from unitsearch.api import bound_space
    from unitsearch.search.distributions import distribution_of
    from unitsearch.space import draw

    if threads:
        torch.set_num_threads(threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    said = json.loads(task.read_text())
    train = Plain(task, loaders, compiled=compiled)
    space = bound_space(said["space"])
    storage = None if journal is None else JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        study_name="plain",
        storage=storage,
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=optuna.samplers.TPESampler(seed=said["seed"], n_startup_trials=TPE_STARTUP),
    )
    rows = []
    while True:
        trial = study.ask()
        if trial.number >= len(said["networks"]):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return rows

        def choose(name: str, domain: Any, trial: Any = trial) -> Any:
            found = distribution_of(domain)
            return domain.options[0] if found.single() else trial._suggest(name, found)

        draw(space, choose)  # asked, and set aside: all arms train the same networks
        row = train(trial.number)
        study.tell(trial, [row["accuracy"], float(trial.number)])
        rows.append(row)


def processes(task: Path, count: int) -> dict[str, Any]:
    """Let ``count`` processes of one thread work through one journal."""
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        command = [sys.executable, "-m", "benchmarks.arms", "share", str(task), str(journal)]
        team = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        said = [json.loads(process.communicate()[0].splitlines()[-1]) for process in team]
    return {"rows": [row for one in said for row in one["rows"]]}


def ray_tune(task: Path, workers: int) -> dict[str, Any]:
    """Let Ray Tune run the function for each network, ``workers`` at a time."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AIR_NEW_OUTPUT="0")
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray
    from ray import tune

    def function(config: dict[str, Any]) -> None:
        import torch

        from benchmarks.plain import Plain

        torch.set_num_threads(1)
        tune.report({"row": Plain(task, 0)(config["number"])})

    count = len(json.loads(task.read_text())["networks"])
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(function, {"cpu": 1}),
            param_space={"number": tune.grid_search(list(range(count)))},
            tune_config=tune.TuneConfig(max_concurrent_trials=workers),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        rows = [result.metrics["row"] for result in tuner.fit()]
    ray.shutdown()
    return {"rows": rows}


def main() -> None:
    name, task = sys.argv[1], Path(sys.argv[2])
    match name:
        case "ours" | "ours, longer":
            found = ours(task)
        case "profile":
            found = profiled(task)
        case "optuna":
            found = optuna_script(task, 0, 2, compiled=False)
        case "compile":
            found = optuna_script(task, 0, 2, compiled=True)
        case "processes":
            found = processes(task, 2)
        case "share":
            found = {"rows": _asked(task, 0, False, Path(sys.argv[3]), 1)}
        case "ray":
            found = ray_tune(task, 2)
        case _:
            raise SystemExit(f"no arm {name}")
    print(json.dumps({"began": BEGAN, **found}))


if __name__ == "__main__":
    main()
