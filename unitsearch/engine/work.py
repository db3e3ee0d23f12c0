"""What a worker does with a job, whatever engine it belongs to."""

from __future__ import annotations

import sys
import traceback
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from unitsearch.architecture import read_architecture
from unitsearch.data import DataSpec
from unitsearch.data.images import Images
from unitsearch.data.sets import DataSet, load
from unitsearch.engine.jobs import Job, Outcome
from unitsearch.errors import DataError, SpecError, UnitSearchError
from unitsearch.fields import read
from unitsearch.network.build import build, initialise
from unitsearch.network.choosing import choose
from unitsearch.network.weights import digest, load_weights, weights_bytes
from unitsearch.search.seeds import derive
from unitsearch.training import Recipe
from unitsearch.training.checkpoints import Checkpoint
from unitsearch.training.loop import DivergedError, test_accuracy, train


@dataclass
class Bench:
    """What a warm worker keeps between jobs: the data set that it read last, and what it said."""

    spec: DataSpec | None = None
    data: DataSet | None = field(default=None, repr=False)
    said: set[str] = field(default_factory=set)

    def dataset(self, spec: DataSpec) -> DataSet:
        """Return the data set of ``spec``, read once."""
        if self.data is None or spec != self.spec:
            self.data, self.spec = load(spec), spec
        return self.data

    def say(self, line: str) -> None:
        """Print a line to the workers' log, once."""
        if line not in self.said:
            self.said.add(line)
            print(line, file=sys.stderr, flush=True)  # noqa: T201  # the log is this stream


def prepare() -> None:
    """Set up a process for one-threaded work: two pinned workers outrun two that share threads."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)


def do(job: Job, bench: Bench) -> Outcome:
    """Return what became of ``job``; a failure is an outcome too, never an exception."""
    try:
        return _do(job, bench)
    except DivergedError as error:
        return _failed(job, "diverged", error)
    except (MemoryError, torch.OutOfMemoryError) as error:
        return _failed(job, "memory", error)
    except DataError as error:
        return _failed(job, "data", error)
    except Exception as error:  # noqa: BLE001  # the worker's edge: a trial that dies is data
        if not isinstance(error, UnitSearchError):
            traceback.print_exc()
        short = "memory" if "DefaultCPUAllocator" in str(error) else "error"
        return _failed(job, short, error)


def _do(job: Job, bench: Bench) -> Outcome:
    recipe = read(Recipe, job.recipe, "train")
    spec = read(DataSpec, job.data, "data")
    try:
        data = bench.dataset(spec)
    except SpecError as error:  # a limit that the published set would bear, and this copy does not
        raise DataError(str(error)) from error
    mean, std = data.mean, data.std
    if not recipe.normalise:
        mean, std = (0.0,) * len(mean), (1.0,) * len(std)
    architecture = replace(
        read_architecture(job.architecture), mean=mean, std=std, classes=data.classes
    )
    batch = min(recipe.batch, len(data.train))
    choice = choose(architecture, job.plan, batch, in_memory=isinstance(data.train, Images))
    if job.plan != str(choice.plan):
        bench.say(f"plan: {choice.plan}; {choice.why}")
    network = build(architecture, plan=str(choice.plan))
    facts: dict[str, Any] = {"number": job.number, "task": job.task, "ok": True}
    if job.task == "test":
        load_weights(network, job.weights, f"trial {job.number}")
        tested = test_accuracy(network, data, recipe)
        return Outcome(**facts, accuracy=tested, images=len(data.test))
    generator = torch.Generator().manual_seed(derive(job.seed, 0, "weights"))
    initialise(network, recipe.init, generator)
    generator.manual_seed(derive(job.seed, 0, "batches"))
    kept = _checkpoint(job, str(choice.plan), data) if job.checkpoint else None
    watched = data.test if job.watch == "test" else data.validation
    trained = train(
        network,
        data,
        recipe,
        generator,
        augmentation=spec.augment,
        watch=watched,
        checkpoint=kept,
    )
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub
    return Outcome(
        **facts,
        accuracy=trained.curve[-1],
        images=len(watched),
        curve=trained.curve,
        train_seconds=trained.seconds,
        digest=digest(network),
        mean=mean,
        std=std,
        classes=data.classes,
        split_hash=data.split_hash,
        plan=str(network.plan),
        weights=weights_bytes(network),
    )


def _checkpoint(job: Job, plan: str, data: DataSet) -> Checkpoint:
    said = {**asdict(job), "plan": plan}
    for name in ("number", "weights", "checkpoint", "minutes"):  # the result is the same without
        del said[name]
    return Checkpoint(Path(job.checkpoint), {**said, "split": data.split_hash}, job.minutes)


def _failed(job: Job, kind: str, error: BaseException) -> Outcome:
    said = str(error).strip().splitlines()
    reason = f"{kind}: {said[0] if said else type(error).__name__}"
    if kind == "error" and not isinstance(error, UnitSearchError):
        reason = f"{kind}: {type(error).__name__}: {said[0] if said else ''}"
    return Outcome(job.number, job.task, ok=False, kind=kind, reason=reason[:500])
