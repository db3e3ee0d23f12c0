"""ShuffleNetV2: half of the channels pass untouched, then a channel shuffle.

Names: ``stem`` (and ``stem.pool`` with the ImageNet stem); units ``stage2.0``, ``stage2.1``, … each
followed by ``stage2.0.shuffle``; in a unit ``expand``, ``depthwise``, ``project``, and in the other
branch of a unit that halves the sides ``side_depthwise``, ``side_project``; ``tail``, ``pool``,
``flatten``, ``head``.
"""

from __future__ import annotations

from collections.abc import Mapping

from unitsearch.architecture import Architecture, Branches, Conv, Layer, Layers, Pool, Shuffle
from unitsearch.backbones.parts import pooled_classifier
from unitsearch.fields import Bool, Enum, Nullable, Rule

OPTIONS: Mapping[str, Rule] = {"stem": Enum(("cifar", "imagenet")), "bias": Nullable(Bool())}
# Number, units and channels of each stage at width 1 (Table 5 of the paper); the stem is stage 1.
STAGES = ((2, 4, 116), (3, 8, 232), (4, 4, 464))


def shufflenetv2(
    input: tuple[int, int, int], classes: int, *, stem: str = "cifar", bias: bool | None = None
) -> Architecture:
    """Return a ShuffleNetV2 of width 1.

    Args:
        input: (channels, height, width) of one image.
        classes: The number of classes.
        stem: ``cifar`` (3×3, stride 1, no activation) is the CIFAR port of the papers, in which
            ``expand`` of a unit that halves the sides keeps its channels. ``imagenet`` (3×3, stride
            2, ReLU, then 3×3 max-pooling) is torchvision's form, in which it gives half of the
            stage's channels, as in all other units.
        bias: Whether the convolutions have one; true with the CIFAR stem and false with the
            ImageNet stem unless given.

    Source:
        Ma et al., arXiv:1807.11164; BUnit-Net Table VIII for the CIFAR form.
    """
    large = stem == "imagenet"
    biased = (not large) if bias is None else bias
    layers: list[Layer]
    if large:
        layers = [
            Conv(name="stem", out=24, stride=2, bias=biased),
            Pool(name="stem.pool", kernel=3, stride=2, padding=1),
        ]
    else:
        layers = [Conv(name="stem", out=24, bias=biased, act="none")]
    entering = 24
    for number, count, width in STAGES:
        half = width // 2
        for i in range(count):
            name = f"stage{number}.{i}"
            if i == 0:
                expanded = half if large else entering
                both = (_side(entering, half, biased), _working(expanded, half, 2, biased))
                layers.append(Branches(name=name, of=both))
            else:
                both = ((), _working(half, half, 1, biased))
                layers.append(Branches(name=name, of=both, split=(half, half)))
            layers.append(Shuffle(name=f"{name}.shuffle", groups=2))
        entering = width
    tail = Conv(name="tail", out=1024, kernel=1, bias=biased)
    return Architecture(input=input, layers=(*layers, tail, *pooled_classifier(classes)))


def _working(width: int, out: int, stride: int, bias: bool) -> Layers:
    return (
        Conv(name="expand", out=width, kernel=1, bias=bias),
        Conv(name="depthwise", out=width, stride=stride, groups=width, bias=bias, act="none"),
        Conv(name="project", out=out, kernel=1, bias=bias),
    )


def _side(entering: int, out: int, bias: bool) -> Layers:
    depthwise = Conv(
        name="side_depthwise", out=entering, stride=2, groups=entering, bias=bias, act="none"
    )
    return (depthwise, Conv(name="side_project", out=out, kernel=1, bias=bias))
