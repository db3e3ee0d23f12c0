"""The trials of a study that is under way, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unitsearch.search.proposals import Observation
from unitsearch.study.record import Trial


class TrialLog:
    """The trials of a study under way, and the numbers that follow from them.

    The numbers are kept up to date trial by trial: computed anew for every trial, they would make a
    study of n trials cost n squared.

    Attributes:
        observations: The trials as samplers and stopping rules see them, in order.
        started: The same as they were when they started, without outcomes.
        complete: How many trials are complete.
        counted: How many trials count for the budget: the complete and the stopped ones.
        longest: Seconds that the longest training took; None while none has ended.
    """

    def __init__(self, trials: Sequence[Trial], points: int) -> None:
        self.observations: list[Observation] = []
        self.started: list[Observation] = []
        self.complete = 0
        self.counted = 0
        self.longest: float | None = None
        self._points = points
        self._trials: list[Trial] = []
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def __reversed__(self) -> Iterator[Trial]:
        return reversed(self._trials)

    def put(self, trial: Trial) -> None:
        """Take in a trial as it stands now: the next one, or one that is known."""
        observation = self._observed(trial)
        if trial.number == len(self._trials):
            self._trials.append(trial)
            self.observations.append(observation)
            self.started.append(_started(observation))
        else:
            before = self._trials[trial.number]
            self.complete -= before.state == "complete"
            self.counted -= before.is_counted
            self._trials[trial.number] = trial
            self.observations[trial.number] = observation
        self.complete += trial.state == "complete"
        self.counted += trial.is_counted
        self.longest = max(self.longest or 0.0, trial.train_seconds or 0.0) or None

    def _observed(self, trial: Trial) -> Observation:
        latency = trial.searched_latency
        return Observation(
            number=trial.number,
            key=trial.key,
            values=trial.values,
            cost=trial.cost,
            state=trial.state,
            accuracy=trial.accuracy if trial.state == "complete" else None,
            latency=None if latency is None else latency[1],
            epochs=len(trial.rungs) + trial.epochs,
            recipe_epochs=self._points,
            curve=(*trial.rungs, *trial.curve),
            loss_curve=(*trial.rung_losses, *trial.loss_curve),
            images=trial.images,
            architecture=trial.architecture,
            sampler_state=trial.sampler_state,
        )


def _started(observation: Observation) -> Observation:
    """Return a trial as it was when it started."""
    return Observation(
        number=observation.number,
        key=observation.key,
        values=observation.values,
        cost=observation.cost,
        recipe_epochs=observation.recipe_epochs,
        architecture=observation.architecture,
        sampler_state=observation.sampler_state,
    )
