"""The work of one job, the same for every engine: train, test or measure one network."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from unitsearch.architecture import Architecture, key, read_architecture
from unitsearch.data import DataSpec
from unitsearch.data.images import Images, Source
from unitsearch.data.sets import DataSet, load
from unitsearch.engine.climbing import climbed, full_bars, stopped_outcome
from unitsearch.engine.jobs import PACE, Job, Outcome
from unitsearch.engine.measuring import MEASUREMENTS, measure
from unitsearch.engine.pace import measure_pace
from unitsearch.errors import DataError, SpecError, UnitSearchError
from unitsearch.fields import read, write_all
from unitsearch.network.autotune import choose
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.plans import AUTO
from unitsearch.network.weights import digest, load_weights, weights_bytes
from unitsearch.packs.skeletons import Skeleton
from unitsearch.search.seeds import derive
from unitsearch.training import Recipe
from unitsearch.training.bars import Bars
from unitsearch.training.checkpoints import Checkpoint
from unitsearch.training.loop import DivergedError, Trained, normalisation, test_accuracy, train
from unitsearch.training.memory import is_memory
from unitsearch.training.monitor import Monitor

_SETS = 9  # data sets that a worker keeps: those of the longest ladder and the full one


@dataclass(frozen=True)
class PackSize:
    """The number of members of the packs of one skeleton.

    Attributes:
        found: The number that is used.
        tried: The largest number that was tried; above ``found``, it was slower or needed more
            memory than there is.
    """

    found: int
    tried: int


@dataclass
class WorkerCache:
    """The state that a warm worker keeps between jobs.

    Attributes:
        sets: The data sets that it read last, by specification and device.
        logged: The lines that it has logged once.
        sizes: Sizes of packs, by skeleton and images of a step.
    """

    sets: dict[tuple[DataSpec, str], DataSet] = field(default_factory=dict, repr=False)
    logged: set[str] = field(default_factory=set)
    sizes: dict[tuple[Skeleton, int], PackSize] = field(default_factory=dict, repr=False)

    def dataset(self, spec: DataSpec, device: str = "cpu") -> DataSet:
        """Return the data set of ``spec`` on ``device``, read once."""
        data = self.sets.get((spec, device))
        if data is None:
            while len(self.sets) >= _SETS:
                del self.sets[next(iter(self.sets))]
            data = self.sets[spec, device] = load(spec).to(device)
        return data

    def log_once(self, line: str) -> None:
        """Print a line to the workers' log, once."""
        if line not in self.logged:
            self.logged.add(line)
            print(line, file=sys.stderr, flush=True)  # noqa: T201  # the log is this stream


@dataclass(eq=False)
class PreparedJob:
    """A job whose architecture is parsed once, when it is first needed."""

    job: Job

    @cached_property
    def architecture(self) -> Architecture:
        """The architecture; raises ``SpecError`` if the job's data break the format."""
        return read_architecture(self.job.architecture)


@dataclass(frozen=True, eq=False)
class TrainingContext:
    """The recipe and data that trainings may share.

    Attributes:
        recipe: The recipe.
        spec: The specification of the data set.
        data: The data set, on ``device``.
        device: The device that trains: ``cpu`` or ``cuda``.
        watch: The images that accuracy is measured on: ``validation`` or ``test``.
    """

    recipe: Recipe
    spec: DataSpec
    data: DataSet
    device: str = "cpu"
    watch: str = "validation"

    @property
    def batch(self) -> int:
        """Images of a step."""
        return min(self.recipe.batch, len(self.data.train))

    @property
    def watched(self) -> Source:
        """The images that accuracy is measured on."""
        return self.data.test if self.watch == "test" else self.data.validation

    def documented(self, architecture: Architecture) -> Architecture:
        """Return ``architecture`` with the data's classes, and the mean and std of its pixels."""
        mean, std = normalisation(self.data, self.recipe)
        return replace(architecture, mean=mean, std=std, classes=self.data.classes)


