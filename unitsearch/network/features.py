"""Single units of a network: their feature maps, and the network's accuracy without them.

Units are numbered in the canonical order in which a network holds them. Networks are in eval mode
and compute in float32 without gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.architecture import Unit, stacks
from unitsearch.network.build import Network
from unitsearch.network.stacks import Stacked

# Images, float [n, c, h, w], normalised, and labels, int64 [n]; every call gives the same.
Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]

# Share of a stack's largest output: differences by rounding are smaller, real ones larger.
RELATIVE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class UnitAt:
    """A unit and its place in the network.

    Attributes:
        stack: Number of its stack, from 0, in the order of ``architecture.stacks``.
        name: The stack's name: its own, or its module's name.
        index: Its position among the stack's units, from 0.
        unit: Its layers.
        first: The first of its output channels among the stack's.
    """

    stack: int
    name: str
    index: int
    unit: Unit
    first: int

    @property
    def channels(self) -> slice:
        """Its output channels among the stack's."""
        return slice(self.first, self.first + self.unit.outputs)


@dataclass(frozen=True)
class Activity:
    """Statistics of a unit's outputs over many images.

    Attributes:
        zero: The number of output maps that are 0 at all pixels of all images: dead after a ReLU.
        still: The number of output maps that are the same for every image, zero maps included: at
            no pixel do two images differ by more than ``RELATIVE_TOLERANCE`` of the stack's largest
            output.
        variance: Variance of a pixel over the images, the mean over pixels and maps.
        share: The unit's share of the stack's variance, summed over all pixels and channels.
        means: The mean of each output map over images and pixels.
    """

    zero: int
    still: int
    variance: float
    share: float
    means: tuple[float, ...]


@dataclass(frozen=True)
class FeatureSurvey:
    """The activity of all units over many images.

    Attributes:
        images: The number of images.
        right: The number of images that the network classifies correctly.
        units: The activity of each unit, in order.
    """

    images: int
    right: int
    units: Mapping[UnitAt, Activity]


@dataclass(frozen=True)
class RemovalEffect:
    """The effect of replacing each output map of some units by its mean, a number.

    It equals removing the units and adding their means to the next layer's bias, without any
    training, except at the border, where padded zeros make a difference.

    Attributes:
        images: The number of images that it was measured on.
        lost: The number of images classified correctly before and wrongly after.
        gained: The number of images classified wrongly before and correctly after.
        loss: Rise of the mean cross-entropy.
        loss_error: The standard error of ``loss``, over the images.
    """

    images: int
    lost: int
    gained: int
    loss: float
    loss_error: float

    @property
    def change(self) -> float:
        """The accuracy after minus the one before, a fraction."""
        return (self.gained - self.lost) / self.images

    @property
    def error(self) -> float:
        """The standard error of ``change``, for paired data: both counts are of the same images.

        It is not 0 where no class changed: n images do not rule out a change rarer than 1 in n.

        Source: Bonett and Price 2012, "Adjusted Wald confidence interval for a difference of
            binomial proportions based on paired data" (Journal of Educational and Behavioral
            Statistics 37(4)): one image more is counted as lost, one as gained.
        """
        lost, gained = (self.lost + 1) / (self.images + 2), (self.gained + 1) / (self.images + 2)
        return math.sqrt((lost + gained - (gained - lost) ** 2) / (self.images + 2))

    @property
    def is_resolved(self) -> bool:
        """Whether the accuracy changes by more than two standard errors."""
        return abs(self.change) > 2 * self.error

    @property
    def falls(self) -> bool:
        """Whether the accuracy falls by more than two standard errors."""
        return self.is_resolved and self.change < 0


def units_of(network: Network) -> list[UnitAt]:
    """Return every unit of a network, stack by stack."""
    units = []
    modules = network.stacks()
    layers = stacks(network.architecture.layers)
    for number, (module, stack) in enumerate(zip(modules, layers, strict=True)):
        index = first = 0
        for run in stack.units:
            for _ in range(run.count):
                units.append(UnitAt(number, stack.name or module, index, run.unit, first))
                index, first = index + 1, first + run.unit.outputs
    return units


