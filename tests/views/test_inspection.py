"""The page of an inspection: pictures show the maps, texts are escaped, no file is fetched."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.records import architecture
from unitsearch.architecture import canonical
from unitsearch.costs import count
from unitsearch.network.build import build
from unitsearch.network.features import Activity, RemovalEffect, stack_maps, unit_maps, units_of
from unitsearch.views.inspection import (
    HARMFUL,
    NEEDED,
    UNMEASURED,
    UNRESOLVED,
    InspectedUnit,
    Inspection,
    JointRemoval,
    ShownImage,
    inspection_html,
    saved_cost,
)
from unitsearch.views.inspection.measures import finding
from unitsearch.views.inspection.png import LEVELS, image_png, maps_png, palette

TEXT = """
unitsearch: 1
input: [3, 8, 8]
layers:
- {kind: conv, out: 5}
- {kind: stack, name: "<s1>", units: [{count: 3, nodes: [1, 2, 1]}, {nodes: [2, 4, 3]}]}
- {kind: flatten}
- {kind: linear, out: 6}
- {kind: stack, units: [{count: 3, nodes: [2, 3, 2], of: linear}]}
- {kind: linear, out: 4}
"""
QUIET = RemovalEffect(200, 1, 1, 0.001, 0.002)


def measured(unit: InspectedUnit, effect: RemovalEffect | None, **activity: int) -> InspectedUnit:
    return replace(unit, effect=effect, activity=replace(unit.activity, **activity))


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    """An inspection of an untrained network, whose units have the effects that tests give them."""
    one = canonical(architecture(TEXT))
    torch.manual_seed(1)
    network = build(one).eval()
    units = units_of(network)
    pixels = torch.randint(0, 256, (2, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    shown = []
    for number, image in enumerate(pixels):
        outputs, _ = stack_maps(network, image[None].float() / 255)
        maps = tuple(unit_maps(outputs[at.stack][0], at).numpy() for at in units)
        label = ("<b>ship</b>", "cat")[number]
        shown.append(ShownImage(number, image.byte().numpy(), label, "cat", 0.75, maps))
    activity = Activity(0, 0, 0.5, 1 / 4, (0.0,))
    seen_units = tuple(
        InspectedUnit(at, activity, QUIET, saved_cost(one, {at.stack: {at.index}})) for at in units
    )
    some = JointRemoval(seen_units[:2], QUIET, saved_cost(one, {0: {0, 1}}))
    return Inspection(
        "<img>", one, count(one), "digits", "validation", 450, 200, 150, True, seen_units,
        some, some, tuple(shown),
    )  # fmt: skip


def pictures(page: str, name: str) -> list[Image.Image]:
    encoded = re.findall(rf'<img class="{name}" src="data:image/png;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in encoded]


def test_a_map_is_drawn_in_the_colours_of_its_values() -> None:
    values = np.array([[[0.0, 1.0], [0.5, 2.0]], [[3.0, 3.0], [3.0, 3.0]]], np.float32)
    drawn = Image.open(io.BytesIO(maps_png(values, [(0.0, 2.0), (3.0, 3.0)]))).convert("RGBA")
    assert drawn.size == (5, 2)
    scale = [(*map(int, colour), 255) for colour in palette()]
    assert drawn.getpixel((0, 0)) == scale[0]
    assert drawn.getpixel((1, 1)) == scale[LEVELS - 1]
    assert drawn.getpixel((0, 1)) == scale[round(0.25 * (LEVELS - 1))]
    assert drawn.getpixel((2, 0))[3] == 0  # the gap lets the page through
    assert {drawn.getpixel((x, y)) for x in (3, 4) for y in (0, 1)} == {scale[0]}


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_an_image_is_drawn_as_it_is(channels: int) -> None:
    pixels = np.arange(channels * 12, dtype=np.uint8).reshape(channels, 3, 4)
    drawn = np.asarray(Image.open(io.BytesIO(image_png(pixels))))
    expected = {1: pixels[0], 2: pixels.mean(0).round(), 3: pixels.transpose(1, 2, 0)}
    assert (drawn == expected[channels]).all()


def test_every_unit_has_its_maps_of_every_image_in_both_scales(inspection: Inspection) -> None:
    page = inspection_html(inspection)
    sizes = [(8, 8)] * 6 + [(26, 8)] * 2 + [(3, 1)] * 6  # side by side, a pixel apart
    for name in ("shared", "own"):
        assert [picture.size for picture in pictures(page, name)] == sizes


def test_a_map_of_its_own_scale_shows_its_highest_value_brightest(inspection: Inspection) -> None:
    at = max(range(3), key=lambda i: float(np.ptp(inspection.shown[0].maps[i])))
    own = pictures(inspection_html(inspection), "own")[2 * at].convert("RGB")  # of the first image
    values = inspection.shown[0].maps[at][0]
    assert np.ptp(values) > 0
    y, x = np.unravel_index(values.argmax(), values.shape)
    assert own.getpixel((int(x), int(y))) == tuple(map(int, palette()[-1]))


def test_what_files_and_data_say_is_escaped(inspection: Inspection) -> None:
    page = inspection_html(inspection)
    for text in ("<img>", "<s1>", "<b>ship"):
        assert text not in page
    assert "&lt;s1&gt;" in page


def test_a_page_fetches_nothing_and_runs_nothing(inspection: Inspection) -> None:
    page = inspection_html(inspection)
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == inspection_html(inspection)


def test_a_large_stack_says_which_units_are_shown(inspection: Inspection) -> None:
    text = TEXT.replace("out: 5", "out: 72").replace("count: 3, nodes: [1", "count: 70, nodes: [1")
    one = canonical(architecture(text))
    network = build(one).eval()
    outputs, _ = stack_maps(network, torch.zeros(1, 3, 8, 8))
    units = units_of(network)
    maps = tuple(unit_maps(outputs[at.stack][0], at).numpy() for at in units)
    loud = [Activity(0, 0, 0.5, at.index / 1000, (0.0,)) for at in units]
    page = inspection_html(
        replace(
            inspection,
            architecture=one,
            units=tuple(
                InspectedUnit(at, a, None, None) for at, a in zip(units, loud, strict=True)
            ),
            shown=(replace(inspection.shown[0], maps=maps),),
        )
    )
    assert "Shown are the 64 whose maps vary least" in page
    assert len(pictures(page, "own")) == 64 + 3


def test_findings_follow_from_the_effect_and_its_error(inspection: Inspection) -> None:
    unit = inspection.units[0]
    effects = {
        UNRESOLVED: RemovalEffect(200, 3, 2, 0.1, 0.1),
        NEEDED: RemovalEffect(200, 30, 2, 0.1, 0.1),
        HARMFUL: RemovalEffect(200, 2, 30, 0.1, 0.1),
        UNMEASURED: None,
    }
    assert [measured(unit, effect).finding for effect in effects.values()] == list(effects)


def test_a_unit_that_tells_no_images_apart_is_dead_whatever_its_effect(
    inspection: Inspection,
) -> None:
    effect = RemovalEffect(200, 30, 2, 0.1, 0.1)
    assert measured(inspection.units[0], effect, still=1).finding == "dead"


def test_the_page_begins_with_what_can_go_and_what_that_saves(inspection: Inspection) -> None:
    smaller = TEXT.replace("out: 5", "out: 3").replace("count: 3, nodes: [1", "count: 1, nodes: [1")
    cost, left = inspection.cost, count(architecture(smaller))
    params, flops = 100 * (1 - left.params / cost.params), 100 * (1 - left.flops / cost.flops)
    assert finding(inspection) == (
        "7 of 7 units have no effect on accuracy that 200 images resolve, each alone. Without 2 of"
        f" them at once the network would have {params:.0f} % fewer parameters and {flops:.0f} %"
        " fewer FLOPs, and its"
        " accuracy changes by +0.00 ± 1.98 points, before any further training."
    )


def test_units_that_are_needed_together_are_said_to_be(inspection: Inspection) -> None:
    assert finding(replace(inspection, removable=None)).endswith("accuracy falls without them.")


def test_a_network_that_needs_all_units_says_so(inspection: Inspection) -> None:
    needed = tuple(measured(unit, RemovalEffect(200, 50, 0, 0.1, 0.1)) for unit in inspection.units)
    whole = replace(inspection, units=needed, idle=None, removable=None)
    assert "any of the 7 units measured, all needed" in finding(whole)
    assert "There are none" in inspection_html(whole)
