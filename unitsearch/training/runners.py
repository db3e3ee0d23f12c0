"""Runners, which do the arithmetic of a training: one by torch, one in lanes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from unitsearch.data.batches import batches, draw_crops, normalise, shuffled
from unitsearch.data.images import Images, Source
from unitsearch.kernels.lanes import Lanes
from unitsearch.kernels.settings import OptimiserSettings
from unitsearch.network.build import Network
from unitsearch.network.slbf import clamp_, slbf_layers
from unitsearch.training.checkpoints import put_back, tensors_of
from unitsearch.training.recipes import Recipe

_EVALUATION_BATCH = 512  # images, of up to 64 x 64 pixels; fewer where they are larger

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std of each channel


class Score(NamedTuple):
    """The quality of a network on images, in eval mode; NaN if there are no images.

    Attributes:
        accuracy: The share of images that it classifies correctly, a fraction.
        loss: Mean cross-entropy in nats, without label smoothing.
    """

    accuracy: float
    loss: float


class Runner(Protocol):
    """A network in training."""

    def epoch(
        self, images: Source, rates: Iterable[float], order: Generator, augmentation: str
    ) -> float:
        """Take one step a learning rate on batches of shuffled images; return the mean loss."""

    def score(self, images: Source) -> Score:
        """Return the network's score on images, in eval mode."""

    def is_finite(self, images: Source) -> bool:
        """Return whether the logits of the first images are finite."""

    def restart(self) -> None:
        """Reset the optimiser, without momentum from now on."""

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that changes in training, by name."""

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from the tensors of a training of the same plan and recipe."""

    def finish(self) -> None:
        """Move the parameters into the network, on the CPU and in eval mode."""


def runner(
    network: nn.Module,
    recipe: Recipe,
    batch: int,
    normalisation: Normalisation,
    device: torch.device | str = "cpu",
) -> Runner:
    """Return the runner of ``network`` by its plan: ``batch`` images a step, on ``device``."""
    if isinstance(network, Network) and network.runs_in_lanes:
        return LanesRunner(network, recipe, batch, normalisation)
    return TorchRunner(network, recipe, batch, normalisation, device)


