"""One flat training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from unitsearch.data.images import Source
from unitsearch.data.sets import DataSet
from unitsearch.errors import UnitSearchError
from unitsearch.training.checkpoints import Checkpoint, State
from unitsearch.training.recipes import Recipe
from unitsearch.training.runners import Normalisation, runner


class DivergedError(UnitSearchError):
    """Raise when a loss is NaN or infinite: this network, with this seed, cannot be trained so."""


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        curve: Accuracy on the validation images after each epoch, fractions.
        loss_curve: Mean cross-entropy of the same images after each epoch, in nats.
        losses: Mean training loss of each epoch.
        seconds: Time that training and evaluation took.
    """

    curve: tuple[float, ...]
    loss_curve: tuple[float, ...]
    losses: tuple[float, ...]
    seconds: float


def train(
    network: nn.Module,
    data: DataSet,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    augmentation: str = "none",
    watch: Source | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train ``network`` in place on the training images; it ends in eval mode.

    Args:
        network: Its parameters are those of the last epoch afterwards. Its plan says whether torch
            (channels last) or lanes do the work.
        data: Where the training images come from. Torch works on the device where they are served;
            the network is on the CPU again afterwards.
        recipe: How.
        generator: Source of the order of images and of augmentation.
        augmentation: The data's augmentation, used if the recipe says so.
        watch: Images that accuracy is measured on after each epoch; the validation images unless
            given.
        on_epoch: Called after each epoch with its number, from 1, and the accuracy; of a training
            that goes on from its checkpoint, after the epochs left.
        checkpoint: Where the state is kept, and gone on from if it is there; whoever keeps the
            result removes it.

    Raises:
        DivergedError: If the loss of an epoch is NaN or infinite.
        DataError: If an image is read from its file only now, and cannot be.
    """
    start = time.perf_counter()
    watched = data.validation if watch is None else watch
    size = min(recipe.batch, len(data.train))
    steps = len(data.train) // size
    augmentation = augmentation if recipe.augment else "none"
    device = data.train.labels.device
    at_work = runner(network, recipe, size, normalisation(data, recipe), device)
    kept = checkpoint.found() if checkpoint is not None else None
    curve: list[float] = []
    loss_curve: list[float] = []
    losses: list[float] = []
    if kept:
        curve, loss_curve = list(kept.curve), list(kept.loss_curve)
        losses = list(kept.losses)
        start -= kept.seconds
        if recipe.restart is not None and recipe.restart < len(curve):
            at_work.restart()
        at_work.put_back(kept.tensors)
        generator.set_state(kept.tensors["order"])
    for epoch in range(len(curve), recipe.epochs):
        if epoch == recipe.restart:
            at_work.restart()
        rates = [rate_at(recipe, epoch, step, steps) for step in range(steps)]
        losses.append(at_work.epoch(data.train, rates, generator, augmentation))
        if not math.isfinite(losses[-1]):
            raise DivergedError(f"the loss is {losses[-1]} in epoch {epoch + 1}")
        reached = at_work.score(watched)
        curve.append(reached.accuracy)
        loss_curve.append(reached.loss)
        if epoch + 1 == recipe.epochs and not at_work.is_finite(watched):
            raise DivergedError(f"the logits are not finite after epoch {epoch + 1}")
        if on_epoch is not None:
            on_epoch(epoch + 1, reached.accuracy)
        if checkpoint is not None and epoch + 1 < recipe.epochs and checkpoint.is_due():
            tensors = {**at_work.tensors(), "order": generator.get_state()}
            seconds = time.perf_counter() - start
            checkpoint.keep(State(tuple(curve), tuple(loss_curve), tuple(losses), seconds, tensors))
    at_work.finish()
    seconds = time.perf_counter() - start
    return Trained(tuple(curve), tuple(loss_curve), tuple(losses), seconds)


def test_accuracy(network: nn.Module, data: DataSet, recipe: Recipe) -> float:
    """Return the accuracy on the test images, a fraction."""
    device = data.test.labels.device
    size = min(recipe.batch, len(data.train))
    at_work = runner(network, recipe, size, normalisation(data, recipe), device)
    found = at_work.score(data.test).accuracy
    network.to("cpu")
    return found


def rate_at(recipe: Recipe, epoch: int, step: int, steps: int) -> float:
    """Return the learning rate of a step: warm-up, then the schedule, over what is left to do."""
    first, last = 0, recipe.epochs
    if recipe.restart is not None and epoch >= recipe.restart:
        first = recipe.restart
    now = float(epoch + recipe.ahead) if recipe.each == "epoch" else epoch + step / steps
    done = now - first
    if first == 0 and done < recipe.warmup:
        # the middle of the step, so that the first is not taken at rate 0
        middle = done + (0.5 / steps if recipe.each == "step" else 0.5)
        return recipe.rate * min(middle / recipe.warmup, 1.0)
    if recipe.schedule == "constant":
        return recipe.rate
    warmed = recipe.warmup if first == 0 else 0.0
    share = (done - warmed) / (last - first - warmed)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def normalisation(data: DataSet, recipe: Recipe) -> Normalisation:
    """Return the mean and standard deviation of each channel that a recipe normalises by."""
    if recipe.normalise:
        return data.mean, data.std
    channels = len(data.mean)
    return (0.0,) * channels, (1.0,) * channels
