"""Samplers that look at outcomes find better networks than random search does.

The accuracy is made up: it grows with the parameters, and falls with the distance of four of the
space's parameters from an optimum, so that there is something to learn. Everything is seeded: the
hypervolumes are the same in every run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from statistics import mean
from typing import Any

from unitsearch.metrics import Measured
from unitsearch.search.configured import SamplerConfig
from unitsearch.search.front import hypervolume, volume_point
from unitsearch.search.proposals import Proposal
from unitsearch.search.testing import history, large_space, problem_of

SPACE = large_space()
OPTIMUM = {
    "s1.units.cut0": 0.25, "s1.units.cut1": 0.75, "s2.units.cut0": 0.1, "s2.units.cut1": 0.5,
}  # fmt: skip
LARGEST_CUT = 16
REFERENCE = (1.0, 6.0, 4.0)  # error, log10 FLOPs, log10 parameters
SEEDS = range(6)


def synthetic(number: int, proposal: Proposal) -> Mapping[str, Any]:
    """Return a complete outcome whose accuracy follows from size and distance to the optimum."""
    distance = sum(
        (proposal.values[name] / LARGEST_CUT - best) ** 2 for name, best in OPTIMUM.items()
    )
    accuracy = 0.55 + 0.5 * (math.log10(proposal.cost.params) - 3) - 0.5 * distance
    return {"state": "complete", "accuracy": min(1.0, max(0.1, accuracy))}


@cache
def hypervolumes(name: str, trials: int, **settings: int) -> list[float]:
    """Return the hypervolume that a sampler reaches with each seed."""
    reached = []
    for seed in SEEDS:
        sampler = SamplerConfig(name, settings=settings).checked().make(problem_of(SPACE, seed))
        tried = history(sampler, SPACE, trials, synthetic)[1:]
        points = [volume_point(Measured(trial.accuracy or 0.0, trial.cost)) for trial in tried]
        reached.append(hypervolume(points, REFERENCE))
    return reached


def test_random_search_gains_by_more_trials() -> None:
    assert mean(hypervolumes("random", 200)) > mean(hypervolumes("random", 60)) + 0.05


def test_nsga2_beats_random_search() -> None:
    learned = hypervolumes("nsga2", 200, population=10)
    assert mean(learned) > mean(hypervolumes("random", 200)) + 0.03


def test_tpe_beats_random_search() -> None:
    learned = hypervolumes("tpe", 60)
    assert mean(learned) > mean(hypervolumes("random", 60)) + 0.08
    assert min(learned) > mean(hypervolumes("random", 60))
