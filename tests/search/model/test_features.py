"""Features follow from architectures alone, for every space."""

from __future__ import annotations

import random

import numpy as np
import pytest

from unitsearch.costs import count
from unitsearch.search.model.features import feature_scale, vectors
from unitsearch.search.testing import large_space
from unitsearch.space import at_random, baseline, bind, draw, load_space

SPACES = {
    "lenet_hybrid": ((1, 8, 8), 10),
    "lenet_table1": ((1, 28, 28), 10),
    "mlp": ((1, 28, 28), 10),
    "toy_hybrid": ((3, 32, 32), 10),
    "slbf_cifar": ((3, 32, 32), 10),
    "resnet18_cifar": ((3, 32, 32), 100),
    "vgg16_cifar": ((3, 32, 32), 10),
}


@pytest.mark.parametrize("name", SPACES)
def test_members_of_a_space_differ_in_few_finite_features(name: str) -> None:
    shape, classes = SPACES[name]
    space = bind(load_space(name), shape, classes, "digits")
    choose = at_random(random.Random(1))
    drawn = [draw(space, choose)[1] for _ in range(40)]
    members = [(architecture, count(architecture)) for architecture in drawn]
    scale = feature_scale(members)
    rows = vectors(scale, [*members, (baseline(space), count(baseline(space)))])
    assert np.isfinite(rows).all()
    assert len(scale.names) <= 60
    different = {architecture for architecture, _ in members}
    assert len({tuple(row) for row in rows[:-1].round(9)}) >= 0.8 * len(different)


def test_the_costs_are_features() -> None:
    drawn = [draw(large_space(), at_random(random.Random(seed)))[1] for seed in range(30)]
    scale = feature_scale([(architecture, count(architecture)) for architecture in drawn])
    assert scale.names[:2] == ("log params", "log flops")


def test_one_member_is_a_space_too() -> None:
    member = draw(large_space(), at_random(random.Random(0)))[1]
    pair = [(member, count(member))]
    assert vectors(feature_scale(pair), pair).tolist() == [[0.0]]
