"""Residual networks of basic or bottleneck blocks.

Names: ``stem.conv``, ``stem.pool`` (ImageNet stem only), blocks ``layer1.0``, ``layer1.1``, … with
``conv1``, ``conv2`` (and ``conv3``) in the body and ``downsample`` in the shortcut where the shape
changes; ``pool``, ``flatten``, ``head``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unitsearch.architecture import Architecture, Conv, Layer, Pool, Residual
from unitsearch.backbones.parts import REPEATS, WIDTHS, check_stages, pooled_classifier
from unitsearch.fields import Enum, Rule

OPTIONS: Mapping[str, Rule] = {
    "blocks": REPEATS,
    "block": Enum(("basic", "bottleneck")),
    "widths": WIDTHS,
    "stem": Enum(("cifar", "imagenet")),
}
EXPANSION = {"basic": 1, "bottleneck": 4}


def resnet(
    input: tuple[int, int, int],
    classes: int,
    *,
    blocks: Sequence[int] = (2, 2, 2, 2),
    block: str = "basic",
    widths: Sequence[int] = (64, 128, 256, 512),
    stem: str = "cifar",
) -> Architecture:
    """Return a residual network; no convolution has a bias.

    Args:
        input: (channels, height, width) of one image.
        classes: The number of classes.
        blocks: Blocks in each layer; the first block of every layer but the first has stride 2.
        block: ``basic`` (two 3×3) or ``bottleneck`` (1×1, 3×3 with the stride, 1×1 to four times
            the width; torchvision's form, known as v1.5).
        widths: Channels inside the blocks of each layer; the stem has as many as the first.
        stem: ``cifar`` (3×3, stride 1) or ``imagenet`` (7×7, stride 2, then 3×3 max-pooling).

    Raises:
        SpecError: If ``blocks`` and ``widths`` are not of one length.

    Source:
        He et al., arXiv:1512.03385; TissueNet Tables 2 to 4b, BUnit-Net Tables IV to VI, whose
        "ResNet-20" is blocks (3, 3, 3, 1) with the ImageNet stem on 32×32 images.
    """
    check_stages(widths, blocks, "blocks")
    entering = widths[0]
    layers: list[Layer]
    if stem == "imagenet":
        layers = [
            Conv(name="stem.conv", out=entering, kernel=7, stride=2),
            Pool(name="stem.pool", kernel=3, stride=2, padding=1),
        ]
    else:
        layers = [Conv(name="stem.conv", out=entering)]
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True), 1):
        out = width * EXPANSION[block]
        for i in range(count):
            stride = 2 if number > 1 and i == 0 else 1
            shortcut: tuple[Layer, ...] = ()
            if stride != 1 or entering != out:
                shortcut = (Conv(name="downsample", out=out, kernel=1, stride=stride, act="none"),)
            body = _basic(width, stride) if block == "basic" else _bottleneck(width, out, stride)
            layers.append(Residual(name=f"layer{number}.{i}", body=body, shortcut=shortcut))
            entering = out
    return Architecture(input=input, layers=(*layers, *pooled_classifier(classes)))


def _basic(width: int, stride: int) -> tuple[Layer, ...]:
    return (
        Conv(name="conv1", out=width, stride=stride),
        Conv(name="conv2", out=width, act="none"),
    )


def _bottleneck(width: int, out: int, stride: int) -> tuple[Layer, ...]:
    return (
        Conv(name="conv1", out=width, kernel=1),
        Conv(name="conv2", out=width, stride=stride),
        Conv(name="conv3", out=out, kernel=1, act="none"),
    )