@dataclass(frozen=True)
class CheckpointFile:
    """The file that a training's state is written to, and the least minutes between two writes."""

    path: Path
    minutes: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that ``train_architecture`` trained.

    Attributes:
        network: On the CPU, in eval mode.
        result: The result of its training.
        plan: The execution plan: the text of a plan, and the device unless it was the CPU.
    """

    network: Network
    result: Trained
    plan: str


def prepare_process() -> None:
    """Set up a process for one thread: two such workers are faster than two that share threads."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)


def run_job(job: Job, cache: WorkerCache) -> Outcome:
    """Run ``job`` alone and return its outcome; a failure is an outcome too.

    Raises:
        RuntimeError: If the GPU has failed: this process cannot use it any more.
    """
    return run_prepared(PreparedJob(job), cache)


def run_prepared(prepared: PreparedJob, cache: WorkerCache) -> Outcome:
    """Run a prepared job as ``run_job`` does."""
    try:
        return _run(prepared, cache)
    except Exception as error:  # the worker's edge: a trial that dies is data
        if is_gpu_lost(error):
            raise
        return failed(prepared.job, error)


def training_context(job: Job, cache: WorkerCache) -> TrainingContext:
    """Return the context of ``job``, its data on its device.

    Raises:
        DataError: If the data cannot be read.
    """
    recipe = read(Recipe, job.recipe, "train")
    spec = read(DataSpec, job.data, "data")
    try:
        data = cache.dataset(spec, job.device)
    except SpecError as error:  # a limit that fits the published set, but not this copy of it
        raise DataError(str(error)) from error
    return TrainingContext(recipe, spec, data, job.device, job.watch)


def train_architecture(
    architecture: Architecture,
    seed: int,
    context: TrainingContext,
    *,
    plan: str = AUTO,
    checkpoint: CheckpointFile | None = None,
    bars: Bars = (),
    on_epoch: Callable[[int, float], None] | None = None,
    log: Callable[[str], None] | None = None,
) -> TrainedNetwork:
    """Train an architecture from first weights, and return the network.

    Args:
        architecture: The architecture.
        seed: Seed of weights, order and augmentation.
        context: The recipe and data.
        plan: The execution plan: ``auto`` or the text of a plan.
        checkpoint: The file that the state is written to; if it holds the state of this training,
            the training continues from it. The caller removes it once the result is stored.
        bars: The bars that the training must clear, as in ``Monitor``.
        on_epoch: Called after each epoch with its number, from 1, and the accuracy.
        log: Called with a line that names the chosen plan, unless it is the plan asked for.

    Raises:
        DivergedError: If the loss becomes NaN or infinite.
        DataError: If an image cannot be read.
        UsageError: If there is no such plan.
    """
    network = _built(context.documented(architecture), plan, context, log)
    used_plan = str(network.plan)
    kept = None
    if checkpoint is not None:
        identity = training_identity(architecture, seed, context, used_plan)
        kept = Checkpoint(checkpoint.path, identity, checkpoint.minutes)
    result = train(
        network,
        context.data,
        context.recipe,
        initialise_weights(network, seed, context.recipe),
        augmentation=context.spec.augment,
        monitor=Monitor(context.watched, bars, on_epoch),
        checkpoint=kept,
    )
    on = "" if context.device == "cpu" else f", {context.device}"
    return TrainedNetwork(network, result, f"{used_plan}{on}")


def training_identity(
    architecture: Architecture, seed: int, context: TrainingContext, plan: str
) -> dict[str, object]:
    """Return everything that a training's states depend on, as plain data.

    The bars do not belong to it: the state of a training that reached every bar so far is the same
    without bars, and ``train`` uses no state of a training that missed one.
    """
    return {
        "architecture": key(architecture),
        "seed": seed,
        "recipe": write_all(context.recipe),
        "data": write_all(context.spec),
        "split": context.data.split_hash,
        "watch": context.watch,
        "plan": plan,
        "device": context.device,
        "threads": torch.get_num_threads(),
    }


def initialise_weights(network: Network, seed: int, recipe: Recipe) -> torch.Generator:
    """Give ``network`` the first weights of a training; return the generator of its batches."""
    generator = torch.Generator().manual_seed(derive(seed, 0, "weights"))
    initialise(network, recipe.init, generator)
    return generator.manual_seed(derive(seed, 0, "batches"))


