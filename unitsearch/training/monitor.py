"""The monitoring of a training: the images for its accuracy, and the bars that it must reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unitsearch.data.images import Source

Bars = Sequence[float | None]
"""The accuracy to reach after each epoch, the first epoch's first; None where there is no bar."""


@dataclass(frozen=True, eq=False)
class Monitor:
    """The checks after each epoch of one training.

    Attributes:
        images: Images that accuracy is measured on; the validation images unless given.
        bars: The training stops after the first epoch, the last excepted, whose accuracy is below
            its bar.
        on_epoch: Called with the number of the epoch, from 1, and the accuracy; of a training that
            continues from its checkpoint, only for the epochs that are trained now.
    """

    images: Source | None = None
    bars: Bars = ()
    on_epoch: Callable[[int, float], None] | None = None


def missed_bar(curve: Sequence[float], bars: Bars, epochs: int) -> str:
    """Return the reason if the last accuracy of ``curve`` is below its bar, else an empty text.

    The last of the training's ``epochs`` has no bar: stopping there would save nothing.
    """
    epoch = len(curve)
    if epoch == 0 or epoch >= epochs or epoch > len(bars):
        return ""
    bar, accuracy = bars[epoch - 1], curve[-1]
    if bar is None or not accuracy < bar:  # NaN, where there are no images, is not below it
        return ""
    return f"accuracy {accuracy:.4g} after epoch {epoch} of {epochs} is below {bar:.4g}"


def clears_all(curve: Sequence[float], bars: Bars, epochs: int) -> bool:
    """Return whether a training with this curve so far has reached every bar."""
    return not any(
        missed_bar(curve[: epoch + 1], bars, epochs) for epoch in range(min(len(curve), len(bars)))
    )
