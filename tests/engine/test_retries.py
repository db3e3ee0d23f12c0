"""A death is charged to the job that it may be the doing of, never to those that were beside it."""

from __future__ import annotations

import pytest

from unitsearch.engine.retries import TRIES, UNBEGUN_TRIES, Key, RetryLedger


def keys(*numbers: int) -> list[Key]:
    return [(number, "train") for number in numbers]


def test_a_pack_that_dies_is_handed_out_in_halves_and_nobody_is_charged() -> None:
    deaths = RetryLedger()
    for _ in range(10):
        lost, lists = deaths.after(keys(0, 1, 2, 3, 4), set(keys(0, 1, 2, 3)), "so")
        assert (lost, lists) == ({}, [keys(0, 1), keys(2, 3), keys(4)])


def test_jobs_that_were_done_one_by_one_leave_the_blame_to_the_one_that_was_begun() -> None:
    deaths = RetryLedger()
    assert deaths.after(keys(0, 1), keys(0), "so") == ({}, [keys(0), keys(1)])
    lost, lists = deaths.after(keys(0), keys(0), "so")
    assert lost == {(0, "train"): "killed: its worker ended so, 2 times"}
    assert lists == []


def test_a_job_that_is_done_starts_with_a_clean_slate() -> None:
    deaths = RetryLedger()
    deaths.after(keys(0), keys(0), "so")
    deaths.forget(*keys(0))
    assert deaths.after(keys(0), keys(0), "so")[0] == {}


@pytest.mark.parametrize("size", [1, 2, 5, 16, 100])
@pytest.mark.parametrize("is_begun", [True, False])
def test_of_a_pack_with_one_that_kills_every_worker_that_one_alone_is_given_up(
    size: int, is_begun: bool
) -> None:
    deaths, culprit = RetryLedger(), keys(size // 3)[0]
    waiting, lost, done, died = [keys(*range(size))], {}, [], 0
    while waiting:
        held = waiting.pop(0)
        if culprit not in held:
            done += held
            continue
        died += 1
        given_up, lists = deaths.after(held, set(held) if is_begun else set(), "so")
        lost |= given_up
        waiting = lists + waiting
    assert list(lost) == [culprit]
    assert sorted([*done, culprit]) == keys(*range(size))
    assert died <= (size - 1).bit_length() + (TRIES if is_begun else UNBEGUN_TRIES)


def test_workers_that_never_are_ready_end_the_jobs_soon() -> None:
    deaths = RetryLedger()
    assert deaths.after(keys(0), set(), "so", ready=False)[0] == {}
    assert list(deaths.after(keys(0), set(), "so", ready=False)[0]) == keys(0)
