"""Members of packs, data for them, and the same members trained alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.data.sets import DataSet, Images
from unitsearch.network.build import build, initialise
from unitsearch.space import at_random, draw
from unitsearch.training import Recipe
from unitsearch.training.loop import DivergedError, Trained, train
from unitsearch.training.packed.loop import Member


class InDouble(nn.Module):
    """A network in double precision for the training loop, whose images are float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.double())


def drawn(space: str, count: int) -> list[Architecture]:
    """Return different architectures of a space."""
    bound, choose = bound_space(space), at_random(random.Random(3))
    architectures: list[Architecture] = []
    while len(architectures) < count:
        architecture = draw(bound, choose)[1]
        if architecture not in architectures:
            architectures.append(architecture)
    return architectures


def noise(shape: tuple[int, int, int], count: int, classes: int, validation: int = 20) -> DataSet:
    """Return random images with random labels."""

    def images(many: int, seed: int) -> Images:
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.randint(256, (many, *shape), generator=generator, dtype=torch.uint8)
        return Images(pixels, torch.randint(classes, (many,), generator=generator))

    names = tuple(map(str, range(classes)))
    mean, std = (0.4,) * shape[0], (0.3,) * shape[0]
    return DataSet(
        "noise", images(count, 0), images(validation, 1), images(30, 2), names, mean, std, "0" * 16
    )


def member(architecture: Architecture, seed: int, init: str = "default") -> Member:
    """Return a member in double precision, initialised as a job of this seed would be."""
    network, generator = build(architecture), torch.Generator().manual_seed(seed)
    initialise(network, init, generator)
    return Member(network.double(), generator.manual_seed(seed + 1000))


def alone(
    architecture: Architecture, seed: int, data: DataSet, recipe: Recipe, augmentation: str = "none"
) -> tuple[Trained | DivergedError, nn.Module]:
    """Return the result of training an architecture alone, and its network."""
    single = member(architecture, seed, recipe.init)
    network = InDouble(single.network)
    try:
        return train(network, data, recipe, single.generator, augmentation=augmentation), network
    except DivergedError as error:
        return error, network


def apart(first: nn.Module, second: nn.Module) -> float:
    """Return the largest difference of two networks' states, statistics and counts included."""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def numbers(result: Trained | DivergedError) -> Sequence[float]:
    assert isinstance(result, Trained), result
    return [*result.losses, *result.curve, *result.loss_curve]
