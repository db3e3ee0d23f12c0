"""Parameters of spaces over a backbone: their names, and settings of them in points."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

import pytest

from tests.space.files import some, written
from tests.space.over_backbone import CHOICES, FILL, HYBRID, space, stack
from unitsearch.architecture import Residual, Stack, key, kind_of
from unitsearch.errors import SpecError
from unitsearch.space import baseline, count_members, member, parameters
from unitsearch.space.members import members


def test_names_of_parameters_hold_the_name_of_the_item() -> None:
    new = "with: {choose: {normal: keep, units: " + FILL.replace("2,", "4,") + "}}"
    items = (
        f"[{{name: a, sites: [tail.a], {new}}}, {{name: b, sites: [stage.1], run: body, {new}}}]"
    )
    assert list(parameters(space(f"replace: {items}\n"))) == ["tail.a.a.with", "stage.1.b.with"]


def test_sites_are_drawn_once_and_their_new_layers_once_a_site() -> None:
    assert set(parameters(space(CHOICES))) == {
        "sites", "n",
        "stage.0.with", "stage.0.run", "stage.0.units.kernel",
        "stage.1.with", "stage.1.run", "stage.1.units.kernel",
    }  # fmt: skip


def test_a_named_choice_is_drawn_once_for_all_sites() -> None:
    for values, architecture in some(space(CHOICES), 60):
        hidden = {
            layer.units[0].unit.nodes[1]
            for block in architecture.layers if isinstance(block, Residual)
            for layer in block.body if isinstance(layer, Stack)
        }  # fmt: skip
        assert hidden <= {values.get("n")}


def test_a_setting_holds_for_every_parameter_that_ends_like_it() -> None:
    architecture = member(
        space(CHOICES), {"sites": "all", "with": "units", "run": "conv1", "n": 4, "kernel": 5}, ""
    )
    for index in (1, 2):
        filled = stack(architecture.layers[index].body[0])  # type: ignore[union-attr]
        assert filled.units[0].unit.weighted[0].kernel == 5  # type: ignore[union-attr]


def test_the_most_definite_setting_holds() -> None:
    settings = {
        "sites": "all",
        "with": "normal",
        "stage.1.with": "units",
        "n": 2,
        "run": "body",
        "kernel": 3,
    }
    architecture = member(space(CHOICES), settings, "")
    kinds = [[kind_of(layer) for layer in architecture.layers[index].body] for index in (1, 2)]  # type: ignore[union-attr]
    assert kinds == [["conv", "conv"], ["stack"]]


def test_a_star_in_a_setting_stands_for_one_part() -> None:
    settings = {"sites": "all", "stage.*.with": "normal"}
    assert key(member(space(CHOICES), settings, "")) == key(baseline(space(CHOICES)))


def test_all_units_of_a_fill_may_be_set_to_one_kind() -> None:
    architecture = member(space(HYBRID), {"units": "B"}, "")
    for index in (1, 2):
        filled = stack(architecture.layers[index].body[0])  # type: ignore[union-attr]
        assert {run.unit.nodes[1] for run in filled.units} == {5}


def test_a_misspelt_setting_is_reported() -> None:
    with pytest.raises(SpecError, match=r"sets\.runn: found 'runn'"):
        member(space(HYBRID), {"units": "B", "runn": "body"}, "sets")


def test_kinds_of_a_sequence_may_have_choices_of_their_own() -> None:
    of = written(
        "layers:\n- sequence: {of: {a: {kind: conv, name: c, out: {choose: [2, 3]}}, b: {kind: conv, name: c, out: {choose: [4, 5]}}}, length: 2}\n"
        "- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert count_members(of) == len({key(architecture) for _, architecture in members(of)}) == 16
    assert {name: domain.options for name, domain in parameters(of).items()} == {
        "layer0.0": ("a", "b"), "layer0.1": ("a", "b"),
        "layer0.0.a.c.out": (2, 3), "layer0.0.b.c.out": (4, 5),
        "layer0.1.a.c.out": (2, 3), "layer0.1.b.c.out": (4, 5),
    }  # fmt: skip


def test_layers_of_one_name_in_two_options_have_parameters_of_their_own() -> None:
    of = written(
        "layers:\n- {kind: conv, name: c, out: 4, kernel: {choose: [1, 3]}}\n"
        "- {choose: {a: [{kind: conv, name: c, out: 5, kernel: {choose: [5, 7]}}], b: []}, name: more}\n"
        "- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert set(parameters(of)) == {"c.kernel", "more", "more.a.c.kernel"}
