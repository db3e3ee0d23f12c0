"""The execution of a pack's program on torch tensors: grouped convolutions, or the unit kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import torch
from torch import Tensor
from torch.nn import functional as F

from unitsearch.packs.pack_program import (
    Concatenate,
    GateProduct,
    Gather,
    LayerGeometry,
    Norm,
    PackProgram,
    PixelMean,
    PixelsToChannels,
    Pooling,
    ResidualSum,
    Step,
    WeightedLayers,
)

MOMENTUM, EPSILON = 0.1, 1e-5  # batch norm's, as torch sets them

UnitKernel = Callable[[Tensor, Tensor, Tensor | None, Tensor, WeightedLayers], Tensor]
"""A function of maps, weights, biases, the table and the step that returns maps."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """The tensors that the numbers in a program stand for.

    Attributes:
        parts: The parameters' parts, flat.
        means: Running mean of each norm.
        variances: Running variance of each norm.
        tables: Index tables, int64; the tables of the unit kernel are int32.
        unit_kernel: The function that runs a step with a table; None for grouped convolutions.
    """

    parts: Sequence[Tensor]
    means: Sequence[Tensor]
    variances: Sequence[Tensor]
    tables: Sequence[Tensor]
    unit_kernel: UnitKernel | None = None


def run(program: PackProgram, x: Tensor, tensors: Tensors, *, training: bool) -> Tensor:
    """Return the output of ``program`` for the maps ``x``, [images, channels, height, width].

    In training, norms use the batch's statistics and update the running ones in place.
    """
    for step in program:
        x = _run(step, x, tensors, training)
    return x


def _run(step: Step, x: Tensor, tensors: Tensors, training: bool) -> Tensor:
    match step:
        case WeightedLayers():
            return _weighted(step, x, tensors, training)
        case Gather(index, inverse):
            back = None if inverse is None else tensors.tables[inverse]
            return _reordered(x, tensors.tables[index], back)
        case Pooling("max", kernel, stride, padding):
            return F.max_pool2d(x, kernel, stride, padding)
        case Pooling(_, kernel, stride, padding):
            return F.avg_pool2d(x, kernel, stride, padding)
        case PixelMean():
            return x.mean((2, 3), keepdim=True)
        case PixelsToChannels():
            return x.flatten(1)[:, :, None, None]
        case Concatenate(of, widths):
            shares = [x] * len(of) if widths is None else torch.split(x, list(widths), 1)
            outputs = [
                run(part, share, tensors, training=training)
                for part, share in zip(of, shares, strict=True)
            ]
            return torch.cat(outputs, 1)
        case ResidualSum(body, shortcut, act):
            side = run(shortcut, x, tensors, training=training)
            return _activated(run(body, x, tensors, training=training) + side, act)
        case GateProduct(body):
            return x * run(body, x, tensors, training=training)
        case _:
            assert_never(step)


def _weighted(step: WeightedLayers, x: Tensor, tensors: Tensors, training: bool) -> Tensor:
    weights = tensors.parts[step.weight]
    biases = None if step.bias is None else tensors.parts[step.bias]
    if step.table is not None and tensors.unit_kernel is not None:
        y = tensors.unit_kernel(x, weights, biases, tensors.tables[step.table], step)
    else:
        y = grouped(step.geometries, x, weights, biases)
    if step.norm is not None:
        y = _normed(step.norm, y, tensors, training)
    return _activated(y, step.act)


def grouped(
    geometries: tuple[tuple[int, LayerGeometry], ...],
    x: Tensor,
    weights: Tensor,
    biases: Tensor | None,
) -> Tensor:
    """Return the outputs of layers side by side; adjacent equal ones are one grouped operation.

    Args:
        geometries: Groups of equal layers as (count, geometry), in the order of their channels.
        x: Maps [images, channels, height, width].
        weights: Their weights one after the other, flat.
        biases: The biases of the layers that have one, flat.
    """
    shares = torch.split(x, [count * geometry.inputs for count, geometry in geometries], 1)
    of = torch.split(weights, [count * geometry.size for count, geometry in geometries])
    added = iter(() if biases is None else torch.split(biases, _bias_sizes(geometries)))
    outputs = []
    for (count, geometry), share, weight in zip(geometries, shares, of, strict=True):
        bias = next(added) if geometry.bias else None
        if geometry.kernel:
            each = geometry.inputs // geometry.groups
            shaped = weight.view(count * geometry.out, each, geometry.kernel, geometry.kernel)
            groups, stride = count * geometry.groups, geometry.stride
            y = F.conv2d(share, shaped, bias, stride, geometry.padding, groups=groups)
        else:
            y = _linear(count, geometry, share, weight)
            if bias is not None:
                y = y + bias.view(-1, 1, 1)
        outputs.append(y)
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)


def _bias_sizes(geometries: tuple[tuple[int, LayerGeometry], ...]) -> list[int]:
    return [count * geometry.out for count, geometry in geometries if geometry.bias]


def _linear(count: int, geometry: LayerGeometry, x: Tensor, weight: Tensor) -> Tensor:
    """Return [images, count · out, 1, 1] from [images, count · in, 1, 1]."""
    shaped = weight.view(count, geometry.out, geometry.inputs).transpose(1, 2)
    split = x.reshape(-1, count, geometry.inputs).transpose(0, 1)
    return torch.bmm(split, shaped).transpose(0, 1).reshape(len(x), -1, 1, 1)


def _normed(norm: Norm, y: Tensor, tensors: Tensors, training: bool) -> Tensor:
    return F.batch_norm(
        y, tensors.means[norm.stats], tensors.variances[norm.stats], tensors.parts[norm.scale],
        tensors.parts[norm.shift], training, MOMENTUM, EPSILON,
    )  # fmt: skip


def _activated(y: Tensor, act: str) -> Tensor:
    """Return the activation of ``y``; no gradient needs ``y`` itself, so it may be overwritten."""
    if act == "none":
        return y
    if act == "relu":
        return F.relu(y, inplace=True)
    if act == "relu6":
        return F.relu6(y, inplace=True)
    return F.silu(y) if act == "silu" else y.sigmoid()


class _Gathered(torch.autograd.Function):
    """Channels in another order: the gradient is gathered back; torch would scatter it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return _gathered(x, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return _gathered(gradients[0], inverse), None, None


def _reordered(x: Tensor, index: Tensor, inverse: Tensor | None) -> Tensor:
    if inverse is None:
        return _gathered(x, index)
    reordered: Tensor = _Gathered.apply(x, index, inverse)  # type: ignore[no-untyped-call]  # torch's stub
    return reordered


def _gathered(x: Tensor, index: Tensor) -> Tensor:
    """Return channels by number, in the memory format of ``x``."""
    if x.is_contiguous():
        return x.index_select(1, index)
    # 1.5 times a copy; index_select and x[:, index] leave channels last, or take 2 to 20 times
    images, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    channels_last = pixels.gather(1, index.expand(len(pixels), -1))
    return channels_last.view(images, height, width, -1).permute(0, 3, 1, 2)
