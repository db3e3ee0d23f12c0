"""Searchers of other libraries, asked and told as their users would.

They see the space's parameters as one flat list; those that a member does not have count as absent.
Costs are ordinary objectives to them. Models are given the logarithms of costs, which suits them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.search.choosing import holds
from benchmarks.search.measures import Goal
from benchmarks.search.searchers import Asked, Make, Projection
from benchmarks.search.table import BASELINE
from unitsearch.costs import count
from unitsearch.errors import PackageError
from unitsearch.search.distributions import distribution_of
from unitsearch.search.proposals import Observation
from unitsearch.search.quiet import quiet_optuna
from unitsearch.search.seeds import derive
from unitsearch.space import Cut, Domain, Labels, draw, parameters

STARTUP = 10  # random members before a model is fitted


class Rival(ABC):
    """A searcher of another library; it is told each trial once and keeps its own state.

    Args:
        goal: The table and its measure.
        seed: The search's seed.
    """

    def __init__(self, goal: Goal, seed: int) -> None:
        self.goal, self.table, self.seed = goal, goal.table, seed
        self.projection = Projection(goal.table)
        self._told: set[int] = set()

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """The parameters of the space that have more than one value."""
        found = parameters(self.table.spec.bound)
        return {name: domain for name, domain in found.items() if len(values_of(domain)) > 1}

    def ask(
        self, number: int, visible: Sequence[Observation], tried: Collection[int]
    ) -> Asked | None:
        """Return the next member, after the library was told which trials have ended."""
        for observation in visible:
            if observation.state != "running" and observation.number not in self._told:
                self._told.add(observation.number)
                self.tell(observation)
        place = self.propose(number, tried)
        return None if place is None else Asked(place, {})

    def epochs(self, number: int, place: int, visible: Sequence[Observation], seed: int) -> int:
        """Return the recipe's number of epochs."""
        return len(self.table.members[place].trainings[seed].curve)

    @abstractmethod
    def tell(self, observation: Observation) -> None:
        """Tell the library of a trial."""

    @abstractmethod
    def propose(self, number: int, tried: Collection[int]) -> int | None:
        """Return the place of the next member."""

    def nearest(self, values: Mapping[str, Any], tried: Collection[int]) -> int | None:
        """Return the untried member of the table that is most like the one that is proposed."""

        def choose(name: str, domain: Domain) -> Any:
            return values[name] if holds(domain, values, name) else values_of(domain)[0]

        _, architecture = draw(self.table.spec.bound, choose)
        return self.projection.nearest(architecture, count(architecture), tried)

    def objectives(self, observation: Observation) -> list[float]:
        """Return error, log10 FLOPs and log10 parameters."""
        cost, accuracy = observation.cost, observation.accuracy
        assert accuracy is not None  # only searchers without stopping rules ask for it
        return [1.0 - accuracy, math.log10(cost.flops), math.log10(cost.params)]

    def full(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for each parameter; the first one where a member has none."""
        return {
            name: values[name] if name in values else values_of(domain)[0]
            for name, domain in self.domains.items()
        }


class OptunaGp(Rival):
    """Optuna's GPSampler, which expects hypervolume improvement of several modelled objectives."""

    def __init__(self, goal: Goal, seed: int) -> None:
        super().__init__(goal, seed)
        import optuna

        self._optuna = optuna
        with quiet_optuna():
            sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP)
            self._study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
        self._distributions = {n: distribution_of(domain) for n, domain in self.domains.items()}

    def tell(self, observation: Observation) -> None:
        """Add a complete trial; the baseline has no parameters."""
        if not observation.values:
            return
        with quiet_optuna():
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    params=self.full(observation.values),
                    distributions=self._distributions,
                    values=self.objectives(observation),
                )
            )

    def propose(self, number: int, tried: Collection[int]) -> int | None:
        """Ask for parameters; the trial that was asked for is told with the member's own."""
        with quiet_optuna():
            asked = self._study.ask(self._distributions)
            self._study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
        return self.nearest(asked.params, tried)


class BotorchNehvi(Rival):
    """BoTorch's qLogNEHVI over the members of the table; every objective has a GP of its own."""

    def __init__(self, goal: Goal, seed: int) -> None:
        super().__init__(goal, seed)
        import torch

        self._torch = torch
        rows = [self._row(self.table.members[p].proposal.values) for p in self.table.candidates]
        self._x = torch.tensor(np.array(rows), dtype=torch.float64)
        self._known: list[int] = []
        self._y: list[list[float]] = []

    def tell(self, observation: Observation) -> None:
        """Keep a complete trial; the baseline has no parameters."""
        if observation.values:
            self._known.append(self.table.places[observation.key] - 1)
            self._y.append([-value for value in self.objectives(observation)])

    def propose(self, number: int, tried: Collection[int]) -> int | None:
        """Return a random member at first, then the one with the highest acquisition."""
        left = [place for place in self.table.candidates if place not in set(tried)]
        if not left:
            return None
        if len(self._known) < STARTUP:
            generator = np.random.default_rng(derive(self.seed, number, "startup"))
            return int(generator.choice(left))
        from botorch.acquisition.multi_objective.logei import (
            qLogNoisyExpectedHypervolumeImprovement,
        )
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from gpytorch.mlls import SumMarginalLogLikelihood

        torch = self._torch
        torch.manual_seed(derive(self.seed, number, "botorch"))
        x, y = self._x[self._known], torch.tensor(self._y, dtype=torch.float64)
        model = ModelListGP(
            *(SingleTaskGP(x, y[:, i : i + 1], outcome_transform=Standardize(1)) for i in range(3))
        )
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        reference = [-value for value in self.goal.reference]
        pending = sorted(set(tried) - {place + 1 for place in self._known} - {BASELINE})
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model,
            reference,
            x,
            prune_baseline=True,
            cache_root=True,
            X_pending=self._x[[place - 1 for place in pending]] if pending else None,
        )
        with torch.no_grad():
            rows = self._x[[place - 1 for place in left]]
            values = torch.cat([acquisition(part[:, None]) for part in torch.split(rows, 64)])
        return left[int(values.argmax())]

    def _row(self, values: Mapping[str, Any]) -> list[float]:
        row: list[float] = []
        for name, domain in self.domains.items():
            options = values_of(domain)
            value = values.get(name)
            if isinstance(domain, Labels):
                row += [float(value == option) for option in options]
            else:
                low, high = options[0], options[-1]
                row.append(0.5 if value is None else (value - low) / (high - low))
        return row


