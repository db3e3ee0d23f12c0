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
    members: list[tuple[Architecture, Cost]], images: int = IMAGES, seeds: int = 1
) -> list[Evidence]:
    """Return the members with accuracies on ``images`` images, and curves that rise to them."""
    generator = np.random.default_rng(3)
    found = []
    for architecture, cost in members:
        truth = true_accuracy(cost)
        steps = [1.0 - (1.0 - truth) * (1.0 + EPOCHS - epoch) for epoch in range(1, EPOCHS)]
        curve = [float(generator.binomial(images, step)) / images for step in steps]
        last = [float(generator.binomial(images, truth)) / images for _ in range(seeds)]
        curve.append(last[0])
        errors = [1.0 - step for step in (*steps, truth)]
        noise = generator.standard_normal(EPOCHS) * 3.0 / math.sqrt(images)
        losses = tuple(3.0 * e * math.exp(n) for e, n in zip(errors, noise, strict=True))
        found.append(
            Evidence(architecture, cost, tuple(last), images, tuple(curve), EPOCHS, losses)
        )
    return found
