"""What to try next: a pure function of what a study is and of the outcomes that it may see.

That is of (space, study seed, trial number, attempt, outcomes of trials 0 … n-1-lag): the sampler
that is asked for trial n sees those outcomes and nothing else, in number order, and is made fresh
from a seed for every ask. So neither the engine, nor the number of workers, nor a kill changes what
is proposed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from unitsearch.architecture import Architecture, key
from unitsearch.costs import Cost, count
from unitsearch.fields import Enum, Int, field_
from unitsearch.metrics import Measured, Metric
from unitsearch.search.asking import GENERATION, Nsga2, SelectionCache, ask
from unitsearch.search.quiet import quiet_optuna
from unitsearch.search.seeds import derive
from unitsearch.space import (
    Cut,
    Domain,
    Labels,
    Space,
    at_random,
    count_members,
    draw,
    members,
    within,
)
from unitsearch.space.members import Values

ATTEMPTS = 20
_RANDOM_TRIES = 500
_ENUMERABLE = 200_000

SAMPLERS = ("nsga2", "tpe", "random", "exhaustive")


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Which sampler proposes, and how; fixed when a study is created.

    Attributes:
        name: One of ``SAMPLERS``.
        population: NSGA-II's.
        startup: Random trials before TPE begins.
        lag: How many trials a proposal may be ahead of the outcomes that it sees.
    """

    name: str = field_(Enum(SAMPLERS), "nsga2")
    population: int = field_(Int(2, 100_000), 20)
    startup: int = field_(Int(0, 100_000), 10)
    lag: int = field_(Int(0, 100_000), 8)


@dataclass(frozen=True)
class Observation:
    """What is known of an earlier trial.

    Attributes:
        number: Its number.
        key: Its architecture's key.
        values: The parameters that it was drawn with; empty outside the space.
        cost: Its exact cost.
        accuracy: Its validation accuracy; None where it failed or is not known yet.
        generation: NSGA-II's generation of it, where one was given.
    """

    number: int
    key: str
    values: Mapping[str, Any]
    cost: Cost
    accuracy: float | None
    generation: int | None = None


@dataclass(frozen=True)
class Proposal:
    """An architecture to try, and how it was drawn."""

    values: Values
    distributions: Mapping[str, BaseDistribution]
    architecture: Architecture
    key: str
    cost: Cost
    generation: int | None = None


