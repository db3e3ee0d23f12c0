"""Sources of batches of images: memory, or files that are decoded shortly before they are used."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from random import Random
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unitsearch.data.decoding import decode
from unitsearch.data.pools import FilePool, Shape
from unitsearch.errors import UsageError

AHEAD = 2  # batches that are decoded while one is in use

Rows = Tensor | slice
Batches = Generator[tuple[Tensor, Tensor], None, None]


class Source(Protocol):
    """Images and their labels, in memory or in files, as training and evaluation use them."""

    @property
    def labels(self) -> Tensor:
        """The labels, int64 ``[images]``, from 0, on the device where batches are served."""

    @property
    def shape(self) -> Shape:
        """The shape of one image, ``(channels, height, width)``."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device | str) -> Source:
        """Return these images, served on ``device``."""

    def serve(self, chosen: Iterable[Rows], crops: int | None = None) -> Batches:
        """Yield a batch for each of the chosen rows, which are indices or a slice.

        Args:
            chosen: The rows of each batch.
            crops: Seed of a random resized crop of each image; None for whole images.

        Yields:
            Pixels, uint8 ``[b, c, h, w]``, and labels, int64 ``[b]``.
        """


@dataclass(frozen=True, eq=False)
class Images:
    """Images in memory, and their labels.

    Attributes:
        pixels: uint8, ``[images, channels, height, width]``.
        labels: int64, ``[images]``, from 0.
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """The shape of one image, ``(channels, height, width)``."""
        return tuple(self.pixels.shape[1:])

    def to(self, device: torch.device | str) -> Images:
        """Return these images on ``device``."""
        return Images(self.pixels.to(device), self.labels.to(device))

    def serve(self, chosen: Iterable[Rows], crops: int | None = None) -> Batches:
        """Yield the chosen batches: views of slices, copies of rows by index.

        Raises:
            UsageError: If crops are asked for: the images have been brought to one size before.
        """
        if crops is not None:
            raise UsageError(
                place="augment", found="resized_crop_flip", expected="images that are left in files"
            )
        for rows in chosen:
            if isinstance(rows, slice):
                yield self.pixels[rows], self.labels[rows]
            else:
                # index_select copies whole images: 0.1 us each, where pixels[rows] takes 2.2
                yield self.pixels.index_select(0, rows), self.labels.index_select(0, rows)


@dataclass(frozen=True, eq=False)
class StreamedImages:
    """Images left in their files, decoded batch by batch, and their labels.

    While one batch is in use, threads decode the next two, and no more: memory does not grow with
    the number of images. The batches depend neither on the number of threads nor on their speed.

    Attributes:
        files: The files.
        labels: int64, ``[images]``, from 0; batches are served on their device.
        decoders: The number of threads that decode; None for one a usable core, at most
            ``most_decoders`` of the files.
    """

    files: FilePool
    labels: Tensor
    decoders: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """The shape of one image, ``(channels, height, width)``."""
        return self.files.shape

    def to(self, device: torch.device | str) -> StreamedImages:
        """Return these images, decoded here and served on ``device``."""
        return replace(self, labels=self.labels.to(device))

    def serve(self, chosen: Iterable[Rows], crops: int | None = None) -> Batches:
        """Yield the chosen batches, channels last; the threads end with the generator.

        Raises:
            DataError: If a file is no image that can be read; it names the file.
        """
        decoders = self.decoders or min(_usable_cores(), self.files.most_decoders)
        pool = ThreadPoolExecutor(decoders, thread_name_prefix="unitsearch-decoder")
        begin = partial(self._begin, pool, decoders, crops)
        rest = iter(chosen)
        try:
            waiting = deque(begin(rows) for rows in islice(rest, AHEAD))
            while waiting:
                rows, pixels, parts = waiting.popleft()
                waiting.extend(begin(more) for more in islice(rest, 1))
                for part in parts:
                    part.result()
                served = torch.from_numpy(pixels).permute(0, 3, 1, 2)
                yield served.to(self.labels.device), self.labels[rows]
        finally:
            pool.shutdown(cancel_futures=True)

    def _begin(
        self, pool: ThreadPoolExecutor, decoders: int, crops: int | None, rows: Rows
    ) -> tuple[Rows, NDArray[np.uint8], list[Future[None]]]:
        """Start to decode a batch into uint8 [b, h, w, c], one part of it in each thread."""
        numbers = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        _, height, width = self.shape
        pixels = np.empty((len(numbers), height, width, 3), np.uint8)
        size = -(-len(numbers) // decoders) or 1
        starts = range(0, len(numbers), size)
        parts = [
            pool.submit(
                self._decode, pixels[start : start + size], numbers[start : start + size], crops
            )
            for start in starts
        ]
        return rows, pixels, parts

    def _decode(self, into: NDArray[np.uint8], numbers: Sequence[int], crops: int | None) -> None:
        folder, side, margin = self.files.folder, self.files.side, self.files.margin
        for pixels, number in zip(into, numbers, strict=True):
            path = f"{folder}/{os.fsdecode(self.files.names[number])}"
            # each image has a generator of its own: neither batches nor threads change its crop
            random = None if crops is None else Random((crops << 32) + number)
            pixels[:] = decode(path, side, margin, random)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
