"""Training of packs: members side by side, each as if it trained alone; who is done makes room.

A member's result equals, to rounding, what ``loop.train`` gives for its network and generator:
order of images, augmentation, rates and statistics are its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from unitsearch.data.batches import draw_crops
from unitsearch.data.images import Images, Source
from unitsearch.data.sets import DataSet
from unitsearch.errors import UsageError
from unitsearch.network.build import Network
from unitsearch.packs.pack_optimisers import StepSettings
from unitsearch.training.loop import (
    DivergedError,
    Trained,
    normalisation,
    rate_at,
)
from unitsearch.training.packed.steps import Steps, prepared
from unitsearch.training.recipes import Recipe
from unitsearch.training.runners import Score, evaluation_batch


@dataclass(frozen=True, eq=False)
class Member:
    """One that trains in a pack.

    Attributes:
        network: With its first weights; trained in place, in eval mode afterwards.
        generator: Source of the order of images and of augmentation, on the CPU.
    """

    network: Network
    generator: Generator


@dataclass(frozen=True)
class Finished:
    """A member that left the pack.

    Attributes:
        number: Which one, from 0, in the order in which members were given.
        result: What training gave, its share of the pack's seconds among it, or why it came to
            nothing.
    """

    number: int
    result: Trained | DivergedError


OnEpoch = Callable[[int, int, float], bool | None]
"""Called with a member's number, its epoch from 1, and its accuracy; True stops the member."""


def train_pack(
    members: Iterable[Member],
    data: DataSet,
    recipe: Recipe,
    *,
    size: int,
    augmentation: str = "none",
    watch: Source | None = None,
    on_epoch: OnEpoch | None = None,
    device: torch.device | str = "cpu",
    bfloat16: bool = False,
) -> Iterator[Finished]:
    """Train members side by side; yield each as it ends, at the end of an epoch.

    Args:
        members: Of one skeleton (``unitsearch.packs.groups``); one is asked for when there is room.
        data: Where the training images come from; they must be in memory.
        recipe: How, for all of them.
        size: How many train at a time.
        augmentation: The data's augmentation, used if the recipe says so.
        watch: Images that accuracy is measured on after each epoch; the validation images unless
            given.
        on_epoch: Hears of each member's epochs and may stop it; it then ends with what it has.
        device: Where the pack runs; on CUDA a step is one graph.
        bfloat16: Whether maps are held in bfloat16; CUDA only.

    Raises:
        UsageError: If a member does not fit the others, images are not in memory, or bfloat16 is
            asked for elsewhere.
    """
    if size < 1:
        raise UsageError(place="size", found=size, expected="1 or more members")
    if bfloat16 and torch.device(device).type != "cuda":
        raise UsageError(place="bfloat16", found=str(device), expected="a CUDA device")
    crew = _Crew(data, recipe, augmentation, watch, torch.device(device), bfloat16=bfloat16)
    waiting = enumerate(members)
    places: list[_Slot | None] = [None] * size
    while True:
        # who joins takes the place of who left: a pack of equal networks stays as it is
        for i, taken in enumerate(places):
            if taken is None and (joining := next(waiting, None)) is not None:
                places[i] = _Slot(*joining)
        slots = [slot for slot in places if slot is not None]
        if not slots:
            return
        places = [*slots, *[None] * (size - len(slots))]
        begun = time.perf_counter()
        crew.seat(slots)
        losses = crew.epoch(slots)
        scores, are_finite = crew.evaluated()
        share = (time.perf_counter() - begun) / len(slots)
        for i, slot in enumerate(slots):
            slot.seconds += share
            result = slot.after_epoch(losses[i], scores[i], are_finite[i], recipe, on_epoch)
            if result is not None:
                crew.dismiss(i, slot)
                places[i] = None
                yield Finished(slot.number, result)


@dataclass(eq=False)
class _Slot:
    """A member in the pack, and how far it is."""

    number: int
    member: Member
    epoch: int = 0  # epochs behind it
    taken: int = 0  # steps since its optimiser was made
    curve: list[float] = field(default_factory=list)
    loss_curve: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def after_epoch(
        self,
        loss: float,
        score: Score,
        is_finite: bool,
        recipe: Recipe,
        on_epoch: OnEpoch | None,
    ) -> Trained | DivergedError | None:
        """Note an epoch; return the result if it was the last."""
        self.epoch += 1
        self.losses.append(loss)
        if not math.isfinite(loss):
            return DivergedError(f"the loss is {loss} in epoch {self.epoch}")
        self.curve.append(score.accuracy)
        self.loss_curve.append(score.loss)
        if self.epoch == recipe.epochs and not is_finite:
            return DivergedError(f"the logits are not finite after epoch {self.epoch}")
        is_stopped = on_epoch is not None and on_epoch(self.number, self.epoch, score.accuracy)
        if is_stopped or self.epoch == recipe.epochs:
            curves = (tuple(self.curve), tuple(self.loss_curve), tuple(self.losses))
            return Trained(*curves, self.seconds)
        return None


