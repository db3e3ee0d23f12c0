"""How many trials are given to a worker at a time, and the lag that this needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unitsearch.errors import UsageError
from unitsearch.study.lists import LARGEST, Wanted, at_once, check, lag_for, room, workers_and_list

ALONE = Wanted(None, "auto", "cpu", 2, 8, True, 40)
ON_GPU = replace(ALONE, device="cuda", workers=1)
FOURS = replace(ALONE, pack=4)


def test_on_the_cpu_networks_train_alone_and_the_lag_stays_as_it_is() -> None:
    assert ALONE.size == 1
    for workers in (1, 2, 64):
        assert lag_for(replace(ALONE, workers=workers)) == 8
    assert workers_and_list(ALONE) == (2, 1)
    assert workers_and_list(replace(ALONE, workers=64)) == (9, 1)


def test_on_a_gpu_the_size_of_packs_is_measured_unless_it_or_a_plan_is_given() -> None:
    assert ON_GPU.size is None
    assert replace(ON_GPU, pack=16).size == 16
    assert replace(ON_GPU, pack=1).size == 1
    assert replace(ON_GPU, plan="dense").size == 1


def test_the_lag_grows_to_a_pack_for_each_worker() -> None:
    assert lag_for(replace(FOURS, workers=1)) == 8
    assert lag_for(replace(FOURS, workers=5)) == 20
    assert lag_for(replace(ON_GPU, pack=64)) == 64


@pytest.mark.parametrize(("trials", "lag"), [(1, 8), (40, 8), (500, 100), (10_000, LARGEST)])
def test_for_measured_packs_the_lag_grows_to_a_fifth_of_the_budget(trials: int, lag: int) -> None:
    assert lag_for(replace(ON_GPU, trials=trials)) == lag


def test_a_sampler_that_looks_at_no_outcome_may_lag_by_the_largest_pack() -> None:
    assert lag_for(replace(ON_GPU, looks_at_outcomes=False, workers=2)) == 2 * LARGEST


@pytest.mark.parametrize("wanted", [FOURS, ON_GPU, replace(ON_GPU, pack=99, workers=3)])
def test_the_lag_that_is_chosen_is_never_refused(wanted: Wanted) -> None:
    check(replace(wanted, lag=lag_for(wanted)))


def test_a_lag_that_is_too_small_for_the_pack_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sampler\.lag: found 6, .* each worker, 8; try .*lag=8"):
        check(replace(FOURS, lag=6))
    check(replace(FOURS, lag=7))


def test_a_plan_and_a_pack_are_refused_together() -> None:
    with pytest.raises(UsageError, match=r"engine\.pack: found 4, expected 1 with plan=dense"):
        check(replace(FOURS, plan="dense"))


def test_more_workers_than_the_lag_has_packs_for_could_only_wait() -> None:
    assert workers_and_list(FOURS) == (2, 4)
    assert workers_and_list(replace(FOURS, workers=9)) == (2, 4)
    assert workers_and_list(replace(FOURS, workers=9, lag=2)) == (1, 3)


def test_where_workers_measure_a_list_is_all_that_the_lag_allows() -> None:
    assert workers_and_list(replace(ON_GPU, lag=100)) == (1, 101)
    assert workers_and_list(replace(ON_GPU, lag=100, workers=4)) == (4, 25)
    assert workers_and_list(replace(ON_GPU, lag=9999)) == (1, LARGEST)


def test_while_trials_are_short_a_list_waits_a_worker() -> None:
    assert at_once(2, 1, 8, None) == 2
    assert at_once(2, 1, 8, 30.0) == 4
    assert at_once(2, 1, 8, 30.1) == 2
    assert at_once(2, 1, 2, 0.5) == 3


def test_a_pack_is_as_long_as_the_shares_of_its_members_together() -> None:
    assert at_once(1, 4, 8, 7.5) == 8
    assert at_once(1, 4, 8, 7.6) == 4


def test_a_list_is_full_unless_a_worker_would_have_nothing_to_do() -> None:
    assert room(4, free=6, workers=1, lists=1) == 4
    assert room(4, free=3, workers=1, lists=1) == 0
    assert room(4, free=3, workers=2, lists=1) == 3
    assert room(1, free=1, workers=1, lists=1) == 1
    assert room(1, free=0, workers=1, lists=1) == 0
