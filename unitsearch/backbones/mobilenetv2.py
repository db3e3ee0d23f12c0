"""MobileNetV2: inverted residuals with depth-wise convolutions.

Names: ``stem``; blocks ``stage1.0``, ``stage2.0``, ``stage2.1``, … of ``expand``, ``depthwise`` and
``project``, residuals where there is a shortcut and three flat layers (``stage2.0.expand``, …)
where there is none; ``tail``, ``pool``, ``head`` (a 1×1 convolution), ``flatten``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from unitsearch.architecture import Architecture, Conv, Flatten, GlobalPool, Layer, Residual
from unitsearch.fields import Bool, Enum, Nullable, Rule

OPTIONS: Mapping[str, Rule] = {
    "stem": Enum(("conv1x1", "conv3x3", "imagenet")),
    "bias": Nullable(Bool()),
}
# Expansion, channels, blocks and the first block's stride, on ImageNet (Table 2 of the paper); the
# CIFAR port has stride 1 in stage 6.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenetv2(
    input: tuple[int, int, int], classes: int, *, stem: str = "conv1x1", bias: bool | None = None
) -> Architecture:
    """Return a MobileNetV2 of width 1.

    Args:
        input: (channels, height, width) of one image.
        classes: The number of classes.
        stem: ``conv1x1`` is the CIFAR port of the papers (1×1 with padding 1: 32×32 images become
            34×34), ``conv3x3`` the same with a 3×3 stem. ``imagenet`` is torchvision's form: 3×3
            with stride 2, stride 2 in stage 6, and no ``expand`` where the expansion is 1.
        bias: Whether the convolutions have one; true in the CIFAR port and false in the ImageNet
            form unless given. The head always has one.

    Source:
        Sandler et al., arXiv:1801.04381; TissueNet Tables 2 and 3, BUnit-Net Tables IV and V.
    """
    large = stem == "imagenet"
    biased = (not large) if bias is None else bias
    kernel, stride = (1, 1) if stem == "conv1x1" else (3, 2 if large else 1)
    entering = 32
    layers: list[Layer] = [
        _conv("stem", entering, biased, kernel=kernel, stride=stride, padding=1),
    ]
    for number, (expansion, out, count, first) in enumerate(STAGES, 1):
        for i in range(count):
            stride = first if i == 0 and (large or number != 6) else 1
            expanded = entering * expansion
            block = (
                _conv("expand", expanded, biased, kernel=1),
                _conv("depthwise", expanded, biased, stride=stride, groups=expanded),
                _conv("project", out, biased, kernel=1, act="none"),
            )
            kept = block[1:] if large and expansion == 1 else block
            name = f"stage{number}.{i}"
            if stride == 1 and entering == out:
                layers.append(Residual(name=name, act="none", body=kept))
            else:
                layers += [replace(conv, name=f"{name}.{conv.name}") for conv in kept]
            entering = out
    head = Conv(name="head", out=classes, kernel=1, bias=True, norm="none", act="none")
    layers += [_conv("tail", 1280, biased, kernel=1), GlobalPool(name="pool"), head]
    return Architecture(input=input, layers=(*layers, Flatten(name="flatten")))


def _conv(
    name: str,
    out: int,
    bias: bool,
    *,
    kernel: int = 3,
    stride: int = 1,
    padding: str | int = "same",
    groups: int = 1,
    act: str = "relu6",
) -> Conv:
    return Conv(
        name=name, out=out, kernel=kernel, stride=stride, padding=padding, groups=groups,
        bias=bias, act=act,
    )  # fmt: skip
