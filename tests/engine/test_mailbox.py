"""The mailbox between a Ray driver and its workers, as plain coroutines, without Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from unitsearch.engine import Job, Outcome
from unitsearch.engine.mailbox import Mailbox

Make = Callable[..., Job]


def play(scene: Callable[[Mailbox], Coroutine[Any, Any, None]]) -> None:
    async def played() -> None:
        await asyncio.wait_for(scene(Mailbox()), 30)

    asyncio.run(played())


async def taken(mailbox: Mailbox, slot: int = 0) -> list[int]:
    """The numbers of the jobs that the worker on ``slot`` takes."""
    return [job.number for job in await mailbox.take(slot) or []]


def test_three_workers_that_die_before_their_first_request_fail_the_study() -> None:
    async def scene(mailbox: Mailbox) -> None:
        for _ in range(3):
            await mailbox.worker_died(0, "no torch")
        assert (await mailbox.collect())[2] == "no Ray worker can be started (no torch)"

    play(scene)


def test_deaths_on_one_bad_node_fail_no_study_while_another_worker_lives(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([make_job(0)])
        assert await taken(mailbox, 1) == [0]
        for _ in range(5):
            await mailbox.worker_died(0, "no torch")
        await mailbox.submit([make_job(1)])
        await mailbox.worker_died(1, "killed")  # the one that was alive; two more may fail to start
        assert await taken(mailbox, 2) == [0]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.collect(), 0.05)

    play(scene)


def test_a_slot_that_requests_again_before_its_death_is_reported_loses_no_job(
    make_job: Make,
) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([make_job(0), make_job(1)])
        await mailbox.submit([make_job(2)])
        assert await taken(mailbox) == [0, 1]
        lists = [await taken(mailbox, slot) for slot in (0, 1, 2)]
        assert lists == [[0], [1], [2]]

    play(scene)


def test_a_job_that_no_worker_lives_to_begin_is_given_up_after_five_deaths(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([make_job(7)])
        for _ in range(5):
            assert await taken(mailbox) == [7]
            await mailbox.worker_died(0, "SIGKILL")
        (outcome,) = (await mailbox.collect())[0]
        assert (outcome.number, outcome.kind) == (7, "killed")
        assert outcome.reason == (
            "killed: 5 workers that were handed it ended (SIGKILL) before they began"
        )

    play(scene)


def test_a_pack_whose_worker_dies_is_queued_again_in_halves(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([make_job(n) for n in range(4)])
        assert await taken(mailbox) == [0, 1, 2, 3]
        await mailbox.begin(0, [(n, "train") for n in range(4)])
        await mailbox.report(0, Outcome(1, "train", "complete"), "")
        await mailbox.worker_died(0, "SIGKILL")
        lists = [await taken(mailbox, slot) for slot in (0, 1)]
        assert lists == [[0, 2], [3]]

    play(scene)


def test_a_job_that_was_begun_is_given_up_after_two_deaths(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([make_job(7), make_job(8)])
        for _ in range(2):
            assert (await taken(mailbox))[0] == 7
            await mailbox.begin(0, [(7, "train")])
            await mailbox.worker_died(0, "SIGKILL")
        (outcome,) = (await mailbox.collect())[0]
        assert outcome.reason == "killed: its worker ended (SIGKILL), 2 times"
        assert await taken(mailbox) == [8]

    play(scene)
