"""The time of a search, estimated from the paces of a few networks of its space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from unitsearch.costs import Cost, work
from unitsearch.study.paces import Pace

_START = 3.0  # seconds of a run before its first step
_TRIAL = 0.05  # seconds of a trial that no worker spends: proposal, messages, store
_FRONT = 0.25  # share of the trials that the test of the front tests
_CHEAPER = 0.5  # share of the members, the cheaper ones, among which a sampler may stay
_ERROR = 0.2  # of the times and of their interpolation, as a share
_FEW = 0.15  # the same if less than three networks were measured, to be added
# of the trials that climb a ladder: least, likely, most
_CLIMBING = (0.1, 0.5, 1.0)
# of a training that a rule spares: most, likely, least
_STOPPED = (0.35, 0.15, 0.0)


@dataclass(frozen=True, kw_only=True)
class ShortTraining:
    """The training of a network on a rung of a ladder.

    Attributes:
        epochs: Its epochs.
        images: Images trained on.
        area: Pixels of an image as a share of those of the full training.
    """

    epochs: int
    images: int
    area: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The trainings of a search.

    Attributes:
        costs: Costs of random members within the limits.
        baseline: The baseline's cost.
        trials: The budget of trials, the baseline included.
        minutes: The budget of time; None for any.
        workers: The number of workers.
        epochs: Epochs of a training.
        batch: Images of a step.
        train_images: Images trained on.
        validation_images: Images that accuracy is measured on after each epoch.
        test_images: Images that the front is tested on.
        ladder: The shorter trainings that come first.
        stops: Whether a stopping rule may end full trainings early.
        verify: Share of the budget that is trained again at the end.
        looks_at_outcomes: Whether the sampler does: then it may prefer cheap members.
    """

    costs: tuple[Cost, ...]
    baseline: Cost
    trials: int
    minutes: float | None = None
    workers: int
    epochs: int
    batch: int
    train_images: int
    validation_images: int
    test_images: int
    ladder: tuple[ShortTraining, ...] = ()
    stops: bool = False
    verify: float = 0.0
    looks_at_outcomes: bool = True


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The seconds that a search is expected to take.

    Attributes:
        seconds: From the command to the report, on a machine without other work.
        low: The same at least.
        high: The same at most.
        trial: Of one trial.
        trials: Trials that begin: fewer than the budget where its minutes are spent first.
        trainings: Of all trials, on all workers together.
        tuning: Of choosing plans, of those.
        verification: Of training members of the front again, on all workers together.
        test: Of the test of the front, on all workers together.
    """

    seconds: float
    low: float
    high: float
    trial: float
    trials: int
    trainings: float
    tuning: float
    verification: float
    test: float


@dataclass(frozen=True)
class _Guess:
    """A guess at what outcomes decide.

    Attributes:
        costs: Costs of members such as the sampler proposes.
        climbing: Share of the trials that climb a ladder to its end.
        stopped: Share of a full training that the stopping rule spares.
    """

    costs: Sequence[Cost]
    climbing: float
    stopped: float


def estimated(load: Workload, paces: Sequence[Pace]) -> Estimate:
    """Return the time of a search whose members train at the speed of ``paces``.

    The time of an image follows from the work of a step by lines between the measured networks, in
    logarithms; it is proportional to the work beyond them.
    """
    cheaper = load.costs
    if load.looks_at_outcomes:
        cheaper = tuple(sorted(load.costs, key=work)[: max(1, round(_CHEAPER * len(load.costs)))])
    low, middle, high = (
        _under(_Guess(costs, climbing, stopped if load.stops else 0.0), load, paces)
        for costs, climbing, stopped in zip(
            (cheaper, load.costs, load.costs), _CLIMBING, _STOPPED, strict=True
        )
    )
    error = _ERROR + (_FEW if len(paces) < 3 else 0.0)
    return replace(
        middle,
        low=_START + (low.seconds - _START) / (1 + error),
        high=_START + (high.seconds - _START) * (1 + error),
    )


def _under(guess: _Guess, load: Workload, paces: Sequence[Pace]) -> Estimate:
    """Return the time of a search under a guess."""
    members = [pace for pace in paces if pace.name == "middle"] or paces
    tuning = fmean(pace.times.tuning for pace in members)
    beside = _TRIAL + tuning + fmean(pace.times.beside for pace in paces)
    climbing = guess.climbing if load.ladder else 1.0
    full = fmean(_steps(cost, load, paces) for cost in guess.costs)
    short = fmean(_rungs(cost, load, paces) for cost in guess.costs)
    rungs = short + len(load.ladder) * beside
    each = rungs + climbing * (beside + full * (1 - guess.stopped))
    of_baseline = _steps(load.baseline, load, paces) + _rungs(load.baseline, load, paces)
    of_baseline += (1 + len(load.ladder)) * beside
    trainings = (load.trials - 1) * each + of_baseline
    verification = round(load.verify * load.trials) * (beside + full)
    tested = max(1.0, _FRONT * load.trials)
    test = tested * (_TRIAL + load.test_images * fmean(_evaluation(guess.costs, paces)))
    seconds = _wall(load, trainings, each, of_baseline) + (verification + test) / load.workers
    trials = load.trials
    if load.minutes is not None and seconds > 60 * load.minutes:
        trials = max(1, min(trials, int(60 * load.minutes * load.workers / each) + load.workers))
        seconds = 60 * load.minutes + each + (verification + test) / load.workers
    return Estimate(
        seconds=seconds,
        low=seconds,
        high=seconds,
        trial=each,
        trials=trials,
        trainings=trainings,
        tuning=tuning * load.trials,
        verification=verification,
        test=test,
    )


def _wall(load: Workload, trainings: float, each: float, of_baseline: float) -> float:
    """Return the seconds until the last trial ends: the last ones leave workers without work."""
    last = each * (load.workers - 1) / load.workers / 2
    return _START + max(trainings / load.workers + last, of_baseline, each)


def _steps(cost: Cost, load: Workload, paces: Sequence[Pace]) -> float:
    """Return the seconds of the steps and evaluations of a network of ``cost``."""
    full = ShortTraining(epochs=load.epochs, images=load.train_images)
    return _training(full, cost, load, paces)


def _rungs(cost: Cost, load: Workload, paces: Sequence[Pace]) -> float:
    """Return the seconds of the same on all rungs of the ladder."""
    return sum(_training(rung, cost, load, paces) for rung in load.ladder)


def _training(training: ShortTraining, cost: Cost, load: Workload, paces: Sequence[Pace]) -> float:
    at, batch = work(cost), min(load.batch, training.images)
    train = interpolated([(work(pace.cost), pace.times.train) for pace in paces], at)
    evaluate = interpolated([(work(pace.cost), pace.times.evaluate) for pace in paces], at)
    images = training.images // batch * batch
    each = images * train + load.validation_images * evaluate
    return training.epochs * training.area * each


def _evaluation(costs: Sequence[Cost], paces: Sequence[Pace]) -> list[float]:
    """Return the seconds of evaluating one image, for networks of each cost."""
    known = [(work(pace.cost), pace.times.evaluate) for pace in paces]
    return [interpolated(known, work(cost)) for cost in costs]


def interpolated(known: Sequence[tuple[float, float]], at: float) -> float:
    """Return the time at ``at`` by lines between ``known`` (work, time), in logarithms.

    Beyond them, and if only one is known, time is proportional to work.
    """
    points = sorted((math.log(max(x, 1.0)), math.log(max(y, 1e-12))) for x, y in known)
    x = math.log(max(at, 1.0))
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    if x <= first_x:
        return math.exp(first_y + x - first_x)
    if x >= last_x:
        return math.exp(last_y + x - last_x)
    for (left_x, left_y), (right_x, right_y) in pairwise(points):
        if x <= right_x:
            share = (x - left_x) / max(right_x - left_x, 1e-9)
            return math.exp(left_y + share * (right_y - left_y))
    return math.exp(last_y)
