"""What a worker does with one job, whatever engine it belongs to."""

from __future__ import annotations

import sys
import traceback
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from unitsearch.architecture import Architecture, read_architecture
from unitsearch.data import DataSpec
from unitsearch.data.images import Images, Source
from unitsearch.data.sets import DataSet, load
from unitsearch.engine.jobs import Job, Outcome
from unitsearch.errors import DataError, SpecError, UnitSearchError
from unitsearch.fields import read
from unitsearch.network.autotune import choose
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import digest, load_weights, weights_bytes
from unitsearch.packs.skeletons import Skeleton
from unitsearch.search.seeds import derive
from unitsearch.training import Recipe
from unitsearch.training.checkpoints import Checkpoint
from unitsearch.training.loop import DivergedError, Trained, normalisation, test_accuracy, train
from unitsearch.training.memory import is_memory


@dataclass
class WorkerCache:
    """What a warm worker keeps between jobs.

    Attributes:
        spec: Of the data set that it read last.
        device: Where that data set lies.
        data: The data set.
        said: What it said.
        sizes: How many members packs have, by skeleton and images of a step: the number found,
            and how many were tried.
    """

    spec: DataSpec | None = None
    device: str = "cpu"
    data: DataSet | None = field(default=None, repr=False)
    said: set[str] = field(default_factory=set)
    sizes: dict[tuple[Skeleton, int], tuple[int, int]] = field(default_factory=dict, repr=False)

    def dataset(self, spec: DataSpec, device: str = "cpu") -> DataSet:
        """Return the data set of ``spec`` on ``device``, read once."""
        if self.data is None or (spec, device) != (self.spec, self.device):
            self.data, self.spec, self.device = load(spec).to(device), spec, device
        return self.data

    def log_once(self, line: str) -> None:
        """Print a line to the workers' log, once."""
        if line not in self.said:
            self.said.add(line)
            print(line, file=sys.stderr, flush=True)  # noqa: T201  # the log is this stream


@dataclass(frozen=True, eq=False)
class TrainingContext:
    """What jobs may share, as data: how they train, and on what."""

    recipe: Recipe
    spec: DataSpec
    data: DataSet

    @property
    def batch(self) -> int:
        """Images of a step."""
        return min(self.recipe.batch, len(self.data.train))

    def watched(self, job: Job) -> Source:
        """Return the images that accuracy is measured on."""
        return self.data.test if job.watch == "test" else self.data.validation


def prepare() -> None:
    """Set up a process for one-threaded work: two pinned workers outrun two that share threads."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)


def run_job(job: Job, cache: WorkerCache) -> Outcome:
    """Return what became of ``job``, done alone; a failure is an outcome too.

    Raises:
        RuntimeError: If the GPU has failed, which this process cannot be cured of.
    """
    try:
        return _run(job, cache)
    except Exception as error:  # the worker's edge: a trial that dies is data
        if is_gpu_lost(error):
            raise
        return failed(job, error)


def training_context(job: Job, cache: WorkerCache) -> TrainingContext:
    """Return the setting of ``job``, its data on its device.

    Raises:
        DataError: If the data cannot be read.
    """
    recipe = read(Recipe, job.recipe, "train")
    spec = read(DataSpec, job.data, "data")
    try:
        return TrainingContext(recipe, spec, cache.dataset(spec, job.device))
    except SpecError as error:  # a limit that the published set would bear, and this copy does not
        raise DataError(str(error)) from error


def architecture_of(job: Job, context: TrainingContext) -> Architecture:
    """Return the architecture of ``job`` with what the data say of its images and classes."""
    mean, std = normalisation(context.data, context.recipe)
    architecture = read_architecture(job.architecture)
    return replace(architecture, mean=mean, std=std, classes=context.data.classes)


def initialise_weights(network: Network, seed: int, recipe: Recipe) -> torch.Generator:
    """Give ``network`` the first weights of a training's ``seed``; return its batches' source."""
    generator = torch.Generator().manual_seed(derive(seed, 0, "weights"))
    initialise(network, recipe.init, generator)
    return generator.manual_seed(derive(seed, 0, "batches"))


def outcome(
    job: Job, context: TrainingContext, network: Network, trained: Trained, plan: str
) -> Outcome:
    """Return the outcome of a training that ran in ``plan``; the network is on the CPU."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub
    mean, std = normalisation(context.data, context.recipe)
    return Outcome(
        number=job.number,
        task=job.task,
        ok=True,
        accuracy=trained.curve[-1],
        images=len(context.watched(job)),
        curve=trained.curve,
        loss_curve=trained.loss_curve,
        train_seconds=trained.seconds,
        digest=digest(network),
        mean=mean,
        std=std,
        classes=context.data.classes,
        split_hash=context.data.split_hash,
        plan=plan,
        weights=weights_bytes(network),
    )


def failed(job: Job, error: Exception) -> Outcome:
    """Return the outcome of a job that came to nothing; what nobody foresaw goes to the log."""
    kind = "error"
    if isinstance(error, DivergedError):
        kind = "diverged"
    elif isinstance(error, DataError):
        kind = "data"
    elif is_memory(error):
        kind = "memory"
    elif not isinstance(error, UnitSearchError):
        traceback.print_exception(error)
    said = str(error).strip().splitlines()
    reason = f"{kind}: {said[0] if said else type(error).__name__}"
    if kind == "error" and not isinstance(error, UnitSearchError):
        reason = f"{kind}: {type(error).__name__}: {said[0] if said else ''}"
    return Outcome(job.number, job.task, ok=False, kind=kind, reason=reason[:500])


def is_gpu_lost(error: BaseException) -> bool:
    """Say whether the GPU has failed: whatever this process asks of it from now on fails too."""
    return "CUDA error" in str(error) and not is_memory(error)


def _run(job: Job, cache: WorkerCache) -> Outcome:
    context = training_context(job, cache)
    recipe, data = context.recipe, context.data
    architecture = architecture_of(job, context)
    in_memory = isinstance(data.train, Images)
    choice = choose(architecture, job.plan, context.batch, in_memory=in_memory, device=job.device)
    if job.plan != str(choice.plan):
        cache.log_once(f"plan: {choice.plan}; {choice.why}")
    network = build(architecture, plan=str(choice.plan))
    if job.task == "test":
        load_weights(network, job.weights, f"trial {job.number}")
        tested = test_accuracy(network, data, recipe)
        return Outcome(job.number, job.task, ok=True, accuracy=tested, images=len(data.test))
    generator = initialise_weights(network, job.seed, recipe)
    trained = train(
        network,
        data,
        recipe,
        generator,
        augmentation=context.spec.augment,
        watch=context.watched(job),
        checkpoint=_checkpoint(job, str(choice.plan), data) if job.checkpoint else None,
    )
    on = "" if job.device == "cpu" else f", {job.device}"
    return outcome(job, context, network, trained, f"{network.plan}{on}")


def _checkpoint(job: Job, plan: str, data: DataSet) -> Checkpoint:
    said = {**asdict(job), "plan": plan}
    # the result is the same without
    for name in ("number", "weights", "checkpoint", "minutes", "pack"):
        del said[name]
    return Checkpoint(Path(job.checkpoint), {**said, "split": data.split_hash}, job.minutes)
