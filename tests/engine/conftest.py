"""Small real jobs, and the worker processes that exist."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.waiting import wait_until
from unitsearch.data import data_spec
from unitsearch.engine import Engine, Job, Outcome
from unitsearch.fields import write_all
from unitsearch.training import Recipe

_LINEAR = {
    "unitsearch": 1,
    "input": [1, 8, 8],
    "layers": [{"kind": "flatten"}, {"kind": "linear", "out": 10}],
}
# Parts of the command lines of processes that are able to work.
_WORKING = ("unitsearch.engine.worker", "ray::Worker.train")


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Make a job on the digits: milliseconds of work, unless it has many epochs."""

    def make(number: int, architecture: dict[str, Any] = _LINEAR, **recipe: Any) -> Job:
        plain = write_all(Recipe(**{"epochs": 1, "batch": 64, **recipe}))
        return Job(number, "train", architecture, number, plain, write_all(data_spec("digits")))

    return make


def units(act: str = "relu", hidden: int = 2) -> dict[str, Any]:
    """A stack of one unit and a linear layer; the skeleton is the same for every unit."""
    inner = [
        {"kind": "conv", "out": n, "kernel": 3, "norm": "none", "act": act} for n in (hidden, 1)
    ]
    layers = [
        {"kind": "stack", "units": [{"count": 1, "in": 1, "layers": inner}]},
        {"kind": "flatten"},
        {"kind": "linear", "out": 10},
    ]
    return {"unitsearch": 1, "input": [1, 8, 8], "layers": layers}


@pytest.fixture
def make_member(make_job: Callable[..., Job]) -> Callable[..., Job]:
    """Make a job that may train in a pack of two, or of ``pack``."""

    def make(number: int, *, pack: int = 2, act: str = "relu", **recipe: Any) -> Job:
        return replace(make_job(number, units(act, 2 + number), **recipe), pack=pack)

    return make


@pytest.fixture
def collect() -> Callable[..., list[Outcome]]:
    """Collect a number of outcomes; return them in the order of their numbers."""

    def collect(engine: Engine, count: int) -> list[Outcome]:
        outcomes: list[Outcome] = []

        def are_there() -> bool:
            outcomes.extend(engine.collect(1))
            return len(outcomes) >= count

        wait_until(are_there, f"{count} outcomes")
        return sorted(outcomes, key=lambda outcome: outcome.number)

    return collect


@pytest.fixture
def workers_of() -> Callable[..., set[int]]:
    """List the workers among the descendants of a process, or those of ``among`` that live."""

    def workers_of(root: int = os.getpid(), among: set[int] | None = None) -> set[int]:
        command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,command="]  # -ww: uncut
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 3) for line in lines.splitlines()]
        rows = [row for row in rows if len(row) == 4 and not row[2].startswith("Z")]
        working = {int(pid) for pid, _, _, what in rows if any(word in what for word in _WORKING)}
        if among is not None:
            return working & among
        family = {root}
        while more := {int(pid) for pid, ppid, *_ in rows if int(ppid) in family} - family:
            family |= more
        return working & family

    return workers_of
