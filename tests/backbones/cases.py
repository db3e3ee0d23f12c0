"""Every backbone at the smallest size it is used at, and its full names."""

from __future__ import annotations

from collections.abc import Iterator

from unitsearch.architecture import Architecture, Branches, Gate, Layers, Residual
from unitsearch.backbones import backbone

CLASSES = 10

SMALL: dict[str, Architecture] = {
    "mlp": backbone("mlp", (1, 28, 28), CLASSES),
    "vgg": backbone("vgg", (3, 32, 32), CLASSES),
    "vgg16": backbone("vgg16", (3, 32, 32), CLASSES),
    "vgg19": backbone("vgg19", (3, 64, 64), CLASSES),
    "vgg19 pooled": backbone("vgg19", (3, 64, 64), CLASSES, head="pool"),
    "resnet": backbone("resnet", (3, 32, 32), CLASSES, blocks=[3, 3, 3, 1], stem="imagenet"),
    "resnet18": backbone("resnet18", (3, 32, 32), CLASSES),
    "resnet34": backbone("resnet34", (3, 64, 64), CLASSES),
    "resnet50": backbone("resnet50", (3, 64, 64), CLASSES),
    "mobilenetv2": backbone("mobilenetv2", (3, 32, 32), CLASSES),
    "mobilenetv2 large": backbone("mobilenetv2", (3, 64, 64), CLASSES, stem="imagenet"),
    "shufflenetv2": backbone("shufflenetv2", (3, 32, 32), CLASSES),
    "shufflenetv2 large": backbone("shufflenetv2", (3, 64, 64), CLASSES, stem="imagenet"),
    "efficientnet_b0": backbone("efficientnet_b0", (3, 64, 64), CLASSES),
}


def full_names(layers: Layers, before: str = "") -> Iterator[str]:
    """The full name of every layer: inside another layer it begins with that layer's name."""
    for layer in layers:
        assert layer.name is not None, layer
        name = before + layer.name
        yield name
        inner: tuple[Layers, ...] = ()
        if isinstance(layer, Residual):
            inner = (layer.body, layer.shortcut)
        elif isinstance(layer, Branches):
            inner = layer.of
        elif isinstance(layer, Gate):
            inner = (layer.body,)
        for sequence in inner:
            yield from full_names(sequence, f"{name}.")
