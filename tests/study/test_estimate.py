"""The time of a search from the paces of a few networks: plain numbers, nothing is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unitsearch.costs import Cost, work
from unitsearch.engine.jobs import StepTimes
from unitsearch.space import baseline, bind, drawn_within, load_space
from unitsearch.study.config import compose
from unitsearch.study.estimate import ShortTraining, Workload, estimated, interpolated
from unitsearch.study.feasible import Way, ways_to_shorten
from unitsearch.study.paces import Pace


def cost(macs: int) -> Cost:
    return Cost(params=100, macs=macs, flops=2 * macs)


def pace(macs: int, seconds: float, tuning: float = 0.0) -> Pace:
    times = StepTimes(beside=0.01, train=seconds, evaluate=seconds / 3, tuning=tuning)
    return Pace("middle", cost(macs), "lanes", times)


PACES = (pace(10**6, 1e-3), pace(10**7, 4e-3), pace(10**8, 4e-2))
LOAD = Workload(
    costs=(cost(10**6), cost(10**7), cost(10**8)),
    baseline=cost(10**7),
    trials=41,
    workers=2,
    epochs=5,
    batch=100,
    train_images=10_000,
    validation_images=1_000,
    test_images=1_000,
)


def test_a_time_between_two_networks_lies_on_a_line_of_logarithms() -> None:
    assert interpolated([(1.0, 1.0), (100.0, 100.0)], 10.0) == pytest.approx(10.0)
    assert interpolated([(1.0, 3.0), (100.0, 3.0)], 10.0) == pytest.approx(3.0)


def test_a_time_beyond_the_measured_networks_is_proportional_to_the_work() -> None:
    known = [(10.0, 1.0), (100.0, 2.0)]
    assert interpolated(known, 200.0) == pytest.approx(4.0)
    assert interpolated(known, 5.0) == pytest.approx(0.5)


def test_one_measured_network_is_enough() -> None:
    assert interpolated([(10.0, 1.0)], 30.0) == pytest.approx(3.0)


def test_a_trial_takes_the_mean_of_random_members() -> None:
    a_member = [5 * (10_000 * p.times.train + 1_000 * p.times.evaluate) for p in PACES]
    assert estimated(LOAD, PACES).trial == pytest.approx(sum(a_member) / 3, rel=1e-3)


def test_a_last_batch_that_is_not_full_takes_no_time() -> None:
    full = replace(LOAD, train_images=10_099)
    assert estimated(full, PACES).trial == estimated(LOAD, PACES).trial


def test_twice_the_workers_take_half_the_time_but_for_the_last_trials() -> None:
    two = estimated(LOAD, PACES).seconds
    four = estimated(replace(LOAD, workers=4), PACES).seconds
    assert two / 2 < four < 0.6 * two


def test_more_workers_than_trials_take_as_long_as_one_trial() -> None:
    load = replace(LOAD, workers=41)
    assert estimated(load, PACES).seconds > estimated(load, PACES).trial


def test_verification_is_part_of_the_time() -> None:
    verified = estimated(replace(LOAD, verify=0.1), PACES)
    assert verified.verification == pytest.approx(4 * verified.trial)
    assert verified.seconds == pytest.approx(
        estimated(LOAD, PACES).seconds + verified.verification / 2
    )


def test_the_choice_of_a_plan_is_part_of_each_trial() -> None:
    tuned = estimated(LOAD, [replace(p, times=replace(p.times, tuning=6.0)) for p in PACES])
    assert tuned.trial == pytest.approx(estimated(LOAD, PACES).trial + 6)
    assert tuned.tuning == pytest.approx(6 * 41)


def test_a_ladder_adds_its_rungs_and_spares_some_trials_the_full_training() -> None:
    rung = ShortTraining(epochs=1, images=1_000, area=0.25)
    climbed = estimated(replace(LOAD, ladder=(rung,)), PACES)
    full = estimated(LOAD, PACES)
    assert 0.5 * full.trial < climbed.trial < 0.6 * full.trial
    assert climbed.high / climbed.seconds > full.high / full.seconds


def test_a_stopping_rule_lowers_the_least_time_most() -> None:
    stopped, full = estimated(replace(LOAD, stops=True), PACES), estimated(LOAD, PACES)
    assert stopped.low / full.low < stopped.seconds / full.seconds < 1
    assert stopped.high == full.high


def test_a_budget_of_minutes_ends_the_search() -> None:
    estimate = estimated(replace(LOAD, minutes=10), PACES)
    assert 0 < estimate.trials < 41
    assert estimate.seconds < 660 + estimate.trial


def test_fewer_measured_networks_widen_the_range() -> None:
    few, all_three = estimated(LOAD, PACES[1:2]), estimated(LOAD, PACES)
    assert few.high / few.seconds > all_three.high / all_three.seconds


def test_a_sampler_that_looks_at_outcomes_may_prefer_cheap_members() -> None:
    random = estimated(replace(LOAD, looks_at_outcomes=False), PACES)
    assert estimated(LOAD, PACES).low < random.low
    assert estimated(LOAD, PACES).seconds == random.seconds


def resnets(*overrides: str) -> tuple[tuple[Way, ...], Workload]:
    """Return the ways to shorten a search of resnet18_cifar, and its workload."""
    config, file = compose(
        ["space=resnet18_cifar", "data=cifar10", "engine.device=cpu", *overrides]
    )
    space = bind(file, (3, 32, 32), 10, "cifar10")
    load = replace(
        LOAD,
        costs=tuple(cost for _, cost in drawn_within(space, {}, 40)),
        baseline=cost(5 * 10**8),
        train_images=45_000,
        epochs=config.train.epochs,
    )
    paces = [
        replace(
            PACES[0], cost=load.baseline, times=StepTimes(beside=0.01, train=2e-2, evaluate=6e-3)
        )
    ]
    return ways_to_shorten(config, space, load, paces), load


def test_a_long_search_is_told_settings_that_make_it_short() -> None:
    ways, _ = resnets()
    named = [" ".join(way.overrides) for way in ways]
    assert named[:3] == ["data.images=0.1", "train.epochs=1", "data.size=16"]
    assert named[3].startswith("limits.flops=")
    together = next(way for way in ways if way.note == "together")
    assert together.seconds is not None
    assert together.seconds <= 3600
    assert all(way.seconds is None or way.seconds > together.seconds for way in ways[:4])


def test_every_setting_that_makes_a_search_short_can_be_given() -> None:
    ways, _ = resnets()
    for way in ways:
        if not way.overrides[0].startswith("engine"):
            compose(["space=resnet18_cifar", "data=cifar10", *way.overrides])


def test_a_setting_that_is_given_already_is_not_proposed_again() -> None:
    ways, _ = resnets("train.epochs=1")
    assert not any("train.epochs" in " ".join(way.overrides) for way in ways)


def test_a_short_search_is_told_nothing() -> None:
    config, file = compose(["engine.device=cpu"])
    space = bind(file, (1, 8, 8), 10, "digits")
    assert ways_to_shorten(config, space, replace(LOAD, train_images=100), PACES) == ()


def test_images_are_not_halved_where_no_member_would_build() -> None:
    config, file = compose(["space=lenet_hybrid", "engine.device=cpu"])
    space = bind(file, (1, 8, 8), 10, "digits")
    load = replace(LOAD, train_images=10**6)
    ways = ways_to_shorten(config, space, load, PACES)
    assert ways
    assert not any("data.size" in " ".join(way.overrides) for way in ways)


def test_work_grows_with_multiply_adds_and_normed_elements() -> None:
    plain = Cost(macs=1000, flops=2000)
    assert work(plain) == 3000
    assert work(replace(plain, flops=2400)) == 3000 + 50 * 100


def test_the_baseline_of_a_shipped_space_builds_for_smaller_images() -> None:
    small = bind(load_space("resnet18_cifar"), (3, 16, 16), 10, original=(3, 32, 32))
    assert baseline(small).input == (3, 16, 16)
