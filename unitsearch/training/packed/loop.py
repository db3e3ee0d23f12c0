"""The training loop of packs: members side by side; a member that ends frees its place.

A member's result equals, to rounding, what ``training.loop.train`` gives for its network and
generator: order of images, augmentation, rates and statistics are its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from unitsearch.data.batches import draw_crops
from unitsearch.data.images import Images, Source
from unitsearch.data.sets import DataSet
from unitsearch.errors import UsageError
from unitsearch.network.build import Network
from unitsearch.packs.pack_optimisers import StepSettings
from unitsearch.training.bars import Bars, missed_bar
from unitsearch.training.loop import (
    DivergedError,
    Trained,
    normalisation,
    rate_at,
)
from unitsearch.training.packed.steps import PackedSteps, prepared
from unitsearch.training.recipes import Recipe
from unitsearch.training.runners import Score, evaluation_batch


@dataclass(frozen=True, eq=False)
class Member:
    """A network that trains in a pack.

    Attributes:
        network: With its first weights; trained in place, in eval mode afterwards.
        generator: Source of the order of images and of augmentation, on the CPU.
        bars: The bars that it must clear, as in ``Monitor``.
    """

    network: Network
    generator: Generator
    bars: Bars = ()


@dataclass(frozen=True)
class Finished:
    """A member that left the pack.

    Attributes:
        number: The member's number, from 0, in the order in which members were given.
        result: The result of its training, with its share of the pack's seconds, or the error that
            ended it.
    """

    number: int
    result: Trained | DivergedError


def train_pack(
    members: Iterable[Member],
    data: DataSet,
    recipe: Recipe,
    *,
    size: int,
    augmentation: str = "none",
    watch: Source | None = None,
    device: torch.device | str = "cpu",
    bfloat16: bool = False,
) -> Iterator[Finished]:
    """Train members side by side; yield each as it ends, at the end of an epoch.

    Args:
        members: Of one skeleton (``unitsearch.packs.groups``); the next is requested when a place
            is free.
        data: The data set; its training images must be in memory.
        recipe: The recipe of all members.
        size: The number of members that train at a time.
        augmentation: The data's augmentation, used if the recipe says so.
        watch: Images that accuracy is measured on after each epoch; the validation images unless
            given.
        device: The pack's device; on CUDA a step is one graph.
        bfloat16: Whether maps are held in bfloat16; CUDA only.

    Raises:
        UsageError: If a member does not fit the others, images are not in memory, or bfloat16 is
            asked for elsewhere.
    """
    if size < 1:
        raise UsageError(place="size", found=size, expected="1 or more members")
    if bfloat16 and torch.device(device).type != "cuda":
        raise UsageError(place="bfloat16", found=str(device), expected="a CUDA device")
    trainer = _PackTrainer(data, recipe, augmentation, watch, torch.device(device), bfloat16)
    waiting = enumerate(members)
    # a joining member takes the place of one that left: a pack of equal networks stays as it is
    places: list[_MemberProgress | None] = [None] * size
    while True:
        for i, progress in enumerate(places):
            if progress is None and (joining := next(waiting, None)) is not None:
                places[i] = _MemberProgress(*joining)
        training = [progress for progress in places if progress is not None]
        if not training:
            return
        places = [*training, *[None] * (size - len(training))]
        begun = time.perf_counter()
        trainer.set_members(training)
        losses = trainer.epoch()
        scores, are_finite = trainer.evaluated()
        share = (time.perf_counter() - begun) / len(training)
        for i, progress in enumerate(training):
            progress.seconds += share
            result = progress.after_epoch(losses[i], scores[i], are_finite[i], recipe.epochs)
            if result is not None:
                trainer.save(i)
                places[i] = None
                yield Finished(progress.number, result)


@dataclass(eq=False)
class _MemberProgress:
    """The progress of a member of the pack."""

    number: int
    member: Member
    epoch: int = 0  # epochs done
    steps: int = 0  # steps since its optimiser was made
    curve: list[float] = field(default_factory=list)
    loss_curve: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def network(self) -> Network:
        """The member's network."""
        return self.member.network

    def after_epoch(
        self, loss: float, score: Score, is_finite: bool, epochs: int
    ) -> Trained | DivergedError | None:
        """Record an epoch of ``epochs``; return the result if it was the member's last."""
        self.epoch += 1
        self.losses.append(loss)
        if not math.isfinite(loss):
            return DivergedError(f"the loss is {loss} in epoch {self.epoch}")
        self.curve.append(score.accuracy)
        self.loss_curve.append(score.loss)
        if self.epoch == epochs and not is_finite:
            return DivergedError(f"the logits are not finite after epoch {self.epoch}")
        stop_reason = missed_bar(self.curve, self.loss_curve, self.member.bars, epochs)
        if stop_reason or self.epoch == epochs:
            curves = (tuple(self.curve), tuple(self.loss_curve), tuple(self.losses))
            return Trained(*curves, self.seconds, stop_reason)
        return None


