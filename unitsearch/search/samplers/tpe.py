"""The multi-objective tree-structured Parzen estimator."""

from __future__ import annotations

from dataclasses import dataclass

from optuna.samplers import BaseSampler, TPESampler

from unitsearch.fields import Int, field_
from unitsearch.search.proposals import SearchProblem
from unitsearch.search.samplers.asking import OptunaSampler


@dataclass(frozen=True, kw_only=True)
class TpeSettings:
    """The settings of TPE.

    Attributes:
        startup: The number of random trials before TPE begins.
    """

    startup: int = field_(Int(0, 100_000), 10)


class TpeSearch(OptunaSampler):
    """A sampler of members that are likely among the best observed, not among the others."""

    Settings = TpeSettings

    def __init__(self, problem: SearchProblem, settings: TpeSettings) -> None:
        super().__init__(problem)
        self._settings = settings

    def make(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return TPESampler(n_startup_trials=self._settings.startup, multivariate=False, seed=seed)
