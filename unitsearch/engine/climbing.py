"""The rungs of a job's ladder: shorter trainings, of which one below its bar is the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from unitsearch.engine.jobs import Job, Outcome
from unitsearch.training.bars import Bars, ExpectedBar
from unitsearch.training.loop import Trained


@dataclass(frozen=True)
class Climb:
    """The trainings of a network on the rungs of a ladder.

    Attributes:
        accuracies: Accuracy at the end of each.
        losses: Mean cross-entropy of the same images, in nats.
        seconds: Time that they took.
        stop_reason: The reason if the last one ended below its bar, else empty.
        plan: The plan of the last one.
    """

    accuracies: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    seconds: float = 0.0
    stop_reason: str = ""
    plan: str = ""


def climbed(job: Job, train: Callable[[Job], tuple[Trained, str]]) -> Climb:
    """Train on each rung of the ladder of ``job``, until an accuracy is below its bar.

    Args:
        job: The job of the full training.
        train: Trains on a rung, given as a job of its own; returns the result and the plan.
    """
    climb, bars = Climb(), job.bars[: len(job.ladder)]
    for rung in job.ladder:
        result, plan = train(
            replace(job, recipe=rung["recipe"], data=rung["data"], ladder=(), bars=())
        )
        accuracies = (*climb.accuracies, result.curve[-1])
        climb = Climb(
            accuracies,
            (*climb.losses, result.loss_curve[-1]),
            climb.seconds + result.seconds,
            _reason(accuracies, (*climb.losses, result.loss_curve[-1]), bars, len(job.ladder)),
            plan,
        )
        if climb.stop_reason:
            break
    return climb


def _reason(
    accuracies: tuple[float, ...], losses: tuple[float, ...], bars: Bars, rungs: int
) -> str:
    """Return the reason if the last accuracy is below its bar, else an empty text."""
    rung, accuracy = len(accuracies), accuracies[-1]
    bar = bars[rung - 1] if rung <= len(bars) else None
    if isinstance(bar, ExpectedBar):
        return bar.reason(accuracies, losses, rungs)
    if bar is None or not accuracy < bar:  # NaN, where there are no images, is not below it
        return ""
    return f"accuracy {accuracy:.4g} on rung {rung} of {rungs} is below {bar:.4g}"


def stopped_outcome(job: Job, climb: Climb) -> Outcome:
    """Return the outcome of a job that was stopped on its ladder: it has no full training."""
    return Outcome(
        job.number,
        job.task,
        "stopped",
        reason=climb.stop_reason,
        rungs=climb.accuracies,
        rung_losses=climb.losses,
        train_seconds=climb.seconds,
        plan=climb.plan,
    )


def full_bars(job: Job) -> Bars:
    """Return the bars of the full training, which follow those of the ladder.

    An expectation weighs a whole curve, rungs included: the full training alone is not its curve.
    """
    rungs = len(job.ladder)
    if not rungs:
        return job.bars
    return tuple(None if isinstance(bar, ExpectedBar) else bar for bar in job.bars[rungs:])
