"""Multi-layer perceptrons: ``flatten``, ``fc1``, ``fc2``, …, ``head``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unitsearch.architecture import Architecture, Flatten, Layer, Linear
from unitsearch.architecture.bounds import MAX_WIDTH
from unitsearch.fields import Int, ListOf, Rule

OPTIONS: Mapping[str, Rule] = {"widths": ListOf(Int(1, MAX_WIDTH), 0, 64)}


def mlp(
    input: tuple[int, int, int], classes: int, *, widths: Sequence[int] = (500, 300)
) -> Architecture:
    """Return a perceptron with one hidden layer of each of ``widths`` features, bias and ReLU.

    Args:
        input: (channels, height, width) of one image.
        classes: The number of classes.
        widths: Features of each hidden layer.

    Source:
        BUnit-Net Table III: 784-500-300-10 on MNIST.
    """
    layers: list[Layer] = [Flatten(name="flatten")]
    layers += [Linear(name=f"fc{i}", out=out, act="relu") for i, out in enumerate(widths, 1)]
    layers.append(Linear(name="head", out=classes))
    return Architecture(input=input, layers=tuple(layers))
