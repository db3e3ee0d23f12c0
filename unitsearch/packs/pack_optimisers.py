"""SGD, Adam and AdamW for all members of a pack at once, on one row of parameters.

Members may be at different epochs, so the coefficients that change in time (rate, momentum, Adam's
bias corrections) are one number for each member. The formulas are those of ``torch.optim``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

BETAS = (0.9, 0.999)  # Adam's, as torch sets them


@dataclass(frozen=True)
class StepSettings:
    """The settings of one member's next step.

    Attributes:
        rate: The learning rate.
        momentum: The momentum of SGD.
        taken: The steps of this member before, since its optimiser was made.
    """

    rate: float
    momentum: float
    taken: int


class Optimiser:
    """An optimiser over a row of parameters.

    Attributes:
        state: [1, parameters] the momentum of SGD, or [2, parameters] Adam's two averages.
    """

    def __init__(
        self,
        name: str,
        weights: Tensor,
        member_of: Tensor,
        *,
        weight_decay: float = 0.0,
        epsilon: float = 1e-8,
    ) -> None:
        """Make an optimiser that has taken no step.

        Args:
            name: ``sgd``, ``adam`` or ``adamw``.
            weights: The parameters, [parameters]; changed in place.
            member_of: int64 [parameters], the member that each parameter belongs to.
            weight_decay: Decay of weights, coupled; in AdamW decoupled.
            epsilon: The epsilon of Adam and AdamW.
        """
        self.name, self.weights, self.member_of = name, weights.detach(), member_of
        self.weight_decay, self.epsilon = weight_decay, epsilon
        self.state = weights.new_zeros(1 if name == "sgd" else 2, len(weights)).detach()

    def coefficients(self, settings: Sequence[StepSettings]) -> list[list[float]]:
        """Return the coefficients of a step, [coefficients, members]."""
        return [list(row) for row in zip(*map(self._of, settings), strict=True)]

    def step(self, gradient: Tensor, coefficients: Tensor) -> None:
        """Take one step of every member.

        Args:
            gradient: [parameters], of the sum of the members' losses.
            coefficients: [coefficients, members], on the device of the parameters.
        """
        weights = self.weights
        rate, *others = coefficients.index_select(1, self.member_of)
        if self.weight_decay and self.name != "adamw":
            gradient = gradient.add(weights, alpha=self.weight_decay)
        if self.name == "sgd":
            momentum = self.state[0].mul_(others[0]).add_(gradient)
            weights.addcmul_(rate, momentum, value=-1)
            return
        root, keep = others
        if self.weight_decay and self.name == "adamw":
            weights.mul_(keep)
        mean, square = self.state
        mean.lerp_(gradient, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        weights.addcdiv_(rate * mean, square.sqrt().mul_(root).add_(self.epsilon), value=-1)

    def forget(self, rows: Tensor) -> None:
        """Set the state of the parameters at ``rows`` to 0, as in an optimiser made anew."""
        self.state[:, rows] = 0

    def _of(self, settings: StepSettings) -> tuple[float, ...]:
        if self.name == "sgd":
            return settings.rate, settings.momentum
        first, second = (1 - beta ** (settings.taken + 1) for beta in BETAS)
        return settings.rate / first, second**-0.5, 1 - settings.rate * self.weight_decay
