"""The rule without bars: no training is stopped."""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.search.proposals import Observation


class NoStopping:
    """The rule that stops no training."""

    looks_at_outcomes = False

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        """Return no bars."""
        return ()
