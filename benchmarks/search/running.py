"""A search on a table, and the measures along it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.search.measures import Goal, modelled_front, raw_front
from benchmarks.search.searchers import Asked, Make
from benchmarks.search.table import BASELINE, Table
from unitsearch.search.proposals import Observation


@dataclass(frozen=True)
class Measurement:
    """A search after some trainings.

    Attributes:
        trainings: Epochs that were trained by the epochs of the recipe: a stopped training is a
            part of one.
        trials: The trials, the stopped ones included.
        seconds: Seconds of training, on one core.
        raw: Hypervolume of the front by the observed accuracies, at accuracies never seen.
        model: The same of the members that the model recommends.
        raw_smooth: ``raw`` at the accuracies that the model believes after the whole table.
        model_smooth: ``model`` at those.
        raw_members: Members of the front by the observed accuracies.
        model_members: Members that the model recommends.
        observed: Hypervolume of the front by the observed accuracies, at these.
        ask: Milliseconds to ask, the median of the last ten.
    """

    trainings: float
    trials: int
    seconds: float
    raw: float
    model: float
    raw_smooth: float
    model_smooth: float
    raw_members: int
    model_members: int
    observed: float
    ask: float


def grid(most: int) -> list[int]:
    """Return the numbers of trainings after which a search is measured."""
    steps = [*range(6, 60, 2), *range(60, 120, 5), *range(120, 10_001, 20)]
    return sorted({step for step in steps if step < most} | {most})


def search(
    goal: Goal, make: Make, seed: int, lag: int, grid: Sequence[int]
) -> Iterator[Measurement]:
    """Yield the measures of one search after each number of trainings of ``grid``.

    Each member's training is a random one of the recorded; its true accuracy is the mean of the
    others, which the search never sees.

    Args:
        goal: The table and its measure.
        make: The searcher.
        seed: The search's seed.
        lag: The newest trials whose outcomes a proposal does not see.
        grid: Numbers of trainings, ascending.
    """
    table = goal.table
    one = make(goal, seed)
    observations = [_observation(table, 0, Asked(BASELINE, {}), goal.chosen(BASELINE, seed), None)]
    places = [BASELINE]
    trained, seconds, asks = 1.0, float(table.seconds[BASELINE]), [0.0]
    for most in grid:
        while trained < most:
            number = len(places)
            known = max(0, number - lag)
            visible = [*observations[:known], *map(_started, observations[known:])]
            began = time.perf_counter()
            asked = one.ask(number, visible, places)
            asks.append(time.perf_counter() - began)
            if asked is None:
                return
            chosen = goal.chosen(asked.place, seed)
            epochs = one.epochs(number, asked.place, visible, chosen)
            observation = _observation(table, number, asked, chosen, epochs)
            share = observation.epochs / observation.recipe_epochs
            observations.append(observation)
            places.append(asked.place)
            trained += share
            seconds += share * float(table.seconds[asked.place])
        yield _measure(goal, observations, seed, trained, seconds, asks)


def _started(observation: Observation) -> Observation:
    """Return a trial whose outcome may not be used."""
    return replace(
        observation, state="running", accuracy=None, epochs=0, curve=(), loss_curve=(), images=0
    )


def _observation(
    table: Table, number: int, asked: Asked, chosen: int, epochs: int | None
) -> Observation:
    """Return the trial of a member whose training is the recorded one with the seed ``chosen``."""
    member = table.members[asked.place]
    training = member.trainings[chosen]
    seen = len(training.curve) if epochs is None else epochs
    is_complete = seen == len(training.curve)
    return Observation(
        number,
        member.proposal.key,
        member.proposal.values,
        member.cost,
        "complete" if is_complete else "stopped",
        training.accuracy if is_complete else None,
        epochs=seen,
        recipe_epochs=len(training.curve),
        curve=training.curve[:seen],
        loss_curve=training.loss_curve[:seen],
        images=training.images,
        architecture=member.proposal.architecture,
        sampler_state=asked.state,
    )


def _measure(
    goal: Goal,
    observations: Sequence[Observation],
    seed: int,
    trained: float,
    seconds: float,
    asks: Sequence[float],
) -> Measurement:
    raw, model = (
        [goal.table.places[member.key] for member in chosen(observations, goal.floor)]
        for chosen in (raw_front, modelled_front)
    )

    def unseen(places: Sequence[int]) -> list[float]:
        return [goal.unseen(place, seed) for place in places]

    def believed(places: Sequence[int]) -> list[float]:
        return [float(goal.smooth[place]) for place in places]

    seen = [float(goal.table.members[p].accuracies[goal.chosen(p, seed)]) for p in raw]
    return Measurement(
        trainings=round(trained, 6),
        trials=len(observations),
        seconds=seconds,
        raw=goal.volume(raw, unseen(raw)),
        model=goal.volume(model, unseen(model)),
        raw_smooth=goal.volume(raw, believed(raw)),
        model_smooth=goal.volume(model, believed(model)),
        raw_members=len(raw),
        model_members=len(model),
        observed=goal.volume(raw, seen),
        ask=1000 * float(np.median(asks[-10:])),
    )
