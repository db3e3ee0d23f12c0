from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from view_records import BASELINE, EVERYTHING, lenet

from unitsearch.architecture import Architecture
from unitsearch.views import describe, drawing, kind_colours

SVG = Callable[[str], Architecture]


def size(svg: str) -> tuple[float, float]:
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    return width, height


@pytest.mark.parametrize("text", [BASELINE, EVERYTHING])
def test_every_kind_of_layer_is_drawn_as_well_formed_svg(network: SVG, text: str) -> None:
    assert ElementTree.fromstring(drawing(network(text))).tag == "svg"


def test_a_drawing_needs_nothing_from_elsewhere(network: SVG) -> None:
    svg = drawing(network(EVERYTHING))
    assert "http" not in svg
    assert "href" not in svg
    assert " id=" not in svg  # so that a page may hold it twice


def test_a_small_network_fits_the_width_in_one_row() -> None:
    width, height = size(drawing(lenet(({"1-2-1": 5}, {"1-4-1": 3}))))
    assert width <= 450
    assert height < 150


def test_a_deep_network_goes_on_in_further_rows(network: SVG) -> None:
    layers = "\n".join(f"- {{kind: conv, out: {8 + i}}}" for i in range(40))
    width, height = size(drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers:\n{layers}")))
    assert width <= 600
    assert height > 150


def test_a_deep_network_of_blocks_is_drawn_wider_than_tall(network: SVG) -> None:
    block = "{kind: residual, body: [{kind: conv, out: %d}, {kind: conv, out: 8}]}"
    layers = "\n".join(f"- {block % (16 + i)}" for i in range(16))
    text = f"unitsearch: 1\ninput: [8, 8, 8]\nlayers:\n{layers}"
    width, height = size(drawing(network(text)))
    assert height <= 0.6 * width
    assert width <= 4 * 420 + 60


def test_a_very_deep_network_says_how_much_is_left_out(network: SVG) -> None:
    layers = "\n".join(f"- {{kind: conv, out: {1 + i}}}" for i in range(100))
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers:\n{layers}"))
    assert "40 layers more" in svg


def test_binary_filters_say_their_bank_and_their_splits(network: SVG) -> None:
    svg = drawing(network(EVERYTHING))
    assert "slbf 3×3" in svg
    assert "k 16 · s 2" in svg


def test_units_with_binary_filters_are_a_kind_of_their_own(network: SVG) -> None:
    layers = "[{kind: slbf, out: 4, bank: 2}, {kind: conv, out: 2}]"
    units = f"[{{in: 2, layers: {layers}}}, {{nodes: [2, 4, 2]}}]"
    found = network(f"unitsearch: 1\ninput: [4, 8, 8]\nlayers: [{{kind: stack, units: {units}}}]")
    assert describe(found) == "1 × 2-4-2 slbf + 1 × 2-4-2"


def test_counts_stand_beside_the_units() -> None:
    assert ">×5<" in drawing(lenet(({"1-2-1": 5}, {"1-4-1": 3})))


def test_a_kind_of_unit_has_one_colour_in_all_drawings() -> None:
    one, other = lenet(({"1-2-1": 5}, {"1-4-1": 3})), lenet(({"1-4-1": 2}, {"1-3-1": 3}))
    colours = kind_colours([one, other])
    assert colours["1-4-1"] in drawing(one, colours)
    assert colours["1-4-1"] in drawing(other, colours)
    assert len(set(colours.values())) == 3


def test_units_are_said_in_words() -> None:
    assert describe(lenet(({"1-2-1": 5, "1-4-1": 2}, {"1-3-1": 3}))) == (
        "5 × 1-2-1 + 2 × 1-4-1 | 3 × 1-3-1"
    )


def test_equal_layers_are_all_drawn_once_where_the_first_changes_the_shape(network: SVG) -> None:
    layers = "[{kind: conv, out: 64}, {kind: conv, out: 64}, {kind: conv, out: 64}]"
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers: {layers}"))
    assert "2 × in a row" in svg
    assert svg.count(">64<") == 2  # the first, and the frame of the other two


def test_two_equal_layers_of_which_one_changes_the_shape_are_no_row(network: SVG) -> None:
    layers = "[{kind: conv, out: 64}, {kind: conv, out: 64}]"
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers: {layers}"))
    assert "in a row" not in svg
    assert svg.count(">64<") == 2
