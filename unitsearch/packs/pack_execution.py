"""Running a pack's program on torch tensors: grouped convolutions, or the unit kernel."""

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
"""Takes maps, weights, biases, the table and the step; gives maps."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """What the numbers in a program stand for.

    Attributes:
        parts: The parameters' parts, flat.
        means: Running mean of each norm.
        variances: Running variance of each norm.
        tables: Index tables, int64; those of unit kernels int32.
        unit_kernel: What runs a step that has a table.
    """

    parts: Sequence[Tensor]
    means: Sequence[Tensor]
    variances: Sequence[Tensor]
    tables: Sequence[Tensor]
    unit_kernel: UnitKernel | None = None


def run(program: PackProgram, x: Tensor, tensors: Tensors, *, training: bool) -> Tensor:
    """Return what ``program`` makes of ``x``, [images, channels, height, width].

    In training, norms use the batch's statistics and update the running ones in place.
    """
    for step in program:
        x = _run(step, x, tensors, training)
    return x


def _run(step: Step, x: Tensor, tensors: Tensors, training: bool) -> Tensor:
    match step:
        case WeightedLayers():
            return _weigh(step, x, tensors, training)
        case Gather(index, inverse):
            back = None if inverse is None else tensors.tables[inverse]
            return _taken(x, tensors.tables[index], back)
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
            found = [
                run(one, share, tensors, training=training)
                for one, share in zip(of, shares, strict=True)
            ]
            return torch.cat(found, 1)
        case ResidualSum(body, shortcut, act):
            side = run(shortcut, x, tensors, training=training)
            return _activated(run(body, x, tensors, training=training) + side, act)
        case GateProduct(body):
            return x * run(body, x, tensors, training=training)
        case _:
            assert_never(step)


def _weigh(step: WeightedLayers, x: Tensor, tensors: Tensors, training: bool) -> Tensor:
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
    """Return the outputs of layers side by side, equal neighbours as one grouped operation.

    Args:
        geometries: How many of which kind, in the order of their channels in ``x``.
        x: Maps [images, channels, height, width].
        weights: Their weights one after the other, flat.
        biases: The biases of those that have one, flat.
    """
    shares = torch.split(x, [count * kind.inputs for count, kind in geometries], 1)
    of = torch.split(weights, [count * kind.size for count, kind in geometries])
    added = iter(() if biases is None else torch.split(biases, _bias_sizes(geometries)))
    found = []
    for (count, kind), share, weight in zip(geometries, shares, of, strict=True):
        bias = next(added) if kind.bias else None
        if kind.kernel:
            each = kind.inputs // kind.groups
            shaped = weight.view(count * kind.out, each, kind.kernel, kind.kernel)
            y = F.conv2d(share, shaped, bias, kind.stride, kind.padding, groups=count * kind.groups)
        else:
            y = _linear(count, kind, share, weight)
            if bias is not None:
                y = y + bias.view(-1, 1, 1)
        found.append(y)
    return found[0] if len(found) == 1 else torch.cat(found, 1)


def _bias_sizes(geometries: tuple[tuple[int, LayerGeometry], ...]) -> list[int]:
    return [count * kind.out for count, kind in geometries if kind.bias]


def _linear(count: int, kind: LayerGeometry, x: Tensor, weight: Tensor) -> Tensor:
    """Return [images, count · out, 1, 1] from [images, count · in, 1, 1]."""
    shaped = weight.view(count, kind.out, kind.inputs).transpose(1, 2)
    split = x.reshape(-1, count, kind.inputs).transpose(0, 1)
    return torch.bmm(split, shaped).transpose(0, 1).reshape(len(x), -1, 1, 1)


def _normed(norm: Norm, y: Tensor, tensors: Tensors, training: bool) -> Tensor:
    return F.batch_norm(
        y, tensors.means[norm.stats], tensors.variances[norm.stats], tensors.parts[norm.scale],
        tensors.parts[norm.shift], training, MOMENTUM, EPSILON,
    )  # fmt: skip


def _activated(y: Tensor, act: str) -> Tensor:
    """Return the activation; what comes before it is needed by nobody, so it is overwritten."""
    if act == "none":
        return y
    if act == "relu":
        return F.relu(y, inplace=True)
    if act == "relu6":
        return F.relu6(y, inplace=True)
    return F.silu(y) if act == "silu" else y.sigmoid()


class _Taken(torch.autograd.Function):
    """Channels in another order: the gradient is gathered back, where torch would scatter it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return _gathered(x, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return _gathered(gradients[0], inverse), None, None


def _taken(x: Tensor, index: Tensor, inverse: Tensor | None) -> Tensor:
    if inverse is None:
        return _gathered(x, index)
    taken: Tensor = _Taken.apply(x, index, inverse)  # type: ignore[no-untyped-call]  # torch's stub
    return taken


def _gathered(x: Tensor, index: Tensor) -> Tensor:
    """Return channels by number, in the memory format of ``x``."""
    if x.is_contiguous():
        return x.index_select(1, index)
    # 1.5 copies; index_select and x[:, index] leave channels last, or take 2 to 20
    images, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    found = pixels.gather(1, index.expand(len(pixels), -1))
    return found.view(images, height, width, -1).permute(0, 3, 1, 2)