def stack_maps(network: Network, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return each stack's output, float [n, channels, h, w] or [n, features], and the logits."""
    outputs: dict[int, Tensor] = {}
    with torch.inference_mode(), _hooked(network, outputs.__setitem__):
        logits = network(x)
    return [outputs[number] for number in sorted(outputs)], logits


def survey(network: Network, batches: Batches) -> FeatureSurvey:
    """Return the activity of each of ``units_of(network)`` over all images."""
    sums: list[_Sums] = []
    images = right = 0
    for x, labels in batches():
        outputs, logits = stack_maps(network, x)
        images += len(x)
        right += int((logits.argmax(1) == labels).sum())
        sums = sums or [_Sums(y[0]) for y in outputs]
        for stack_sums, y in zip(sums, outputs, strict=True):
            stack_sums.add(y)
    activities = {unit: sums[unit.stack].of(unit) for unit in units_of(network)}
    return FeatureSurvey(images, right, activities)


def effects(
    network: Network,
    batches: Batches,
    means: Mapping[UnitAt, Sequence[float]],
    removals: Sequence[Sequence[UnitAt]],
    watch: Callable[[int], None] | None = None,
) -> list[RemovalEffect]:
    """Return the effect of each of ``removals``, groups of units that are removed together.

    Args:
        network: The network.
        batches: The images.
        means: The numbers that replace each unit's output maps.
        removals: The groups.
        watch: Called with the number of images done, after each batch.
    """
    places = _places(network)
    totals = [_Change() for _ in removals]
    images = 0
    for x, labels in batches():
        with torch.inference_mode():
            entering = [x]
            for layer in network.layers:
                entering.append(layer(entering[-1]))
            before = _Answers(entering[-1], labels)
            for total, units in zip(totals, removals, strict=True):
                logits = _without(network, entering, units, places, means)
                total.add(before, _Answers(logits, labels))
        images += len(x)
        if watch is not None:
            watch(images)
    return [total.effect() for total in totals]


def _without(
    network: Network,
    entering: Sequence[Tensor],
    units: Sequence[UnitAt],
    places: Sequence[int],
    means: Mapping[UnitAt, Sequence[float]],
) -> Tensor:
    """Return the logits without ``units``, computed from the first layer that holds one."""
    by_stack: dict[int, list[UnitAt]] = {}
    for unit in units:
        by_stack.setdefault(unit.stack, []).append(unit)

    def replaced(number: int, y: Tensor) -> Tensor | None:
        if number not in by_stack:
            return None
        y = y.clone()
        for unit in by_stack[number]:
            value = y.new_tensor(means[unit])
            y[:, unit.channels] = value.view(-1, *[1] * (y.dim() - 2))
        return y

    first = min(places[number] for number in by_stack)
    x = entering[first]
    if len(by_stack) == 1 and isinstance(network.layers[first], Stacked):
        changed = replaced(next(iter(by_stack)), entering[first + 1])
        assert changed is not None  # this is its stack
        x, first = changed, first + 1
    with _hooked(network, replaced):
        for layer in list(network.layers)[first:]:
            x = layer(x)
    return x


def _places(network: Network) -> list[int]:
    """Return the number of the outermost layer that holds each stack."""
    return [int(name.split(".")[1]) for name in network.stacks()]


@contextmanager
def _hooked(network: Network, replace: Callable[[int, Tensor], Tensor | None]) -> Iterator[None]:
    """Call ``replace`` with each stack's output, and use its result instead unless it is None."""

    def hook(number: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
        return lambda _module, _inputs, y: replace(number, y)

    handles = [
        stack.register_forward_hook(hook(number))
        for number, stack in enumerate(network.stacks().values())
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Sums:
    """Sums over images of a stack's outputs, as differences from the first image."""

    def __init__(self, first: Tensor) -> None:
        self.first = first.clone()
        self.images = 0
        self.sum = torch.zeros_like(first, dtype=torch.float64)
        self.squares = torch.zeros_like(self.sum)
        self.farthest = torch.zeros_like(first)
        self.largest = torch.zeros_like(first)

    def add(self, y: Tensor) -> None:
        away = y - self.first
        self.images += len(y)
        self.sum += away.sum(0, dtype=torch.float64)
        self.squares += away.double().square().sum(0)
        self.farthest = torch.maximum(self.farthest, away.abs().amax(0))
        self.largest = torch.maximum(self.largest, y.abs().amax(0))

    def of(self, unit: UnitAt) -> Activity:
        channels = unit.channels
        variance = (self.squares - self.sum.square() / self.images).clamp_min(0) / self.images
        total = float(variance.sum())
        maps = unit_maps(self.farthest, unit).flatten(1).amax(1)
        still = maps <= RELATIVE_TOLERANCE * float(self.largest.max())
        zero = unit_maps(self.largest, unit).flatten(1).amax(1) == 0
        means = self.first.double() + self.sum / self.images
        return Activity(
            zero=int(zero.sum()),
            still=int(still.sum()),
            variance=float(variance[channels].mean()),
            share=float(variance[channels].sum()) / total if total else 0.0,
            means=tuple(means[channels].reshape(unit.unit.outputs, -1).mean(1).tolist()),
        )


def unit_maps(y: Tensor, unit: UnitAt) -> Tensor:
    """Return a unit's part of its stack's output for one image: [maps, h, w]; flat ones 1 × 1."""
    maps = y[unit.channels]
    return maps if maps.dim() == 3 else maps.view(-1, 1, 1)


class _Answers:
    """The images of a batch that are classified correctly, and the loss of each."""

    def __init__(self, logits: Tensor, labels: Tensor) -> None:
        self.right = logits.argmax(1) == labels
        self.loss = F.cross_entropy(logits, labels, reduction="none").double()


class _Change:
    """The changes from one network to another, summed over batches."""

    def __init__(self) -> None:
        self.images = self.lost = self.gained = 0
        self.sum = self.squares = 0.0

    def add(self, before: _Answers, after: _Answers) -> None:
        self.images += len(before.right)
        self.lost += int((before.right & ~after.right).sum())
        self.gained += int((~before.right & after.right).sum())
        rise = after.loss - before.loss
        self.sum += float(rise.sum())
        self.squares += float(rise.square().sum())

    def effect(self) -> RemovalEffect:
        n = self.images
        spread = max(self.squares - self.sum**2 / n, 0.0) / max(n - 1, 1)
        return RemovalEffect(n, self.lost, self.gained, self.sum / n, math.sqrt(spread / n))
