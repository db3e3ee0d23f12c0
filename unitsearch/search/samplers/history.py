"""A storage of Optuna for the length of one ask, in which earlier trials cost nothing to add.

Optuna's own storages copy every trial that is added, in half a millisecond each, and a proposal
needs all trials added again. This storage does not copy them.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

STUDY_NAME = "history"


class HistoryStorage(BaseStorage):
    """A storage of one study: complete trials, without a copy, and the trial that is asked for.

    The methods that an ask does not call raise ``NotImplementedError``.
    """

    def __init__(self, trials: Sequence[FrozenTrial], attrs: dict[str, Any]) -> None:
        self._trials = list(trials)
        self._complete = len(trials)
        self._directions: list[StudyDirection] = []
        self._attrs = attrs

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Keep the directions."""
        self._directions = list(directions)
        return 0

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Append a running trial."""
        assert template_trial is None  # the complete trials were given at once
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
        """Set a parameter of the asked trial."""
        trial = self._asked(trial_id)
        trial.distributions = {**trial.distributions, param_name: distribution}
        value = distribution.to_external_repr(param_value_internal)
        trial.params = {**trial.params, param_name: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the asked trial that belongs to the sampler."""
        self._asked(trial_id).system_attrs[key] = value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the asked trial."""
        self._asked(trial_id).user_attrs[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the study that belongs to the sampler."""
        self._attrs[key] = value

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes of the study that belong to the sampler."""
        return self._attrs

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the directions."""
        return self._directions

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the only study's id."""
        return 0

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the only study's name."""
        return STUDY_NAME

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
        trials = self._trials[start:end]
        return copy.deepcopy(trials) if deepcopy else trials

    def _asked(self, trial_id: int) -> FrozenTrial:
        trial = self._trials[trial_id]
        assert trial.state is TrialState.RUNNING
        return trial

    # Methods that an ask does not call.

    def delete_study(self, study_id: int) -> None:
        """Raise: no study is deleted."""
        raise NotImplementedError

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Raise: an ask sets no user attribute of the study."""
        raise NotImplementedError

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return no attribute."""
        return {}

    def get_all_studies(self) -> list[FrozenStudy]:
        """Raise: there is one study."""
        raise NotImplementedError

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Raise: the asked trial does not end."""
        raise NotImplementedError

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Raise: the asked trial is not trained."""
        raise NotImplementedError
