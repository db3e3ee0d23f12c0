"""What a reader hands over: images as they lie in the files, before any split. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pool:
    """Images and their labels.

    Attributes:
        pixels: uint8, ``[images, channels, height, width]``.
        labels: int64, ``[images]``, from 0.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Pools:
    """A data set as its files divide it.

    Attributes:
        train: The images to train on, from which what is missing below is cut.
        classes: The names of the classes, in the order of their labels.
        test: The published test set, if there is one.
        validation: The validation set, if the files have one.
        cut_for_test: How many images to cut out of ``train`` where there is no test set.
    """

    train: Pool
    classes: tuple[str, ...]
    test: Pool | None = None
    validation: Pool | None = None
    cut_for_test: int = 0
