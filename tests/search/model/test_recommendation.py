"""Networks are recommended by the model's means, with the probability that they belong there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.search.model.evidence_of_members import some_members, trained
from unitsearch.metrics import Measured, metric
from unitsearch.search.model import Evidence, believe, recommend

MEMBERS = some_members(40)
OBJECTIVES = tuple(metric(name) for name in ("accuracy", "flops", "params"))
FACTS = [Measured(0.0, cost) for _, cost in MEMBERS]


def test_no_recommended_network_is_dominated_by_the_means() -> None:
    belief = believe(trained(MEMBERS))
    found = recommend(belief, FACTS, 0, OBJECTIVES, floor=0.0)
    chosen = [row for row, is_on in enumerate(found.on_front) if is_on]
    assert chosen
    for row in chosen:
        cost = MEMBERS[row][1]
        for other, (_, better) in enumerate(MEMBERS):
            if better.flops <= cost.flops and better.params <= cost.params and other != row:
                is_equal = better == cost and belief.accuracy[other] == belief.accuracy[row]
                assert is_equal or belief.accuracy[other] < belief.accuracy[row]


def test_the_cheapest_network_is_surely_on_the_front() -> None:
    found = recommend(believe(trained(MEMBERS)), FACTS, 0, OBJECTIVES, floor=0.0)
    cheapest = min(range(len(MEMBERS)), key=lambda row: MEMBERS[row][1].params)
    assert found.probability[cheapest] == 1.0


def test_noise_makes_members_of_a_front_doubtful() -> None:
    sure = recommend(believe(trained(MEMBERS, 200_000)), FACTS, 0, OBJECTIVES, 0.0)
    noisy = recommend(believe(trained(MEMBERS, 200)), FACTS, 0, OBJECTIVES, 0.0)
    on_front = [row for row, is_on in enumerate(sure.on_front) if is_on]
    assert np.mean([sure.probability[row] for row in on_front]) > 0.8
    chosen = [p for p, is_on in zip(noisy.probability, noisy.on_front, strict=True) if is_on]
    assert min(chosen) < 0.6


def test_below_the_floor_nothing_is_recommended() -> None:
    found = recommend(believe(trained(MEMBERS)), FACTS, 0, OBJECTIVES, floor=0.999)
    assert not any(found.on_front)
    assert sum(found.probability) == pytest.approx(0.0, abs=0.05)


def test_a_network_without_facts_is_not_recommended() -> None:
    evidence = trained(MEMBERS)
    stopped = [*evidence[:-1], Evidence(*MEMBERS[-1], curve=(0.5,), epochs=4)]
    facts: list[Measured | None] = [*FACTS[:-1], None]
    found = recommend(believe(stopped), facts, 0, OBJECTIVES, floor=0.0)
    assert not found.on_front[-1]
    assert found.probability[-1] == 0.0


@pytest.mark.parametrize("names", [("ce", "se"), ("accuracy", "ce", "params"), ("accuracy",)])
def test_any_objectives_have_a_front(names: tuple[str, ...]) -> None:
    objectives = tuple(metric(name) for name in names)
    found = recommend(believe(trained(MEMBERS)), FACTS, 0, objectives, floor=0.5)
    assert any(found.on_front)
    assert max(found.probability) > 0.0


def test_latency_is_taken_as_it_was_measured() -> None:
    objectives = tuple(metric(name) for name in ("accuracy", "latency"))
    facts = [replace(fact, latency=fact.cost.params / 1000) for fact in FACTS]
    assert any(recommend(believe(trained(MEMBERS)), facts, 0, objectives, 0.0).on_front)
