"""Batch norm folded into weights, and binary filters stacked into plain convolutions."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.network.blocks import Block
from unitsearch.network.build import Network
from unitsearch.network.slbf import SlbfConv2d


def folded(network: Network) -> Network:
    """Return a copy in eval mode without batch norm, binary filters as plain convolutions."""
    plain = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    for module in list(plain.modules()):
        if isinstance(module, Block):
            _fold(module)
    return plain


def _fold(block: Block) -> None:
    """Fold a block's batch norm into its weights; binary filters become plain convolutions."""
    weights = block.weights
    if isinstance(weights, SlbfConv2d):
        weights = block.weights = _composed(weights)
    norm = block.norm
    if norm is None:
        return
    norm = cast(nn.BatchNorm2d, norm)
    mean, var = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    gain = norm.weight / torch.sqrt(var + norm.eps)
    layer = cast(nn.Conv2d, weights)  # or linear: both have weight and bias, outputs first
    shape = (-1, *[1] * (layer.weight.dim() - 1))
    bias = norm.bias - mean * gain
    if layer.bias is not None:
        bias = bias + layer.bias * gain
    layer.weight = nn.Parameter(layer.weight * gain.view(shape), requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
    block.norm = None


def _composed(layer: SlbfConv2d) -> nn.Conv2d:
    conv = nn.Conv2d(
        layer.count * layer.inputs, layer.count * layer.out, layer.kernel, layer.stride,
        layer.padding, groups=layer.count, bias=False,
    )  # fmt: skip
    conv.weight = nn.Parameter(layer.filters().detach().clone(), requires_grad=False)
    return conv