@dataclass
class Proposer:
    """Proposes trials of one study; what it keeps between asks only saves time.

    Attributes:
        space: The space.
        sampler: Which sampler, and how.
        seed: The study's seed.
        objectives: What is searched for.
        floor: Share of the baseline's accuracy from which a trial is feasible.
        limits: Largest cost; what exceeds it is never proposed.
    """

    space: Space
    sampler: Sampler
    seed: int
    objectives: Sequence[Metric]
    floor: float
    limits: Mapping[str, int | None]
    _members: Iterator[tuple[Values, Architecture]] | None = field(default=None, repr=False)
    _last: Proposal | None = field(default=None, repr=False)
    _memory: SelectionCache = field(default_factory=SelectionCache, repr=False)
    _known: dict[int, tuple[Observation, FrozenTrial]] = field(default_factory=dict, repr=False)
    _against: Measured | None = field(default=None, repr=False)  # the baseline of what is known

    def propose(self, number: int, past: Sequence[Observation]) -> Proposal | None:
        """Return the proposal for trial ``number``, or None when no untried member is left.

        Args:
            number: The trial's number, from 1.
            past: Trials 0 … number-1 in order. Of those before number-lag the outcomes must be
                known; the outcomes of the others are not looked at.
        """
        tried = {trial.key for trial in past}
        if self.sampler.name == "exhaustive":
            return self._next(tried)
        visible = past[: max(0, number - self.sampler.lag)]
        generation = None
        for attempt in range(ATTEMPTS):
            proposal = self._ask(number, attempt, visible)
            generation = proposal.generation
            if proposal.key not in tried and within(proposal.cost, self.limits):
                return proposal
        return self._fresh(number, tried, generation)

    def _ask(self, number: int, attempt: int, visible: Sequence[Observation]) -> Proposal:
        sampler = self._make(derive(self.seed, number, f"ask {attempt}"))
        directions = [
            StudyDirection.MAXIMIZE if m.maximise else StudyDirection.MINIMIZE
            for m in self.objectives
        ]
        with quiet_optuna():
            asked = ask(sampler, directions, self._told(visible), self._memory)

            def choose(name: str, domain: Domain) -> Any:
                distribution = distribution_of(domain)
                if distribution.single():
                    return domain.options[0]
                return asked._suggest(name, distribution)

            values, architecture = draw(self.space, choose)
        generation = asked.storage.get_trial(asked._trial_id).system_attrs.get(GENERATION)
        return self._proposal(values, architecture, generation)

    def _told(self, visible: Sequence[Observation]) -> Sequence[FrozenTrial]:
        """Return the visible outcomes as Optuna trials; failures and the baseline are left out."""
        if self.sampler.name == "random" or not visible or visible[0].accuracy is None:
            return []
        baseline = Measured(visible[0].accuracy, visible[0].cost)
        if self._against != baseline:
            self._against = baseline
            self._known.clear()
        found: list[FrozenTrial] = []
        for past in visible:
            if past.accuracy is None or not past.values:
                continue
            known = self._known.get(past.number)
            if known is None or (known[0] is not past and known[0] != past):
                known = self._known[past.number] = past, self._frozen(past, baseline)
            trial = known[1]
            if trial._trial_id != len(found):
                trial.number = trial._trial_id = len(found)
            found.append(trial)
        return found

    def _frozen(self, past: Observation, baseline: Measured) -> FrozenTrial:
        assert past.accuracy is not None  # it was trained
        new = Measured(past.accuracy, past.cost)
        domains = distributions(self.space, past.values)
        return create_trial(
            state=TrialState.COMPLETE,
            params={name: past.values[name] for name in domains},
            distributions=domains,
            values=[metric.formula(new, baseline) for metric in self.objectives],
            system_attrs={} if past.generation is None else {GENERATION: past.generation},
            constraints={"floor": self.floor * baseline.accuracy - past.accuracy},
        )

    def _make(self, seed: int) -> BaseSampler:
        if self.sampler.name == "nsga2":
            return Nsga2(self.sampler.population, seed)
        if self.sampler.name == "tpe":
            return TPESampler(n_startup_trials=self.sampler.startup, multivariate=False, seed=seed)
        return RandomSampler(seed=seed)

    def _fresh(self, number: int, tried: set[str], generation: int | None) -> Proposal | None:
        """Return a random member that is untried and within limits, None if there is none."""
        generator = random.Random(derive(self.seed, number, "fresh"))
        choose = at_random(generator)
        for _ in range(_RANDOM_TRIES):
            proposal = self._proposal(*draw(self.space, choose), generation)
            if self._admits(proposal, tried):
                return proposal
        untried = (
            proposal
            for values, architecture in members(self.space)
            if self._admits(proposal := self._proposal(values, architecture, generation), tried)
        )
        if count_members(self.space) > _ENUMERABLE:  # so thin that only walking finds one
            return next(islice(untried, 1), None)
        left = list({proposal.key: proposal for proposal in untried}.values())
        return generator.choice(left) if left else None

    def _next(self, tried: set[str]) -> Proposal | None:
        if self._members is None:
            self._members = members(self.space)
        if self._last is not None and self._admits(self._last, tried):
            return self._last  # asked again before it was tried
        for values, architecture in self._members:
            self._last = self._proposal(values, architecture, None)
            if self._admits(self._last, tried):
                return self._last
        return None

    def _admits(self, proposal: Proposal, tried: set[str]) -> bool:
        return proposal.key not in tried and within(proposal.cost, self.limits)

    def _proposal(
        self, values: Values, architecture: Architecture, generation: int | None
    ) -> Proposal:
        return Proposal(
            values,
            distributions(self.space, values),
            architecture,
            key(architecture),
            count(architecture),
            generation,
        )


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's name for a parameter's domain."""
    if isinstance(domain, Labels):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, Cut):
        return IntDistribution(0, domain.high)
    return IntDistribution(domain.low, domain.high, step=domain.step)


def distributions(space: Space, values: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Return the distributions of the values of one member, single ones left out."""
    found: dict[str, BaseDistribution] = {}

    def choose(name: str, domain: Domain) -> Any:
        distribution = distribution_of(domain)
        if not distribution.single():
            found[name] = distribution
        return values[name]

    draw(space, choose)
    return found
