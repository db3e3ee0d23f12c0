"""Bars: what a training must reach after an epoch to continue. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from unitsearch.training.accuracy_scale import accuracy_at, to_scale

_LEAST_LOSS = 1e-12  # nats; a loss of 0 has no logarithm


@dataclass(frozen=True, kw_only=True)
class ExpectedBar:
    """A bar that a training misses if a final accuracy below ``needed`` is expected of it.

    The expectation is a line in four numbers of the curve so far, on the scale on which accuracies
    have equal variance: -arcsin(√(error + 1/(4·images))).

    Attributes:
        needed: The accuracy to be expected, a fraction.
        images: The number of validation images behind an accuracy.
        offset: The expectation where the four numbers are 0.
        last_accuracy: Weight of the last accuracy on the scale.
        mean_accuracy: Weight of the mean of all accuracies so far on the scale.
        last_loss: Weight of the logarithm of the last loss.
        mean_loss: Weight of the mean of the logarithms of all losses so far.
        error: Standard deviation of the true value about the expectation, on the scale.
        width: The standard deviations that an expectation may lie below ``needed``.
    """

    needed: float
    images: float
    offset: float
    last_accuracy: float
    mean_accuracy: float
    last_loss: float
    mean_loss: float
    error: float
    width: float

    def expected(self, curve: Sequence[float], losses: Sequence[float | None]) -> float:
        """Return the final value that is expected on the scale; NaN if a loss is not finite."""
        numbers = curve_numbers(curve, losses, self.images)
        if numbers is None:
            return math.nan
        weights = (self.last_accuracy, self.mean_accuracy, self.last_loss, self.mean_loss)
        return self.offset + sum(w * n for w, n in zip(weights, numbers, strict=True))

    def reason(self, curve: Sequence[float], losses: Sequence[float | None], epochs: int) -> str:
        """Return the reason if the training misses the bar after the last of ``curve``."""
        value = self.expected(curve, losses)
        if not value + self.width * self.error < float(to_scale(self.needed, self.images)):
            return ""
        accuracy = float(accuracy_at(value, self.images))
        error = abs(float(accuracy_at(value + self.error, self.images)) - accuracy)
        return (
            f"after epoch {len(curve)} of {epochs} expected {100 * accuracy:.1f} ± "
            f"{100 * error:.1f} %, networks of no more cost reach {100 * self.needed:.1f} %"
        )


Bar: TypeAlias = float | ExpectedBar
"""A bar of one epoch: the validation accuracy to reach, a fraction, or the one to be expected."""

Bars: TypeAlias = Sequence[Bar | None]
"""One bar an epoch, the first epoch's first; None where there is no bar."""


def bar_from(plain: float | Mapping[str, Any] | None) -> Bar | None:
    """Return the bar that ``dataclasses.asdict`` turned into plain data."""
    return ExpectedBar(**plain) if isinstance(plain, Mapping) else plain


def missed_bar(
    curve: Sequence[float], losses: Sequence[float | None], bars: Bars, epochs: int
) -> str:
    """Return the reason if the last epoch of a curve misses its bar, else an empty text.

    The last of the training's ``epochs`` has no bar: stopping there would save nothing.

    Args:
        curve: Accuracy after each epoch so far.
        losses: Mean cross-entropy after each of them, in nats.
        bars: The bars of the training.
        epochs: Epochs of the recipe.
    """
    epoch = len(curve)
    if epoch == 0 or epoch >= epochs or epoch > len(bars):
        return ""
    bar, accuracy = bars[epoch - 1], curve[-1]
    if isinstance(bar, ExpectedBar):
        return bar.reason(curve, losses, epochs)
    if bar is None or not accuracy < bar:  # NaN, where there are no images, is not below it
        return ""
    return f"accuracy {accuracy:.4g} after epoch {epoch} of {epochs} is below {bar:.4g}"


def clears_all(
    curve: Sequence[float], losses: Sequence[float | None], bars: Bars, epochs: int
) -> bool:
    """Return whether a training with this curve so far has reached every bar."""
    return not any(
        missed_bar(curve[:epoch], losses[:epoch], bars, epochs)
        for epoch in range(1, min(len(curve), len(bars)) + 1)
    )


def curve_numbers(
    curve: Sequence[float], losses: Sequence[float | None], images: float
) -> tuple[float, float, float, float] | None:
    """Return the numbers of a curve that ``ExpectedBar`` weighs, in the order of its weights.

    Returns:
        None if the curve is empty, or an accuracy or a loss is missing or not finite.
    """
    if not curve or len(losses) != len(curve):
        return None
    known = [loss for loss in losses if loss is not None and math.isfinite(loss)]
    if len(known) < len(curve) or not all(map(math.isfinite, curve)):
        return None
    values = [float(to_scale(accuracy, images)) for accuracy in curve]
    logs = [math.log(max(loss, _LEAST_LOSS)) for loss in known]
    return values[-1], sum(values) / len(values), logs[-1], sum(logs) / len(logs)
