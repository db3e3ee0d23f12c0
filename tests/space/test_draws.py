"""Draws: one value for each parameter, and blocks that end as they began."""

from __future__ import annotations

import pytest

from tests.space.files import END, written
from unitsearch.errors import SpecError
from unitsearch.space.draws import Draw, Labels, Steps
from unitsearch.space.replacing import replaced


def first(name: str, domain: Labels | Steps) -> object:
    return domain.options[0]


@pytest.fixture
def draw() -> Draw:
    return Draw(first, {}, {})  # type: ignore[arg-type]


def test_a_parameter_is_asked_for_once() -> None:
    asked: list[str] = []

    def choose(name: str, domain: object) -> int:
        asked.append(name)
        return len(asked)

    draw = Draw(choose, {}, {})
    assert [draw.choose("k", Steps(1, 9)) for _ in range(3)] == [1, 1, 1]
    assert asked == ["k"]


def test_a_name_has_one_domain(draw: Draw) -> None:
    draw.choose("k", Steps(1, 9))
    with pytest.raises(SpecError, match="two parameters called k"):
        draw.choose("k", Steps(1, 8))


def test_names_inside_a_block_begin_with_its_prefix(draw: Draw) -> None:
    with draw.inside("layer1"):
        assert draw.name("k", "elsewhere") == "layer1.k"
    assert draw.name("k", "elsewhere") == "k"


def test_a_block_that_raises_resets_the_prefix(draw: Draw) -> None:
    with draw.inside("layer1"), pytest.raises(SpecError), draw.inside("layer2"):
        raise SpecError("a value that makes no layer")
    assert draw.prefix == ""


def test_a_fill_that_raises_resets_the_number_of_units(draw: Draw) -> None:
    with pytest.raises(SpecError), draw.filling(4):
        raise SpecError("a value that makes no unit")
    assert draw.fitting is None


def test_an_error_at_a_site_leaves_no_prefix_and_no_number_of_units() -> None:
    space = written(
        "backbone:\n  layers:\n  - {kind: conv, name: stem, out: 8}\n"
        + "".join(f"  {line}\n" for line in END.splitlines())
        + "units: {A: {nodes: [1, 2, auto]}}\nbaseline: backbone\n"
        "replace: [{sites: stem, with: {kind: stack, fill: {mix: [A]}}}]\n",
        (3, 8, 8),
    )
    draw = space.start_draw(lambda name, domain: domain.options[-1])
    with pytest.raises(SpecError, match="8 channels are not shared out"):
        replaced(draw, space)
    assert (draw.prefix, draw.fitting) == ("", None)
