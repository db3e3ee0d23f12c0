"""The settings of an optimiser, as data. Does not import torch or Numba."""

from __future__ import annotations

from dataclasses import dataclass

from unitsearch.errors import UsageError

OPTIMISERS = ("sgd", "adam", "adamw")


@dataclass(frozen=True)
class OptimiserSettings:
    """An optimiser and its constants; the learning rate changes from step to step.

    Attributes:
        kind: ``sgd``, ``adam`` or ``adamw``.
        momentum: SGD's momentum.
        weight_decay: Weight decay: added to the gradient, but decoupled from it in AdamW.
        betas: Adam's and AdamW's decay rates of the two averages.
        epsilon: Adam's and AdamW's addend to the denominator.

    Raises:
        UsageError: If there is no such optimiser.
    """

    kind: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        """Check the optimiser's name."""
        if self.kind not in OPTIMISERS:
            raise UsageError(
                place="optimiser", found=self.kind, expected=f"one of {', '.join(OPTIMISERS)}"
            )