class _PackTrainer:
    """The trainer of the present members; it makes a new pack when other architectures join."""

    def __init__(
        self,
        data: DataSet,
        recipe: Recipe,
        augmentation: str,
        watch: Source | None,
        device: torch.device,
        bfloat16: bool,
    ) -> None:
        self._recipe, self._device, self._bfloat16 = recipe, device, bfloat16
        self._augmentation = augmentation if recipe.augment else "none"
        self._images = _in_memory(data.train, device)
        self._watched = _in_memory(data.validation if watch is None else watch, device)
        self._normalisation = normalisation(data, recipe)
        self._batch = min(recipe.batch, len(self._images))
        self._count = len(self._images) // self._batch  # steps of an epoch
        self._members: list[_MemberProgress] = []
        self._made: PackedSteps | None = None

    def set_members(self, members: list[_MemberProgress]) -> None:
        """Make these the members, in these places; those that trained already continue."""
        places_before = {id(member): i for i, member in enumerate(self._members)}
        old = self._made
        architectures = tuple(member.network.architecture for member in members)
        if old is None or architectures != old.pack.architectures:
            self._made = self._new_steps(members)
        new = self._steps
        moving: list[tuple[int, Network, Tensor | None]] = []
        for i, member in enumerate(members):
            network, before = member.network, places_before.get(id(member))
            if before is None or old is None:
                moving.append((i, network, None))
            elif new is not old or before != i:
                old.pack.save(before, network)
                state = old.optimiser.state[:, old.pack.rows(before, network)]
                moving.append((i, network, state))
        for i, network, optimiser_state in moving:
            new.pack.load(i, network)
            rows = new.pack.rows(i, network)
            new.optimiser.state[:, rows] = 0 if optimiser_state is None else optimiser_state
        self._members = members

    def epoch(self) -> list[float]:
        """Train an epoch; return each member's mean loss."""
        steps, count = self._steps, self._count
        for i, member in enumerate(self._members):
            if member.epoch == self._recipe.restart:
                member.steps = 0
                steps.optimiser.forget(steps.pack.rows(i, member.network))
        rows, crops = self._drawn()
        coefficients = self._coefficients()
        steps.begin()
        for step in range(count):
            steps.take(rows[step], None if crops is None else crops[step], coefficients[step])
        for member in self._members:
            member.steps += count
        return [float(total) / count for total in steps.totals.tolist()]

    def evaluated(self) -> tuple[list[Score], list[bool]]:
        """Return each member's score, and whether its logits are finite."""
        first = evaluation_batch(self._watched)
        correct, losses, is_finite = self._steps.evaluate(self._watched, first)
        images = len(self._watched) or math.nan
        scores = [
            Score(count / images, loss / images)
            for count, loss in zip(correct.tolist(), losses.tolist(), strict=True)
        ]
        return scores, is_finite.tolist()

    def save(self, i: int) -> None:
        """Copy the weights of the member at place ``i`` into its network."""
        member = self._members[i]
        self._steps.pack.save(i, member.network)
        for name, buffer in member.network.named_buffers():
            if name.endswith("num_batches_tracked"):
                buffer += member.epoch * self._count
        member.network.eval()

    @property
    def _steps(self) -> PackedSteps:
        assert self._made is not None
        return self._made

    def _new_steps(self, members: list[_MemberProgress]) -> PackedSteps:
        return prepared(
            [member.network.architecture for member in members],
            self._images,
            self._recipe,
            self._normalisation,
            self._device,
            dtype=next(members[0].network.parameters()).dtype,
            bfloat16=self._bfloat16,
        )

    def _drawn(self) -> tuple[Tensor, Tensor | None]:
        """Return the images of each step, [steps, members, b], and the crop and flip of each."""
        shape = (self._count, self._batch)
        rows, crops = [], []
        for member in self._members:
            generator = member.member.generator
            order = torch.randperm(len(self._images), generator=generator)
            rows.append(order[: self._count * self._batch].view(shape))
            if self._augmentation != "none":  # drawn step by step, as the loop does
                each = [draw_crops(self._batch, generator).byte() for _ in range(self._count)]
                crops.append(torch.stack(each))
        all_rows = torch.stack(rows, 1).to(self._device)
        return all_rows, torch.stack(crops, 1).to(self._device) if crops else None

    def _coefficients(self) -> Tensor:
        """Return the optimiser's numbers of each step, [steps, numbers, members]."""
        recipe, count = self._recipe, self._count
        optimiser = self._steps.optimiser
        rates = {
            epoch: [rate_at(recipe, epoch, step, count) for step in range(count)]
            for epoch in {member.epoch for member in self._members}
        }
        momenta = [
            0.0 if recipe.restart is not None and member.epoch >= recipe.restart
            else recipe.momentum
            for member in self._members
        ]  # fmt: skip
        coefficients = [
            optimiser.coefficients(
                [
                    StepSettings(rates[member.epoch][step], momentum, member.steps + step)
                    for member, momentum in zip(self._members, momenta, strict=True)
                ]
            )
            for step in range(count)
        ]
        return torch.tensor(coefficients, dtype=self._steps.pack.weights.dtype, device=self._device)


def _in_memory(images: Source, device: torch.device) -> Images:
    if not isinstance(images, Images):
        raise UsageError(
            place="data", found="images that are left in files", expected="images in memory",
            fix="train such architectures alone",
        )  # fmt: skip
    return images.to(device)
