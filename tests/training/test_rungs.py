"""A rung of a ladder: the recipe and the data of its training, and which rungs are refused."""

from __future__ import annotations

from typing import Any

import pytest

from unitsearch.data import data_spec, describe
from unitsearch.errors import UsageError
from unitsearch.training import Recipe
from unitsearch.training.rungs import Rung, check_rungs

RECIPE = Recipe(epochs=10, warmup=3)
DIGITS = data_spec("digits")


def test_a_rung_without_changes_of_its_own_has_the_full_recipe_and_data() -> None:
    assert Rung(size=4).recipe(RECIPE) == RECIPE
    assert Rung(epochs=2).data(DIGITS) == DIGITS


def test_fewer_epochs_have_a_shorter_warm_up() -> None:
    assert Rung(epochs=8).recipe(RECIPE).warmup == 3
    assert Rung(epochs=2).recipe(RECIPE).warmup == 1


@pytest.mark.parametrize(
    ("full", "rung", "trained"),
    [
        (None, 0.1, 100),
        (None, 50, 50),
        (0.5, 0.1, 50),
        (500, 0.1, 50),
        (0.5, 30, 30),
        (501, 0.5, 251),
    ],
)
def test_a_share_is_of_the_images_of_the_full_training(
    full: float | None, rung: float, trained: int
) -> None:
    data = Rung(images=rung).data(data_spec("digits", images=full))
    assert describe(data).train_images == trained
    assert describe(data).validation_images == 450


def test_smaller_images_are_validated_in_their_size() -> None:
    assert describe(Rung(size=4).data(DIGITS)).input == (1, 4, 4)
    assert describe(Rung(epochs=1).data(data_spec("digits", size=6))).input == (1, 6, 6)


@pytest.mark.parametrize(
    ("rung", "message"),
    [
        ({}, r"ladder\[0\]: found '\{\}', expected images, epochs or size"),
        ({"epochs": 11}, r"ladder\[0\]\.epochs: found 11, expected at most the 10 epochs"),
        ({"size": 9}, r"ladder\[0\]\.size: found 9, expected at most the 8 pixels"),
        ({"images": 1001}, r"ladder\[0\]\.images: found 1001, expected from 10"),
        ({"images": 0.001}, r"ladder\[0\]\.images: found 0\.001, expected from 10"),
    ],
)
def test_a_rung_that_is_no_shorter_training_is_refused(rung: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_rungs((Rung(**rung),), RECIPE, DIGITS, "fixed")


def test_a_rung_with_more_images_than_the_full_training_is_refused() -> None:
    with pytest.raises(UsageError, match=r"found 600, expected at most the 500"):
        check_rungs((Rung(images=600),), RECIPE, data_spec("digits", images=500), "fixed")


def test_a_ladder_that_all_would_climb_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected a stopping rule: .*; try stopping=fixed"):
        check_rungs((Rung(epochs=1),), RECIPE, DIGITS, "none")
    check_rungs((), RECIPE, DIGITS, "none")
