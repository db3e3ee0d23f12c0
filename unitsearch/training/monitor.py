"""The monitoring of a training: the images for its accuracy, and the bars that it must reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unitsearch.data.images import Source
from unitsearch.training.bars import Bars


@dataclass(frozen=True, eq=False)
class Monitor:
    """The checks after each epoch of one training.

    Attributes:
        images: Images that accuracy is measured on; the validation images unless given.
        bars: The training stops after the first epoch, the last excepted, that misses its bar.
        on_epoch: Called with the number of the epoch, from 1, and the accuracy; of a training that
            continues from its checkpoint, only for the epochs that are trained now.
    """

    images: Source | None = None
    bars: Bars = ()
    on_epoch: Callable[[int, float], None] | None = None
