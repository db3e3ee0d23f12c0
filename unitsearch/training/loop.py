"""One flat training loop, and evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.data.batches import batches, normalise
from unitsearch.data.images import Source
from unitsearch.data.sets import DataSet
from unitsearch.errors import UnitSearchError
from unitsearch.network.slbf import clamp_, slbf_layers
from unitsearch.training.recipes import Recipe

_EVALUATION_BATCH = 512  # images, of up to 64 x 64 pixels; fewer where they are larger


class DivergedError(UnitSearchError):
    """Raise when a loss is NaN or infinite: this network, with this seed, cannot be trained so."""


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        curve: Accuracy on the validation images after each epoch, fractions.
        losses: Mean training loss of each epoch.
        seconds: Time that training and evaluation took.
    """

    curve: tuple[float, ...]
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
) -> Trained:
    """Train ``network`` in place on the training images; it ends in eval mode.

    Args:
        network: Its parameters are those of the last epoch afterwards; float32, channels last.
        data: Where the training images come from.
        recipe: How.
        generator: Source of the order of images and of augmentation.
        augmentation: The data's augmentation, used if the recipe says so.
        watch: Images that accuracy is measured on after each epoch; the validation images unless
            given.
        on_epoch: Called after each epoch with its number, from 1, and the accuracy.

    Raises:
        DivergedError: If the loss of an epoch is NaN or infinite.
        DataError: If an image is read from its file only now, and cannot be.
    """
    start = time.perf_counter()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    mean, std = normalisation(data, recipe)
    watched = data.validation if watch is None else watch
    size = min(recipe.batch, len(data.train))
    steps = len(data.train) // size
    optimiser = _optimiser(network, recipe, recipe.momentum)
    augmentation = augmentation if recipe.augment else "none"
    binary = slbf_layers(network)
    curve, losses = [], []
    for epoch in range(recipe.epochs):
        if epoch == recipe.restart:
            optimiser = _optimiser(network, recipe, 0.0)
        network.train()
        total = torch.zeros((), dtype=torch.float64)
        for step, (pixels, labels) in enumerate(
            batches(data.train, size, generator, drop_last=True, augmentation=augmentation)
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate_at(recipe, epoch, step, steps)
            logits = network(_prepared(pixels, mean, std))
            loss = F.cross_entropy(logits, labels, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
            optimiser.step()
            if binary:
                clamp_(binary)
            total += loss.detach()
        losses.append(float(total) / steps)
        if not math.isfinite(losses[-1]):
            raise DivergedError(f"the loss is {losses[-1]} in epoch {epoch + 1}")
        curve.append(accuracy(network, watched, mean, std))
        if epoch + 1 == recipe.epochs and not _is_finite(network, watched, mean, std):
            raise DivergedError(f"the logits are not finite after epoch {epoch + 1}")
        if on_epoch is not None:
            on_epoch(epoch + 1, curve[-1])
    network.eval()
    return Trained(tuple(curve), tuple(losses), time.perf_counter() - start)


def accuracy(
    network: nn.Module, images: Source, mean: tuple[float, ...], std: tuple[float, ...]
) -> float:
    """Return the share of ``images`` that ``network`` puts in their class, in eval mode.

    ``mean`` and ``std`` are per channel, of pixels in [0, 1].
    """
    network.eval()
    right = 0
    with torch.inference_mode():
        for pixels, labels in batches(images, evaluation_batch(images)):
            logits = network(_prepared(pixels, mean, std))
            right += int((logits.argmax(1) == labels).sum())
    return right / len(images) if len(images) else math.nan


def test_accuracy(network: nn.Module, data: DataSet, recipe: Recipe) -> float:
    """Return the accuracy on the test images, a fraction."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    return accuracy(network, data.test, *normalisation(data, recipe))


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


def _is_finite(
    network: nn.Module, images: Source, mean: tuple[float, ...], std: tuple[float, ...]
) -> bool:
    """Say whether logits are finite after the last step, behind which no loss was taken."""
    with torch.inference_mode(), closing(images.serve([slice(evaluation_batch(images))])) as first:
        logits = network(_prepared(next(first)[0], mean, std))
    return bool(torch.isfinite(logits).all())


def evaluation_batch(images: Source) -> int:
    """Return how many images are evaluated together."""
    _, height, width = images.shape
    return max(min(_EVALUATION_BATCH, _EVALUATION_BATCH * 64 * 64 // (height * width)), 1)


def _optimiser(network: nn.Module, recipe: Recipe, momentum: float) -> torch.optim.Optimizer:
    if recipe.optimiser in ("adam", "adamw"):
        adam = torch.optim.Adam if recipe.optimiser == "adam" else torch.optim.AdamW
        return adam(
            network.parameters(),
            recipe.rate,
            eps=recipe.epsilon,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
    return torch.optim.SGD(
        network.parameters(),
        recipe.rate,
        momentum=momentum,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def normalisation(data: DataSet, recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel that images are normalised by."""
    if recipe.normalise:
        return data.mean, data.std
    channels = len(data.mean)
    return (0.0,) * channels, (1.0,) * channels


def _prepared(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return normalise(pixels, mean, std).contiguous(memory_format=torch.channels_last)
