"""The papers' recipes, and the learning rate of each step."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitsearch.errors import SpecError
from unitsearch.study.config import compose
from unitsearch.training import Recipe
from unitsearch.training.loop import rate_at

STEPS = 7


def rates(recipe: Recipe, steps: int = STEPS) -> list[float]:
    return [rate_at(recipe, e, s, steps) for e in range(recipe.epochs) for s in range(steps)]


RECIPES = st.builds(
    Recipe,
    epochs=st.integers(3, 40),
    rate=st.floats(1e-4, 10),
    schedule=st.sampled_from(["cosine", "constant"]),
    each=st.sampled_from(["step", "epoch"]),
    warmup=st.floats(0, 2.9),
    restart=st.one_of(st.none(), st.integers(1, 50)),
    ahead=st.booleans(),
)


@given(RECIPES)
def test_every_rate_is_between_zero_and_the_recipes(recipe: Recipe) -> None:
    rates_of_steps = rates(recipe)
    assert all(
        math.isfinite(rate) and -1e-12 <= rate <= recipe.rate * (1 + 1e-9)
        for rate in rates_of_steps
    )
    assert rate_at(recipe, 0, 0, STEPS) > 0


def test_a_warm_up_rises_in_a_straight_line_to_the_recipes_rate() -> None:
    rates_of_steps = rates(Recipe(epochs=10, rate=0.1, warmup=4))
    rise = rates_of_steps[: 4 * STEPS]
    gaps = [b - a for a, b in pairwise(rise)]
    assert rise[0] == pytest.approx(0.1 * 0.5 / (4 * STEPS))
    assert all(gap == pytest.approx(0.1 / (4 * STEPS)) for gap in gaps)
    assert rates_of_steps[4 * STEPS] == pytest.approx(0.1)


def test_a_cosine_falls_all_the_way_to_almost_nothing() -> None:
    rates_of_steps = rates(Recipe(epochs=20, rate=0.4))
    assert rates_of_steps[0] == 0.4
    assert all(a >= b for a, b in pairwise(rates_of_steps))
    assert rates_of_steps[10 * STEPS] == pytest.approx(0.2)
    assert 0 <= rates_of_steps[-1] < 0.4 * 1e-3


def test_a_constant_rate_stays_after_its_warm_up() -> None:
    rates_of_steps = rates(Recipe(epochs=5, rate=0.3, schedule="constant", warmup=1))
    assert set(rates_of_steps[STEPS:]) == {0.3}


def test_a_rate_by_epoch_is_the_same_for_all_steps_of_one() -> None:
    recipe = Recipe(epochs=6, rate=0.1, each="epoch", warmup=2)
    for epoch in range(6):
        assert len({rate_at(recipe, epoch, step, STEPS) for step in range(STEPS)}) == 1


def test_a_restart_begins_the_schedule_again_over_the_epochs_left() -> None:
    recipe = Recipe(epochs=30, rate=0.1, each="epoch", restart=10)
    rates_of_steps = [rate_at(recipe, epoch, 0, STEPS) for epoch in range(30)]
    assert rates_of_steps[0] == rates_of_steps[10] == 0.1
    assert rates_of_steps[9] == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi * 9 / 30)))
    assert rates_of_steps[20] == pytest.approx(0.05)


def test_a_schedule_one_epoch_ahead_trains_the_last_epoch_at_rate_zero() -> None:
    recipe = Recipe(epochs=12, rate=0.1, each="epoch", ahead=True)
    assert rate_at(recipe, 11, 0, STEPS) == pytest.approx(0, abs=1e-12)
    assert rate_at(recipe, 0, 0, STEPS) == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi / 12)))


@pytest.mark.parametrize("warmup", [5, 6, 100.0])
def test_a_warm_up_as_long_as_the_training_is_refused(warmup: float) -> None:
    with pytest.raises(SpecError, match="warmup"):
        Recipe(epochs=5, warmup=warmup)


def recipe_of(train: str, data: str, space: str) -> Recipe:
    config, _ = compose([f"space={space}", f"data={data}", f"train={train}"])
    return config.train


class Recipes(NamedTuple):
    """A data set of the papers, and its recipe as the text prints it and as the code has it."""

    data: str
    space: str
    epochs: int
    rate: float
    code_rate: float


PAPERS = [
    Recipes("cifar10", "lenet_hybrid", epochs=500, rate=0.1, code_rate=0.1),
    Recipes("cifar100", "lenet_hybrid", epochs=500, rate=0.1, code_rate=0.1),
    Recipes("mnist", "lenet_table1", epochs=200, rate=0.1, code_rate=0.01),
    Recipes("cifar10", "toy_hybrid", epochs=200, rate=0.001, code_rate=0.001),
]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.data}-{paper.space}")
def test_the_papers_recipe_is_what_the_text_prints(paper: Recipes) -> None:
    recipe = recipe_of("paper", paper.data, paper.space)
    assert (recipe.epochs, recipe.rate) == (paper.epochs, paper.rate)
    assert (recipe.batch, recipe.warmup) == (128, 10)
    assert (recipe.optimiser, recipe.momentum, recipe.schedule) == ("sgd", 0.9, "cosine")
    assert (recipe.weight_decay, recipe.restart, recipe.ahead) == (0.0, None, False)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.data}-{paper.space}")
def test_the_papers_code_recipe_is_what_the_code_does(paper: Recipes) -> None:
    recipe = recipe_of("paper_code", paper.data, paper.space)
    assert (recipe.epochs, recipe.rate) == (paper.epochs, paper.code_rate)
    assert (recipe.batch, recipe.warmup) == (128, 0)
    assert (recipe.weight_decay, recipe.restart, recipe.ahead) == (5e-4, 10, True)


def test_the_papers_code_initialises_normalises_and_augments_all_data_but_mnist() -> None:
    for paper in PAPERS:
        recipe = recipe_of("paper_code", paper.data, paper.space)
        treatment = (recipe.init, recipe.normalise, recipe.augment)
        is_mnist = paper.data == "mnist"
        assert treatment == (("default", False, False) if is_mnist else ("kaiming", True, True))


def test_the_papers_code_trains_its_last_epoch_on_cifar_at_rate_zero() -> None:
    recipe = recipe_of("paper_code", "cifar10", "lenet_hybrid")
    assert rate_at(recipe, 499, 0, 352) == pytest.approx(0, abs=1e-12)
    assert rate_at(recipe, 10, 0, 352) == pytest.approx(0.1, rel=1e-4)
