"""Pools: the images of a data set as its files hold them, before any split. Imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ImagePool:
    """Images in memory and their labels.

    Attributes:
        pixels: uint8, ``[images, channels, height, width]``.
        labels: int64, ``[images]``, from 0.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """The shape of one image, ``(channels, height, width)``."""
        return self.pixels.shape[1:]


@dataclass(frozen=True, eq=False)
class FilePool:
    """Images left in their files, and their labels.

    Attributes:
        folder: The folder that the names are relative to.
        names: Bytes, ``[images]``; one array, as a million texts would take four times the memory.
        labels: int64, ``[images]``, from 0.
        side: Height and width that images are brought to, in pixels.
        margin: The shorter side over ``side`` before the middle is cut out.
        most_decoders: The number of threads above which decoding is no faster.
    """

    folder: Path
    names: NDArray[np.bytes_]
    labels: NDArray[np.int64]
    side: int
    margin: float = 1.0
    most_decoders: int = 8

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """The shape of one image as it is served, ``(channels, height, width)``."""
        return (3, self.side, self.side)

    def only(self, chosen: NDArray[np.int64]) -> FilePool:
        """Return the chosen images, in that order."""
        return replace(self, names=self.names[chosen], labels=self.labels[chosen])

    def fingerprint(self) -> bytes:
        """Return a hash of the file names in their order; their folders do not enter."""
        digest = hashlib.sha256()
        for name in self.names.tolist():
            digest.update(name.rpartition(b"/")[2] + b"\0")
        return digest.digest()


@dataclass(frozen=True, eq=False)
class Pools:
    """A data set as its files divide it.

    Attributes:
        train: The images to train on, from which missing validation and test images are cut.
        classes: The names of the classes, in the order of their labels.
        test: The published test set, if there is one.
        validation: The validation set, if the files have one.
        cut_for_test: The number of images to cut out of ``train`` where there is no test set.
    """

    train: ImagePool | FilePool
    classes: tuple[str, ...]
    test: ImagePool | FilePool | None = None
    validation: ImagePool | FilePool | None = None
    cut_for_test: int = 0
