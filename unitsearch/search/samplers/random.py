"""Random search: every parameter drawn uniformly."""

from __future__ import annotations

from optuna.samplers import BaseSampler, RandomSampler

from unitsearch.search.samplers.asking import OptunaSampler


class RandomSearch(OptunaSampler):
    """A sampler of members whose parameters are drawn uniformly."""

    looks_at_outcomes = False

    def make(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return RandomSampler(seed=seed)
