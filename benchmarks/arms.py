"""The arms of ``benchmarks.training``, each a process of its own: ``python -m benchmarks.arms``.

An arm reads from a file the networks to train, trains them, and prints one JSON line: the time of
its start, and for each network number, accuracy, seconds, time of its end, and seconds by phase.
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
    """Run a study of ours with two local workers, in a temporary folder."""
    import unitsearch

    plain_task = json.loads(task.read_text())
    finished: dict[int, float] = {}

    def watch(progress: Any) -> None:
        words = progress.news.split()
        if words[2:3] == ["complete:"]:
            finished[int(words[1])] = time.time()

    os.chdir(task.parent)
    study = unitsearch.run(
        plain_task["space"],
        watch=watch,
        name=f"ours-{time.time_ns()}",
        seed=plain_task["seed"],
        data=plain_task["changes"],
        train=plain_task["recipe"],
        sampler={"name": "tpe", "startup": TPE_STARTUP},
        engine={"workers": plain_task["workers"]},
        budget={"trials": plain_task["trials"]},
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
    """Run a job of ours in this process under a profiler; return its seconds by phase."""
    import torch

    from unitsearch.engine import Job, work
    from unitsearch.fields import read, write_all
    from unitsearch.training import Recipe

    work.prepare_process()
    plain_task = json.loads(task.read_text())
    recipe = write_all(read(Recipe, plain_task["recipe"], "train"))
    row = plain_task["networks"][-1]
    job = Job(1, "train", row["architecture"], row["seed"], recipe, plain_task["data"])
    cache = work.WorkerCache()
    work.run_job(job, cache)  # warm up
    profile = cProfile.Profile()
    begin = time.perf_counter()
    outcome = profile.runcall(work.run_job, job, cache)
    whole = time.perf_counter() - begin
    torch.set_num_threads(1)
    return {"rows": [], "whole": whole, "train": outcome.train_seconds, **_by_phase(profile)}


def _by_phase(profile: cProfile.Profile) -> dict[str, float]:
    """Return seconds by phase: of functions by their names, in calls from training only."""
    seconds = {"data": 0.0, "optimiser": 0.0, "evaluation": 0.0, "lanes": 0.0}
    names = ("batches", "normalise", "_prepared", "shuffled", "draw_crops")
    for (file, _, name), entry in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        *_, cumulative, callers = entry
        if name == "score" and "training" in file:
            # a runner's method may call the function of the same name
            outer = [c for c in callers if c[2] != "score"]
            seconds["evaluation"] += sum(callers[c][3] for c in outer)
        elif name == "train_step":
            seconds["lanes"] += cumulative
        elif name in names and "unitsearch" in file:
            outer = [c for c in callers if c[2] not in ("score", "is_finite", *names)]
            seconds["data"] += sum(callers[c][3] for c in outer)
        elif name in ("zero_grad", "step") and "optim" in file and "unitsearch" not in file:
            seconds["optimiser"] += entry[2] if name == "step" else cumulative
        elif name.endswith(("_fused_sgd", "_fused_adam", "sgd", "adam")) and "torch" in file:
            seconds["optimiser"] += entry[2]
    return seconds


def optuna_script(task: Path, threads: int, loaders: int, *, compiled: bool) -> dict[str, Any]:
    """Train all networks of the task, one after the other, as an Optuna study with TPE."""
    return {"rows": list(_trained(task, loaders, compiled, None, threads))}


def _trained(
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
    plain_task = json.loads(task.read_text())
    train = Plain(task, loaders, compiled=compiled)
    space = bound_space(plain_task["space"])
    storage = None if journal is None else JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        study_name="plain",
        storage=storage,
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=optuna.samplers.TPESampler(seed=plain_task["seed"], n_startup_trials=TPE_STARTUP),
    )
    rows = []
    while True:
        trial = study.ask()
        if trial.number >= len(plain_task["networks"]):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return rows

        def choose(name: str, domain: Any, trial: Any = trial) -> Any:
            distribution = distribution_of(domain)
            return (
                domain.options[0] if distribution.single() else trial._suggest(name, distribution)
            )

        draw(space, choose)  # the sample is not used: all arms train the same networks
        row = train(trial.number)
        study.tell(trial, [row["accuracy"], float(trial.number)])
        rows.append(row)


def processes(task: Path, count: int) -> dict[str, Any]:
    """Let ``count`` processes of one thread share one journal."""
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        command = [sys.executable, "-m", "benchmarks.arms", "share", str(task), str(journal)]
        workers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        outputs = [json.loads(process.communicate()[0].splitlines()[-1]) for process in workers]
    return {"rows": [row for output in outputs for row in output["rows"]]}


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
            result = ours(task)
        case "profile":
            result = profiled(task)
        case "optuna":
            result = optuna_script(task, 0, 2, compiled=False)
        case "compile":
            result = optuna_script(task, 0, 2, compiled=True)
        case "processes":
            result = processes(task, 2)
        case "share":
            result = {"rows": _trained(task, 0, False, Path(sys.argv[3]), 1)}
        case "ray":
            result = ray_tune(task, 2)
        case _:
            raise SystemExit(f"no arm {name}")
    print(json.dumps({"began": BEGAN, **result}))


if __name__ == "__main__":
    main()
