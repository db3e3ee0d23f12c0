"""The schedule of a run: the lag rule, the size of packs, the trials that begin now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unitsearch.errors import UsageError
from unitsearch.study.schedule import (
    LARGEST,
    PackRequest,
    RunState,
    Schedule,
    check,
    first_blocked,
    lag_for,
    lag_of_workers,
    most_at_once,
    visible,
    workers_and_list,
)

ALONE = PackRequest(None, "auto", "cpu", 2, 8, looks_at_outcomes=True, trials=40)
ON_GPU = replace(ALONE, device="cuda", workers=1)
FOURS = replace(ALONE, pack=4)

ONE = Schedule(lag=2, trials=10, workers=1)
TWO = replace(ONE, workers=2)
PACKS = Schedule(lag=8, trials=100, workers=1, list_size=4)


# The lag rule.


@pytest.mark.parametrize(("number", "seen"), [(0, 0), (2, 0), (3, 1), (10, 8)])
def test_a_proposal_sees_the_outcomes_of_all_trials_but_the_last_ones(
    number: int, seen: int
) -> None:
    assert visible(number, lag=2) == seen


def test_the_first_blocked_trial_is_the_first_that_needs_an_unfinished_one() -> None:
    assert first_blocked(5, [3, 4], lag=2) == 6
    assert visible(5, lag=2) <= 3  # trial 5 needs no outcome of trial 3
    assert visible(6, lag=2) > 3


def test_without_unfinished_trials_the_next_ones_up_to_the_lag_are_free() -> None:
    assert first_blocked(5, [], lag=2) == 8
    assert most_at_once(lag=2) == 3


# The lag of a new study, and the size of packs.


def test_on_the_cpu_networks_train_alone_and_the_lag_stays_as_it_is() -> None:
    assert ALONE.size == 1
    for workers in (1, 2, 64):
        assert lag_for(replace(ALONE, workers=workers)) == 8
    assert workers_and_list(ALONE) == (2, 1)
    assert workers_and_list(replace(ALONE, workers=64)) == (9, 1)


@pytest.mark.parametrize(("workers", "lag"), [(1, 1), (2, 3), (4, 7), (64, 8), (None, 8)])
def test_each_worker_has_a_next_trial_within_a_fifth_of_the_budget(
    workers: int | None, lag: int
) -> None:
    assert lag_of_workers(workers, 40, are_given=False) == lag


def test_workers_that_were_asked_for_all_have_a_trial() -> None:
    assert lag_of_workers(64, 40, are_given=True) == 63


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
    blind = replace(ON_GPU, looks_at_outcomes=False, workers=2)
    assert lag_for(blind) == 2 * LARGEST


@pytest.mark.parametrize("request_", [FOURS, ON_GPU, replace(ON_GPU, pack=99, workers=3)])
def test_the_lag_that_is_chosen_is_never_refused(request_: PackRequest) -> None:
    check(replace(request_, lag=lag_for(request_)))


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


# The trials that begin now.


def test_a_trial_begins_while_the_lag_allows_it() -> None:
    state = RunState(proposed=5, counted=3, running=(3, 4), lists=1)
    assert TWO.next_list(state) == 0  # a worker is at trial 3, the other at trial 4
    assert TWO.next_list(replace(state, running=(4,), counted=4)) == 1
    far = RunState(proposed=6, counted=5, running=(3,), lists=1)
    assert TWO.next_list(far) == 0  # trial 6 needs the outcome of trial 3


def test_trials_that_wait_begin_although_new_ones_may_not() -> None:
    state = RunState(proposed=6, counted=3, waiting=(3, 4, 5))
    assert ONE.next_list(state) == 1
    assert ONE.next_list(replace(state, is_exhausted=True)) == 1


def test_no_more_trials_begin_than_the_budget_has_left() -> None:
    state = RunState(proposed=9, counted=9)
    assert ONE.next_list(state) == 1
    assert ONE.next_list(replace(state, proposed=10, running=(9,))) == 0
    assert ONE.next_list(replace(state, proposed=10)) == 1  # trial 9 failed: it does not count


@pytest.mark.parametrize(
    ("longest", "running", "size"),
    [(None, 2, 0), (30.0, 2, 1), (30.0, 3, 1), (30.1, 2, 0), (30.0, 4, 0)],
)
def test_while_trials_are_short_a_list_waits_a_worker(
    longest: float | None, running: int, size: int
) -> None:
    schedule = Schedule(lag=8, trials=100, workers=2)
    numbers = tuple(range(10, 10 + running))
    state = RunState(
        proposed=10 + running, counted=10, running=numbers, lists=running, longest=longest
    )
    assert schedule.next_list(state) == size


def test_the_lag_bounds_the_lists_that_wait_a_worker() -> None:
    state = RunState(proposed=13, counted=10, running=(10, 11, 12), lists=3, longest=0.5)
    assert TWO.next_list(replace(state, proposed=12, running=(10, 11))) == 0
    assert replace(TWO, trials=99, lag=2).next_list(state) == 0


@pytest.mark.parametrize(("longest", "size"), [(7.5, 4), (7.6, 0)])
def test_a_pack_takes_as_long_as_the_shares_of_its_members_together(
    longest: float, size: int
) -> None:
    running = (10, 11, 12, 13)
    state = RunState(proposed=14, counted=10, running=running, lists=1, longest=longest)
    assert PACKS.next_list(state) == size


def test_a_list_is_full_unless_a_worker_would_have_nothing_to_do() -> None:
    state = RunState(proposed=97, counted=97)  # three trials are left of the budget
    assert PACKS.next_list(replace(state, lists=1)) == 0
    assert PACKS.next_list(state) == 3
    assert replace(PACKS, workers=2).next_list(replace(state, lists=1)) == 3


# The end of a run.


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        (RunState(proposed=5, counted=5), ""),
        (RunState(proposed=10, counted=10), "budget"),
        (RunState(proposed=10, counted=9, running=(9,)), "budget"),
        (RunState(proposed=10, counted=9), ""),
        (RunState(proposed=5, counted=5, is_exhausted=True), "exhausted"),
        (RunState(proposed=5, counted=4, waiting=(4,), is_exhausted=True), ""),
        (RunState(proposed=5, counted=5, is_interrupted=True), "interrupted"),
        (RunState(proposed=5, counted=5, seconds=61), "minutes"),
        (RunState(proposed=5, counted=4, waiting=(4,), seconds=61), "minutes"),
    ],
)
def test_the_ending_says_why_no_trial_begins_any_more(state: RunState, ending: str) -> None:
    schedule = replace(ONE, seconds=60)
    assert schedule.ending(state) == ending
    if ending:
        assert schedule.next_list(state) == 0


def test_a_study_that_neither_ended_nor_waits_for_a_trial_begins_one() -> None:
    for proposed in range(12):
        for unfinished in range(min(proposed, 3) + 1):
            running = tuple(range(proposed - unfinished, proposed))
            state = RunState(proposed=proposed, counted=proposed - unfinished, running=running)
            idle = not running and not ONE.ending(state)
            assert not idle or ONE.next_list(state) > 0
