"""Members of a small space with accuracies that follow from their size, for tests of the model."""

from __future__ import annotations

import math
import random

import numpy as np

from unitsearch.architecture import Architecture
from unitsearch.costs import Cost, count
from unitsearch.search.model import Evidence
from unitsearch.search.testing import large_space
from unitsearch.space import at_random, draw

IMAGES = 450
EPOCHS = 4


def some_members(size: int, seed: int = 0) -> list[tuple[Architecture, Cost]]:
    """Return random members of a large space, with their costs."""
    choose = at_random(random.Random(seed))
    drawn = [draw(large_space(), choose)[1] for _ in range(size)]
    return [(architecture, count(architecture)) for architecture in drawn]


def true_accuracy(cost: Cost) -> float:
    """Return an accuracy that grows with the logarithm of the parameters."""
    return 0.80 + 0.05 * math.log10(cost.params)


def trained(
    members: list[tuple[Architecture, Cost]], noise: float = 0.004, seeds: int = 1
) -> list[Evidence]:
    """Return the members with noisy accuracies, and curves that rise towards them."""
    generator = np.random.default_rng(3)
    found = []
    for architecture, cost in members:
        drawn = true_accuracy(cost) + noise * generator.standard_normal(seeds)
        accuracies = tuple(float(accuracy) for accuracy in drawn)
        curve = tuple(accuracies[0] - 0.05 * (EPOCHS - epoch) for epoch in range(1, EPOCHS + 1))
        found.append(Evidence(architecture, cost, accuracies, IMAGES, curve, EPOCHS))
    return found