class SyneTune(Rival):
    """The part that both searchers of Syne Tune share."""

    def __init__(self, goal: Goal, seed: int) -> None:
        super().__init__(goal, seed)
        from syne_tune.config_space import choice, finrange, randint

        np.random.seed(seed)  # the library draws from the generator of the process
        self.space: dict[str, Any] = {}
        for name, domain in self.domains.items():
            options = values_of(domain)
            if isinstance(domain, Labels):
                self.space[name] = choice(options)
            elif options == list(range(options[0], options[-1] + 1)):
                self.space[name] = randint(options[0], options[-1])
            else:
                self.space[name] = finrange(
                    options[0], options[-1], size=len(options), cast_int=True
                )


class SyneTuneEvolution(SyneTune):
    """Syne Tune's multi-objective regularized evolution, with a population of twenty."""

    def __init__(self, goal: Goal, seed: int) -> None:
        super().__init__(goal, seed)
        from syne_tune.optimizer.schedulers.multiobjective import MultiObjectiveRegularizedEvolution

        self._one = MultiObjectiveRegularizedEvolution(
            self.space, population_size=20, sample_size=5, random_seed=seed
        )

    def tell(self, observation: Observation) -> None:
        """Add a complete trial; the baseline has no parameters."""
        if observation.values:
            self._one.on_trial_complete(
                observation.number, self.full(observation.values), self.objectives(observation)
            )

    def propose(self, number: int, tried: Collection[int]) -> int | None:
        """Ask for parameters."""
        return self.nearest(self._one.suggest(), tried)


class SyneTuneMoasha(SyneTune):
    """Syne Tune's MOASHA: random members, stopped by their non-dominated rank within a rung."""

    def __init__(self, goal: Goal, seed: int) -> None:
        super().__init__(goal, seed)
        from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

        self._names = ["error", "flops", "params"]
        self._one = MOASHA(
            self.space,
            metrics=self._names,
            time_attr="epoch",
            max_t=len(self.table.baseline.trainings[0].curve),
            random_seed=seed,
        )

    def tell(self, observation: Observation) -> None:
        """Do nothing: the scheduler is told while a trial trains."""

    def propose(self, number: int, tried: Collection[int]) -> int | None:
        """Ask for parameters."""
        suggestion = self._one.suggest()
        return self.nearest(suggestion.config, tried)

    def epochs(self, number: int, place: int, visible: Sequence[Observation], seed: int) -> int:
        """Return the epoch after which the scheduler stops the trial."""
        from syne_tune.backend.trial_status import Trial

        member = self.table.members[place]
        curve, cost = member.trainings[seed].curve, member.cost
        trial = Trial(str(number), self.full(member.proposal.values), datetime.now())
        self._one.on_trial_add(trial)
        costs = [math.log10(cost.flops), math.log10(cost.params)]
        for epoch, accuracy in enumerate(curve[:-1], 1):
            values = dict(zip(self._names, [1.0 - accuracy, *costs], strict=True))
            if self._one.on_trial_result(trial, {"epoch": epoch, **values}) == "STOP":
                self._one.on_trial_remove(trial)
                return epoch
        values = dict(zip(self._names, [1.0 - curve[-1], *costs], strict=True))
        self._one.on_trial_complete(trial, {"epoch": len(curve), **values})
        return len(curve)


def values_of(domain: Domain) -> list[Any]:
    """Return all values of a parameter."""
    return list(range(domain.high + 1)) if isinstance(domain, Cut) else list(domain.options)


def _needing(package: str, make: Any) -> Make:
    def made(goal: Goal, seed: int) -> Any:
        try:
            __import__(package)
        except ImportError:
            raise PackageError(
                f"{package} is not installed",
                fix="install benchmarks/search_requirements.txt in an environment of its own",
            ) from None
        return make(goal, seed)

    return made


RIVALS: dict[str, Make] = {
    "gpsampler": OptunaGp,
    "qlognehvi": _needing("botorch", BotorchNehvi),
    "more": _needing("syne_tune", SyneTuneEvolution),
    "moasha": _needing("syne_tune", SyneTuneMoasha),
}
