"""What is proposed depends on the space, the seed, the number and the visible outcomes alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from unitsearch.architecture import key, read_text
from unitsearch.costs import count
from unitsearch.metrics import metric
from unitsearch.search.proposals import SAMPLERS, Observation, Proposal, Proposer, Sampler
from unitsearch.search.seeds import derive
from unitsearch.space import (
    Space,
    at_random,
    baseline,
    bind,
    draw,
    load_space,
    members,
    space_from,
    within,
)

LAG = 3
OBJECTIVES = [metric(name) for name in ("accuracy", "flops", "params")]
LENET = bind(load_space("lenet_hybrid"), (1, 8, 8), 10, "digits")
SMALL = """
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


def small() -> Space:
    return bind(space_from(read_text(SMALL, "small.yaml"), "small"), (1, 8, 8), 10, "digits")


def proposer(
    name: str = "nsga2", space: Space = LENET, seed: int = 0, params: int | None = 20_000
) -> Proposer:
    sampler = Sampler(name=name, population=4, startup=4, lag=LAG)
    return Proposer(space, sampler, seed, OBJECTIVES, 0.5, {"params": params})


def scored(number: int, found: Proposal, accuracy: float | None) -> Observation:
    return Observation(number, found.key, found.values, found.cost, accuracy, found.generation)


def start(space: Space = LENET, accuracy: float = 0.9) -> Observation:
    first = baseline(space)
    return Observation(0, key(first), {}, count(first), accuracy)


def history(
    length: int, name: str = "nsga2", seed: int = 0, space: Space = LENET
) -> list[Observation]:
    """A past of ``length`` trials as the sampler itself proposed them, scored at random."""
    asked, drawn = proposer(name, space, seed), random.Random(seed)
    past = [start(space)]
    for number in range(1, length):
        found = asked.propose(number, past)
        assert found is not None
        past.append(scored(number, found, drawn.choice((None, drawn.random()))))
    return past


def seen(past: Sequence[Observation], number: int) -> int:
    return max(0, number - LAG)


def told(found: Proposal | None) -> tuple[object, ...] | None:
    return None if found is None else (found.key, dict(found.values), found.cost, found.generation)


@pytest.mark.parametrize("name", SAMPLERS)
def test_outcomes_that_are_not_visible_yet_change_no_proposal(name: str) -> None:
    for seed in range(6):
        past = history(14, name, seed)
        number = len(past)
        for other in (None, 0.0, 1.0):
            hidden = [replace(p, accuracy=other) for p in past[seen(past, number) :]]
            changed = [*past[: seen(past, number)], *hidden]
            asked = proposer(name, seed=seed).propose(number, past)
            assert told(asked) == told(proposer(name, seed=seed).propose(number, changed))


@pytest.mark.parametrize("name", ["nsga2", "tpe"])
def test_visible_outcomes_change_what_a_learning_sampler_proposes(name: str) -> None:
    differ = 0
    for seed in range(8):
        past = history(16, name, seed)
        turned = [replace(p, accuracy=1 - (p.accuracy or 0.0)) for p in past]
        turned[0] = past[0]
        one, other = (proposer(name, seed=seed).propose(16, p) for p in (past, turned))
        differ += told(one) != told(other)
    assert differ >= 4


@pytest.mark.parametrize("name", ["random", "exhaustive"])
def test_visible_outcomes_change_nothing_that_a_blind_sampler_proposes(name: str) -> None:
    past = history(12, name)
    turned = [replace(p, accuracy=1 - (p.accuracy or 0.0)) for p in past]
    assert told(proposer(name).propose(12, past)) == told(proposer(name).propose(12, turned))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_fresh_proposer_proposes_what_one_that_lived_through_the_study_does(name: str) -> None:
    past = history(12, name, seed=5)
    for number in range(1, 12):
        found = proposer(name, seed=5).propose(number, past[:number])
        assert found is not None
        assert found.key == past[number].key


@pytest.mark.parametrize("name", SAMPLERS)
def test_asking_twice_gives_the_same_proposal(name: str) -> None:
    past = history(8, name, seed=2)
    asked = proposer(name, seed=2)
    assert told(asked.propose(8, past)) == told(asked.propose(8, past))


