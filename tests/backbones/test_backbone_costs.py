"""The papers' baselines, to the last digit; computed from their layouts by a script of its own.

Where a paper prints the number, it is this one rounded (but for misprints, and for ResNet-34's and
EfficientNet's parameters: within 1 %).
"""

from __future__ import annotations

from typing import Any

import pytest

from unitsearch.backbones import backbone
from unitsearch.costs import Cost, count

CIFAR = (3, 32, 32)
TINY = (3, 64, 64)
IMAGENET = (3, 224, 224)
R20 = {"blocks": [3, 3, 3, 1], "stem": "imagenet"}

Row = tuple[str, tuple[int, int, int], int, dict[str, Any], Cost]
ROWS: list[Row] = [
    ("mlp", (1, 28, 28), 10, {}, (545_810, 545_000, 1_090_000)),
    ("vgg16", CIFAR, 10, {}, (14_913_162, 388_699_136, 779_646_976)),
    ("vgg16", CIFAR, 100, {}, (14_959_332, 388_745_216, 779_739_136)),
    ("vgg19", TINY, 200, {}, (20_630_088, 1_894_924_288, 3_799_482_368)),
    ("vgg19", TINY, 200, {"head": "pool"}, (20_322_888, 1_894_617_088, 3_798_867_968)),
    ("resnet18", CIFAR, 10, {}, (11_173_962, 555_422_720, 1_113_303_040)),
    ("resnet18", CIFAR, 100, {}, (11_220_132, 555_468_800, 1_113_395_200)),
    ("resnet34", IMAGENET, 1000, {}, (21_797_672, 3_663_761_408, 7_342_475_264)),
    ("resnet34", IMAGENET, 1000, {"stem": "cifar"},
     (21_789_992, 56_810_983_424, 113_822_670_848)),
    ("resnet50", IMAGENET, 1000, {}, (25_557_032, 4_089_184_256, 8_222_824_448)),
    ("resnet", CIFAR, 1000, R20, (8_518_952, 46_960_640, 94_177_280)),
    ("resnet", CIFAR, 10, R20, (8_011_082, 46_453_760, 93_163_520)),
    ("resnet", CIFAR, 100, R20, (8_057_252, 46_499_840, 93_255_680)),
    ("mobilenetv2", CIFAR, 10, {}, (2_254_090, 64_832_064, 134_954_420)),
    ("mobilenetv2", CIFAR, 100, {}, (2_369_380, 64_947_264, 135_185_000)),
    ("mobilenetv2", CIFAR, 100, {"stem": "conv3x3"}, (2_370_148, 44_921_856, 93_917_384)),
    ("shufflenetv2", CIFAR, 100, {}, (1_360_896, 43_675_520, 90_468_352)),
    ("efficientnet_b0", IMAGENET, 1000, {}, (5_288_548, 385_814_752, 798_598_968)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "image", "classes", "options", "cost"),
    ROWS,
    ids=[f"{name}-{classes}-{i}" for i, (name, _, classes, _, _) in enumerate(ROWS)],
)
def test_the_cost_of_a_baseline_is_that_of_its_layout(
    name: str,
    image: tuple[int, int, int],
    classes: int,
    options: dict[str, Any],
    cost: tuple[int, int, int],
) -> None:
    counted = count(backbone(name, image, classes, **options))
    assert (counted.params, counted.macs, counted.flops) == cost
