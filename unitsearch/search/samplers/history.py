"""Asking an Optuna sampler for one trial, with a past that costs nothing to hand over.

Optuna's own storages copy every trial that is added: half a millisecond each, before each proposal
all of them again. This one holds them as they are, for the length of one ask.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, Trial, TrialState

GENERATION = "Nsga2:generation"  # where the sampler of that name keeps a trial's generation
_NAME = "past"


class HistoryStorage(BaseStorage):
    """A storage of one study: complete trials as they are given, and the one that is asked for."""

    def __init__(self, trials: Sequence[FrozenTrial], attrs: dict[str, Any]) -> None:
        self._trials = list(trials)
        self._complete = len(trials)
        self._directions: list[StudyDirection] = []
        self._attrs = attrs

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Note the directions."""
        self._directions = list(directions)
        return 0

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Append a running trial."""
        assert template_trial is None  # the past was given at once
        number = len(self._trials)
        self._trials.append(
            FrozenTrial(
                number=number, trial_id=number, state=TrialState.RUNNING, value=None,
                datetime_start=None, datetime_complete=None, params={}, distributions={},
                user_attrs={}, system_attrs={}, intermediate_values={},
            )
        )  # fmt: skip
        return number

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Note a parameter of the asked trial."""
        trial = self._asked(trial_id)
        trial.distributions = {**trial.distributions, param_name: distribution}
        value = distribution.to_external_repr(param_value_internal)
        trial.params = {**trial.params, param_name: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note what the sampler says of the asked trial."""
        self._asked(trial_id).system_attrs[key] = value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note an attribute of the asked trial."""
        self._asked(trial_id).user_attrs[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note what the sampler keeps."""
        self._attrs[key] = value

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what the sampler kept."""
        return self._attrs

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the directions."""
        return self._directions

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the only study's id."""
        return 0

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the only study's name."""
        return _NAME

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial."""
        return self._trials[trial_id]

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return all trials in order."""
        start = 0 if states is None or TrialState.COMPLETE in states else self._complete
        end = None if states is None or TrialState.RUNNING in states else self._complete
        found = self._trials[start:end]
        return copy.deepcopy(found) if deepcopy else found

    def _asked(self, trial_id: int) -> FrozenTrial:
        trial = self._trials[trial_id]
        assert trial.state is TrialState.RUNNING
        return trial

    # What asking has no use for.

    def delete_study(self, study_id: int) -> None:
        """Refuse."""
        raise NotImplementedError

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Refuse."""
        raise NotImplementedError

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def get_all_studies(self) -> list[FrozenStudy]:
        """Refuse."""
        raise NotImplementedError

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Refuse."""
        raise NotImplementedError

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Refuse."""
        raise NotImplementedError


@dataclass
class SelectionCache:
    """What asks of one study have worked out, kept while it would come out the same.

    The past of an ask is that of the last one and more. Parents of NSGA-II's generation g depend on
    the trials of the generations below alone; the parameters that all trials have in common, on
    nothing but those trials.
    """

    _past: list[FrozenTrial] = field(default_factory=list)
    _parents: dict[str, Any] = field(default_factory=dict)
    _common: dict[str, BaseDistribution] = field(default_factory=dict)

    def learn(self, past: Sequence[FrozenTrial]) -> None:
        """Forget what no longer holds after ``past``, and take in what is new in it."""
        if any(a is not b for a, b in zip_longest(self._past, past[: len(self._past)])):
            self._past, self._parents, self._common = [], {}, {}
        new = past[len(self._past) :]
        grown = min((_generation(trial) for trial in new), default=None)
        if grown is not None:
            self._parents = {
                name: value
                for name, value in self._parents.items()
                if int(name.rpartition(":")[2]) <= grown
            }
        for trial in new:
            if not self._past:
                self._common = dict(trial.distributions)
            self._common = {
                name: distribution
                for name, distribution in self._common.items()
                if trial.distributions.get(name) == distribution
            }
            self._past.append(trial)

    def parents(self) -> dict[str, Any]:
        """Return the parents that were selected, as study attributes that the sampler adds to."""
        return self._parents

    def common(self) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have in common, in order of their names."""
        return {name: self._common[name] for name in sorted(self._common)}


class Nsga2(NSGAIISampler):
    """NSGA-II that is told what trials have in common, where Optuna's walks through all of them."""

    def __init__(self, population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self.common: dict[str, BaseDistribution] = {}

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have in common, single ones left out."""
        return {name: found for name, found in self.common.items() if not found.single()}

    def place(self, generation: int) -> str:
        """Return the study attribute that keeps the parents of a generation."""
        return f"{self._get_parent_cache_key_prefix()}{generation}"


def ask(
    sampler: BaseSampler,
    directions: Sequence[StudyDirection],
    past: Sequence[FrozenTrial],
    memory: SelectionCache,
) -> Trial:
    """Return a trial that ``sampler`` proposes after ``past``, numbered from 0."""
    memory.learn(past)
    study: Study = optuna.create_study(
        storage=HistoryStorage(past, memory.parents()),
        study_name=_NAME,
        directions=list(directions),
        sampler=sampler,
    )
    if isinstance(sampler, Nsga2):
        sampler.common = memory.common()
        # all generations from the first on, so that each is read as it is kept, in number order,
        # whether it was selected in this ask or in an earlier one
        last = max((_generation(trial) for trial in past), default=-1)
        for generation in range(1, last + 2):
            if sampler.place(generation) not in memory.parents():
                sampler.get_parent_population(study, generation)
    return study.ask()


def _generation(trial: FrozenTrial) -> int:
    return int(trial.system_attrs.get(GENERATION, -1))
