"""EfficientNet-B0: inverted residuals with squeeze-and-excitation.

Names: ``stem``; blocks ``stage1.0``, ``stage2.0``, … of ``expand`` (absent where the expansion is
1), ``depthwise``, ``gate`` (with ``pool``, ``squeeze``, ``excite`` inside) and ``project``,
residuals where there is a shortcut and flat layers (``stage2.0.expand``, …) where there is none;
``tail``, ``pool``, ``flatten``, ``head``. Dropout and stochastic depth act in training alone: they
belong to a recipe and are no part of an architecture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from unitsearch.architecture import Architecture, Conv, Gate, GlobalPool, Layer, Residual
from unitsearch.backbones.parts import pooled_classifier
from unitsearch.fields import Rule

OPTIONS: Mapping[str, Rule] = {}
# Expansion, kernel, the first block's stride, channels and blocks (Table 1 of the paper).
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def efficientnet_b0(input: tuple[int, int, int], classes: int) -> Architecture:
    """Return EfficientNet-B0, with bias in the gates and the head alone.

    Source:
        Tan and Le, arXiv:1905.11946; BUnit-Net Table VIII.
    """
    entering = 32
    layers: list[Layer] = [Conv(name="stem", out=entering, stride=2, act="silu")]
    for number, (expansion, kernel, first, out, count) in enumerate(STAGES, 1):
        for i in range(count):
            stride = first if i == 0 else 1
            name = f"stage{number}.{i}"
            block = _block(entering, out, expansion, kernel, stride)
            if stride == 1 and entering == out:
                layers.append(Residual(name=name, act="none", body=block))
            else:
                layers += [replace(layer, name=f"{name}.{layer.name}") for layer in block]
            entering = out
    tail = Conv(name="tail", out=1280, kernel=1, act="silu")
    return Architecture(input=input, layers=(*layers, tail, *pooled_classifier(classes)))


def _block(
    entering: int, out: int, expansion: int, kernel: int, stride: int
) -> tuple[Conv | Gate, ...]:
    """Return an inverted residual's body; its gate squeezes to a quarter of the body's input."""
    width = entering * expansion
    expand = Conv(name="expand", out=width, kernel=1, act="silu")
    block = (
        Conv(name="depthwise", out=width, kernel=kernel, stride=stride, groups=width, act="silu"),
        _gate(width, max(1, entering // 4)),
        Conv(name="project", out=out, kernel=1, act="none"),
    )
    return block if expansion == 1 else (expand, *block)


def _gate(width: int, squeezed: int) -> Gate:
    squeeze = Conv(name="squeeze", out=squeezed, kernel=1, bias=True, norm="none", act="silu")
    excite = Conv(name="excite", out=width, kernel=1, bias=True, norm="none", act="sigmoid")
    return Gate(name="gate", body=(GlobalPool(name="pool"), squeeze, excite))
