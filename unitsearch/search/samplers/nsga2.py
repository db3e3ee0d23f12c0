"""NSGA-II: generations of members, bred from the best of the generations before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from unitsearch.fields import Int, field_
from unitsearch.search.proposals import SearchProblem
from unitsearch.search.samplers.asking import OptunaSampler


@dataclass(frozen=True, kw_only=True)
class Nsga2Settings:
    """The settings of NSGA-II.

    Attributes:
        population: The number of architectures in a generation.
    """

    population: int = field_(Int(2, 100_000), 20)


class Nsga2Search(OptunaSampler):
    """A sampler of members bred from parents that Pareto rank and crowding distance select.

    The state of its proposals is their generation.
    """

    Settings = Nsga2Settings

    def __init__(self, problem: SearchProblem, settings: Nsga2Settings) -> None:
        super().__init__(problem)
        self._settings = settings
        self._cache = SelectionCache()

    def make(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return CommonParametersNsga2(self._settings.population, seed)

    def study_attrs(self, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
        """Return the parents that were selected in earlier asks."""
        self._cache.update(trials)
        return self._cache.parents

    def prepare(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        """Select the parents of all generations up to the next one."""
        sampler = study.sampler
        assert isinstance(sampler, CommonParametersNsga2)
        sampler.common = self._cache.common()
        # all generations from the first on, so that the parents of each are kept in number order,
        # whether they were selected in this ask or in an earlier one
        last = max((_generation(trial) for trial in trials), default=-1)
        for generation in range(1, last + 2):
            if sampler.parents_key(generation) not in self._cache.parents:
                sampler.get_parent_population(study, generation)

    def state_of(self, system_attrs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the generation that Optuna gave the trial, if it gave one."""
        generation = system_attrs.get(GENERATION)
        return {} if generation is None else {"generation": generation}

    def system_attrs_of(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the trial's generation where Optuna looks for it."""
        generation = state.get("generation")
        return {} if generation is None else {GENERATION: generation}


class CommonParametersNsga2(NSGAIISampler):
    """NSGA-II with the common parameters as input: Optuna's own reads all trials to find them."""

    def __init__(self, population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self.common: dict[str, BaseDistribution] = {}

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have in common, single ones left out."""
        return {
            name: distribution
            for name, distribution in self.common.items()
            if not distribution.single()
        }

    def parents_key(self, generation: int) -> str:
        """Return the study attribute that holds the parents of a generation."""
        return f"{self._get_parent_cache_key_prefix()}{generation}"


# The attribute of a trial in which Optuna keeps its generation; it is made of the class's name.
GENERATION = CommonParametersNsga2._get_generation_key()


@dataclass
class SelectionCache:
    """The results of earlier asks that a later ask would compute again.

    Each ask has the trials of the ask before it, and perhaps more. Parents of generation g depend
    only on the trials of lower generations, and the parameters that all trials have in common
    depend only on those trials. Entries that a new trial invalidates are dropped.

    Attributes:
        parents: The parents that were selected, by study attribute; Optuna adds to it.
    """

    parents: dict[str, Any] = field(default_factory=dict)
    _trials: list[FrozenTrial] = field(default_factory=list)
    _common: dict[str, BaseDistribution] = field(default_factory=dict)

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Drop the entries that ``trials`` make invalid, and add the new trials."""
        if any(a is not b for a, b in zip_longest(self._trials, trials[: len(self._trials)])):
            self._trials, self.parents, self._common = [], {}, {}
        new = trials[len(self._trials) :]
        lowest = min((_generation(trial) for trial in new), default=None)
        if lowest is not None:
            self.parents = {
                name: value
                for name, value in self.parents.items()
                if int(name.rpartition(":")[2]) <= lowest
            }
        for trial in new:
            if not self._trials:
                self._common = dict(trial.distributions)
            self._common = {
                name: distribution
                for name, distribution in self._common.items()
                if trial.distributions.get(name) == distribution
            }
            self._trials.append(trial)

    def common(self) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have in common, in order of their names."""
        return {name: self._common[name] for name in sorted(self._common)}


def _generation(trial: FrozenTrial) -> int:
    return int(trial.system_attrs.get(GENERATION, -1))
