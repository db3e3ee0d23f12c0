"""The mailbox between a Ray driver and its workers, without Ray: its coroutines themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from unitsearch.engine import Job, Outcome
from unitsearch.engine.jobs import to_message
from unitsearch.engine.mailbox import Mailbox

Make = Callable[..., Job]


def play(scene: Callable[[Mailbox], Coroutine[Any, Any, None]]) -> None:
    async def played() -> None:
        await asyncio.wait_for(scene(Mailbox()), 30)

    asyncio.run(played())


def numbers(jobs: Any) -> list[int]:
    return [message["number"] for message, _ in jobs]


def test_three_workers_that_die_before_they_ask_fail_the_study() -> None:
    async def scene(mailbox: Mailbox) -> None:
        for _ in range(3):
            await mailbox.lose(0, "no torch")
        assert (await mailbox.hear())[2] == "no Ray worker can be started (no torch)"

    play(scene)


def test_deaths_on_one_bad_node_fail_no_study_while_another_worker_lives(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([to_message(make_job(0))])
        assert numbers(await mailbox.take(1) or []) == [0]
        for _ in range(5):
            await mailbox.lose(0, "no torch")
        await mailbox.submit([to_message(make_job(1))])
        await mailbox.lose(1, "killed")  # the one that lived; two more may fail to start
        assert numbers(await mailbox.take(2) or []) == [0]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.hear(), 0.05)

    play(scene)


def test_a_seat_that_asks_again_before_its_death_is_heard_loses_no_job(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([to_message(make_job(0)), to_message(make_job(1))])
        await mailbox.submit([to_message(make_job(2))])
        assert numbers(await mailbox.take(0) or []) == [0, 1]
        taken = [numbers(await mailbox.take(seat) or []) for seat in (0, 1, 2)]
        assert taken == [[0], [1], [2]]

    play(scene)


def test_a_job_that_no_worker_lives_to_begin_is_given_up_after_five(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([to_message(make_job(7))])
        for _ in range(5):
            assert numbers(await mailbox.take(0) or []) == [7]
            await mailbox.lose(0, "SIGKILL")
        ((outcome, _),) = (await mailbox.hear())[0]
        assert (outcome["number"], outcome["kind"]) == (7, "killed")
        assert outcome["reason"] == (
            "killed: 5 workers that were handed it ended (SIGKILL) before they began"
        )

    play(scene)


def test_a_pack_that_dies_is_handed_out_again_in_halves(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([to_message(make_job(n)) for n in range(4)])
        assert numbers(await mailbox.take(0) or []) == [0, 1, 2, 3]
        await mailbox.begin(0, [(n, "train") for n in range(4)])
        await mailbox.give(0, to_message(Outcome(1, "train", "complete")), "")
        await mailbox.lose(0, "SIGKILL")
        taken = [numbers(await mailbox.take(seat) or []) for seat in (0, 1)]
        assert taken == [[0, 2], [3]]

    play(scene)


def test_a_job_that_was_begun_is_given_up_after_two_deaths(make_job: Make) -> None:
    async def scene(mailbox: Mailbox) -> None:
        await mailbox.submit([to_message(make_job(7)), to_message(make_job(8))])
        for _ in range(2):
            assert numbers(await mailbox.take(0) or [])[0] == 7
            await mailbox.begin(0, [(7, "train")])
            await mailbox.lose(0, "SIGKILL")
        ((outcome, _),) = (await mailbox.hear())[0]
        assert outcome["reason"] == "killed: its worker ended (SIGKILL), 2 times"
        assert numbers(await mailbox.take(0) or []) == [8]

    play(scene)
