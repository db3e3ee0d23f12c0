"""A run of a study: what the driver holds in memory, and what it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitsearch.engine import Engine, Job
from unitsearch.search.proposals import Observation, SearchProblem
from unitsearch.search.samplers import Sampler
from unitsearch.study.config import Config
from unitsearch.study.record import Record, Trial
from unitsearch.study.store import Store

TICK = 0.25  # seconds between two looks at the engine


@dataclass(frozen=True)
class Progress:
    """What a run reports while it goes on.

    Attributes:
        record: The study as it stands.
        complete: How many trials are complete.
        running: Numbers of the trials being trained.
        workers: How many workers there are.
        seconds: Time since this run began.
        news: What has just happened, in a line; empty for a tick.
    """

    record: Record
    complete: int
    running: tuple[int, ...]
    workers: int
    seconds: float
    news: str = ""


@dataclass(frozen=True)
class End:
    """How a run ended: ``budget``, ``minutes``, ``exhausted`` or ``interrupted``, and the study."""

    why: str
    record: Record
    signal: int = 0


@dataclass
class Run:
    """A study under way: what the driver knows of it between two looks.

    What follows from its trials is kept up to date by ``put``: counted anew for every trial, it
    would make a study of n trials cost n squared.
    """

    folder: Path
    facts: dict[str, Any]
    config: Config
    store: Store
    engine: Engine
    problem: SearchProblem
    sampler: Sampler
    watch: Callable[[Progress], None]
    device: str = "cpu"
    size: int = 1  # trials of a list
    began: float = field(default_factory=time.monotonic)
    running: dict[int, Job] = field(default_factory=dict)
    lists: list[list[int]] = field(default_factory=list)
    sampler_states: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)  # by number, in order of numbers
    past: list[Observation] = field(default_factory=list)  # the same, as proposals see them
    complete: int = 0  # trials that are
    longest: float | None = None  # seconds that the longest training took
    ended_before: frozenset[int] = frozenset()
    signal: int = 0
    why: str = ""

    @property
    def record(self) -> Record:
        """The study as it stands."""
        ordered = tuple(self.trials.values())
        return Record(str(self.facts["name"]), self.folder, self.facts, ordered)

    def put(self, trial: Trial) -> None:
        """Take in a trial as it stands now: the next one, or one that is known."""
        known = self.trials.get(trial.number)
        past = Observation(
            trial.number,
            trial.key,
            trial.values,
            trial.cost,
            "running" if trial.state == "waiting" else trial.state,
            trial.accuracy if trial.state == "complete" else None,
            epochs=len(trial.curve),
            recipe_epochs=self.config.train.epochs,
            curve=trial.curve,
            sampler_state=self.sampler_states.get(trial.number, {}),
        )
        if known is None:
            assert trial.number == len(self.past)  # numbers have no gaps
            self.past.append(past)
        else:
            self.past[trial.number] = past
            self.complete -= known.state == "complete"
        self.complete += trial.state == "complete"
        self.longest = max(self.longest or 0.0, trial.train_seconds or 0.0) or None
        self.trials[trial.number] = trial

    def report(self, news: str = "") -> None:
        """Tell whoever watches how the study stands, and what has just happened."""
        seconds = time.monotonic() - self.began
        running = tuple(sorted(self.running))
        self.watch(
            Progress(self.record, self.complete, running, self.engine.workers, seconds, news)
        )

    def stop(self, number: int) -> None:
        """Take in the signal ``number``: nothing new is begun."""
        self.signal = number
        self.report(
            f"stopping: {len(self.running)} running trials are finished first; "
            "again to leave them (resume runs them anew)"
        )
