"""Stacks as dense convolutions with zeros between the units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.network.blocks import Block

Columns = list[list[nn.Module]]


def columns(runs: Sequence[Sequence[nn.Module]]) -> Columns | None:
    """Return the layers at each depth of all units, if dense convolutions can compute them.

    Args:
        runs: The layers of each run of equal units.

    Returns:
        The layers of all runs at each depth; None if the units differ in more than their widths, or
        hold other layers with weights than convolutions.
    """
    if len({len(layers) for layers in runs}) > 1:
        return None
    depths = [list(layers) for layers in zip(*runs, strict=True)]
    if any(len({_geometry(layer) for layer in layers}) > 1 for layers in depths):
        return None
    weighted = [layers[0].weights for layers in depths if isinstance(layers[0], Block)]
    return depths if all(isinstance(weights, nn.Conv2d) for weights in weighted) else None


def dense_weight(convs: Sequence[nn.Conv2d]) -> Tensor:
    """Return the weights of one convolution in place of several, zeros between their groups.

    Float [Σ outputs, Σ inputs, k, k]; gradients flow back to each weight.
    """
    inputs, out = sum(c.in_channels for c in convs), sum(c.out_channels for c in convs)
    kernel = convs[0].kernel_size
    rows = [c.weight.flatten(2).flatten(0, 1) for c in convs]
    size = (out * inputs, kernel[0] * kernel[1])
    zeros = rows[0].new_zeros(size)
    places = _places([(c.in_channels, c.out_channels, c.groups) for c in convs])
    filled = zeros.index_copy(0, places.to(zeros.device), torch.cat(rows))
    return filled.view(out, inputs, *kernel)


def run_dense(parts: Columns, x: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Return the output of a stack's units for ``x``, by one dense convolution a layer.

    Args:
        parts: The layers at each depth, as ``columns`` returns them.
        x: Float [n, channels, height, width].
        dtype: Type of the maps and weights between the first and the last layer; the type of ``x``
            if None.
    """
    input_dtype = x.dtype
    x = x if dtype is None else x.to(dtype)
    for layers in parts:
        blocks = [layer for layer in layers if isinstance(layer, Block)]
        if not blocks:
            x = layers[0](x)
            continue
        convs = [cast(nn.Conv2d, block.weights) for block in blocks]
        weight, bias = dense_weight(convs), _joined([c.bias for c in convs if c.bias is not None])
        first = convs[0]
        padding = cast("tuple[int, int]", first.padding)
        weight = weight.to(x.dtype, memory_format=torch.channels_last)
        bias = None if bias is None else bias.to(x.dtype)
        x = F.conv2d(x, weight, bias, first.stride, padding)
        norms = [cast(nn.BatchNorm2d, block.norm) for block in blocks if block.norm is not None]
        x = _normed(x, norms) if norms else x
        x = x if blocks[0].act is None else blocks[0].act(x)
    return x.to(input_dtype)


def _normed(x: Tensor, norms: Sequence[nn.BatchNorm2d]) -> Tensor:
    """Return ``x`` after the batch norms of its units, computed as one."""
    first = norms[0]
    mean = torch.cat([cast(Tensor, norm.running_mean) for norm in norms])
    var = torch.cat([cast(Tensor, norm.running_var) for norm in norms])
    y = F.batch_norm(
        x, mean, var, _joined([n.weight for n in norms]), _joined([n.bias for n in norms]),
        first.training, first.momentum or 0.1, first.eps,
    )  # fmt: skip
    if first.training:
        sizes = [norm.num_features for norm in norms]
        means, vars_ = torch.split(mean, sizes), torch.split(var, sizes)
        for norm, own_mean, own_var in zip(norms, means, vars_, strict=True):
            cast(Tensor, norm.running_mean).copy_(own_mean)
            cast(Tensor, norm.running_var).copy_(own_var)
            cast(Tensor, norm.num_batches_tracked).add_(1)
    return y


def _joined(tensors: Sequence[Tensor]) -> Tensor | None:
    """Return tensors concatenated, None if there are none."""
    return torch.cat(list(tensors)) if tensors else None


def _places(sizes: Iterable[tuple[int, int, int]]) -> Tensor:
    """Return the index of each connected pair of output and input channel: int64 [pairs].

    Args:
        sizes: Input channels, output channels and groups of each convolution.
    """
    sizes = list(sizes)
    all_inputs = sum(inputs for inputs, _, _ in sizes)
    places, row, column = [], 0, 0
    for inputs, out, groups in sizes:
        share = inputs // groups
        rows = torch.arange(out)
        first = column + rows // (out // groups) * share
        pairs = (row + rows)[:, None] * all_inputs + first[:, None] + torch.arange(share)
        places.append(pairs.flatten())
        row, column = row + out, column + inputs
    return torch.cat(places)


def _geometry(layer: nn.Module) -> str:
    """Return the settings that layers must share to become one: all but their widths."""
    if not isinstance(layer, Block):
        return repr(layer)
    weights = layer.weights
    if not isinstance(weights, nn.Conv2d):
        return f"{type(weights).__name__} {layer.act}"
    size = f"{weights.kernel_size} {weights.stride} {weights.padding}"
    return f"{size} {weights.bias is None} {layer.norm is None} {layer.act}"