class _Crew:
    """The pack of the members that train now, remade when other architectures join."""

    def __init__(
        self,
        data: DataSet,
        recipe: Recipe,
        augmentation: str,
        watch: Source | None,
        device: torch.device,
        *,
        bfloat16: bool,
    ) -> None:
        self.recipe, self.device, self.bfloat16 = recipe, device, bfloat16
        self.augmentation = augmentation if recipe.augment else "none"
        self.images = _in_memory(data.train, device)
        self.watched = _in_memory(data.validation if watch is None else watch, device)
        self.mean, self.std = normalisation(data, recipe)
        self.batch = min(recipe.batch, len(self.images))
        self.count = len(self.images) // self.batch  # steps of an epoch
        self.seated: list[_Slot] = []
        self.steps: Steps | None = None

    def seat(self, slots: list[_Slot]) -> None:
        """Let these members train, in these places; those that did already go on."""
        before = {id(slot): i for i, slot in enumerate(self.seated)}
        old = self.steps
        architectures = tuple(slot.member.network.architecture for slot in slots)
        if old is None or architectures != old.pack.architectures:
            self.steps = self._made(slots)
        new = self._steps
        moving: list[tuple[int, _Slot, Tensor | None]] = []
        for i, slot in enumerate(slots):
            network, at = slot.member.network, before.get(id(slot))
            if at is None or old is None:
                moving.append((i, slot, None))
            elif new is not old or at != i:
                old.pack.save(at, network)
                moving.append((i, slot, old.optimiser.state[:, old.pack.rows(at, network)]))
        for i, slot, state in moving:
            network = slot.member.network
            new.pack.load(i, network)
            new.optimiser.state[:, new.pack.rows(i, network)] = 0 if state is None else state
        self.seated = slots

    def epoch(self, slots: list[_Slot]) -> list[float]:
        """Train an epoch; return each member's mean loss."""
        steps, recipe, count = self._steps, self.recipe, self.count
        for i, slot in enumerate(slots):
            if slot.epoch == recipe.restart:
                slot.taken = 0
                steps.optimiser.forget(steps.pack.rows(i, slot.member.network))
        rows, crops = self._drawn(slots)
        coefficients = self._coefficients(slots)
        steps.begin()
        for step in range(count):
            steps.take(rows[step], None if crops is None else crops[step], coefficients[step])
        for slot in slots:
            slot.taken += count
        return [float(total) / count for total in steps.totals.tolist()]

    def evaluated(self) -> tuple[list[Score], list[bool]]:
        """Return how well each member does, and whether its logits are finite."""
        right, loss, is_finite = self._steps.evaluate(self.watched, evaluation_batch(self.watched))
        images = len(self.watched) or math.nan
        found = zip(right.tolist(), loss.tolist(), strict=True)
        scores = [Score(these / images, sum_of / images) for these, sum_of in found]
        return scores, is_finite.tolist()

    def dismiss(self, i: int, slot: _Slot) -> None:
        """Give a member its weights."""
        network = slot.member.network
        self._steps.pack.save(i, network)
        for name, buffer in network.named_buffers():
            if name.endswith("num_batches_tracked"):
                buffer += slot.epoch * self.count
        network.eval()

    @property
    def _steps(self) -> Steps:
        assert self.steps is not None
        return self.steps

    def _made(self, slots: list[_Slot]) -> Steps:
        networks = [slot.member.network for slot in slots]
        return prepared(
            [network.architecture for network in networks],
            self.images,
            self.recipe,
            (self.mean, self.std),
            self.device,
            dtype=next(networks[0].parameters()).dtype,
            bfloat16=self.bfloat16,
        )

    def _drawn(self, slots: list[_Slot]) -> tuple[Tensor, Tensor | None]:
        """Return the images of each step, [steps, members, b], and what is done to them."""
        shape = (self.count, self.batch)
        rows, crops = [], []
        for slot in slots:
            generator = slot.member.generator
            order = torch.randperm(len(self.images), generator=generator)
            rows.append(order[: self.count * self.batch].view(shape))
            if self.augmentation != "none":  # drawn step by step, as the loop does
                each = [draw_crops(self.batch, generator).byte() for _ in range(self.count)]
                crops.append(torch.stack(each))
        found = torch.stack(rows, 1).to(self.device)
        return found, torch.stack(crops, 1).to(self.device) if crops else None

    def _coefficients(self, slots: list[_Slot]) -> Tensor:
        """Return the optimiser's numbers of each step, [steps, numbers, members]."""
        recipe, count = self.recipe, self.count
        optimiser = self._steps.optimiser
        rates = {
            epoch: [rate_at(recipe, epoch, step, count) for step in range(count)]
            for epoch in {slot.epoch for slot in slots}
        }
        is_restarted = [
            recipe.restart is not None and slot.epoch >= recipe.restart for slot in slots
        ]
        found = [
            optimiser.coefficients(
                [
                    StepSettings(
                        rates[slot.epoch][step],
                        0.0 if restarted else recipe.momentum,
                        slot.taken + step,
                    )
                    for slot, restarted in zip(slots, is_restarted, strict=True)
                ]
            )
            for step in range(count)
        ]
        return torch.tensor(found, dtype=self._steps.pack.weights.dtype, device=self.device)


def _in_memory(images: Source, device: torch.device) -> Images:
    if not isinstance(images, Images):
        raise UsageError(
            place="data", found="images that are left in files", expected="images in memory",
            fix="train such architectures alone",
        )  # fmt: skip
    return images.to(device)