def trained_outcome(job: Job, context: TrainingContext, trained: TrainedNetwork) -> Outcome:
    """Return the outcome of a training that is complete or was stopped by a bar."""
    network, result = trained.network, trained.result
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub
    mean, std = normalisation(context.data, context.recipe)
    return Outcome(
        number=job.number,
        task=job.task,
        state="stopped" if result.is_stopped else "complete",
        reason=result.stop_reason,
        accuracy=result.curve[-1],
        images=len(context.watched),
        curve=result.curve,
        loss_curve=result.loss_curve,
        train_seconds=result.seconds,
        digest=digest(network),
        mean=mean,
        std=std,
        classes=context.data.classes,
        split_hash=context.data.split_hash,
        plan=trained.plan,
        weights=b"" if result.is_stopped else weights_bytes(network),
    )


def failed(job: Job, error: Exception) -> Outcome:
    """Return the outcome of a job that raised ``error``; an unforeseen error goes to the log."""
    kind = "error"
    if isinstance(error, DivergedError):
        kind = "diverged"
    elif isinstance(error, DataError):
        kind = "data"
    elif is_memory(error):
        kind = "memory"
    elif not isinstance(error, UnitSearchError):
        traceback.print_exception(error)
    lines = str(error).strip().splitlines()
    reason = f"{kind}: {lines[0] if lines else type(error).__name__}"
    if kind == "error" and not isinstance(error, UnitSearchError):
        reason = f"{kind}: {type(error).__name__}: {lines[0] if lines else ''}"
    return Outcome(job.number, job.task, "failed", kind=kind, reason=reason[:500])


def is_gpu_lost(error: BaseException) -> bool:
    """Return whether the GPU has failed: every later call of this process to it fails too."""
    return "CUDA error" in str(error) and not is_memory(error)


def _run(prepared: PreparedJob, cache: WorkerCache) -> Outcome:
    job, architecture = prepared.job, prepared.architecture
    if job.task in MEASUREMENTS:
        value = measure(job.task, architecture, job.seed, job.device, cache.log_once, job.runtime)
        return Outcome(job.number, job.task, "complete", measurement=value)
    if job.task == PACE:
        return measure_pace(job, cache.dataset)
    climb = climbed(job, lambda rung: _trained_on(rung, architecture, cache))
    if climb.stop_reason:
        return stopped_outcome(job, climb)
    context = training_context(job, cache)
    if job.task == "test":
        network = _built(context.documented(architecture), job.plan, context, cache.log_once)
        load_weights(network, job.weights, f"trial {job.number}")
        accuracy = test_accuracy(network, context.data, context.recipe)
        images = len(context.data.test)
        return Outcome(job.number, job.task, "complete", accuracy=accuracy, images=images)
    trained = train_architecture(
        architecture,
        job.seed,
        context,
        plan=job.plan,
        checkpoint=CheckpointFile(Path(job.checkpoint), job.minutes) if job.checkpoint else None,
        bars=full_bars(job),
        log=cache.log_once,
    )
    outcome = trained_outcome(job, context, trained)
    seconds = climb.seconds + outcome.train_seconds
    return replace(outcome, rungs=climb.accuracies, rung_losses=climb.losses, train_seconds=seconds)


def _trained_on(rung: Job, architecture: Architecture, cache: WorkerCache) -> tuple[Trained, str]:
    """Return the result of a training on a rung of a ladder, and its plan."""
    context = training_context(rung, cache)
    fitted = replace(architecture, input=context.data.input)
    trained = train_architecture(fitted, rung.seed, context, plan=rung.plan, log=cache.log_once)
    return trained.result, trained.plan


def _built(
    architecture: Architecture,
    plan: str,
    context: TrainingContext,
    log: Callable[[str], None] | None,
) -> Network:
    """Return the network of an architecture in the plan that it trains and is tested in."""
    in_memory = isinstance(context.data.train, Images)
    choice = choose(architecture, plan, context.batch, in_memory=in_memory, device=context.device)
    if log is not None and plan != str(choice.plan):
        log(f"plan: {choice.plan}; {choice.why}")
    return build(architecture, plan=str(choice.plan))
