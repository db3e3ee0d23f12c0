"""Batches of uint8 images: drawn, augmented and normalised as whole tensors.

This module does not know whether images lie in memory or in files. The random resized crop of an
image in a file is drawn by the code that reads the file.

Times are of torch 2.13, one thread on a shared x86 core, CIFAR-10's shape, batches of 128. From set
to network an image takes 3 us, 9 with ``crop_flip``; through a DataLoader it took 22 and 60.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from unitsearch.data.images import Rows, Source

CROP_PADDING = 4  # pixels on each side


def batches(
    images: Source,
    size: int,
    order: Generator | None = None,
    *,
    drop_last: bool = False,
    augmentation: str = "none",
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield all images once, ``size`` at a time.

    Args:
        images: The images.
        size: Images in a batch; the last one may be smaller.
        order: The generator that the order is drawn from, once, when the first batch is asked for,
            and then the augmentation; None keeps the order that the images have.
        drop_last: Whether a smaller last batch is left out.
        augmentation: The value of a data set's ``augment``; all but ``none`` need an ``order``.

    Yields:
        Pixels, uint8 ``[b, c, h, w]``, and labels, int64 ``[b]``, on the device of the labels.

    Raises:
        DataError: If an image is read from its file only now, and cannot be.
    """
    assert order is not None or augmentation == "none", augmentation
    chosen: Iterator[Rows] = _spans(len(images), size, drop_last)
    crops = None
    if order is not None:
        chosen = shuffled(images, size, order, drop_last=drop_last)
        if augmentation == "resized_crop_flip":
            drawn = torch.randint(1 << 62, (), generator=order, device=order.device)
            crops = int(drawn)
    with closing(images.serve(chosen, crops)) as served:
        for pixels, labels in served:
            if order is not None and crops is None:
                pixels = augment(pixels, augmentation, order)
            yield pixels, labels


def shuffled(
    images: Source, size: int, order: Generator, *, drop_last: bool = False
) -> Iterator[Tensor]:
    """Return the rows of each batch of an epoch, int64 on the device of the labels.

    The order is drawn at once; the arguments are those of ``batches``.
    """
    rows = torch.randperm(len(images), generator=order, device=order.device)
    rows = rows.to(images.labels.device)
    return (rows[span] for span in _spans(len(images), size, drop_last))


def _spans(count: int, size: int, drop_last: bool) -> Iterator[slice]:
    ends = range(size, count + 1, size) if drop_last else range(size, count + size, size)
    return (slice(end - size, min(end, count)) for end in ends)


def augment(pixels: Tensor, how: str, generator: Generator) -> Tensor:
    """Return the batch with each image changed at random; 5 us an image for ``crop_flip``.

    ``crop_flip`` pads four black pixels around an image, cuts its own size out of that at a random
    place, and mirrors it left to right with probability one half. ``none`` changes and draws
    nothing.

    Args:
        pixels: uint8 ``[b, c, h, w]``.
        how: ``none`` or ``crop_flip``; ``resized_crop_flip`` is done where images are read.
        generator: The generator that the changes are drawn from: see ``draw_crops``.
    """
    if how == "none":
        return pixels
    assert how == "crop_flip", how
    return crop_flip(pixels, draw_crops(len(pixels), generator).to(pixels.device))


def draw_crops(count: int, generator: Generator) -> Tensor:
    """Return the random values of ``crop_flip`` for each image: row, column, whether to mirror it.

    int64 ``[count, 3]``, on the generator's device: all rows are drawn first, then all columns.
    """
    device = generator.device
    return torch.cat(
        [
            torch.randint(below, (count, 1), generator=generator, device=device)
            for below in (2 * CROP_PADDING + 1, 2 * CROP_PADDING + 1, 2)
        ],
        1,
    )


def crop_flip(pixels: Tensor, drawn: Tensor) -> Tensor:
    """Return each image cropped and mirrored by its row of ``drawn``, integers ``[b, 3]``."""
    count, channels, height, width = pixels.shape
    padded = pad(pixels, (CROP_PADDING,) * 4)
    top, left, is_flipped = torch.split(drawn.long(), 1, 1)
    across = torch.arange(width, device=pixels.device)
    rows = top + torch.arange(height, device=pixels.device)
    columns = left + torch.where(is_flipped.bool(), across.flip(0), across)
    # One gather along flattened pixels. Tried in one run with it (6 us an image there) and slower:
    # windows from unfold, indexed and then flipped (11); one index for all four axes (37).
    source = (rows[:, :, None] * padded.shape[3] + columns[:, None, :]).flatten(1)
    source = source[:, None].expand(-1, channels, -1)
    return padded.flatten(2).gather(2, source).view(count, channels, height, width)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return ``(pixels / 255 - mean) / std`` as float32, in the memory format of ``pixels``.

    Args:
        pixels: uint8 ``[b, c, h, w]``.
        mean: One per channel, of pixels scaled to 0 .. 1.
        std: One per channel, of pixels scaled to 0 .. 1, above 0.
    """
    scale, shift = _affine(tuple(mean), tuple(std), pixels.device)
    # one multiplication and one addition in place: 2 us an image, the formula as written takes 6
    return pixels.to(torch.float32).mul_(scale).add_(shift)


@lru_cache(maxsize=16)
def _affine(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the factor and the summand of each channel, float32 [c, 1, 1]; kept per device."""
    shape = (-1, 1, 1)
    spread = torch.tensor(std, dtype=torch.float64).view(shape)
    centre = torch.tensor(mean, dtype=torch.float64).view(shape)
    scale, shift = 1 / (255 * spread), -centre / spread
    return scale.to(device, torch.float32), shift.to(device, torch.float32)
