"""The fixed bar: one validation accuracy that every training must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unitsearch.fields import Float, Int, field_
from unitsearch.search.proposals import Observation


@dataclass(frozen=True, kw_only=True)
class FixedBarSettings:
    """The settings of the fixed bar.

    Attributes:
        bar: The validation accuracy to reach, a fraction.
        after: The first epoch after which the accuracy is compared with it.
    """

    bar: float = field_(Float(0, 1), 0.2)
    after: int = field_(Int(1, 100_000), 3)


class FixedBar:
    """The rule that stops a training whose validation accuracy after an epoch is below one bar."""

    Settings = FixedBarSettings
    looks_at_outcomes = False

    def __init__(self, settings: FixedBarSettings) -> None:
        self._settings = settings

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        """Return the same bar for every epoch from ``after`` on."""
        after, bar = self._settings.after, self._settings.bar
        return tuple(bar if epoch >= after else None for epoch in range(1, epochs + 1))
