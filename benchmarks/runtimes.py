"""Is a stacked network faster than its dense twin in a runtime, and in which form?

Command:  python -m benchmarks.runtimes --results runtimes.jsonl --table runtimes.csv
Prints:   one row a network, runtime and form: microseconds (median and quartiles), the difference
          of logits, and ratios over the form that was exported before (runs) and the dense twin
Method:   a process for each network and runtime; all forms and the dense twin in turns, warmed up,
          one thread; ``auto`` is the form that ``--form auto`` chooses there
Resumes:  a network and runtime that the results hold is not measured again, so that environments
          with other runtimes can add to one file
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NETWORKS = {
    "U1": "lenet_table1:U1",
    "H2": "lenet_table1:Hybrid2",
    "toy": "toy_hybrid:No.1",
    "mbv2 r": "mobilenetv2_cifar:r",
    "r18 r": "resnet18_cifar:n4_r",
    "slbf": "slbf_cifar:k16_s2",
}
COLUMNS = (
    "network", "runtime", "version", "form", "batch", "chosen", "us", "low_us", "high_us", "n",
    "over_runs", "over_best", "over_dense", "difference", "bytes", "refused", "machine", "seconds",
)  # fmt: skip
MINUTES = 15  # of a network in a runtime


def measured(network: str, name: str, batch: int, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each form of a network in a runtime, and for the dense twin."""
    from unitsearch.api import load_architecture
    from unitsearch.errors import UnitSearchError
    from unitsearch.exports.loading import untrained_network
    from unitsearch.exports.runtime_latency import machine
    from unitsearch.network.forms import STACK_FORMS
    from unitsearch.network.latency import one_thread, times_in_turns
    from unitsearch.runtimes import RUNTIMES
    from unitsearch.runtimes.choosing import candidates, fastest, programs
    from unitsearch.runtimes.measuring import check_logits, on_noise, written

    begun, runtime = time.monotonic(), RUNTIMES[name]
    architecture = load_architecture(NETWORKS[network])
    source = untrained_network(network.replace(" ", "-"), architecture)
    common = {
        "network": network, "runtime": name, "version": runtime.version, "batch": batch,
        "n": rounds, "machine": machine(),
    }  # fmt: skip
    rows, calls = {}, {}
    images, logits = source.images.numpy(), source.logits.numpy()
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        made: dict[str, Any] = dict(programs(source, STACK_FORMS))
        choice = candidates(runtime, source)
        chosen, best_file = fastest(runtime, choice, Path(folder) / "choice", source.stem)
        made["auto"] = best_file.program
        made["dense"] = twin_of(NETWORKS[network], architecture)
        for form, program in made.items():
            row = rows[form] = {**common, "form": form}
            try:
                one = written(runtime, program, Path(folder) / form, source.stem)
                call = one.call(batch)
                if form != "dense":
                    row["difference"] = check_logits(
                        runtime, form, one.call(1), images[:1], logits[:1]
                    )
                row["bytes"] = sum((one.folder / file).stat().st_size for file in one.files)
                calls[form] = on_noise(call, architecture.input, batch)
            except UnitSearchError as error:
                row["refused"] = str(error)[:200]
        rows["auto"]["chosen"] = chosen
        times = times_in_turns(calls, rounds)
    best = min(time.median for form, time in times.items() if form != "dense")
    for form, seconds in times.items():
        row = rows[form]
        for key, value in zip(("low_us", "us", "high_us"), seconds, strict=True):
            row[key] = round(1e6 * value, 2)
        row["over_best"] = round(seconds.median / best, 3)
        for key, base in (("over_runs", "runs"), ("over_dense", "dense")):
            if base in times:
                row[key] = round(seconds.median / times[base].median, 3)
        row["seconds"] = round(time.monotonic() - begun, 1)
    return list(rows.values())


def twin_of(named: str, architecture: Any) -> Any:
    """Return the dense twin; where no stack is to be made dense, the baseline of the space."""
    from unitsearch.api import load_architecture
    from unitsearch.runtimes.choosing import dense_twin, program_of

    twin = dense_twin(architecture)
    if twin is not None:
        return program_of(twin)
    return program_of(load_architecture(f"{named.partition(':')[0]}:baseline"))


def known(results: Path) -> list[dict[str, Any]]:
    """Return the rows that were measured before."""
    if not results.is_file():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """Write all rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, restval="")
        table.writeheader()
        table.writerows(rows)


def cell(network: str, name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the rows of a network in a runtime, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.runtimes", "--cell", network, name]
    command += ["--batch", str(options.batch), "--rounds", str(options.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        try:
            done = subprocess.run(
                [*command, "--results", str(path)],
                capture_output=True, text=True, timeout=60 * MINUTES, check=False,
            )  # fmt: skip
            reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        except subprocess.TimeoutExpired:
            reason = f"not done in {MINUTES} minutes"
        if path.is_file():
            rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
            return rows
    return [{"network": network, "runtime": name, "batch": options.batch, "refused": reason[:200]}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("runtimes.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--runtimes", default="")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--cell", nargs=2, metavar=("NETWORK", "RUNTIME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        rows = measured(*options.cell, options.batch, options.rounds)
        options.results.write_text(json.dumps(rows), "utf-8")
        return
    from unitsearch.runtimes import RUNTIMES

    names = [name for name in options.runtimes.split(",") if name] or list(RUNTIMES)
    for name in [name for name in names if RUNTIMES[name].missing]:
        print(f"{name}: not installed ({', '.join(RUNTIMES[name].missing)})")
    done = {(row["network"], row["runtime"], row["batch"]) for row in known(options.results)}
    for network in options.networks.split(","):
        for name in names:
            if RUNTIMES[name].missing or (network, name, options.batch) in done:
                continue
            rows = cell(network, name, options)
            with options.results.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            for row in rows:
                print(said(row), flush=True)
    if options.table:
        write_table(known(options.results), options.table)


def said(row: dict[str, Any]) -> str:
    """Return a row as one line."""
    head = f"{row['network']:<7} {row['runtime']:<12} {row.get('form', ''):<7}"
    if "us" not in row:
        return f"{head} refused: {row.get('refused', '')}"
    ratios = [f"{key} {row[key]:.2f}" for key in ("over_runs", "over_best", "over_dense")
              if key in row]  # fmt: skip
    chosen = f" = {row['chosen']}" if row.get("chosen") else ""
    return (
        f"{head} {row['us']:>9,.1f} us ({row['low_us']:,.1f} to {row['high_us']:,.1f}, "
        f"n = {row['n']}) {', '.join(ratios)}{chosen}"
    )


if __name__ == "__main__":
    main()
