"""A sampler and a stopping rule of a user's own, as a study names them by module and class."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unitsearch.fields import Float, Int, field_
from unitsearch.search.proposals import Observation, Proposal, SearchProblem, proposal_of
from unitsearch.search.samplers.untried import random_untried
from unitsearch.search.seeds import derive
from unitsearch.space import at_random, draw


@dataclass(frozen=True, kw_only=True)
class OwnSettings:
    """The settings of the sampler.

    Attributes:
        draws: Members drawn for a proposal; the smallest is taken.
    """

    draws: int = field_(Int(1, 100), 4)


class Own:
    """A sampler of the smallest of a few random members; its state is the number drawn."""

    Settings = OwnSettings
    looks_at_outcomes = False

    def __init__(self, problem: SearchProblem, settings: OwnSettings) -> None:
        self._problem = problem
        self._draws = settings.draws

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Callable[[Proposal], bool]
    ) -> Proposal | None:
        choose = at_random(random.Random(derive(self._problem.seed, number, "own")))
        space, state = self._problem.space, {"drawn": self._draws}
        drawn = [proposal_of(space, *draw(space, choose), state) for _ in range(self._draws)]
        admitted = [proposal for proposal in drawn if admits(proposal)]
        if not admitted:
            return random_untried(self._problem, number, admits, state)
        return min(admitted, key=lambda proposal: proposal.cost.params)


class Plain:
    """A sampler of random members, without settings."""

    looks_at_outcomes = False

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Callable[[Proposal], bool]
    ) -> Proposal | None:
        return random_untried(self._problem, number, admits, {})


class Repeating(Plain):
    """Proposes one member again and again, whatever is admitted."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Callable[[Proposal], bool]
    ) -> Proposal | None:
        space = self._problem.space
        return proposal_of(space, *draw(space, at_random(random.Random(0))), {})


class Numbering(Plain):
    """Returns a number where a proposal is expected."""

    def propose(self, number: int, visible: object, admits: object) -> Any:
        return number


@dataclass(frozen=True, kw_only=True)
class ShareOfBaselineSettings:
    """The settings of the rule.

    Attributes:
        share: Share of the baseline's accuracy after the same epoch.
    """

    share: float = field_(Float(0, 1), 0.5)


class ShareOfBaseline:
    """Asks for a share of the accuracy that the baseline had after the same epoch."""

    Settings = ShareOfBaselineSettings
    looks_at_outcomes = True

    def __init__(self, settings: ShareOfBaselineSettings) -> None:
        self._share = settings.share

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        curve = visible[0].curve if visible else ()
        if len(curve) != epochs:
            return ()
        return tuple(self._share * accuracy for accuracy in curve)


class NoBool:
    """A sampler that does not say whether it looks at outcomes."""

    def propose(self, number: int, visible: object, admits: object) -> None:
        return None


class NoArguments:
    """A sampler that cannot be made with a problem."""

    looks_at_outcomes = False

    def propose(self, number: int, visible: object, admits: object) -> None:
        return None


class UndeclaredSettings(Plain):
    """A sampler whose settings have no rules."""

    @dataclass(frozen=True)
    class Settings:
        draws: int = 4

    def __init__(self, problem: SearchProblem, settings: Settings) -> None:
        super().__init__(problem)


class ReservedSettings(Plain):
    """A sampler with a setting that belongs to all samplers."""

    @dataclass(frozen=True)
    class Settings:
        lag: int = field_(Int(0, 5), 1)

    def __init__(self, problem: SearchProblem, settings: Settings) -> None:
        super().__init__(problem)


class OneBar:
    """Gives a single bar, however many epochs there are."""

    looks_at_outcomes = False

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        return (0.5,)
