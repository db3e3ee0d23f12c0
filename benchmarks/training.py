"""Networks trained in an hour: a study against scripts that people write without unitsearch.

Command:  UNITSEARCH_DATA=… python -m benchmarks.training --space lenet_table1 --trials 8 --rounds 3
Prints:   one row an arm: trials an hour, whole (from the start of the process to its end) and going
          (from the first network's start to the last one's end); microseconds of a training for
          each image trained on (its evaluation within); share of the peak of both cores while
          going; accuracy, mean ± standard deviation over networks and rounds; gain over --against
          in the same round with its bootstrap 95 % interval (below five rounds: the range); then
          where a trial's time goes (of ours by a profile of one job; a step in lanes is one call,
          its batch and optimiser within); then the same as one JSON line
Arms:     ours       ``unitsearch.run``: TPE, two local workers, store, front, test of the front on
                     the whole test set, report; everything in a folder that is thrown away
          ours, longer  the same with --longer trials: what a start costs is spread over more
          optuna     a plain script: TPE, a DataLoader with two workers and transforms image by
                     image, torch's default threads, a loop over units, torch's default SGD
          processes  the same function in two processes of one thread on one Optuna journal
                     (no loader workers: with them it is slower)
          ray        the same function under Ray Tune, two at a time, one thread each, likewise
          compile    as ``optuna``, each network through torch.compile, compiling within; the first
                     --compiled networks only; needs g++
Method:   each arm is a fresh process, the arms of a round run one after the other, the order turns
          from round to round. Ours runs first and says which networks it drew; all arms train these
          from the same weights with the same recipe on the same images. The peak is measured
          beside each arm (see benchmarks.lanes)
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
RATES = {"toy_hybrid": 0.01}  # at 0.05 it knows nothing after two epochs
WORKERS = 2
PINNED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
Row = dict[str, Any]


def run(arm: str, task: Path) -> Row:
    """Run an arm to its end; return what it printed and the seconds of the whole process."""
    own = {name: value for name, value in os.environ.items() if name not in PINNED}
    if arm in ("processes", "ray", "profile"):
        own |= dict.fromkeys(PINNED, "1")
    own["TORCHINDUCTOR_CACHE_DIR"] = str(task.parent / f"inductor-{time.time_ns()}")
    command = [sys.executable, "-m", "benchmarks.arms", arm, str(task)]
    begin = time.time()
    done = subprocess.run(command, env=own, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "began": begin, "wall": time.time() - begin}


def window(found: Row) -> float:
    """Return the seconds from the start of the first network to the end of the last."""
    rows = found["rows"]
    starts = [row["finished"] - row["seconds"] for row in rows]
    return max(row["finished"] for row in rows) - min(starts)


def work_of(networks: list[Row], given: argparse.Namespace) -> float:
    """Return the GFLOP that nobody can do without: training steps and evaluations of all."""
    total = 0.0
    for row in networks:
        one = read_architecture(row["architecture"])
        batches = given.images // given.batch
        total += given.epochs * batches * given.batch * flops_of(one)
        total += given.epochs * given.evaluated * 2 * count(one).macs
    return total / 1e9


def measure(given: argparse.Namespace, folder: Path) -> dict[str, list[Row]]:
    """Return what each arm did in each round."""
    data = load_space(given.space).data
    changes = {"limit": given.images + given.evaluated, "validation": given.evaluated}
    recipe = {
        "epochs": given.epochs, "batch": given.batch, "optimiser": "sgd", "rate": given.rate,
        "momentum": 0.9, "weight_decay": 0.0, "warmup": 0.2, "schedule": "cosine",
    }  # fmt: skip
    task: Row = {
        "space": given.space, "seed": given.seed, "trials": given.trials, "workers": WORKERS,
        "recipe": recipe, "changes": {"name": data, **changes},
        "data": write_all(data_spec(data, **changes)),
    }  # fmt: skip
    written = folder / "task.json"
    found: dict[str, list[Row]] = {}
    measure_peak = peak()
    for at in range(given.rounds):
        arms = [arm for arm in given.arms if arm != "ours"]
        arms = arms[at % max(len(arms), 1) :] + arms[: at % max(len(arms), 1)]
        for arm in ["ours", *(["ours, longer"] if given.longer else []), *arms]:
            own = dict(task)
            if arm == "ours, longer":
                own["trials"] = given.longer
            if arm == "compile":
                own["networks"] = task["networks"][: given.compiled]
            written.write_text(json.dumps(own))
            top = median(measure_peak() for _ in range(9))
            done = {**run(arm, written), "peak": top, "load": os.getloadavg()[0]}
            found.setdefault(arm, []).append(done)
            if arm == "ours":
                drawn = [(row["number"], row["architecture"], row["seed"]) for row in done["rows"]]
                networks = [{"architecture": one, "seed": seed} for _, one, seed in sorted(drawn)]
                assert task.get("networks", networks) == networks, "ours drew others"
                task["networks"] = networks
            print(f"  round {at + 1}: {arm} took {done['wall']:.1f} s", file=sys.stderr)
    written.write_text(json.dumps(task))
    found["profile"] = [run("profile", written)]
    return found


def spread(values: list[float]) -> tuple[float, float]:
    return interval(values) if len(values) >= 5 else (min(values), max(values))


def summary(found: dict[str, list[Row]], given: argparse.Namespace) -> list[Row]:
    """Return one row an arm, and print it."""
    images = given.epochs * (given.images // given.batch) * given.batch
    found = dict(found)
    profile = found.pop("profile")[0]
    first = found.get(given.against)
    rows = []
    print(f"\n{given.space}: {given.images} images, {given.epochs} epochs, batch {given.batch}")
    for arm, rounds in found.items():
        each = [row for one in rounds for row in one["rows"]]
        n = len(rounds[0]["rows"])
        whole = [3600 * n / one["wall"] for one in rounds]
        going = [3600 * n / window(one) for one in rounds]
        micros = median(row["seconds"] for row in each) / images * 1e6
        shares = []
        for one in rounds:
            networks = [
                {"architecture": row["architecture"]} if "architecture" in row else
                found["ours"][0]["rows"][row["number"]]
                for row in one["rows"]
            ]  # fmt: skip
            shares.append(work_of(networks, given) / window(one) / one["peak"] / WORKERS)
        row: Row = {
            "arm": arm, "rounds": len(rounds), "trials": n, "whole_per_hour": median(whole),
            "going_per_hour": median(going), "us_per_image": micros, "of_peak": median(shares),
            "accuracy": mean(r["accuracy"] for r in each),
            "accuracy_sd": pstdev([r["accuracy"] for r in each]),
        }  # fmt: skip
        said = ""
        if first and arm != "compile":  # which trains other networks than the rest
            for name, rates in (("whole", whole), ("going", going)):
                base = [
                    3600 * len(one["rows"]) / (one["wall"] if name == "whole" else window(one))
                    for one in first
                ]
                ratios = [a / b for a, b in zip(rates, base, strict=True)]
                row[f"{name}_gain"], row[f"{name}_interval"] = median(ratios), spread(ratios)
                low, high = spread(ratios)
                said += f"  {name} {median(ratios):5.2f}x [{low:.2f}, {high:.2f}]"
        print(
            f"{arm:13} n={len(rounds)}x{n:<3} "
            f"whole {median(whole):7,.0f} [{min(whole):,.0f}, {max(whole):,.0f}]  "
            f"going {median(going):7,.0f} [{min(going):,.0f}, {max(going):,.0f}]  "
            f"{micros:7.1f} µs/image {median(shares):6.1%} of peak  "
            f"{row['accuracy']:.3f} ± {row['accuracy_sd']:.3f}{said}"
        )
        rows.append(row)
    print("where a trial's time goes, seconds in the process that trains it:")
    for row, rounds in zip(rows, found.values(), strict=True):
        row["seconds"] = parts = phases(row, rounds, profile)
        print(
            f"{row['arm']:13} " + "  ".join(f"{name} {value:.2f}" for name, value in parts.items())
        )
    return rows


def phases(row: Row, rounds: list[Row], profile: Row) -> dict[str, float]:
    """Return the seconds of a trial by phase, of ours by the shares that the profile shows."""
    each = [one for found in rounds for one in found["rows"]]
    cores = 1 if row["arm"] in ("optuna", "compile") else WORKERS
    around = [
        cores * one["wall"] / len(one["rows"]) - mean(r["seconds"] for r in one["rows"])
        for one in rounds
    ]
    trained = mean(one["seconds"] for one in each)
    if "phases" in each[0]:
        parts = {name: mean(one["phases"][name] for one in each) for name in each[0]["phases"]}
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
    given = parser.parse_args()
    given.rate = given.rate or RATES.get(given.space, 0.05)
    given.arms = ["ours", *(arm for arm in given.arms.split(",") if arm != "ours")]
    if unknown := set(given.arms) - set(ARMS):
        parser.error(f"no arm {', '.join(sorted(unknown))}: take some of {', '.join(ARMS)}")
    if "compile" in given.arms and shutil.which("g++") is None:
        print("compile is left out: torch.compile needs g++, which is not here", file=sys.stderr)
        given.arms.remove("compile")
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        found = measure(given, Path(folder))
    rows = summary(found, given)
    loads = [one.get("load", 0.0) for rounds in found.values() for one in rounds]
    host = {"machine": platform.machine(), "cores": os.cpu_count(), "torch": torch.__version__}
    print(json.dumps({**host, **vars(given), "load": max(loads), "results": rows}))


if __name__ == "__main__":
    main()
