"""Are the trials that each sampler proposes still the ones that were recorded?

Command:  python -m benchmarks.proposals compare benchmarks/proposals_0_1.csv
Also:     python -m benchmarks.proposals record FILE [--commit HASH]
Prints:   "N proposals equal, M differ", and the first rows that differ; one JSON line
Method:   for each of these samplers: a study of lenet_hybrid on digits through the public API (60
          trials, train=fast, two workers), and 200 proposals alone in two larger spaces, with an
          accuracy that is computed from the architecture's key and its parameters; every 7th trial
          fails. All with the shipped lag of 8. The values of a proposal are compared by a digest.
Noise:    none on one kind of CPU with the same versions; another CPU gives other accuracies, and
          then other proposals, so that only the rows of "alone" can be compared there
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import unitsearch
from unitsearch.api import bound_space
from unitsearch.architecture import key
from unitsearch.costs import Cost, count
from unitsearch.metrics import metric
from unitsearch.search.configured import SamplerConfig
from unitsearch.search.proposals import Observation, SearchProblem, admission
from unitsearch.space import Space, baseline, load_space

SAMPLERS = ("nsga2", "tpe", "random", "exhaustive")
STUDY_TRIALS = 60
ALONE_TRIALS = 200
ALONE_SPACES = ("resnet18_cifar", "toy_hybrid")
LAG = 8
FLOOR = 0.5
OBJECTIVES = ("accuracy", "flops", "params")
COLUMNS = ("part", "space", "sampler", "number", "key", "seed", "accuracy", "values", "generation")
Row = tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One earlier trial of a sequence of proposals."""

    number: int
    key: str
    values: Mapping[str, Any]
    cost: Cost
    accuracy: float | None
    state: Mapping[str, Any]

    @cached_property
    def observation(self) -> Observation:
        """The same as a sampler sees it."""
        state = "failed" if self.accuracy is None else "complete"
        return Observation(
            self.number, self.key, self.values, self.cost, state, self.accuracy,
            sampler_state=self.state,
        )  # fmt: skip


def proposer(
    name: str, space: Space, limits: Mapping[str, int | None]
) -> Callable[[int, list[Tried]], Tried | None]:
    """Return a function that proposes trial ``number`` after the trials before it."""
    objectives = tuple(metric(objective) for objective in OBJECTIVES)
    config = SamplerConfig(name, LAG).checked()
    sampler = config.make(SearchProblem(space, 0, objectives, FLOOR))

    def propose(number: int, trials: list[Tried]) -> Tried | None:
        visible = [trial.observation for trial in trials[: max(0, number - LAG)]]
        admits = admission({trial.key for trial in trials}, limits)
        proposal = sampler.propose(number, visible, admits)
        if proposal is None:
            return None
        accuracy = made_up(number, proposal.key, proposal.cost)
        return Tried(number, proposal.key, proposal.values, proposal.cost, accuracy, proposal.state)

    return propose


def made_up(number: int, name: str, cost: Cost) -> float | None:
    """Return an accuracy that grows with the parameters, with noise that the key alone decides."""
    if number % 7 == 0 and number:
        return None
    noise = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    return min(1.0, 0.2 + 0.04 * math.log(cost.params) + 0.2 * noise)


def alone(space_name: str, sampler: str) -> Iterator[Row]:
    """Yield the rows of proposals without training."""
    space, file = bound_space(space_name), load_space(space_name)
    propose = proposer(sampler, space, file.limits)
    first = baseline(space)
    cost, name = count(first), key(first)
    trials = [Tried(0, name, {}, cost, made_up(0, name, cost), {})]
    while len(trials) < ALONE_TRIALS:
        trial = propose(len(trials), trials)
        if trial is None:
            break
        trials.append(trial)
        generation = str(trial.state.get("generation", ""))
        text = json.dumps(dict(trial.values), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        number = str(trial.number)
        yield "alone", space_name, sampler, number, trial.key[:16], "", "", digest, generation


def study(sampler: str) -> Iterator[Row]:
    """Yield the rows of a study that is run."""
    finished = unitsearch.run(
        "lenet_hybrid",
        data="digits",
        name=sampler,
        seed=0,
        sampler=sampler,
        budget={"trials": STUDY_TRIALS},
        stopping="none",
        verify=0,
        engine={"workers": 2, "device": "cpu"},
    )
    for trial in finished.record.trials:
        accuracy = "" if trial.accuracy is None else f"{trial.accuracy:.10f}"
        number, seed = str(trial.number), str(trial.seed)
        yield "study", "lenet_hybrid", sampler, number, trial.key[:16], seed, accuracy, "", ""


def rows() -> Iterator[Row]:
    """Yield all rows: first those that train nothing."""
    for sampler in SAMPLERS:
        for space in ALONE_SPACES:
            yield from alone(space, sampler)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for sampler in SAMPLERS:
                yield from study(sampler)
        finally:
            os.chdir(before)


def header(commit: str) -> list[str]:
    """Return the lines that say where a recording was made."""
    names = ("optuna", "torch", "numpy", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return [
        f"# recorded by benchmarks/proposals.py at commit {commit or 'unknown'}",
        f"# python {platform.python_version()}, {versions}",
        f"# CPU: {processor()}",
    ]


def processor() -> str:
    """Return the model of this machine's CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), "")


def record(path: Path, commit: str) -> None:
    """Write the rows to ``path``."""
    with path.open("w", newline="") as file:
        file.writelines(f"{line}\n" for line in header(commit))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows():
            writer.writerow(row)
            file.flush()


def compare(path: Path) -> None:
    """Print how many of the rows in ``path`` come out the same."""
    with path.open(newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    table = [tuple(row) for row in csv.reader(lines)][1:]
    recorded = {row[:4]: row for row in table}
    proposed = {row[:4]: row for row in rows()}
    names = recorded | proposed
    differing = [name for name in names if recorded.get(name) != proposed.get(name)]
    for name in differing[:20]:
        print(f"{' '.join(name)}: recorded {recorded.get(name)}, now {proposed.get(name)}")
    equal = len(names) - len(differing)
    print(f"{equal} proposals equal, {len(differing)} differ")
    print(json.dumps({"equal": equal, "differ": len(differing)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--commit", default="")
    given = parser.parse_args()
    path = given.file.absolute()
    if given.action == "record":
        record(path, given.commit)
    else:
        compare(path)


if __name__ == "__main__":
    main()
