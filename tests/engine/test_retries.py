"""A worker's death is blamed on a job only if that job alone can be at fault."""

from __future__ import annotations

import pytest

from unitsearch.engine.jobs import Key
from unitsearch.engine.retries import TRIES, UNBEGUN_TRIES, Retries, RetryLedger


def keys(*numbers: int) -> list[Key]:
    return [(number, "train") for number in numbers]


def test_a_pack_whose_worker_dies_is_submitted_in_halves_and_no_member_is_blamed() -> None:
    ledger = RetryLedger()
    for _ in range(10):
        retries = ledger.on_worker_death(keys(0, 1, 2, 3, 4), set(keys(0, 1, 2, 3)), "so")
        assert retries == Retries({}, [keys(0, 1), keys(2, 3), keys(4)])


def test_of_jobs_that_run_one_by_one_only_the_begun_one_is_blamed() -> None:
    ledger = RetryLedger()
    first = ledger.on_worker_death(keys(0, 1), keys(0), "so")
    assert first == Retries({}, [keys(0), keys(1)])
    second = ledger.on_worker_death(keys(0), keys(0), "so")
    assert second == Retries({(0, "train"): "killed: its worker ended so, 2 times"}, [])


def test_the_deaths_of_a_job_that_is_done_are_forgotten() -> None:
    ledger = RetryLedger()
    ledger.on_worker_death(keys(0), keys(0), "so")
    ledger.forget(*keys(0))
    assert ledger.on_worker_death(keys(0), keys(0), "so").given_up == {}


@pytest.mark.parametrize("size", [1, 2, 5, 16, 100])
@pytest.mark.parametrize("is_begun", [True, False])
def test_of_a_pack_with_one_member_that_kills_every_worker_only_that_one_is_given_up(
    size: int, is_begun: bool
) -> None:
    ledger, culprit = RetryLedger(), keys(size // 3)[0]
    waiting, given_up, done, deaths = [keys(*range(size))], {}, [], 0
    while waiting:
        held = waiting.pop(0)
        if culprit not in held:
            done += held
            continue
        deaths += 1
        retries = ledger.on_worker_death(held, set(held) if is_begun else set(), "so")
        given_up |= retries.given_up
        waiting = retries.lists + waiting
    assert list(given_up) == [culprit]
    assert sorted([*done, culprit]) == keys(*range(size))
    assert deaths <= (size - 1).bit_length() + (TRIES if is_begun else UNBEGUN_TRIES)


def test_a_job_is_given_up_after_two_workers_that_never_were_ready() -> None:
    ledger = RetryLedger()
    assert ledger.on_worker_death(keys(0), set(), "so", was_ready=False).given_up == {}
    second = ledger.on_worker_death(keys(0), set(), "so", was_ready=False)
    assert list(second.given_up) == keys(0)
