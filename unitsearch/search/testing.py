"""Checks that every sampler and stopping rule must pass; for tests of your own ones too.

In a test module of pytest::

    @pytest.mark.parametrize("check", SAMPLER_CHECKS)
    def test_mine_is_a_sampler(check: SamplerCheck) -> None:
        check(MySampler)

A check takes a function that makes a sampler from a ``SearchProblem`` (the class itself, if it has
no settings) and raises an ``AssertionError`` that names the fault. ``check_sampler`` runs all.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from unitsearch.architecture import key, read_text
from unitsearch.costs import Cost, count
from unitsearch.metrics import metric
from unitsearch.search.proposals import Observation, Proposal, SearchProblem, admission, proposal_of
from unitsearch.search.samplers import Sampler
from unitsearch.search.stopping import StoppingRule
from unitsearch.space import (
    Space,
    at_random,
    baseline,
    bind,
    draw,
    load_space,
    members,
    replay,
    space_from,
)
from unitsearch.training.bars import ExpectedBar

SamplerCheck = Callable[[Callable[[SearchProblem], Sampler]], None]
StoppingCheck = Callable[[Callable[[], StoppingRule]], None]

LAG = 3
LIMITS = {"params": 20_000}
_TRIALS = 14
_COST = Cost(params=100, macs=1_000, flops=2_000)
_EPOCHS = 4
_SMALL = """
unitsearch: 1
data: digits
input: auto
layers:
- {kind: conv, out: {choose: [2, 4, 8]}, kernel: {choose: [1, 3]}}
- {kind: pool, op: {choose: [max, avg]}, kernel: 2}
- {kind: flatten}
- {kind: linear, out: classes}
baseline: {layers: [{kind: flatten}, {kind: linear, out: classes}]}
"""


def small_space() -> Space:
    """Return a space of twelve members."""
    return bind(space_from(read_text(_SMALL, "small.yaml"), "small"), (1, 8, 8), 10, "digits")


def large_space() -> Space:
    """Return a space of more members than can be listed."""
    return bind(load_space("lenet_hybrid"), (1, 8, 8), 10, "digits")


def problem_of(space: Space, seed: int = 0) -> SearchProblem:
    """Return the problem with the objectives accuracy, FLOPs and parameters in ``space``."""
    objectives = tuple(metric(name) for name in ("accuracy", "flops", "params"))
    return SearchProblem(space, seed, objectives, floor=0.5)


def first_observation(space: Space, accuracy: float = 0.9) -> Observation:
    """Return the observation of the baseline, which is trial 0."""
    architecture = baseline(space)
    name, cost = key(architecture), count(architecture)
    curve = tuple(accuracy * epoch / _EPOCHS for epoch in range(1, _EPOCHS + 1))
    return Observation(
        0,
        name,
        {},
        cost,
        "complete",
        accuracy,
        epochs=_EPOCHS,
        recipe_epochs=_EPOCHS,
        curve=curve,
        architecture=architecture,
    )


def observed(number: int, proposal: Proposal, outcome: Mapping[str, Any]) -> Observation:
    """Return the observation of a proposal that was tried with ``outcome``."""
    return Observation(
        number,
        proposal.key,
        proposal.values,
        proposal.cost,
        recipe_epochs=_EPOCHS,
        architecture=proposal.architecture,
        sampler_state=json.loads(json.dumps(dict(proposal.state))),
        **outcome,
    )


def made_up(number: int, proposal: Proposal) -> dict[str, Any]:
    """Return an outcome that the proposal's key decides; some trials fail, some are stopped."""
    chance = int.from_bytes(hashlib.sha256(proposal.key.encode()).digest()[:4], "big") / 2**32
    if number % 5 == 0:
        return {"state": "failed"}
    if number % 7 == 0:
        return {"state": "stopped", "epochs": 1, "curve": (chance,)}
    return {
        "state": "complete",
        "accuracy": chance,
        "epochs": _EPOCHS,
        "curve": (chance,) * _EPOCHS,
    }


def propose(
    sampler: Sampler, trials: Sequence[Observation], limits: Mapping[str, int | None] = LIMITS
) -> Proposal | None:
    """Return the proposal for the next trial after ``trials``, as a study asks for it."""
    number = len(trials)
    visible = trials[: max(0, number - LAG)]
    return sampler.propose(number, visible, admission({t.key for t in trials}, limits))


def history(
    sampler: Sampler,
    space: Space,
    length: int = _TRIALS,
    outcome: Callable[[int, Proposal], Mapping[str, Any]] = made_up,
) -> list[Observation]:
    """Return up to ``length`` trials that ``sampler`` proposed, the baseline included."""
    trials = [first_observation(space)]
    while len(trials) < length:
        proposal = propose(sampler, trials)
        if proposal is None:
            break
        trials.append(observed(len(trials), proposal, outcome(len(trials), proposal)))
    return trials