@pytest.mark.parametrize("name", ["nsga2", "tpe", "random"])
def test_the_study_seed_changes_the_proposal(name: str) -> None:
    past = history(8, name)
    found = [proposer(name, seed=seed).propose(8, past) for seed in range(8)]
    assert len({str(each.values) for each in found if each is not None}) > 2


def test_a_proposal_names_the_values_that_draw_its_architecture() -> None:
    past = history(10)
    found = proposer().propose(10, past)
    assert found is not None
    values, architecture = draw(LENET, lambda name, _: found.values[name])
    assert (values, key(architecture)) == (found.values, found.key)
    assert found.cost == count(found.architecture)
    assert set(found.distributions) <= set(found.values)


@pytest.mark.parametrize("name", SAMPLERS)
def test_over_random_pasts_nothing_tried_is_proposed_and_limits_hold(name: str) -> None:
    drawn = random.Random(name)
    space = small()
    everything = {key(a): (v, a) for v, a in members(space)}
    for _ in range(60):
        seed, limit = drawn.randrange(1000), drawn.choice((700, 1200, 5000, None))
        tried = drawn.sample(list(everything), drawn.randrange(len(everything)))
        past = [start(space, drawn.random())]
        for number, name_of in enumerate(tried, start=1):
            values, architecture = everything[name_of]
            accuracy = drawn.choice((None, drawn.random()))
            generation = drawn.choice((None, 0))
            past.append(
                Observation(number, name_of, values, count(architecture), accuracy, generation)
            )
        found = proposer(name, space, seed, limit).propose(len(past), past)
        left = [
            k
            for k, (_, a) in everything.items()
            if k not in tried and within(count(a), {"params": limit})
        ]
        if found is None:
            assert not left
        else:
            assert found.key in left


@pytest.mark.parametrize("name", ["nsga2", "tpe", "random"])
def test_over_random_pasts_of_a_large_space_limits_hold_and_nothing_repeats(name: str) -> None:
    drawn = random.Random(7)
    for seed in range(25):
        past = [start()]
        choose = at_random(random.Random(seed))
        for number in range(1, drawn.randrange(2, 25)):
            values, architecture = draw(LENET, choose)
            accuracy = drawn.choice((None, drawn.random()))
            past.append(
                Observation(number, key(architecture), values, count(architecture), accuracy)
            )
        found = proposer(name, seed=seed, params=3_000).propose(len(past), past)
        assert found is not None
        assert found.key not in {p.key for p in past}
        assert found.cost.params <= 3_000


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_small_space_is_searched_to_its_last_member_and_then_none_is_left(name: str) -> None:
    space = small()
    asked = proposer(name, space)
    past = [start(space)]
    while (found := asked.propose(len(past), past)) is not None:
        past.append(scored(len(past), found, 0.5))
    assert {p.key for p in past[1:]} == {key(a) for _, a in members(space)}
    assert len(past) == 1 + len({p.key for p in past[1:]})


def test_when_nothing_keeps_the_limits_nothing_is_proposed() -> None:
    space = small()
    for name in SAMPLERS:
        assert proposer(name, space, params=1).propose(1, [start(space)]) is None


def test_a_failed_baseline_or_failed_trials_do_not_stop_proposals() -> None:
    past = [replace(p, accuracy=None) for p in history(10)]
    for name in SAMPLERS:
        assert proposer(name).propose(10, past) is not None


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.search.test_search_proposals import history
print(json.dumps([p.key for p in history(10, sys.argv[2])]))
"""


@pytest.mark.parametrize("name", ["nsga2", "tpe"])
def test_the_hash_seed_of_the_process_changes_no_proposal(name: str) -> None:
    found = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), name],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == [p.key for p in history(10, name)]


def test_derived_seeds_differ_by_study_number_and_purpose_and_fit_31_bits() -> None:
    asked = [(s, n, p) for s in range(5) for n in range(20) for p in ("train", "ask 0", "fresh")]
    found = [derive(*each) for each in asked]
    assert len(set(found)) == len(asked)
    assert all(0 <= seed < 2**31 for seed in found)
    assert found == [derive(*each) for each in asked]
