"""The samplers that ship, and a user's own, keep the protocol of samplers."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.search.configured import SamplerConfig
from unitsearch.search.extensions import SAMPLERS
from unitsearch.search.proposals import Observation, Proposal, SearchProblem
from unitsearch.search.samplers import Sampler
from unitsearch.search.testing import (
    SAMPLER_CHECKS,
    SamplerCheck,
    check_sampler,
    first_observation,
    history,
    large_space,
    problem_of,
    propose,
    small_space,
)
from unitsearch.space import Space, at_random, draw, members, within

OWN = ("tests.search.own_sampler:Own", "tests.search.own_sampler:Plain")
SHIPPED = SAMPLERS.shipped()
LEARNING = ("nsga2", "tpe")
SETTINGS = {"front": {"pool": 60, "startup": 4}, "nsga2": {"population": 4}, "tpe": {"startup": 4}}
LARGE, SMALL = large_space(), small_space()


def made(name: str, problem: SearchProblem) -> Sampler:
    """Return a sampler whose learning begins within a few trials."""
    return SamplerConfig(name, settings=SETTINGS.get(name, {})).checked().make(problem)


def sampler_of(name: str, space: Space = LARGE, seed: int = 0) -> Sampler:
    return made(name, problem_of(space, seed))


def comparable(proposal: Proposal | None) -> tuple[object, ...]:
    assert proposal is not None
    return proposal.key, dict(proposal.values), proposal.cost, dict(proposal.state)


def turned(trials: Sequence[Observation]) -> list[Observation]:
    """Return the trials with the opposite accuracies, the baseline's apart."""
    return [
        replace(t, accuracy=1 - t.accuracy) if t.number and t.accuracy is not None else t
        for t in trials
    ]


@pytest.mark.parametrize("check", SAMPLER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*SHIPPED, *OWN])
def test_a_sampler_keeps_the_protocol(name: str, check: SamplerCheck) -> None:
    check(partial(made, name))


def test_all_checks_can_be_run_at_once() -> None:
    check_sampler(partial(made, "random"))


def test_the_samplers_of_version_0_1_ship() -> None:
    assert {"nsga2", "tpe", "random", "exhaustive"} <= set(SHIPPED)


def test_only_learning_samplers_say_that_they_look_at_outcomes() -> None:
    assert all(SamplerConfig(name).looks_at_outcomes for name in LEARNING)
    assert not any(SamplerConfig(name).looks_at_outcomes for name in ("random", "exhaustive"))


@pytest.mark.parametrize("name", LEARNING)
def test_visible_outcomes_change_what_a_learning_sampler_proposes(name: str) -> None:
    differ = 0
    for seed in range(8):
        trials = history(sampler_of(name, seed=seed), LARGE, 16)
        before = propose(sampler_of(name, seed=seed), trials)
        after = propose(sampler_of(name, seed=seed), turned(trials))
        differ += comparable(before) != comparable(after)
    assert differ >= 4


@pytest.mark.parametrize("name", ["front", "nsga2", "tpe", "random"])
def test_the_study_seed_changes_the_proposal(name: str) -> None:
    trials = history(sampler_of(name), LARGE, 8)
    proposals = [propose(sampler_of(name, seed=seed), trials) for seed in range(8)]
    assert len({comparable(proposal)[0] for proposal in proposals}) > 1


@pytest.mark.parametrize("name", SHIPPED)
def test_over_random_histories_nothing_tried_is_proposed_and_limits_hold(name: str) -> None:
    generator = random.Random(name)
    every = {key(architecture): (values, architecture) for values, architecture in members(SMALL)}
    for _ in range(60):
        seed, limit = generator.randrange(1000), generator.choice((700, 1200, 5000, None))
        tried = generator.sample(list(every), generator.randrange(len(every)))
        trials = [first_observation(SMALL, generator.random())]
        for number, member in enumerate(tried, start=1):
            values, architecture = every[member]
            outcome: dict[str, Any] = generator.choice(
                ({"state": "failed"}, {"state": "complete", "accuracy": generator.random()})
            )
            state = generator.choice(({}, {"generation": 0}))
            cost = count(architecture)
            trials.append(
                Observation(
                    number,
                    member,
                    values,
                    cost,
                    architecture=architecture,
                    sampler_state=state,
                    **outcome,
                )
            )
        limits = {"params": limit}
        proposal = propose(sampler_of(name, SMALL, seed), trials, limits)
        left = {
            member
            for member, (_, architecture) in every.items()
            if member not in tried and within(count(architecture), limits)
        }
        assert (proposal is None and not left) or (proposal is not None and proposal.key in left)


@pytest.mark.parametrize("name", ["front", "nsga2", "tpe", "random"])
def test_narrow_limits_hold_in_a_large_space_after_random_trials(name: str) -> None:
    generator = random.Random(7)
    for seed in range(25):
        trials = [first_observation(LARGE)]
        choose = at_random(random.Random(seed))
        for number in range(1, generator.randrange(2, 25)):
            values, architecture = draw(LARGE, choose)
            accuracy = generator.random()
            trials.append(
                Observation(
                    number,
                    key(architecture),
                    values,
                    count(architecture),
                    "complete",
                    accuracy,
                    architecture=architecture,
                )
            )
        proposal = propose(sampler_of(name, seed=seed), trials, {"params": 3_000})
        assert proposal is not None
        assert proposal.key not in {trial.key for trial in trials}
        assert proposal.cost.params <= 3_000


@pytest.mark.parametrize("name", LEARNING)
def test_a_stopped_trial_is_left_out_like_a_failed_one(name: str) -> None:
    trials = history(sampler_of(name), LARGE, 16)
    failed = [replace(t, state="failed") if t.state == "stopped" else t for t in trials]
    assert failed != trials
    asked = propose(sampler_of(name), trials)
    assert comparable(asked) == comparable(propose(sampler_of(name), failed))


def test_the_generation_of_nsga2_grows_with_complete_generations() -> None:
    trials = history(sampler_of("nsga2"), LARGE, 24)
    generations = [trial.sampler_state["generation"] for trial in trials[1:]]
    assert generations[0] == 0
    assert generations == sorted(generations)
    assert max(generations) >= 3


def test_exhaustive_search_goes_in_the_order_of_the_enumeration() -> None:
    every = list(dict.fromkeys(key(architecture) for _, architecture in members(SMALL)))
    trials = history(sampler_of("exhaustive", SMALL), SMALL, 100)
    assert [trial.key for trial in trials[1:]] == every


def test_exhaustive_search_proposes_again_what_was_not_tried() -> None:
    sampler = sampler_of("exhaustive", SMALL)
    first = sampler.propose(1, [], lambda _: True)
    second = sampler.propose(2, [], lambda _: True)
    assert comparable(first) == comparable(second)


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.search.test_samplers import LARGE, history, sampler_of
print(json.dumps([trial.key for trial in history(sampler_of(sys.argv[2]), LARGE, 10)]))
"""


@pytest.mark.parametrize("name", LEARNING)
def test_the_hash_seed_of_the_process_changes_no_proposal(name: str) -> None:
    keys = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2]), name],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        keys.append(json.loads(done.stdout))
    here = [trial.key for trial in history(sampler_of(name), LARGE, 10)]
    assert keys[0] == keys[1] == here
