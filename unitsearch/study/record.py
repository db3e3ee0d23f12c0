"""What a study holds, read from its store: facts only, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from unitsearch.architecture import Architecture, stacks
from unitsearch.costs import Cost
from unitsearch.metrics import Measured, metric, standard_error
from unitsearch.search.front import front, minimised

STATES = ("complete", "stopped", "failed", "running", "waiting")


@dataclass(frozen=True)
class Trial:
    """One architecture, asked and perhaps told.

    Attributes:
        number: Its place in the study; 0 is the baseline.
        state: One of ``STATES``.
        key: The architecture's canonical key.
        seed: Seed of its weights and batches.
        values: The space's parameters by name, as drawn; empty for a baseline outside the space.
        architecture: The network.
        cost: Its exact cost.
        accuracy: Validation accuracy after the last epoch, a fraction; None until known.
        images: Validation images behind ``accuracy``.
        test_accuracy: Test accuracy, a fraction; None until tested.
        test_images: Test images behind it.
        curve: Validation accuracy after each epoch.
        loss_curve: Mean cross-entropy on the same images after each epoch, in nats; None where it
            was not finite.
        train_seconds: Time that training and evaluation took.
        reason: Why it failed or was stopped.
        digest: Digest of its logits on 16 fixed images.
        plan: How it ran while it was trained.
        latency: Milliseconds an image, where that was measured afterwards: lower quartile, median,
            upper quartile.
    """

    number: int
    state: str
    key: str
    seed: int
    values: Mapping[str, Any]
    architecture: Architecture
    cost: Cost
    accuracy: float | None = None
    images: int = 0
    test_accuracy: float | None = None
    test_images: int = 0
    curve: tuple[float, ...] = ()
    loss_curve: tuple[float | None, ...] = ()
    train_seconds: float | None = None
    reason: str = ""
    digest: str = ""
    plan: str = ""
    latency: tuple[float, float, float] | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether this is the network that others are compared with."""
        return self.number == 0

    @cached_property
    def is_hybrid(self) -> bool:
        """Whether a stack of it holds units of more than one kind."""
        return any(
            len({run.unit for run in stack.units}) > 1 for stack in stacks(self.architecture.layers)
        )

    @cached_property
    def has_units(self) -> bool:
        """Whether it has a stack of units at all."""
        return any(True for _ in stacks(self.architecture.layers))

    @cached_property
    def accuracy_se(self) -> float | None:
        """Standard error of ``accuracy``: one seed, ``images`` images."""
        if self.accuracy is None:
            return None
        return standard_error(self.accuracy, self.images)

    @cached_property
    def measured(self) -> Measured:
        """The facts that metrics derive from; accuracy is 0 until known."""
        return Measured(self.accuracy or 0.0, self.cost, self.latency and self.latency[1])


@dataclass(frozen=True)
class Record:
    """A study as it stands.

    Attributes:
        name: Its name.
        folder: Where its files lie.
        facts: The content of study.yaml: config, space, versions, seed, split, command.
        trials: In order of their numbers.
        derived: What ``tables`` has worked out of it, by name; a record never changes.
    """

    name: str
    folder: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    derived: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration."""
        found: Mapping[str, Any] = self.facts["config"]
        return found

    @property
    def baseline(self) -> Trial | None:
        """Trial 0 once it is complete."""
        if self.trials and self.trials[0].is_baseline and self.trials[0].state == "complete":
            return self.trials[0]
        return None

    @property
    def complete(self) -> tuple[Trial, ...]:
        """The trials that were trained to the end."""
        return tuple(trial for trial in self.trials if trial.state == "complete")

    @cached_property
    def shares_filters(self) -> bool:
        """Whether output filters of a trial share binary filters: then its bits are its size."""
        return any(trial.cost.macs_shared != trial.cost.macs for trial in self.trials)

    @cached_property
    def front(self) -> tuple[Trial, ...]:
        """The complete trials from the floor up that none dominates, by the study's objectives.

        If none reaches the floor it is empty; the baseline takes part like any other. It is worked
        out once: every figure and table of a page asks for it.
        """
        baseline = self.baseline
        if baseline is None:
            return ()
        objectives = [metric(name) for name in self.config["objectives"]]
        able = [trial for trial in self.complete if (trial.accuracy or 0.0) >= self.floor]
        return tuple(
            front([(t, minimised(t.measured, baseline.measured, objectives)) for t in able])
        )

    @property
    def floor(self) -> float:
        """The accuracy from which a trial is feasible, 0 until the baseline is known."""
        share = float(self.config["floor"] or 0.0)
        return share * (self.baseline.accuracy or 0.0) if self.baseline else 0.0
