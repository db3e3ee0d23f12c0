"""The same networks as torchvision's: parameters, MACs, and outputs with the weights copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from unitsearch.architecture import Architecture
from unitsearch.backbones import backbone
from unitsearch.data.vision import torchvision
from unitsearch.network.build import build

IMAGE = (3, 64, 64)
CLASSES = 20


def of(name: str) -> nn.Module:
    """Return one of torchvision's models, with random weights."""
    model: nn.Module = getattr(torchvision().models, name)(weights=None, num_classes=CLASSES)
    return model


def vgg16_pooled() -> nn.Module:
    """The features of torchvision's VGG-16 with batch norm, pooled to a single linear layer."""
    vgg = torchvision().models.vgg
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=True)
    head = nn.Linear(512, CLASSES)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


TheirsOurs = tuple[Callable[[], nn.Module], str, dict[str, Any]]
PAIRS: dict[str, TheirsOurs] = {
    "resnet18": (lambda: of("resnet18"), "resnet18", {"stem": "imagenet"}),
    "resnet34": (lambda: of("resnet34"), "resnet34", {}),
    "resnet50": (lambda: of("resnet50"), "resnet50", {}),
    "vgg16_bn": (vgg16_pooled, "vgg", {"convs": [2, 2, 3, 3, 3], "head": "pool"}),
    "mobilenet_v2": (lambda: of("mobilenet_v2"), "mobilenetv2", {"stem": "imagenet"}),
    "shufflenet_v2": (lambda: of("shufflenet_v2_x1_0"), "shufflenetv2", {"stem": "imagenet"}),
    "efficientnet_b0": (lambda: of("efficientnet_b0"), "efficientnet_b0", {}),
}
every = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


def made(pair: TheirsOurs) -> tuple[nn.Module, Architecture]:
    """Return torchvision's network and ours, the former in eval mode."""
    theirs, name, options = pair
    return theirs().eval(), backbone(name, IMAGE, CLASSES, **options)


def flops(network: nn.Module) -> int:
    """Torch's count on one image."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *IMAGE))
    return int(counter.get_total_flops())


def randomise(network: nn.Module) -> None:
    """Give every number a random value that keeps the outputs about as large as the inputs."""
    chance = torch.Generator().manual_seed(3)
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.rand(tensor.shape, generator=chance, dtype=tensor.dtype)
        if tensor.ndim > 1:  # keeps the size of what passes, as Kaiming's rule does
            tensor.copy_((2 * noise - 1) * (6 / tensor[0].numel()) ** 0.5)
        elif name.endswith(("running_var", "weight")):
            tensor.copy_(0.5 + noise)
        else:
            tensor.copy_(noise - 0.5)


def copy_weights(theirs: nn.Module, ours: nn.Module) -> None:
    """Copy convolutions and linear layers in their order, and batch norms in theirs.

    A linear layer at the end may be our 1×1 convolution: the same numbers in the same order.
    """
    for kinds in ((nn.Conv2d, nn.Linear), (nn.BatchNorm2d,)):
        a = [module for module in theirs.modules() if isinstance(module, kinds)]
        b = [module for module in ours.modules() if isinstance(module, kinds)]
        for source, target in zip(a, b, strict=True):
            state = target.state_dict()
            assert state.keys() == source.state_dict().keys()
            for name, tensor in source.state_dict().items():
                state[name].copy_(tensor.view_as(state[name]))


@every
def test_torchvision_s_has_as_many_parameters(pair: TheirsOurs) -> None:
    theirs, ours = made(pair)
    mine = sum(p.numel() for p in build(ours).parameters())
    assert mine == sum(p.numel() for p in theirs.parameters())


@every
def test_torchvision_s_has_as_many_macs(pair: TheirsOurs) -> None:
    theirs, ours = made(pair)
    assert flops(build(ours).eval()) == flops(theirs)


@every
def test_with_torchvision_s_weights_the_outputs_are_torchvision_s(pair: TheirsOurs) -> None:
    theirs, architecture = made(pair)
    theirs = theirs.double()
    randomise(theirs)
    ours = build(architecture).double().eval()
    copy_weights(theirs, ours)
    images = torch.rand(2, *IMAGE, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    with torch.inference_mode():
        expected, actual = theirs(images), ours(images)
    assert float((expected[0] - expected[1]).abs().max()) > 1e-3 * float(expected.abs().max())
    torch.testing.assert_close(actual, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))
