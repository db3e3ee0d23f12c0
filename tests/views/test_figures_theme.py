"""The colours differ for every kind of colour vision, on a light and on a dark page."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from unitsearch.views.figures import theme
from unitsearch.views.pages.document import asset

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
LEAST = 12.0  # in CIELAB; 2.3 is just noticeable side by side
COLOURS = (*theme.SERIES, theme.OTHER)
# What the page puts behind figures: --card of its CSS.
CARDS = ("#ffffff", "#1a2027")


def linear(colour: str) -> np.ndarray:
    s = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    t = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    low, high = sorted(float(TO_XYZ[1] @ linear(c)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_colours_differ_for_every_colour_vision(vision: str) -> None:
    seen_colours = {colour: lab(VISIONS[vision] @ linear(colour)) for colour in COLOURS}
    near = {
        (one, other): float(np.linalg.norm(seen_colours[one] - seen_colours[other]))
        for one, other in combinations(COLOURS, 2)
    }
    assert min(near.values()) >= LEAST, min(near, key=near.__getitem__)


def test_red_and_green_of_one_lightness_are_what_this_test_refuses() -> None:
    one, other = (lab(VISIONS["deuteranopia"] @ linear(c)) for c in ("#b5609c", "#848e9b"))
    assert np.linalg.norm(one - other) < LEAST


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("card", CARDS)
def test_a_mark_stands_out_from_a_light_and_from_a_dark_page(colour: str, card: str) -> None:
    assert contrast(colour, card) >= 3.0  # WCAG 2.2, 1.4.11


@pytest.mark.parametrize("card", CARDS)
def test_text_that_no_css_reaches_is_legible_on_both_pages(card: str) -> None:
    assert contrast(theme.SCENE_INK, card) >= 3.8


def test_the_cards_are_those_of_the_page() -> None:
    cards = re.findall(r"--card: (#[0-9a-f]+)", asset("report.css"))
    assert [c if len(c) == 7 else "#" + "".join(2 * x for x in c[1:]) for c in cards] == [*CARDS]


def test_sixteen_series_all_look_different() -> None:
    looks = [tuple(theme.series(at).values()) for at in range(16)]
    assert len(set(looks)) == 16


def test_four_series_have_four_colours_and_four_symbols() -> None:
    looks = [theme.series(at) for at in range(4)]
    assert len({look["color"] for look in looks}) == len({look["symbol"] for look in looks}) == 4
