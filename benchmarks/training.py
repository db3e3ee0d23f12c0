"""Does a study of ours train more networks an hour than the code that people write without it?

Command:  UNITSEARCH_DATA=… python -m benchmarks.training --space lenet_table1 --trials 8 --rounds 3
Prints:   one row an arm: trials an hour, whole (from the start of the process to its end) and going
          (from the first network's start to the last one's end); microseconds of a training for
          each image trained on (its evaluation within); share of the peak of both cores while
          going; accuracy, mean ± standard deviation over networks and rounds; gain over --against
          in the same round with its bootstrap 95 % interval (below five rounds: the range); then
          a trial's seconds by phase (of ours by a profile of one job; a step in lanes is one call
          that includes its batch and optimiser); then the same as one JSON line
Arms:     ours       ``unitsearch.run``: TPE, two local workers, store, front, test of the front on
                     the whole test set, report; everything in a temporary folder
          ours, longer  the same with --longer trials: the cost of a start is spread over more
          optuna     a plain script: TPE, a DataLoader with two workers and transforms image by
                     image, torch's default threads, a loop over units, torch's default SGD
          processes  the same function in two processes of one thread on one Optuna journal
                     (no loader workers: with them it is slower)
          ray        the same function under Ray Tune, two at a time, one thread each
          compile    as ``optuna``, each network through torch.compile, compiling within; the first
                     --compiled networks only; needs g++
Method:   each arm is a fresh process, the arms of a round run one after the other, the order turns
          from round to round. Ours runs first and reports the networks that it sampled; all arms
          train these from the same weights with the same recipe on the same images. The peak is
          measured beside each arm (see benchmarks.lanes)
Noise:    the spread over rounds; the load of the machine stands in the JSON line. Other work on
          the cores slows ``optuna`` and ``compile``, whose threads wait for each other, several
          times more than the rest: compare with ``processes`` then
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, median, pstdev
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.lanes import flops_of, peak
from benchmarks.plans import interval
from unitsearch.architecture import read_architecture
from unitsearch.costs import count
from unitsearch.data import data_spec
from unitsearch.fields import write_all
from unitsearch.space import load_space

ARMS = ("ours", "optuna", "processes", "ray", "compile")
RATES = {"toy_hybrid": 0.01}  # at 0.05 it has learnt nothing after two epochs
WORKERS = 2
PINNED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
Row = dict[str, Any]


def run(arm: str, task: Path) -> Row:
    """Run an arm to its end; return its output and the seconds of the whole process."""
    environment = {name: value for name, value in os.environ.items() if name not in PINNED}
    if arm in ("processes", "ray", "profile"):
        environment |= dict.fromkeys(PINNED, "1")
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(task.parent / f"inductor-{time.time_ns()}")
    command = [sys.executable, "-m", "benchmarks.arms", arm, str(task)]
    begin = time.time()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return {**result, "began": begin, "wall": time.time() - begin}


def window(result: Row) -> float:
    """Return the seconds from the start of the first network to the end of the last."""
    rows = result["rows"]
    starts = [row["finished"] - row["seconds"] for row in rows]
    return max(row["finished"] for row in rows) - min(starts)


def work_of(networks: list[Row], arguments: argparse.Namespace) -> float:
    """Return the GFLOP that every arm must do: training steps and evaluations of all networks."""
    total = 0.0
    for row in networks:
        architecture = read_architecture(row["architecture"])
        batches = arguments.images // arguments.batch
        total += arguments.epochs * batches * arguments.batch * flops_of(architecture)
        total += arguments.epochs * arguments.evaluated * 2 * count(architecture).macs
    return total / 1e9


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, list[Row]]:
    """Return the results of each arm in each round."""
    data = load_space(arguments.space).data
    changes = {"limit": arguments.images + arguments.evaluated, "validation": arguments.evaluated}
    recipe = {
        "epochs": arguments.epochs, "batch": arguments.batch, "optimiser": "sgd",
        "rate": arguments.rate, "momentum": 0.9, "weight_decay": 0.0, "warmup": 0.2,
        "schedule": "cosine",
    }  # fmt: skip
    task: Row = {
        "space": arguments.space, "seed": arguments.seed, "trials": arguments.trials,
        "workers": WORKERS,
        "recipe": recipe, "changes": {"name": data, **changes},
        "data": write_all(data_spec(data, **changes)),
    }  # fmt: skip
    written = folder / "task.json"
    rounds: dict[str, list[Row]] = {}
    measure_peak = peak()
    for round_ in range(arguments.rounds):
        arms = [arm for arm in arguments.arms if arm != "ours"]
        arms = arms[round_ % max(len(arms), 1) :] + arms[: round_ % max(len(arms), 1)]
        for arm in ["ours", *(["ours, longer"] if arguments.longer else []), *arms]:
            arm_task = dict(task)
            if arm == "ours, longer":
                arm_task["trials"] = arguments.longer
            if arm == "compile":
                arm_task["networks"] = task["networks"][: arguments.compiled]
            written.write_text(json.dumps(arm_task))
            top = median(measure_peak() for _ in range(9))
            result = {**run(arm, written), "peak": top, "load": os.getloadavg()[0]}
            rounds.setdefault(arm, []).append(result)
            if arm == "ours":
                drawn = [
                    (row["number"], row["architecture"], row["seed"]) for row in result["rows"]
                ]
                networks = [
                    {"architecture": architecture, "seed": seed}
                    for _, architecture, seed in sorted(drawn)
                ]
                assert task.get("networks", networks) == networks, "ours sampled other networks"
                task["networks"] = networks
            print(f"  round {round_ + 1}: {arm} took {result['wall']:.1f} s", file=sys.stderr)
    written.write_text(json.dumps(task))
    rounds["profile"] = [run("profile", written)]
    return rounds


def spread(values: list[float]) -> tuple[float, float]:
    return interval(values) if len(values) >= 5 else (min(values), max(values))


def summary(results: dict[str, list[Row]], arguments: argparse.Namespace) -> list[Row]:
    """Return one row an arm, and print it."""
    images = arguments.epochs * (arguments.images // arguments.batch) * arguments.batch
    results = dict(results)
    profile = results.pop("profile")[0]
    first = results.get(arguments.against)
    rows = []
    print(
        f"\n{arguments.space}: {arguments.images} images, {arguments.epochs} epochs, "
        f"batch {arguments.batch}"
    )
    for arm, rounds in results.items():
        each = [row for result in rounds for row in result["rows"]]
        n = len(rounds[0]["rows"])
        whole = [3600 * n / result["wall"] for result in rounds]
        going = [3600 * n / window(result) for result in rounds]
        micros = median(row["seconds"] for row in each) / images * 1e6
        shares = []
        for result in rounds:
            networks = [
                {"architecture": row["architecture"]} if "architecture" in row else
                results["ours"][0]["rows"][row["number"]]
                for row in result["rows"]
            ]  # fmt: skip
            shares.append(work_of(networks, arguments) / window(result) / result["peak"] / WORKERS)
        row: Row = {
            "arm": arm, "rounds": len(rounds), "trials": n, "whole_per_hour": median(whole),
            "going_per_hour": median(going), "us_per_image": micros, "of_peak": median(shares),
            "accuracy": mean(r["accuracy"] for r in each),
            "accuracy_sd": pstdev([r["accuracy"] for r in each]),
        }  # fmt: skip
        gains = ""
        if first and arm != "compile":  # which trains other networks than the rest
            for name, rates in (("whole", whole), ("going", going)):
                base = [
                    3600
                    * len(result["rows"])
                    / (result["wall"] if name == "whole" else window(result))
                    for result in first
                ]
                ratios = [a / b for a, b in zip(rates, base, strict=True)]
                row[f"{name}_gain"], row[f"{name}_interval"] = median(ratios), spread(ratios)
                low, high = spread(ratios)
                gains += f"  {name} {median(ratios):5.2f}x [{low:.2f}, {high:.2f}]"
        print(
            f"{arm:13} n={len(rounds)}x{n:<3} "
            f"whole {median(whole):7,.0f} [{min(whole):,.0f}, {max(whole):,.0f}]  "
            f"going {median(going):7,.0f} [{min(going):,.0f}, {max(going):,.0f}]  "
            f"{micros:7.1f} µs/image {median(shares):6.1%} of peak  "
            f"{row['accuracy']:.3f} ± {row['accuracy_sd']:.3f}{gains}"
        )
        rows.append(row)
    print("a trial's seconds by phase, in the process that trains it:")
    for row, rounds in zip(rows, results.values(), strict=True):
        row["seconds"] = parts = phases(row, rounds, profile)
        print(
            f"{row['arm']:13} " + "  ".join(f"{name} {value:.2f}" for name, value in parts.items())
        )
    return rows


def phases(row: Row, rounds: list[Row], profile: Row) -> dict[str, float]:
    """Return the seconds of a trial by phase, of ours by the shares that the profile shows."""
    each = [result for round_ in rounds for result in round_["rows"]]
    cores = 1 if row["arm"] in ("optuna", "compile") else WORKERS
    around = [
        cores * result["wall"] / len(result["rows"]) - mean(r["seconds"] for r in result["rows"])
        for result in rounds
    ]
    trained = mean(result["seconds"] for result in each)
    if "phases" in each[0]:
        parts = {
            name: mean(result["phases"][name] for result in each) for name in each[0]["phases"]
        }
        parts["rest of training"] = trained - sum(parts.values())
    else:
        share = trained / profile["train"]
        parts = {name: share * profile[name] for name in ("data", "optimiser", "evaluation")}
        step = profile["lanes"] or profile["train"] - sum(
            profile[name] for name in ("data", "optimiser", "evaluation")
        )
        name = "step in lanes" if profile["lanes"] else "forward and backward"
        parts = {"data": parts["data"], name: share * step, **parts}
        parts["rest of training"] = trained - sum(parts.values())
    return {**parts, "start, scheduling, testing, reports": median(around)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="lenet_table1", help="lenet_table1 or toy_hybrid")
    parser.add_argument("--arms", default=",".join(ARMS), help="some of the arms; ours always runs")
    parser.add_argument("--against", default="optuna", help="the arm that gains are over")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--longer", type=int, default=40, help="trials of ours, longer; 0: skip it")
    parser.add_argument("--compiled", type=int, default=1, help="networks of compile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--evaluated", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, help="of SGD; 0.05, 0.01 for toy_hybrid")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.rate = arguments.rate or RATES.get(arguments.space, 0.05)
    arguments.arms = ["ours", *(arm for arm in arguments.arms.split(",") if arm != "ours")]
    if unknown := set(arguments.arms) - set(ARMS):
        parser.error(f"no arm {', '.join(sorted(unknown))}: take some of {', '.join(ARMS)}")
    if "compile" in arguments.arms and shutil.which("g++") is None:
        print("compile is left out: torch.compile needs g++, which is not here", file=sys.stderr)
        arguments.arms.remove("compile")
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        results = measure(arguments, Path(folder))
    rows = summary(results, arguments)
    loads = [result.get("load", 0.0) for rounds in results.values() for result in rounds]
    host = {"machine": platform.machine(), "cores": os.cpu_count(), "torch": torch.__version__}
    print(json.dumps({**host, **vars(arguments), "load": max(loads), "results": rows}))


if __name__ == "__main__":
    main()
