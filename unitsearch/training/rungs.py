"""Rungs: shorter trainings of a network that come before its full one. Imports no torch.

A ladder of rungs spares poor networks the full training: each network is trained on the first rung,
and climbs while its accuracy there is above a bar. Every training of a rung begins from first
weights, with the trial's seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unitsearch.data import DataSpec, describe
from unitsearch.errors import SpecError, UsageError
from unitsearch.fields import Float, Int, Nullable, field_
from unitsearch.training.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Rung:
    """The changes that make a training shorter: fewer images, fewer epochs, smaller images.

    Attributes:
        images: Of the images that the full training has: their number if 1 or more, else a share.
        epochs: Epochs; the warm-up is cut to half of them where it is longer.
        size: Side in pixels to which images are resized, those for validation too.
    """

    images: float | None = field_(Nullable(Float(0, above=True)), None)
    epochs: int | None = field_(Nullable(Int(1, 100_000)), None)
    size: int | None = field_(Nullable(Int(1, 8192)), None)

    def recipe(self, full: Recipe) -> Recipe:
        """Return the recipe of this rung."""
        if self.epochs is None:
            return full
        return replace(full, epochs=self.epochs, warmup=min(full.warmup, self.epochs / 2))

    def data(self, full: DataSpec) -> DataSpec:
        """Return the data of this rung: part of the same images, and the same validation images."""
        images = full.images
        if self.images is not None:
            images = self.images
            if images < 1 and full.images is not None:
                images *= full.images
                images = float(math.ceil(images)) if full.images >= 1 else images
        return replace(full, images=images, size=self.size or full.size)


def check_rungs(rungs: Sequence[Rung], recipe: Recipe, data: DataSpec, stopping: str) -> None:
    """Check that each rung asks for less than the full training, and that some rule stops.

    Args:
        rungs: The rungs, the first one first.
        recipe: The recipe of the full training.
        data: Its data.
        stopping: The name of the stopping rule.

    Raises:
        UsageError: If not.
    """
    if rungs and stopping == "none":
        raise UsageError(
            place="ladder",
            found=f"{len(rungs)} rungs with stopping=none",
            expected="a stopping rule: without one every network climbs to the full training",
            fix="try stopping=fixed stopping.after=1, or another rule",
        )
    side = data.shape[-1]
    for number, rung in enumerate(rungs):
        place = f"ladder[{number}]"
        if rung == Rung():
            raise UsageError(place=place, found="{}", expected="images, epochs or size")
        if rung.epochs is not None and rung.epochs > recipe.epochs:
            expected = f"at most the {recipe.epochs} epochs of the recipe"
            raise UsageError(place=f"{place}.epochs", found=rung.epochs, expected=expected)
        if rung.size is not None and rung.size > side:
            expected = f"at most the {side} pixels of the images"
            raise UsageError(place=f"{place}.size", found=rung.size, expected=expected)
        if data.name != "image_folder" and rung.images is not None:
            _check_images(rung, data, f"{place}.images")


def _check_images(rung: Rung, data: DataSpec, place: str) -> None:
    full = describe(data).train_images
    images = rung.images or 0.0
    found = int(images) if images >= 1 else images
    try:
        fewer = describe(rung.data(data)).train_images
    except SpecError as error:
        raise UsageError(place=place, found=found, expected=error.expected) from None
    if full is not None and fewer is not None and fewer > full:
        raise UsageError(
            place=place, found=found, expected=f"at most the {full:,} of the full training"
        )
