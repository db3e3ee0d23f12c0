"""The protocol of stopping rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from unitsearch.errors import UsageError
from unitsearch.search.proposals import Observation
from unitsearch.training.bars import Bar, ExpectedBar


class StoppingRule(Protocol):
    """A rule that sets the accuracies that a training must reach to continue.

    The bars of a trial are known before its training begins, so the worker decides alone and the
    result is the same whenever it is trained. A class of rules is made without arguments, or with
    an instance of its ``Settings`` where it has such a class attribute: a frozen data class with
    declared fields.

    Attributes:
        looks_at_outcomes: Whether outcomes change the bars; stated on the class.
    """

    looks_at_outcomes: bool

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[Bar | None, ...]:
        """Return the bar that ``trial`` must clear after each epoch: a validation accuracy, mostly.

        The result is a function of the arguments and the settings alone. Nothing is asked of the
        baseline, which is trial 0, nor after the last epoch, when the training is complete.

        Args:
            trial: The trial as it starts, from number 1 on, with its architecture and exact cost:
                the bar may be what networks of no more cost reach.
            visible: The trials before it, in order of their numbers: with their outcomes, or as
                ``running`` where their outcomes may not be used.
            epochs: Epochs of the recipe, and before them one for each rung of the study's ladder.

        Returns:
            One bar an epoch, a fraction or an ``ExpectedBar``, None where there is none; empty if
            there is none at all.
        """


def check_bars(bars: Sequence[object], epochs: int, rule: str) -> None:
    """Check the bars that the rule called ``rule`` gave to a training of ``epochs`` epochs.

    Raises:
        UsageError: If they are not one fraction or None an epoch, and not empty.
    """
    if not isinstance(bars, tuple) or len(bars) not in (0, epochs) or not all(map(_is_bar, bars)):
        raise UsageError(
            place="stopping",
            found=f"bars {bars!r} from {rule}",
            expected=f"a tuple of {epochs} bars, one an epoch, each from 0 to 1 or None; or ()",
        )


def _is_bar(bar: object) -> bool:
    """Return whether ``bar`` may be a bar of one epoch."""
    return (
        bar is None
        or isinstance(bar, ExpectedBar)
        or (isinstance(bar, float | int) and 0 <= bar <= 1)
    )
