"""Recipes, by which networks are trained, as data. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from unitsearch.errors import SpecError
from unitsearch.fields import Bool, Enum, Float, Int, Nullable, Text, field_


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of a training.

    Attributes:
        name: The recipe's name.
        epochs: Passes over the training images.
        batch: Images a step; a last batch that is not full is dropped.
        optimiser: ``sgd``, ``adam`` or ``adamw``.
        rate: Initial learning rate.
        momentum: SGD's momentum.
        weight_decay: Weight decay; in AdamW decoupled.
        epsilon: Adam's and AdamW's addend to the denominator.
        schedule: ``cosine`` to zero or ``constant``, after the warm-up.
        each: Whether the rate changes each ``step`` or each ``epoch``.
        warmup: Epochs in which the rate rises linearly from zero.
        restart: The epoch at which the optimiser is reset, without momentum, and the schedule
            begins again over the epochs left; none unless given (the papers' code: 10).
        ahead: Whether the schedule is one epoch ahead, so that the last epoch has rate 0 (the
            code).
        init: ``default`` (torch's) or ``kaiming`` (the papers' code).
        normalise: Whether pixels are normalised by the data's mean and standard deviation.
        augment: Whether the data set's augmentation is used.
        smoothing: Label smoothing.
    """

    name: str = field_(Text(100), "custom")
    epochs: int = field_(Int(1, 100_000), 10)
    batch: int = field_(Int(1, 65_536), 128)
    optimiser: str = field_(Enum(("sgd", "adam", "adamw")), "sgd")
    rate: float = field_(Float(0, above=True), 0.1)
    momentum: float = field_(Float(0, 1), 0.9)
    weight_decay: float = field_(Float(0), 0.0)
    epsilon: float = field_(Float(0, above=True), 1e-8)
    schedule: str = field_(Enum(("cosine", "constant")), "cosine")
    each: str = field_(Enum(("step", "epoch")), "step")
    warmup: float = field_(Float(0), 0.0)
    restart: int | None = field_(Nullable(Int(1)), None)
    ahead: bool = field_(Bool(), False)
    init: str = field_(Enum(("default", "kaiming")), "default")
    normalise: bool = field_(Bool(), True)
    augment: bool = field_(Bool(), True)
    smoothing: float = field_(Float(0, 1), 0.0)

    def __post_init__(self) -> None:
        """Check that the warm-up is shorter than the training."""
        if self.warmup >= self.epochs and self.warmup > 0:
            expected = f"less than the {self.epochs} epochs"
            raise SpecError(place="warmup", found=self.warmup, expected=expected)
