"""Asking an Optuna sampler for one trial, with a past that costs nothing to hand over.

Optuna's own storages copy every trial that is added: half a millisecond each, before each proposal
all of them again. This one holds them as they are, for the length of one ask.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, Trial, TrialState

GENERATION = "NSGAIISampler:generation"  # where Optuna's sampler keeps a trial's generation
_NAME = "past"


class Past(BaseStorage):
    """A storage of one study: finished trials as they are given, and the one that is asked for."""

    def __init__(self, trials: Sequence[FrozenTrial], attrs: dict[str, Any]) -> None:
        self._trials = list(trials)
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
        found = [trial for trial in self._trials if states is None or trial.state in states]
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
class Parents:
    """The parents that NSGA-II selected for each generation, kept while they would be the same.

    Those of generation g depend on the trials of the generations below alone.
    """

    _attrs: dict[str, Any] = field(default_factory=dict)
    _counts: Counter[int] = field(default_factory=Counter)

    def after(self, past: Sequence[FrozenTrial]) -> dict[str, Any]:
        """Return what still holds after ``past``, for the sampler to read and add to."""
        counts = Counter(int(trial.system_attrs.get(GENERATION, -1)) for trial in past)
        grown = [g for g in counts | self._counts if counts[g] != self._counts[g]]
        self._counts = counts
        if grown:
            self._attrs = {
                name: value
                for name, value in self._attrs.items()
                if int(name.rpartition(":")[2]) <= min(grown)
            }
        return self._attrs


def ask(
    sampler: BaseSampler,
    directions: Sequence[StudyDirection],
    past: Sequence[FrozenTrial],
    parents: Parents,
) -> Trial:
    """Return a trial that ``sampler`` proposes after ``past``, numbered from 0."""
    study: Study = optuna.create_study(
        storage=Past(past, parents.after(past)),
        study_name=_NAME,
        directions=list(directions),
        sampler=sampler,
    )
    if isinstance(sampler, NSGAIISampler):
        # all generations from the first on, so that each is read as it is kept, in number order,
        # whether it was selected in this ask or in an earlier one
        last = max((int(trial.system_attrs.get(GENERATION, -1)) for trial in past), default=-1)
        for generation in range(1, last + 2):
            sampler.get_parent_population(study, generation)
    return study.ask()
