"""The public checks of samplers and stopping rules refuse those that break the protocol."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from unitsearch.search import testing
from unitsearch.search.proposals import Admits, Observation, Proposal, SearchProblem, proposal_of
from unitsearch.search.samplers.untried import random_untried
from unitsearch.search.seeds import derive
from unitsearch.search.stopping import StoppingRule
from unitsearch.space import at_random, draw


class Right:
    """A sampler that keeps the protocol; the others break it in one point."""

    looks_at_outcomes = False

    def __init__(self, problem: SearchProblem) -> None:
        self.problem = problem

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        return random_untried(self.problem, number, admits, {})


class Counting(Right):
    """A sampler whose proposal depends on the number of its earlier calls."""

    asked = 0

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        self.asked += 1
        return super().propose(self.asked + 100, visible, admits)


class Careless(Right):
    """A sampler that proposes members that are not admitted."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        choose = at_random(random.Random(derive(self.problem.seed, number, "careless")))
        return proposal_of(self.problem.space, *draw(self.problem.space, choose), {})


class Lazy(Right):
    """Gives up after the first three trials."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        return super().propose(number, visible, admits) if number <= 3 else None


class Global(Right):
    """Draws from the random state of the process."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        return super().propose(random.randrange(1000), visible, admits)


class Undeclared(Right):
    """Looks at outcomes and says that it does not."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        seed = number + round(1000 * sum(trial.accuracy or 0.0 for trial in visible))
        return super().propose(seed, visible, admits)


class Wrong(Right):
    """Gives a proposal the key of another architecture."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        proposal = super().propose(number, visible, admits)
        return proposal and replace(proposal, key="another")


class Stateful(Right):
    """Keeps a state that JSON changes."""

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        return random_untried(self.problem, number, admits, {"pair": (1, 2)})


def test_a_sampler_that_keeps_the_protocol_passes() -> None:
    testing.check_sampler(Right)


@pytest.mark.parametrize(
    ("sampler", "check"),
    [
        (Counting, testing.check_a_new_instance_proposes_the_same),
        (Counting, testing.check_the_order_of_calls_changes_nothing),
        (Careless, testing.check_only_what_is_admitted_is_proposed),
        (Careless, testing.check_nothing_admitted_gives_none),
        (Lazy, testing.check_every_member_is_proposed_once),
        (Global, testing.check_global_random_state_is_left_alone),
        (Undeclared, testing.check_outcomes_matter_only_as_declared),
        (Wrong, testing.check_proposals_describe_their_architecture),
        (Stateful, testing.check_the_state_is_plain_data),
    ],
)
def test_a_sampler_that_breaks_the_protocol_is_refused(
    sampler: Callable[[SearchProblem], Right], check: testing.SamplerCheck
) -> None:
    with pytest.raises(AssertionError):
        check(sampler)


class BarsOfPercent:
    """Gives bars in percent."""

    looks_at_outcomes = False

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        return (50.0,) * epochs


class OneBar:
    """Gives one bar for all epochs."""

    looks_at_outcomes = False

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        return (0.5,)


class UndeclaredBars:
    """Looks at outcomes and says that it does not."""

    looks_at_outcomes = False

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        return (max((seen.accuracy or 0.0 for seen in visible), default=0.0),) * epochs


class Rising:
    """Raises its bars with every call."""

    looks_at_outcomes = True
    calls = 0

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        self.calls += 1
        return (self.calls / 100,) * epochs


class Expecting:
    """Expects that an outcome is visible."""

    looks_at_outcomes = True

    def bars(
        self, trial: Observation, visible: Sequence[Observation], epochs: int
    ) -> tuple[float | None, ...]:
        assert visible
        return ()


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        (BarsOfPercent, testing.check_bars_are_accuracies),
        (OneBar, testing.check_bars_are_accuracies),
        (UndeclaredBars, testing.check_outcomes_move_bars_only_as_declared),
        (Rising, testing.check_bars_follow_from_the_arguments),
        (Expecting, testing.check_bars_come_without_outcomes),
    ],
)
def test_a_rule_that_breaks_the_protocol_is_refused(
    rule: Callable[[], StoppingRule], check: testing.StoppingCheck
) -> None:
    with pytest.raises(AssertionError):
        check(rule)
