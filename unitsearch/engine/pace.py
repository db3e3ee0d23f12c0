"""The pace of a network: the times of a few steps of its training, measured in a worker.

The images are random ones of the data's shape, unless the set stays in its files and these are
there: then decoding takes time too. Where the choice of a plan takes seconds, lanes and grouped
torch are timed once each in place of it.

On the CPU, times are of the processor: other work on the machine does not change them, and a worker
has one thread, so that on a machine without other work they are what a clock says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from unitsearch.architecture import Architecture, read_architecture, stacks
from unitsearch.costs import count, layer_cost, work
from unitsearch.data import DataSpec, available
from unitsearch.data.images import Images, Source, StreamedImages
from unitsearch.data.sets import DataSet
from unitsearch.data.spec import STREAMED
from unitsearch.engine.jobs import Job, Outcome, StepTimes
from unitsearch.fields import read
from unitsearch.network.autotune import choose, entering, images_measured, refusal, step_times
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.plans import AUTO
from unitsearch.network.weights import digest
from unitsearch.shapes import output
from unitsearch.training import Recipe
from unitsearch.training.runners import Runner, runner

_SECONDS = 0.6  # of timed steps
_MULTIPLY_ADDS = 1.5e10  # of a core a second, guessed: the guess decides how much is measured
_LONGEST_CHOICE = 2.5  # guessed seconds of choosing a plan; above, two plans are timed once each
_LONGEST_STEP = 1.5  # guessed seconds of a step of all its images; above, of a block of them
_LONGEST_BLOCK = 3.0  # guessed seconds of a step of a block; above, of two images
_MOST_IMAGES = 1024  # that are made, unless a step has more
_CLEAR = 3.0  # the ratio of two plans above which networks of similar size share their choice
_CLOSE = 1.25  # the ratio of two plans below which another network may choose the other
_RUNS = 4  # of each step that is timed to choose a plan
_LOOP = 2.0  # the time of a step of the plain loop, in steps of the fastest plan
_STACK = 22.0  # the time of a multiply-add of a stack in all its forms, in those of the network

Dataset = Callable[[DataSpec, str], DataSet]


def measure_pace(job: Job, dataset: Dataset) -> Outcome:
    """Return the outcome of a job that asks for the pace of a network.

    Its ``images`` are those of a timed step.

    Args:
        job: The job; the recipe's ``batch`` is no more than the images trained on.
        dataset: Returns the data set of a specification on a device.
    """
    recipe = read(Recipe, job.recipe, "train")
    spec = read(DataSpec, job.data, "data")
    architecture = replace(read_architecture(job.architecture), provenance=None)
    step = _images_of_step(architecture, recipe.batch)
    images = _images(spec, architecture, step, job.device, dataset)
    augmentation = spec.augment if recipe.augment else "none"
    if isinstance(images, Images) and augmentation == "resized_crop_flip":
        augmentation = "none"  # it is part of decoding
    timing = _Timing(architecture, recipe, augmentation, images, step, job.device)
    began = time.perf_counter(), time.process_time()
    plan, times, tuning = _fastest(timing, job.plan)
    wall, own = time.perf_counter() - began[0], time.process_time() - began[1]
    return Outcome(
        job.number,
        job.task,
        "complete",
        images=step,
        plan=plan,
        pace=replace(times, tuning=tuning, share=min(own / max(wall, 1e-9), 1.0)),
    )


@dataclass(frozen=True, eq=False)
class _Timing:
    """The training whose steps are timed.

    Attributes:
        architecture: The network's architecture.
        recipe: The recipe.
        augmentation: The augmentation of the images.
        images: The images to train on, on the device that trains.
        step: Images of a step.
        device: The device that trains.
    """

    architecture: Architecture
    recipe: Recipe
    augmentation: str
    images: Source
    step: int
    device: str

    def times(self, plan: str) -> StepTimes:
        """Return the times of the network in ``plan``."""
        self._runner(self._network(plan))  # what is done once a process is done here
        begun = self._now()
        network = self._network(plan)
        trainer = self._runner(network)
        beside = self._now() - begun
        order = torch.Generator().manual_seed(0)
        self._train(trainer, 1, order)
        seconds, steps, most = self._train(trainer, 1, order), 1, len(self.images) // self.step
        while seconds < _SECONDS:
            at_once = max(1, min(most, int(_SECONDS / 4 * steps / max(seconds, 1e-6))))
            seconds += self._train(trainer, at_once, order)
            steps += at_once
        evaluated = _first(self.images, min(len(self.images), 4 * self.step))
        trainer.score(_first(self.images, self.step))
        begun = self._now()
        trainer.score(evaluated)
        evaluation = self._now() - begun
        trainer.finish()
        digest(network)
        begun = self._now()
        digest(network)
        beside += self._now() - begun
        return StepTimes(
            beside=beside,
            train=seconds / steps / self.step,
            evaluate=evaluation / len(evaluated),
        )

    def _now(self) -> float:
        """Return the seconds of a clock: of this process on the CPU, of the wall on a GPU."""
        return time.process_time() if self.device == "cpu" else time.perf_counter()

    def _network(self, plan: str) -> Network:
        network = build(self.architecture, plan=plan)
        initialise(network, self.recipe.init, torch.Generator().manual_seed(0))
        return network

    def _runner(self, network: Network) -> Runner:
        channels = self.architecture.input[0]
        normalisation = ((0.5,) * channels, (0.25,) * channels)
        return runner(network, self.recipe, self.step, normalisation, self.device)

    def _train(self, trainer: Runner, steps: int, order: torch.Generator) -> float:
        """Return the seconds of some steps; their rate of 0 changes no time."""
        images = _first(self.images, steps * self.step)
        begun = self._now()
        trainer.epoch(images, [0.0] * steps, order, self.augmentation)
        return self._now() - begun


def _fastest(timing: _Timing, plan: str) -> tuple[str, StepTimes, float]:
    """Return the plan that the run would choose, its times, and the seconds of choosing it."""
    architecture, batch, device = timing.architecture, timing.recipe.batch, timing.device
    in_memory = isinstance(timing.images, Images)
    refused = refusal(architecture, batch, in_memory=in_memory, device=device)
    block = images_measured(work(count(architecture)), batch)
    is_chosen = plan != AUTO or device != "cpu"
    choosing = _images_of_choice(architecture, batch, in_torch=bool(refused))
    if is_chosen or _guessed(architecture, 1) * choosing < _LONGEST_CHOICE:
        choice = choose(architecture, plan, batch, in_memory=in_memory, device=device)
        plans = [str(choice.plan)]
    elif refused or timing.step < block:
        plans = ["grouped"]
    else:
        plans = ["lanes", "grouped"]
    times = {name: timing.times(name) for name in plans}
    fastest = min(times, key=lambda name: times[name].train)
    tuning = 0.0
    if not is_chosen:
        if len(times) > 1:
            ratio = times["lanes"].train / times["grouped"].train
        elif refused or timing.step < block:
            ratio = _CLOSE
        else:
            known = step_times(architecture, batch)
            ratio = known["lanes"] / min(s for name, s in known.items() if name != "lanes")
        if 1 / _CLEAR < ratio < _CLEAR:
            may_be = {fastest != "lanes"} if not 1 / _CLOSE < ratio < _CLOSE else {True, False}
            images = [_images_of_choice(architecture, batch, in_torch=it) for it in may_be]
            tuning = times[fastest].train * fmean(images)
    return fastest, times[fastest], tuning


def _images_of_choice(architecture: Architecture, batch: int, *, in_torch: bool) -> float:
    """Return the images that could be trained on in the time in which a plan is chosen.

    A step is timed in lanes, grouped and as the plain loop; where torch is faster, also each stack
    in each of its forms, and steps of the whole network, both in two memory formats.
    """
    whole = work(count(architecture))
    images = (2 + _LOOP) * images_measured(whole, batch)
    if in_torch:
        images += (2 + _LOOP) * images_measured(whole, batch, 4)
        shapes = entering(build(architecture)).values()
        for stack, shape in set(zip(stacks(architecture.layers), shapes, strict=True)):
            of_stack = work(layer_cost(stack, shape))
            alone = images_measured(of_stack, batch, 4)
            images += 2 * 3 * _STACK * alone * of_stack / max(whole, 1.0)
    return _RUNS * images


def _images_of_step(architecture: Architecture, batch: int) -> int:
    """Return the images of a step that is timed: fewer than a batch where that takes too long."""
    if _guessed(architecture, batch) <= _LONGEST_STEP:
        return batch
    block = images_measured(work(count(architecture)), batch)
    return block if _guessed(architecture, block) <= _LONGEST_BLOCK else min(batch, 2)


def _guessed(architecture: Architecture, images: int) -> float:
    """Return the guessed seconds of a training step of ``images`` images."""
    return work(count(architecture)) * images / _MULTIPLY_ADDS


def _images(
    spec: DataSpec, architecture: Architecture, step: int, device: str, dataset: Dataset
) -> Source:
    """Return images for a few steps: the set's own if they are left in files, else random ones."""
    number = step * max(1, min(8, _MOST_IMAGES // step))
    if spec.name in STREAMED and available(spec) is None:
        train = dataset(spec, device).train
        if len(train) >= step:
            return _first(train, min(number, len(train) // step * step))
    generator = torch.Generator().manual_seed(0)
    (classes,) = output(architecture)
    pixels = torch.randint(
        256, (number, *architecture.input), dtype=torch.uint8, generator=generator
    )
    return Images(pixels, torch.randint(classes, (number,), generator=generator)).to(device)


def _first(images: Source, number: int) -> Source:
    """Return the first images of a source."""
    if isinstance(images, StreamedImages):
        rows = torch.arange(number)
        return replace(images, files=images.files.only(rows.numpy()), labels=images.labels[:number])
    assert isinstance(images, Images)  # the other kind of source
    return Images(images.pixels[:number], images.labels[:number])
