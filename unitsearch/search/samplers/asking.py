"""The part that all samplers of Optuna share: observations go in, a proposal comes out.

Some names of Optuna that are not public are used here, in ``history`` and in ``nsga2``: the
parameters of a space are known only while a member is drawn, and Optuna's public storages are too
slow. The dependency is pinned to one major version, and the tests of samplers use each of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from unitsearch.metrics import Measured
from unitsearch.search.distributions import distribution_of, distributions
from unitsearch.search.proposals import Admits, Observation, Proposal, SearchProblem, proposal_of
from unitsearch.search.quiet import quiet_optuna
from unitsearch.search.samplers.history import STUDY_NAME, HistoryStorage
from unitsearch.search.samplers.untried import random_untried
from unitsearch.search.seeds import derive
from unitsearch.space import Domain, draw

ATTEMPTS = 20  # asks for one trial before a random member is taken


class OptunaSampler(ABC):
    """A sampler that asks one of Optuna's samplers, made anew from a seed for every ask.

    The data that it keeps between two asks only save time.
    """

    looks_at_outcomes: bool = True

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem
        self._directions = [
            StudyDirection.MAXIMIZE if metric.maximise else StudyDirection.MINIMIZE
            for metric in problem.objectives
        ]
        self._trials: dict[int, tuple[Observation, FrozenTrial]] = {}  # by number of the trial
        self._baseline: Measured | None = None  # the baseline that the values of _trials relate to

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        """Return the first proposal that ``admits`` accepts, or a random member if none is."""
        trials = self._as_optuna_trials(visible)
        state: Mapping[str, Any] = {}
        for attempt in range(ATTEMPTS):
            proposal = self._ask(number, attempt, trials)
            if admits(proposal):
                return proposal
            state = proposal.state
        return random_untried(self._problem, number, admits, state)

    @abstractmethod
    def make(self, seed: int) -> BaseSampler:
        """Return the sampler of Optuna to ask, made from ``seed``."""

    def study_attrs(self, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
        """Return the study's attributes for an ask after ``trials``; the sampler may add to it."""
        return {}

    def prepare(self, study: Study, trials: Sequence[FrozenTrial]) -> None:  # noqa: B027
        """Prepare ``study`` for an ask after ``trials``; nothing unless a sampler needs it."""

    def state_of(self, system_attrs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proposal's state from the attributes that Optuna gave its trial."""
        return {}

    def system_attrs_of(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that Optuna gave a trial, from its proposal's state."""
        return {}

    def _ask(self, number: int, attempt: int, trials: Sequence[FrozenTrial]) -> Proposal:
        with quiet_optuna():
            study = optuna.create_study(
                storage=HistoryStorage(trials, self.study_attrs(trials)),
                study_name=STUDY_NAME,
                directions=self._directions,
                sampler=self.make(derive(self._problem.seed, number, f"ask {attempt}")),
            )
            self.prepare(study, trials)
            asked = study.ask()

            def choose(name: str, domain: Domain) -> Any:
                distribution = distribution_of(domain)
                if distribution.single():
                    return domain.options[0]
                return asked._suggest(name, distribution)

            values, architecture = draw(self._problem.space, choose)
        system_attrs = asked.storage.get_trial(asked._trial_id).system_attrs
        state = self.state_of(system_attrs)
        return proposal_of(self._problem.space, values, architecture, state)

    def _as_optuna_trials(self, visible: Sequence[Observation]) -> Sequence[FrozenTrial]:
        """Return the complete trials as Optuna's, the baseline left out if outside the space.

        Without a complete baseline there are none: objectives and the floor relate to it.
        """
        baseline = visible[0].measured if visible else None
        if not self.looks_at_outcomes or baseline is None:
            return []
        if self._baseline != baseline:
            self._baseline = baseline
            self._trials.clear()
        trials: list[FrozenTrial] = []
        for observation in visible:
            if observation.state != "complete" or not observation.values:
                continue
            known = self._trials.get(observation.number)
            if known is None or (known[0] is not observation and known[0] != observation):
                known = observation, self._as_optuna_trial(observation, baseline)
                self._trials[observation.number] = known
            trial = known[1]
            if trial._trial_id != len(trials):
                trial.number = trial._trial_id = len(trials)
            trials.append(trial)
        return trials

    def _as_optuna_trial(self, observation: Observation, baseline: Measured) -> FrozenTrial:
        new = observation.measured
        assert new is not None  # it is complete
        domains = distributions(self._problem.space, observation.values)
        return create_trial(
            state=TrialState.COMPLETE,
            params={name: observation.values[name] for name in domains},
            distributions=domains,
            values=[metric.formula(new, baseline) for metric in self._problem.objectives],
            system_attrs=self.system_attrs_of(observation.sampler_state),
            constraints=self._constraints(new, baseline),
        )

    def _constraints(self, new: Measured, baseline: Measured) -> dict[str, float]:
        """Return how far a trial is beyond each bound of what is feasible; below 0 is within."""
        constraints = {"floor": self._problem.floor * baseline.accuracy - new.accuracy}
        limit = self._problem.latency_limit
        if limit is not None and new.latency is not None:
            constraints["latency"] = new.latency - limit
        return constraints
