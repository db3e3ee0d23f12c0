"""Names: the sites that spaces and recipes point at."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.backbones.cases import SMALL, full_names
from unitsearch.architecture import Architecture, read_architecture, write_architecture
from unitsearch.backbones import BACKBONES, backbone

every = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL.keys())

POOLED = r"pool|flatten|head"
BLOCK = r"(\.(expand|depthwise|project))?"
UNIT = r"(\.(expand|depthwise|project|side_depthwise|side_project|shuffle))?"
GATED = r"\.(expand|depthwise|project|gate(\.(pool|squeeze|excite))?)"
ALLOWED = {
    "mlp": r"flatten|fc\d+|head",
    "vgg": r"stage[1-5]\.(conv\d|pool)|pool|flatten|head",
    "resnet": rf"stem\.(conv|pool)|layer[1-4]\.\d+(\.(conv[123]|downsample))?|{POOLED}",
    "mobilenetv2": rf"stem|stage[1-7]\.\d{BLOCK}|tail|{POOLED}",
    "shufflenetv2": rf"stem(\.pool)?|stage[2-4]\.\d{UNIT}|tail|{POOLED}",
    "efficientnet_b0": rf"stem|stage[1-7]\.\d({GATED})?|tail|{POOLED}",
}


@every
def test_every_full_name_is_there_once(architecture: Architecture) -> None:
    names = Counter(full_names(architecture.layers))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("case", SMALL)
def test_names_follow_the_family_s_form(case: str) -> None:
    pattern = next(form for family, form in ALLOWED.items() if case.startswith(family))
    names = list(full_names(SMALL[case].layers))
    assert [name for name in names if not re.fullmatch(pattern, name)] == []


@every
def test_a_file_keeps_the_network_and_its_names(architecture: Architecture) -> None:
    again = read_architecture(write_architecture(architecture))
    assert again == architecture
    assert list(full_names(again.layers)) == list(full_names(architecture.layers))


def test_every_backbone_is_among_the_cases() -> None:
    assert {case.split()[0] for case in SMALL} == set(BACKBONES)


def test_an_mlp_names_its_hidden_layers_in_order() -> None:
    architecture = backbone("mlp", (1, 4, 4), 2, widths=[8, 6, 4])
    assert list(full_names(architecture.layers)) == ["flatten", "fc1", "fc2", "fc3", "head"]


def test_a_vgg_names_convolutions_by_stage() -> None:
    architecture = backbone("vgg", (3, 8, 8), 2, convs=[2, 1], widths=[4, 6], head="pool")
    assert list(full_names(architecture.layers)) == [
        "stage1.conv1", "stage1.conv2", "stage1.pool", "stage2.conv1", "stage2.pool",
        "pool", "flatten", "head",
    ]  # fmt: skip


def test_a_resnet_names_blocks_and_their_layers() -> None:
    architecture = backbone("resnet", (3, 32, 32), 2, blocks=[1, 1], widths=[4, 8], stem="imagenet")
    assert list(full_names(architecture.layers)) == [
        "stem.conv", "stem.pool",
        "layer1.0", "layer1.0.conv1", "layer1.0.conv2",
        "layer2.0", "layer2.0.conv1", "layer2.0.conv2", "layer2.0.downsample",
        "pool", "flatten", "head",
    ]  # fmt: skip


def test_a_bottleneck_has_three_convolutions() -> None:
    architecture = backbone("resnet", (3, 8, 8), 2, blocks=[1], widths=[4], block="bottleneck")
    assert list(full_names(architecture.layers))[1:6] == [
        "layer1.0", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.conv3", "layer1.0.downsample",
    ]  # fmt: skip


def test_an_inverted_residual_is_one_layer_with_a_shortcut_and_three_without() -> None:
    names = [layer.name for layer in SMALL["mobilenetv2"].layers]
    assert names[:8] == [
        "stem", "stage1.0.expand", "stage1.0.depthwise", "stage1.0.project",
        "stage2.0.expand", "stage2.0.depthwise", "stage2.0.project", "stage2.1",
    ]  # fmt: skip
    assert names[-4:] == ["tail", "pool", "head", "flatten"]
    assert "stage2.1.depthwise" in set(full_names(SMALL["mobilenetv2"].layers))


def test_a_shuffle_stands_behind_its_unit() -> None:
    names = list(full_names(SMALL["shufflenetv2"].layers))
    assert names[:12] == [
        "stem", "stage2.0", "stage2.0.side_depthwise", "stage2.0.side_project",
        "stage2.0.expand", "stage2.0.depthwise", "stage2.0.project", "stage2.0.shuffle",
        "stage2.1", "stage2.1.expand", "stage2.1.depthwise", "stage2.1.project",
    ]  # fmt: skip


def test_a_gate_stands_between_depthwise_and_project() -> None:
    names = list(full_names(SMALL["efficientnet_b0"].layers))
    assert names[:8] == [
        "stem", "stage1.0.depthwise", "stage1.0.gate", "stage1.0.gate.pool",
        "stage1.0.gate.squeeze", "stage1.0.gate.excite", "stage1.0.project", "stage2.0.expand",
    ]  # fmt: skip
    assert "stage2.1.gate.squeeze" in names
