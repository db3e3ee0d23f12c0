"""A study as read from its store: facts only, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.architecture import Architecture, stacks
from unitsearch.costs import Cost
from unitsearch.metrics import Measured, Metric, metric, standard_error
from unitsearch.search.front import front, minimised
from unitsearch.study.beliefs import Judged, TrainedTrials, TrialBelief, judge
from unitsearch.study.manifest import Manifest

if TYPE_CHECKING:
    from unitsearch.search.model import Evidence

STATES = ("complete", "stopped", "failed", "running", "waiting")


@dataclass(frozen=True)
class Repeat:
    """Another training of a trial's network, with a seed of its own.

    Attributes:
        seed: Seed of its weights and batches.
        accuracy: Validation accuracy after the last epoch, a fraction.
        images: Validation images behind it.
        curve: Validation accuracy after each epoch.
        loss_curve: Mean cross-entropy on the same images after each epoch, in nats; None where it
            was not finite.
        train_seconds: Time that training and evaluation took.
        digest: Digest of its logits on 16 fixed images.
    """

    seed: int
    accuracy: float
    images: int
    curve: tuple[float, ...] = ()
    loss_curve: tuple[float | None, ...] = ()
    train_seconds: float = 0.0
    digest: str = ""


@dataclass(frozen=True)
class Trial:
    """One trial: an architecture proposed by the sampler and, once trained, its result.

    Attributes:
        number: Its place in the study; 0 is the baseline.
        state: One of ``STATES``. A stopped trial is one that a stopping rule ended early: it counts
            for the budget, and is neither complete nor on the front.
        key: The architecture's canonical key.
        seed: Seed of its weights and batches.
        values: The space's parameters by name, as drawn; empty for a baseline outside the space.
        architecture: The network.
        cost: Its exact cost.
        accuracy: Validation accuracy after the last epoch that was trained, a fraction; None until
            known.
        images: Validation images behind ``accuracy``.
        test_accuracy: Test accuracy, a fraction; None until tested.
        test_images: Test images behind it.
        rungs: Validation accuracy at the end of each rung of the study's ladder.
        rung_losses: Mean cross-entropy of the same images, in nats; None where it was not finite.
        curve: Validation accuracy after each epoch.
        loss_curve: Mean cross-entropy on the same images after each epoch, in nats; None where it
            was not finite.
        train_seconds: Time that training and evaluation took.
        reason: Why it failed or was stopped.
        digest: Digest of its logits on 16 fixed images.
        plan: How it ran while it was trained.
        latency: Milliseconds an image: lower quartile, median, upper quartile. Those of
            ``latency.yaml``, which was measured after the search, else ``searched_latency``.
        searched_latency: Milliseconds an image as measured in the search, where latency is an
            objective: what the front and the sampler go by.
        sampler_state: The bookkeeping of the sampler that proposed it.
        repeats: Its trainings with fresh seeds, in the order of these. They are no trials: neither
            the budget nor a proposal knows them.
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
    rungs: tuple[float, ...] = ()
    rung_losses: tuple[float | None, ...] = ()
    curve: tuple[float, ...] = ()
    loss_curve: tuple[float | None, ...] = ()
    train_seconds: float | None = None
    reason: str = ""
    digest: str = ""
    plan: str = ""
    latency: tuple[float, float, float] | None = None
    searched_latency: tuple[float, float, float] | None = None
    sampler_state: Mapping[str, Any] = field(default_factory=dict)
    repeats: tuple[Repeat, ...] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether this is the network that others are compared with."""
        return self.number == 0

    @cached_property
    def is_hybrid(self) -> bool:
        """Whether a stack of it holds units of more than one kind."""
        return any(
            len({units.unit for units in stack.units}) > 1
            for stack in stacks(self.architecture.layers)
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

    @property
    def seeds(self) -> int:
        """The number of complete trainings, its own and the repeats: each had another seed."""
        return 1 + len(self.repeats) if self.state == "complete" else 0

    @property
    def epochs(self) -> int:
        """The number of epochs that were trained."""
        return len(self.curve)

    @property
    def is_counted(self) -> bool:
        """Whether it counts for the budget: it was trained to the end, or stopped by a rule."""
        return self.state in ("complete", "stopped")

    @cached_property
    def measured(self) -> Measured:
        """The facts that metrics derive from, to be shown; accuracy is 0 until known."""
        return Measured(self.accuracy or 0.0, self.cost, self.latency and self.latency[1])

    @cached_property
    def searched(self) -> Measured:
        """The same facts as the search knew them, which the front and the sampler go by."""
        if self.latency == self.searched_latency:
            return self.measured
        latency = self.searched_latency
        return Measured(self.accuracy or 0.0, self.cost, latency and latency[1])


@dataclass(frozen=True)
class Record:
    """A study as it stands.

    Attributes:
        name: Its name.
        folder: The folder of its files.
        manifest: The content of study.yaml: configuration, space, versions, split, command.
        trials: In order of their numbers.
        derived: Tables that ``tables`` has worked out of it, by name; a record never changes.
    """

    name: str
    folder: Path
    manifest: Manifest
    trials: tuple[Trial, ...] = ()
    derived: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

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

    @property
    def counted(self) -> int:
        """The number of trials that count for the budget: the complete and the stopped ones."""
        return sum(trial.is_counted for trial in self.trials)

    @cached_property
    def shares_filters(self) -> bool:
        """Whether output filters of a trial share binary filters: then its bits are its size."""
        return any(trial.cost.macs_shared != trial.cost.macs for trial in self.trials)

    @cached_property
    def front(self) -> tuple[Trial, ...]:
        """The recommended trials: the front of the accuracies that the model believes in.

        They are complete, reach the floor and are dominated by none, by the study's objectives,
        with the posterior mean in the place of each accuracy. If none reaches the floor it is
        empty; the baseline takes part like any other.
        """
        return tuple(trial for trial in self.complete if trial.number in self._judged.front)

    @cached_property
    def raw_front(self) -> tuple[Trial, ...]:
        """The front of the raw accuracies: of one training each, with its luck."""
        baseline = self.baseline
        if baseline is None:
            return ()
        feasible = [
            trial
            for trial in self.complete
            if (trial.accuracy or 0.0) >= self.floor and not self._is_too_slow(trial)
        ]
        objectives = self.objectives
        return tuple(
            front([(t, minimised(t.searched, baseline.searched, objectives)) for t in feasible])
        )

    @property
    def beliefs(self) -> Mapping[int, TrialBelief]:
        """The model's belief in the accuracy of each complete trial, by number.

        Stopped trials are evidence for it too. It is computed once a record, and empty before the
        baseline is complete and for trainings that reproduce a paper's.
        """
        return self._judged.beliefs

    @property
    def optimism(self) -> float | None:
        """The raw accuracy of the best trial of ``raw_front`` less the belief in it, a fraction.

        None where that front is empty.
        """
        best = max(self.raw_front, key=lambda t: (t.accuracy or 0.0, -t.cost.flops), default=None)
        return None if best is None else self.beliefs[best.number].optimism

    @cached_property
    def _judged(self) -> Judged:
        """The beliefs and the front that follows from them."""
        trained = self.trained
        return Judged() if trained is None else judge(trained)

    @property
    def trained(self) -> TrainedTrials | None:
        """The trained trials as the model sees them; None before the baseline is complete."""
        if self.baseline is None:
            return None
        counted = [trial for trial in self.trials if trial.is_counted]
        return TrainedTrials(
            numbers=tuple(trial.number for trial in counted),
            keys=tuple(trial.key for trial in counted),
            evidence=tuple(self._evidence(trial) for trial in counted),
            facts=tuple(
                t.searched if t.state == "complete" and not self._is_too_slow(t) else None
                for t in counted
            ),
            objectives=self.objectives,
            floor=self.floor,
        )

    def _evidence(self, trial: Trial) -> Evidence:
        """Return what the trainings of a trial say of its network's accuracy."""
        from unitsearch.search.model import Evidence  # heavy, and many reads need no beliefs

        own = () if trial.accuracy is None or trial.state != "complete" else (trial.accuracy,)
        return Evidence(
            architecture=trial.architecture,
            cost=trial.cost,
            accuracies=(*own, *(repeat.accuracy for repeat in trial.repeats)),
            images=trial.images,
            curve=(*trial.rungs, *trial.curve),
            epochs=self.manifest.config.points,
            loss_curve=(*trial.rung_losses, *trial.loss_curve),
        )

    def _is_too_slow(self, trial: Trial) -> bool:
        """Return whether a candidate's latency in the search was beyond the study's limit."""
        limit, latency = self.manifest.config.latency_limit, trial.searched_latency
        if limit is None or latency is None or trial.is_baseline:
            return False
        return latency[1] > limit

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The metrics that the study optimises."""
        return tuple(metric(name) for name in self.manifest.config.objectives)

    @property
    def repeats(self) -> int:
        """The number of trainings with fresh seeds."""
        return sum(len(trial.repeats) for trial in self.trials)

    @property
    def floor(self) -> float:
        """The accuracy from which a trial is feasible, 0 until the baseline is known."""
        share = self.manifest.config.floor or 0.0
        return share * (self.baseline.accuracy or 0.0) if self.baseline else 0.0
