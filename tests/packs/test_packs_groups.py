"""Groups of architectures that may train together, and the reason why one trains alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.network.layouts import SMALL, architecture
from tests.packs.members import drawn
from unitsearch.errors import SpecError
from unitsearch.packs import groups
from unitsearch.packs.skeletons import skeleton

CONV = {"kind": "conv", "out": 4}
POOL = {"kind": "pool", "kernel": 2}


def test_all_members_of_a_space_of_mixtures_are_one_group() -> None:
    (group,) = groups(drawn("toy_hybrid", 5))
    assert group.places == (0, 1, 2, 3, 4)
    assert group.reason == ""


def test_groups_come_in_the_order_of_their_first_member() -> None:
    one, other = architecture([CONV]), architecture([CONV, POOL])
    assert [group.places for group in groups([one, other, one, other])] == [(0, 2), (1, 3)]


def test_an_architecture_of_another_pooling_is_alone_and_says_why() -> None:
    other = {**POOL, "op": "avg"}
    *_, lonely = groups([*[architecture([CONV, POOL])] * 2, architecture([CONV, other])])
    assert lonely.places == (2,)
    assert lonely.reason == (
        "layers[1]: avg pooling of 2, stride 2, padding 0 where the others have "
        "max pooling of 2, stride 2, padding 0"
    )


def test_another_size_of_maps_is_another_skeleton() -> None:
    *_, lonely = groups([*[architecture([CONV])] * 2, architecture([{**CONV, "stride": 2}])])
    assert lonely.reason.startswith("layers[0]: conv to 4×4")


def test_another_input_is_another_skeleton() -> None:
    larger = replace(architecture([CONV]), input=(2, 9, 9))
    *_, lonely = groups([*[architecture([CONV])] * 2, larger])
    assert lonely.reason == "input: 2×9×9 where the others have 2×8×8"


def test_more_layers_are_another_skeleton() -> None:
    *_, lonely = groups([*[architecture([CONV])] * 2, architecture([CONV, CONV])])
    assert lonely.reason == (
        "layers[1]: conv to 8×8, norm batch, act relu where the others have flatten"
    )


def test_binary_filters_stay_alone_wherever_they_are() -> None:
    alone = groups([SMALL["binary filters"], SMALL["binary filters in units"]])
    assert [group.places for group in alone] == [(0,), (1,)]
    assert "layers[1].kind: found 'slbf'" in alone[0].reason
    assert "layers[1].units[0].layers[2].kind: found 'slbf'" in alone[1].reason


def test_a_single_architecture_says_that_no_other_has_its_skeleton() -> None:
    (group,) = groups([architecture([CONV])])
    assert group.reason == "no other has its skeleton"


def test_widths_kernels_and_units_are_no_part_of_a_skeleton() -> None:
    wide = architecture([{**CONV, "out": 9, "kernel": 5, "bias": True}])
    assert skeleton(wide) == skeleton(architecture([CONV]))


def test_binary_filters_have_no_skeleton() -> None:
    with pytest.raises(SpecError, match="a kind of layer that trains in a pack"):
        skeleton(SMALL["binary filters"])
