"""VGG style: stages of 3×3 convolutions, each closed by max-pooling.

Names: ``stage1.conv1``, ``stage1.conv2``, …, ``stage1.pool``; ``pool`` (only where the head pools),
``flatten``, ``head``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unitsearch.architecture import Architecture, Conv, Flatten, Layer, Linear, Pool
from unitsearch.backbones.parts import REPEATS, WIDTHS, check_stages, pooled_classifier
from unitsearch.fields import Bool, Enum, Rule

OPTIONS: Mapping[str, Rule] = {
    "convs": REPEATS,
    "widths": WIDTHS,
    "bias": Bool(),
    "head": Enum(("flatten", "pool")),
}


def vgg(
    input: tuple[int, int, int],
    classes: int,
    *,
    convs: Sequence[int] = (2, 2, 3, 3, 3),
    widths: Sequence[int] = (64, 128, 256, 512, 512),
    bias: bool = True,
    head: str = "flatten",
) -> Architecture:
    """Return a VGG-style network with batch norm and a single linear layer as classifier.

    Args:
        input: (channels, height, width) of one image; every stage halves the sides.
        classes: The number of classes.
        convs: Convolutions in each stage. The papers' VGG-16 has (3, 3, 3, 3, 3), their VGG-19
            (3, 3, 4, 4, 4); (2, 2, 3, 3, 3) are the thirteen of the original VGG-16.
        widths: Channels of each stage.
        bias: Whether the convolutions have one.
        head: ``flatten`` takes every pixel that is left, ``pool`` the mean over them.

    Raises:
        SpecError: If ``convs`` and ``widths`` are not of one length.

    Source:
        TissueNet Tables 2 to 4a, BUnit-Net Tables IV to VI; the original: arXiv:1409.1556.
    """
    check_stages(widths, convs, "convs")
    layers: list[Layer] = []
    for stage, (width, count) in enumerate(zip(widths, convs, strict=True), 1):
        for i in range(1, count + 1):
            layers.append(Conv(name=f"stage{stage}.conv{i}", out=width, bias=bias))
        layers.append(Pool(name=f"stage{stage}.pool"))
    if head == "pool":
        layers += pooled_classifier(classes)
    else:
        layers += [Flatten(name="flatten"), Linear(name="head", out=classes)]
    return Architecture(input=input, layers=tuple(layers))