class TorchRunner:
    """Training by torch on the device of the images.

    The network stays on ``device`` until ``finish`` moves it back to the CPU.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        batch: int,
        normalisation: Normalisation,
        device: torch.device | str = "cpu",
    ) -> None:
        memory = memory_of(network)
        network.to(device)
        network.to(memory_format=memory)  # type: ignore[call-overload]  # torch's stub
        self._network, self._recipe, self._batch = network, recipe, batch
        self._normalisation = normalisation
        self._optimiser = _optimiser(network, recipe, recipe.momentum)
        self._binary = slbf_layers(network)

    def epoch(
        self, images: Source, rates: Iterable[float], order: Generator, augmentation: str
    ) -> float:
        """Take one step a learning rate on batches of shuffled images; return the mean loss."""
        network, optimiser = self._network, self._optimiser
        network.train()
        total = torch.zeros((), dtype=torch.float64, device=images.labels.device)
        steps = 0
        served = batches(images, self._batch, order, drop_last=True, augmentation=augmentation)
        for rate, (pixels, labels) in zip(rates, served, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate
            logits = network(self._prepared(pixels))
            loss = F.cross_entropy(logits, labels, label_smoothing=self._recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
            optimiser.step()
            if self._binary:
                clamp_(self._binary)
            total += loss.detach()
            steps += 1
        return float(total) / steps

    def score(self, images: Source) -> Score:
        """Return the network's score on images, in eval mode."""
        return score(self._network, images, *self._normalisation)

    def is_finite(self, images: Source) -> bool:
        """Return whether the logits of the first images are finite."""
        first = images.serve([slice(evaluation_batch(images))])
        with torch.inference_mode(), closing(first):
            logits = self._network(self._prepared(next(first)[0]))
        return bool(torch.isfinite(logits).all())

    def restart(self) -> None:
        """Reset the optimiser, without momentum from now on."""
        self._optimiser = _optimiser(self._network, self._recipe, 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that changes in training, by name."""
        return tensors_of(self._network, self._optimiser)

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from the tensors of a training of the same plan and recipe."""
        put_back(tensors, self._network, self._optimiser)

    def finish(self) -> None:
        """Move the parameters into the network, on the CPU and in eval mode."""
        self._network.to("cpu").eval()

    def _prepared(self, pixels: Tensor) -> Tensor:
        return _prepared(pixels, *self._normalisation, memory_of(self._network))


class LanesRunner:
    """Training with one image in each SIMD lane; the images lie in memory."""

    def __init__(
        self, network: Network, recipe: Recipe, batch: int, normalisation: Normalisation
    ) -> None:
        self._network, self._batch = network, batch
        self._lanes = Lanes(
            network.architecture,
            batch,
            mean=normalisation[0],
            std=normalisation[1],
            dtype=str(next(network.parameters()).dtype).removeprefix("torch."),
            optimiser=OptimiserSettings(
                recipe.optimiser,
                momentum=recipe.momentum,
                weight_decay=recipe.weight_decay,
                epsilon=recipe.epsilon,
            ),
            smoothing=recipe.smoothing,
        )
        self._lanes.load({name: t.numpy() for name, t in network.state_dict().items()})

    def epoch(
        self, images: Source, rates: Iterable[float], order: Generator, augmentation: str
    ) -> float:
        """Take one step a learning rate on batches of shuffled images; return the mean loss."""
        pixels, labels = _arrays(images)
        total, steps = 0.0, 0
        for rate, rows in zip(
            rates, shuffled(images, self._batch, order, drop_last=True), strict=True
        ):
            crops = None
            if augmentation != "none":
                top, left, is_flipped = draw_crops(len(rows), order).numpy().T
                crops = top, left, is_flipped
            total += self._lanes.train_step(pixels, labels, rows.numpy(), rate, crops)
            steps += 1
        return total / steps

    def score(self, images: Source) -> Score:
        """Return the network's score on images, in eval mode."""
        return Score(*self._lanes.evaluate(*_arrays(images)))

    def is_finite(self, images: Source) -> bool:
        """Return whether the logits of the first images are finite."""
        pixels, _ = _arrays(images)
        return bool(np.isfinite(self._lanes.logits(pixels[:_EVALUATION_BATCH])).all())

    def restart(self) -> None:
        """Reset the optimiser, without momentum from now on."""
        self._lanes.restart(0.0)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that changes in training, by name."""
        parts = {"network": self._lanes.state(), "optimiser": self._lanes.optimiser_state()}
        return {
            f"{part}.{name}": torch.from_numpy(array)
            for part, arrays in parts.items()
            for name, array in arrays.items()
        }

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from the tensors of a training of the same plan and recipe."""
        parts: dict[str, dict[str, NDArray[Any]]] = {"network": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            part, _, inner = name.partition(".")
            if part in parts:
                parts[part][inner] = tensor.numpy()
        self._lanes.load(parts["network"])
        self._lanes.load_optimiser(parts["optimiser"])

    def finish(self) -> None:
        """Move the parameters into the network, on the CPU and in eval mode."""
        state = {name: torch.from_numpy(a) for name, a in self._lanes.state().items()}
        self._network.load_state_dict(state)
        self._network.eval()


def score(
    network: nn.Module, images: Source, mean: tuple[float, ...], std: tuple[float, ...]
) -> Score:
    """Return the score of ``network`` on ``images`` by torch, in eval mode.

    ``mean`` and ``std`` are per channel, of pixels in [0, 1].
    """
    network.eval()
    correct, loss = 0, 0.0
    with torch.inference_mode():
        for pixels, labels in batches(images, evaluation_batch(images)):
            logits = network(_prepared(pixels, mean, std, memory_of(network)))
            correct += int((logits.argmax(1) == labels).sum())
            loss += float(F.cross_entropy(logits.double(), labels, reduction="sum"))
    if not len(images):
        return Score(float("nan"), float("nan"))
    return Score(correct / len(images), loss / len(images))


def _arrays(images: Source) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pixels and labels as the arrays that lanes read."""
    assert isinstance(images, Images)  # the plan of images in files is one of torch's
    return images.pixels.numpy(), images.labels.numpy()


def evaluation_batch(images: Source) -> int:
    """Return the number of images that torch evaluates together."""
    _, height, width = images.shape
    return max(min(_EVALUATION_BATCH, _EVALUATION_BATCH * 64 * 64 // (height * width)), 1)


def memory_of(network: nn.Module) -> torch.memory_format:
    """Return the memory format of the images that ``network`` takes."""
    return network.memory_format if isinstance(network, Network) else torch.channels_last


def _prepared(
    pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...], memory: torch.memory_format
) -> Tensor:
    return normalise(pixels, mean, std).contiguous(memory_format=memory)


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
