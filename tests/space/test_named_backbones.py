"""Spaces over a backbone that the file names, and the options of it."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.space.files import written
from tests.space.over_backbone import only, over
from unitsearch.architecture import Stack, key, read_text
from unitsearch.costs import count
from unitsearch.errors import SpecError
from unitsearch.space import baseline, count_members, load_space, parameters, point, space_from


def test_a_backbone_may_be_named() -> None:
    assert count(baseline(over("resnet18"))).params == 11_173_962


def test_an_option_of_a_backbone_may_be_a_choice() -> None:
    of = over("{name: resnet18, stem: {choose: [cifar, imagenet]}}")
    assert list(parameters(of)) == ["backbone.stem"]
    assert count_members(of) == 2


def test_a_point_may_be_the_backbone_with_options() -> None:
    points = "points: {large: {backbone: {stem: imagenet}}}\n"
    small = over("{name: resnet18, stem: cifar}", points)
    assert key(point(small, "large")) == key(baseline(over("{name: resnet18, stem: imagenet}")))


def test_a_point_may_be_a_member_over_other_options() -> None:
    rest = (
        (
            "replace: [{sites: [layer2.*], run: conv1, with: {choose: {no: keep, yes: "
            "{kind: stack, fill: {nodes: [2, 4, auto]}}}}}]\n"
            "points: {p: {backbone: {stem: imagenet}, set: {with: yes}}}\n"
        )
        .replace("yes", "units")
        .replace("no:", "none:")
    )
    architecture = point(over("{name: resnet18, stem: cifar}", rest), "p")
    assert [layer.name for layer in architecture.layers[:2]] == ["stem.conv", "stem.pool"]
    assert isinstance(architecture.layers[4].body[0], Stack)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backbone: resnt18\nbaseline: backbone\n", "did you mean 'resnet18'?"),
        ("backbone: {name: resnet18, stm: cifar}\nbaseline: backbone\n", "backbone.stm: found 'stm'"),
        ("backbone: [1]\nbaseline: backbone\n", "backbone: found [1], expected the name of"),
        ("backbone: resnet18\nlayers: []\nbaseline: backbone\n", "found 'layers as well'"),
        ("replace: []\nlayers: [{kind: flatten}]\n", "replace: found 'replace', expected a backbone"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: stem, with: {stack: 1}}]\n", "replace[0].with: found"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: stem, with: {chose: [1]}}]\n", "keep, a layer"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: {a: 1}\n", "a list of replacements"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: [a]}]\n", "\"no 'with'\""),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{site: [a]}]\n", "did you mean 'sites'?"),
    ],
)  # fmt: skip
def test_bad_input_is_reported(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        only(written(text, (3, 32, 32)))
    assert message in str(caught.value)
    assert str(caught.value).startswith("s.yaml:")


def test_a_space_of_a_backbone_needs_no_layers() -> None:
    text = "unitsearch: 1\nbackbone: resnet18\nbaseline: backbone\n"
    assert space_from(read_text(text, "s.yaml"), "s").backbone is not None
    shipped_baseline: Mapping[str, Any] = load_space("resnet18_cifar").baseline
    assert shipped_baseline == {"backbone": {}}