def check_sampler(make: Callable[[SearchProblem], Sampler]) -> None:
    """Run all checks of samplers.

    Raises:
        AssertionError: If a check fails.
    """
    for check in SAMPLER_CHECKS:
        check(make)


def check_stopping_rule(make: Callable[[], StoppingRule]) -> None:
    """Run all checks of stopping rules.

    Raises:
        AssertionError: If a check fails.
    """
    for check in STOPPING_CHECKS:
        check(make)


def check_proposals_describe_their_architecture(
    make: Callable[[SearchProblem], Sampler],
) -> None:
    """Check that the values of a proposal draw its architecture, with its key and cost."""
    space = large_space()
    sampler = make(problem_of(space))
    trials = [first_observation(space)]
    for _ in range(_TRIALS):
        proposal = _needed(propose(sampler, trials))
        values, architecture = draw(space, replay(proposal.values))
        assert dict(values) == dict(proposal.values), "values must be those that draw the member"
        assert architecture == proposal.architecture, "the architecture must follow from the values"
        assert proposal.key == key(architecture), "the key must be the architecture's"
        assert proposal.cost == count(architecture), "the cost must be the architecture's"
        outcome = made_up(len(trials), proposal)
        trials.append(observed(len(trials), proposal, outcome))


def check_a_new_instance_proposes_the_same(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a study can be resumed: a sampler that is made anew proposes the same."""
    for space in (small_space(), large_space()):
        problem = problem_of(space, seed=5)
        trials = history(make(problem), space)
        for number in range(1, len(trials)):
            proposal = _needed(propose(make(problem), trials[:number]))
            assert proposal.key == trials[number].key, f"trial {number} differs after a resume"
            assert dict(proposal.state) == dict(trials[number].sampler_state)


def check_the_order_of_calls_changes_nothing(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a proposal depends on the arguments alone, not on earlier calls."""
    space = large_space()
    sampler = make(problem_of(space))
    trials = history(sampler, space)
    for number in (len(trials) - 1, 1, 5, 5, 2):
        proposal = _needed(propose(sampler, trials[:number]))
        assert proposal.key == trials[number].key, "an instance must forget what it was asked"


def check_only_what_is_admitted_is_proposed(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a sampler proposes nothing that ``admits`` refuses, however little it accepts."""
    space = small_space()
    every = sorted({key(architecture) for _, architecture in members(space)})
    for only in every:
        sampler = make(problem_of(space))
        proposal = sampler.propose(1, [], partial(_is_called, only))
        assert proposal is not None, "None says that no member is admitted, but one is"
        assert proposal.key == only, "the proposal is not admitted"


def check_every_member_is_proposed_once(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a sampler proposes every member of a small space once, and then None."""
    space = small_space()
    trials = history(make(problem_of(space)), space, length=100)
    keys = [trial.key for trial in trials[1:]]
    assert len(set(keys)) == len(keys), "a member is proposed twice"
    every = {key(architecture) for _, architecture in members(space)}
    assert set(keys) == every, "None comes before the last member"
    assert propose(make(problem_of(space)), trials) is None, "all members are tried"


def check_nothing_admitted_gives_none(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a sampler proposes None where no member is admitted."""
    space = small_space()
    trials = [first_observation(space)]
    assert propose(make(problem_of(space)), trials, {"params": 1}) is None


def check_hidden_outcomes_change_nothing(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that an outcome changes no proposal before it is visible."""
    space = large_space()
    changed_from = 6

    def other(number: int, proposal: Proposal) -> dict[str, Any]:
        outcome = made_up(number, proposal)
        return {"state": "failed"} if number >= changed_from else outcome

    problem = problem_of(space)
    trials = history(make(problem), space)
    changed = history(make(problem), space, outcome=other)
    last = changed_from + LAG  # the first trial that sees the outcome of trial `changed_from`
    assert [t.key for t in trials[: last + 1]] == [t.key for t in changed[: last + 1]]


def check_outcomes_matter_only_as_declared(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that outcomes change nothing unless ``looks_at_outcomes`` says so."""
    space = large_space()
    problem = problem_of(space)
    sampler = make(problem)
    assert isinstance(sampler.looks_at_outcomes, bool), "looks_at_outcomes must be True or False"
    if sampler.looks_at_outcomes:
        return
    trials = history(sampler, space)
    turned = [_inverted(trial) for trial in trials]
    for number in range(1, len(trials)):
        before, after = (propose(make(problem), t[:number]) for t in (trials, turned))
        assert _needed(before).key == _needed(after).key, "an outcome changed a proposal"


def check_failures_are_survived(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a sampler proposes after failed, stopped and running trials alone."""
    space = large_space()
    for state in ("failed", "stopped", "running"):
        trials = history(make(problem_of(space)), space, outcome=partial(_ended, state))
        trials[0] = replace(trials[0], state=state, accuracy=None)
        assert propose(make(problem_of(space)), trials) is not None


def check_global_random_state_is_left_alone(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that a sampler neither reads nor changes the random state of the process."""
    space = large_space()
    trials = history(make(problem_of(space)), space)
    keys = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
        keys.append(_needed(propose(make(problem_of(space)), trials)).key)
        after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
        assert before == after, "random numbers must come from generators of the sampler's own"
    assert keys[0] == keys[1], "a proposal depends on the random state of the process"


def check_the_state_is_plain_data(make: Callable[[SearchProblem], Sampler]) -> None:
    """Check that the state of a proposal survives being stored as JSON."""
    space = large_space()
    sampler = make(problem_of(space))
    trials = history(sampler, space)
    proposal = _needed(propose(sampler, trials))
    assert json.loads(json.dumps(dict(proposal.state))) == dict(proposal.state)


def check_bars_are_accuracies(make: Callable[[], StoppingRule]) -> None:
    """Check that a rule gives one bar an epoch, or none at all, each a fraction or None."""
    for number, epochs in ((1, 1), (2, _EPOCHS), (9, 100)):
        bars = make().bars(_starting(number), _rule_history(), epochs)
        assert isinstance(bars, tuple), "bars must be a tuple"
        assert len(bars) in (0, epochs), "there must be one bar an epoch, or none at all"
        for bar in bars:
            fits = bar is None or isinstance(bar, ExpectedBar) or 0 <= bar <= 1
            assert fits, "a bar is a fraction, an ExpectedBar or None"


def check_bars_follow_from_the_arguments(make: Callable[[], StoppingRule]) -> None:
    """Check that bars depend on the arguments alone, also for a rule that is made anew."""
    trials, rule = _rule_history(), make()
    for number in (9, 3, 9, 1):
        bars = rule.bars(_starting(number), trials[:number], _EPOCHS)
        again = make().bars(_starting(number), trials[:number], _EPOCHS)
        assert bars == again, "a rule must forget what it was asked"


def check_bars_come_without_outcomes(make: Callable[[], StoppingRule]) -> None:
    """Check that a rule gives bars before any outcome is visible."""
    make().bars(_starting(1), [], _EPOCHS)


def check_outcomes_move_bars_only_as_declared(make: Callable[[], StoppingRule]) -> None:
    """Check that outcomes change no bar unless ``looks_at_outcomes`` says so."""
    rule, trials = make(), _rule_history()
    assert isinstance(rule.looks_at_outcomes, bool), "looks_at_outcomes must be True or False"
    if not rule.looks_at_outcomes:
        turned = [_inverted(trial) for trial in trials]
        bars = [rule.bars(_starting(9), seen, _EPOCHS) for seen in (trials, turned, [])]
        assert bars[0] == bars[1] == bars[2], "an outcome changed a bar"


def _starting(number: int) -> Observation:
    """Return a trial as it starts, the next member that a sampler would draw."""
    architecture = draw(large_space(), at_random(random.Random(number)))[1]
    cost = count(architecture)
    return Observation(number, key(architecture), {}, cost, architecture=architecture)


def _needed(proposal: Proposal | None) -> Proposal:
    assert proposal is not None, "None says that no member is admitted, but some are"
    return proposal


def _ended(state: str, number: int, proposal: Proposal) -> Mapping[str, Any]:
    return {"state": state}


def _is_called(name: str, proposal: Proposal) -> bool:
    return proposal.key == name


def _inverted(trial: Observation) -> Observation:
    """Return the trial with the opposite accuracy, if it is complete and not the baseline."""
    if trial.state == "complete" and trial.number != 0:
        accuracy = 1.0 - (trial.accuracy or 0.0)
        return replace(trial, accuracy=accuracy, curve=(accuracy,) * trial.epochs)
    return trial


def _rule_history() -> list[Observation]:
    """Return trials that complete, fail and are stopped, drawn from a large space."""
    space = large_space()
    trials = [first_observation(space)]
    generator = random.Random(0)
    for number in range(1, 10):
        proposal = proposal_of(space, *draw(space, at_random(generator)), {})
        trials.append(observed(number, proposal, made_up(number, proposal)))
    return trials


SAMPLER_CHECKS: tuple[SamplerCheck, ...] = (
    check_proposals_describe_their_architecture,
    check_a_new_instance_proposes_the_same,
    check_the_order_of_calls_changes_nothing,
    check_only_what_is_admitted_is_proposed,
    check_every_member_is_proposed_once,
    check_nothing_admitted_gives_none,
    check_hidden_outcomes_change_nothing,
    check_outcomes_matter_only_as_declared,
    check_failures_are_survived,
    check_global_random_state_is_left_alone,
    check_the_state_is_plain_data,
)
STOPPING_CHECKS: tuple[StoppingCheck, ...] = (
    check_bars_are_accuracies,
    check_bars_follow_from_the_arguments,
    check_bars_come_without_outcomes,
    check_outcomes_move_bars_only_as_declared,
)
