"""What single units of a network do: their feature maps, and what the network does without them.

Units are counted in the canonical order in which a network holds them. Networks are in eval mode
and compute in float32; no gradient is kept.
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

# Images, float [n, c, h, w], normalised, and labels, int64 [n]; the same at every call.
Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]

STILL = 1e-5  # of a stack's largest output: rounding stays below, what tells images apart above


@dataclass(frozen=True)
class UnitAt:
    """A unit and where it stands.

    Attributes:
        stack: Number of its stack, from 0, in the order of ``architecture.stacks``.
        name: What the stack is called: its own name, or that of its module.
        index: Its position among the stack's units, from 0.
        unit: Its layers.
        first: The first of the stack's output channels that are its own.
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
    """What many images make of a unit's outputs.

    Attributes:
        zero: Output maps that are 0 at every pixel of every image: dead behind a ReLU.
        still: Output maps that are the same for every image, those that are 0 among them: at no
            pixel do two images differ by more than ``STILL`` of the stack's largest output.
        variance: Of a pixel over the images, the mean over pixels and maps.
        share: Of the stack's variance summed over all pixels and channels, the unit's part.
        means: The mean of each output map over images and pixels.
    """

    zero: int
    still: int
    variance: float
    share: float
    means: tuple[float, ...]


@dataclass(frozen=True)
class FeatureSurvey:
    """What was seen over many images.

    Attributes:
        images: How many they were.
        right: Of them, those that the network answers rightly.
        units: The activity of each unit, in order.
    """

    images: int
    right: int
    units: Mapping[UnitAt, Activity]


@dataclass(frozen=True)
class RemovalEffect:
    """What changes when each output map of some units is replaced by its mean, a number.

    That is what is left of them once they are removed and the next layer's bias has taken over
    their means, without any training; only at the border do padded zeros see a difference.

    Attributes:
        images: How many it was measured on.
        lost: Of them, those answered rightly before and wrongly after.
        gained: Those answered wrongly before and rightly after.
        loss: Rise of the mean cross-entropy.
        loss_error: Its standard error, over the images.
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
        """The standard error of ``change``: both answers are of the same images.

        It is not 0 where no answer changed: n images do not rule out a change rarer than 1 in n.

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
    found = []
    modules = network.stacks()
    layers = stacks(network.architecture.layers)
    for number, (module, stack) in enumerate(zip(modules, layers, strict=True)):
        index = first = 0
        for run in stack.units:
            for _ in range(run.count):
                found.append(UnitAt(number, stack.name or module, index, run.unit, first))
                index, first = index + 1, first + run.unit.outputs
    return found


def stack_maps(network: Network, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return what leaves each stack, float [n, channels, h, w] or [n, features], and the logits."""
    found: dict[int, Tensor] = {}
    with torch.inference_mode(), _listening(network, found.__setitem__):
        logits = network(x)
    return [found[number] for number in sorted(found)], logits


def survey(network: Network, batches: Batches) -> FeatureSurvey:
    """Return what each of ``units_of(network)`` does over all images."""
    sums: list[_Sums] = []
    images = right = 0
    for x, labels in batches():
        outputs, logits = stack_maps(network, x)
        images += len(x)
        right += int((logits.argmax(1) == labels).sum())
        sums = sums or [_Sums(y[0]) for y in outputs]
        for at, y in zip(sums, outputs, strict=True):
            at.add(y)
    found = {unit: sums[unit.stack].of(unit) for unit in units_of(network)}
    return FeatureSurvey(images, right, found)


def effects(
    network: Network,
    batches: Batches,
    means: Mapping[UnitAt, Sequence[float]],
    removals: Sequence[Sequence[UnitAt]],
    watch: Callable[[int], None] | None = None,
) -> list[RemovalEffect]:
    """Return what the network loses by each of ``removals``, groups of units that go together.

    Args:
        network: The network.
        batches: The images.
        means: What takes the place of each unit's output maps.
        removals: The groups.
        watch: Called with the number of images done, after each batch.
    """
    at = _places(network)
    totals = [_Change() for _ in removals]
    images = 0
    for x, labels in batches():
        with torch.inference_mode():
            entering = [x]
            for layer in network.layers:
                entering.append(layer(entering[-1]))
            before = _Answers(entering[-1], labels)
            for total, units in zip(totals, removals, strict=True):
                total.add(before, _Answers(_without(network, entering, units, at, means), labels))
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
    """Return the logits without ``units``, from what entered the first layer that holds one."""
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
    with _listening(network, replaced):
        for layer in list(network.layers)[first:]:
            x = layer(x)
    return x


def _places(network: Network) -> list[int]:
    """Return in which of the network's outermost layers each stack lies."""
    return [int(name.split(".")[1]) for name in network.stacks()]


@contextmanager
def _listening(network: Network, hear: Callable[[int, Tensor], Tensor | None]) -> Iterator[None]:
    """Show what leaves each stack to ``hear``, and pass on what it returns instead, if anything."""

    def hook(number: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
        return lambda _module, _inputs, y: hear(number, y)

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
    """Sums over images of what leaves a stack, as differences from the first image."""

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

    def of(self, at: UnitAt) -> Activity:
        mine = at.channels
        variance = (self.squares - self.sum.square() / self.images).clamp_min(0) / self.images
        total = float(variance.sum())
        maps = unit_maps(self.farthest, at).flatten(1).amax(1)
        still = maps <= STILL * float(self.largest.max())
        zero = unit_maps(self.largest, at).flatten(1).amax(1) == 0
        means = self.first.double() + self.sum / self.images
        return Activity(
            zero=int(zero.sum()),
            still=int(still.sum()),
            variance=float(variance[mine].mean()),
            share=float(variance[mine].sum()) / total if total else 0.0,
            means=tuple(means[mine].reshape(at.unit.outputs, -1).mean(1).tolist()),
        )


def unit_maps(y: Tensor, at: UnitAt) -> Tensor:
    """Return a unit's part of what leaves its stack for one image: [maps, h, w]; flat, 1 × 1."""
    mine = y[at.channels]
    return mine if mine.dim() == 3 else mine.view(-1, 1, 1)


class _Answers:
    """Which images of a batch are answered rightly, and the loss of each."""

    def __init__(self, logits: Tensor, labels: Tensor) -> None:
        self.right = logits.argmax(1) == labels
        self.loss = F.cross_entropy(logits, labels, reduction="none").double()


class _Change:
    """What changes from one network to another, summed over batches."""

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
