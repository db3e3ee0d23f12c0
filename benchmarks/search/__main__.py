"""Compare searchers on recorded tables: ``python -m benchmarks.search record|run|show``.

``record`` makes or continues a table. ``run`` searches tables and adds what it measures to a file
of results; what is there is not done again. ``show`` prints the results: the share of the table's
ceiling of the true hypervolume, and what ``front`` needs to reach what NSGA-II has.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from benchmarks.search.measures import Goal
from benchmarks.search.recording import record
from benchmarks.search.running import Measurement, grid, search
from benchmarks.search.searchers import searcher
from benchmarks.search.spec import find, shipped
from benchmarks.search.table import load

_COLUMNS = ("table", "searcher", "lag", "seed", *(field.name for field in fields(Measurement)))
_RESAMPLES = 2000


def run(table: str, searchers: Sequence[str], runs: int, trainings: int, lag: int) -> None:
    """Search a table with every searcher and seed that its file of results lacks."""
    place = find(table)
    goal = Goal(load(place))
    done = {
        (row["searcher"], int(row["lag"]), int(row["seed"]))
        for row in _results(place.results)
        if float(row["trainings"]) >= trainings
    }
    for seed in range(runs):
        for name in searchers:
            if (name, lag, seed) in done:
                continue
            kept = [
                row
                for row in _results(place.results)
                if (row["searcher"], int(row["lag"]), int(row["seed"])) != (name, lag, seed)
            ]
            ceiling = goal.smooth_ceiling
            rows = [
                {"table": table, "searcher": name, "lag": lag, "seed": seed, **_rounded(measured)}
                for measured in search(goal, searcher(name), seed, lag, grid(trainings))
            ]
            _write(place.results, [*kept, *rows])
            share = float(str(rows[-1]["model_smooth"])) / ceiling
            print(f"{table}: {name} seed {seed}: {share:.3f} of the ceiling", flush=True)


def show(table: str) -> None:
    """Print the results of a table, with 95 % bands over seeds."""
    place = find(table)
    goal = Goal(load(place))
    curves = _curves(_results(place.results))
    print(f"{table}: share of the ceiling of the true hypervolume {goal.smooth_ceiling:.4f}")
    for name, by_seed in curves.items():
        cells = []
        for trainings in (20, 40, 80, 100, 160, 200):
            for column in ("raw_smooth", "model_smooth"):
                values = [
                    float(_at(rows, trainings)[column]) / goal.smooth_ceiling
                    for rows in by_seed.values()
                    if float(rows[-1]["trainings"]) >= trainings
                ]
                cells.append(_band(values))
        ask = np.median([float(rows[-1]["ask"]) for rows in by_seed.values()])
        print(f"  {name:22s} n={len(by_seed):2d} {' '.join(cells)}  {ask:.0f} ms an ask")
    print("  columns: raw front, front by model; after 20, 40, 80, 100, 160, 200 trainings")
    for rival in [name for name in curves if name != "front"]:
        if "front" in curves:
            _compare(curves["front"], curves[rival], rival)


def _compare(
    ours: Mapping[int, list[dict[str, str]]],
    theirs: Mapping[int, list[dict[str, str]]],
    rival: str,
) -> None:
    """Print what ``front`` needs for what a rival has, both recommended by the model."""
    for trainings in (40, 100, 200):
        reached = [_at(rows, trainings) for rows in theirs.values()]
        if not reached or any(float(row["trainings"]) < trainings for row in reached):
            continue
        generator = np.random.default_rng(0)
        ratios, seconds = [], []
        for _ in range(_RESAMPLES):
            picked = generator.choice(len(reached), len(reached))
            target = float(np.mean([float(reached[i]["model_smooth"]) for i in picked]))
            spent = float(np.mean([float(reached[i]["seconds"]) for i in picked]))
            chosen = [list(ours.values())[i] for i in generator.choice(len(ours), len(ours))]
            needed = _needed(chosen, target)
            if needed is not None:
                ratios.append(trainings / needed[0])
                seconds.append(spent / needed[1])
        if ratios:
            print(
                f"  {rival} at {trainings}: front needs {_ratio(ratios)} fewer trainings, "
                f"{_ratio(seconds)} fewer seconds of training"
                + ("" if len(ratios) == _RESAMPLES else f" (reached in {len(ratios)} resamples)")
            )


def _needed(
    curves: Sequence[Sequence[Mapping[str, str]]], target: float
) -> tuple[float, float] | None:
    """Return the trainings and seconds at which the mean of ``curves`` reaches ``target``."""
    before: tuple[float, float, float] | None = None
    for step in range(min(len(rows) for rows in curves)):
        rows = [curve[step] for curve in curves]
        value, trainings, seconds = (
            float(np.mean([float(row[column]) for row in rows]))
            for column in ("model_smooth", "trainings", "seconds")
        )
        if value >= target:
            if before is None or value <= before[0]:
                return trainings, seconds
            share = (target - before[0]) / (value - before[0])
            return (
                before[1] + share * (trainings - before[1]),
                before[2] + share * (seconds - before[2]),
            )
        before = value, trainings, seconds
    return None


def _ratio(values: Sequence[float]) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{np.median(values):.1f}x [{low:.1f}, {high:.1f}]"


def _band(values: Sequence[float]) -> str:
    if not values:
        return "      -     "
    if len(values) == 1:
        return f"{values[0]:.3f}       "
    half = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{np.mean(values):.3f}±{half:.3f}"


def _at(rows: Sequence[dict[str, str]], trainings: float) -> dict[str, str]:
    """Return the first row with so many trainings, or the last."""
    return next((row for row in rows if float(row["trainings"]) >= trainings), rows[-1])


def _curves(rows: Iterator[dict[str, str]]) -> dict[str, dict[int, list[dict[str, str]]]]:
    curves: dict[str, dict[int, list[dict[str, str]]]] = {}
    for row in rows:
        curves.setdefault(row["searcher"], {}).setdefault(int(row["seed"]), []).append(row)
    return curves


def _rounded(measured: Measurement) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in asdict(measured).items()}


def _results(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="") as file:
            yield from list(csv.DictReader(file))


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("record", "run", "show"):
        command = commands.add_parser(name)
        command.add_argument("table", help=f"one of {', '.join(shipped())}, or a YAML file")
        if name == "record":
            command.add_argument("--most", type=int, default=None, help="trainings in this run")
        if name == "run":
            command.add_argument("--searchers", default="front,random,nsga2,tpe")
            command.add_argument("--runs", type=int, default=6)
            command.add_argument("--trainings", type=int, default=200)
            command.add_argument("--lag", type=int, default=3)
    asked = parser.parse_args()
    if asked.command == "record":
        record(find(asked.table), print, asked.most)
    elif asked.command == "run":
        run(asked.table, asked.searchers.split(","), asked.runs, asked.trainings, asked.lag)
    else:
        show(asked.table)


if __name__ == "__main__":
    main()
