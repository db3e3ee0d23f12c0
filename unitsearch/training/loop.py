"""The training loop of a single network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import nn

from unitsearch.data.sets import DataSet
from unitsearch.errors import UnitSearchError
from unitsearch.training.bars import clears_all, missed_bar
from unitsearch.training.checkpoints import Checkpoint, State
from unitsearch.training.monitor import Monitor
from unitsearch.training.recipes import Recipe
from unitsearch.training.runners import Normalisation, runner


class DivergedError(UnitSearchError):
    """The error for a NaN or infinite loss: this network, with this seed, cannot be trained."""


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        curve: Accuracy on the watched images after each epoch, fractions.
        loss_curve: Mean cross-entropy of the same images after each epoch, in nats.
        losses: Mean training loss of each epoch.
        seconds: Time that training and evaluation took.
        stop_reason: The reason if the training stopped before its last epoch, else empty.
    """

    curve: tuple[float, ...]
    loss_curve: tuple[float, ...]
    losses: tuple[float, ...]
    seconds: float
    stop_reason: str = ""

    @property
    def is_stopped(self) -> bool:
        """Whether a missed bar ended the training before its last epoch."""
        return bool(self.stop_reason)


def train(
    network: nn.Module,
    data: DataSet,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    augmentation: str = "none",
    monitor: Monitor = Monitor(),  # noqa: B008  # frozen
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train ``network`` in place on the training images; it ends in eval mode.

    Args:
        network: Its parameters are those of the last epoch afterwards. Its plan says whether torch
            (channels last) or lanes train it.
        data: The data set. Torch works on the device that holds the training images; the network
            is on the CPU again afterwards.
        recipe: The recipe.
        generator: Source of the order of images and of augmentation.
        augmentation: The data's augmentation, used if the recipe says so.
        monitor: The images that accuracy is measured on after each epoch, and the bars that end
            the training early.
        checkpoint: The file that the state is written to from time to time; if it holds a state,
            the training continues from it. The caller removes it once the result is stored.

    Raises:
        DivergedError: If the loss of an epoch is NaN or infinite.
        DataError: If an image is read from its file only now, and cannot be.
    """
    start = time.perf_counter()
    watched = data.validation if monitor.images is None else monitor.images
    size = min(recipe.batch, len(data.train))
    steps = len(data.train) // size
    augmentation = augmentation if recipe.augment else "none"
    device = data.train.labels.device
    trainer = runner(network, recipe, size, normalisation(data, recipe), device)
    state = checkpoint.load() if checkpoint is not None else None
    if state is not None and not clears_all(
        state.curve, state.loss_curve, monitor.bars, recipe.epochs
    ):
        state = None  # written without these bars, which stop the training at an earlier epoch
    curve: list[float] = []
    loss_curve: list[float] = []
    losses: list[float] = []
    if state is not None:
        curve, loss_curve = list(state.curve), list(state.loss_curve)
        losses = list(state.losses)
        start -= state.seconds
        if recipe.restart is not None and recipe.restart < len(curve):
            trainer.restart()
        trainer.put_back(state.tensors)
        generator.set_state(state.tensors["order"])
    stop_reason = ""
    for epoch in range(len(curve), recipe.epochs):
        if epoch == recipe.restart:
            trainer.restart()
        rates = [rate_at(recipe, epoch, step, steps) for step in range(steps)]
        losses.append(trainer.epoch(data.train, rates, generator, augmentation))
        if not math.isfinite(losses[-1]):
            raise DivergedError(f"the loss is {losses[-1]} in epoch {epoch + 1}")
        score = trainer.score(watched)
        curve.append(score.accuracy)
        loss_curve.append(score.loss)
        if epoch + 1 == recipe.epochs and not trainer.is_finite(watched):
            raise DivergedError(f"the logits are not finite after epoch {epoch + 1}")
        if monitor.on_epoch is not None:
            monitor.on_epoch(epoch + 1, score.accuracy)
        if stop_reason := missed_bar(curve, loss_curve, monitor.bars, recipe.epochs):
            break
        if checkpoint is not None and epoch + 1 < recipe.epochs and checkpoint.is_due():
            tensors = {**trainer.tensors(), "order": generator.get_state()}
            seconds = time.perf_counter() - start
            checkpoint.write(
                State(tuple(curve), tuple(loss_curve), tuple(losses), seconds, tensors)
            )
    trainer.finish()
    seconds = time.perf_counter() - start
    return Trained(tuple(curve), tuple(loss_curve), tuple(losses), seconds, stop_reason)


def test_accuracy(network: nn.Module, data: DataSet, recipe: Recipe) -> float:
    """Return the accuracy on the test images, a fraction."""
    device = data.test.labels.device
    size = min(recipe.batch, len(data.train))
    tester = runner(network, recipe, size, normalisation(data, recipe), device)
    accuracy = tester.score(data.test).accuracy
    network.to("cpu")
    return accuracy


def rate_at(recipe: Recipe, epoch: int, step: int, steps: int) -> float:
    """Return the learning rate of a step: warm-up, then the schedule over the epochs left."""
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
