"""The unit kernel: narrow convolutions of many units, of many members, in one launch. Triton.

A table holds for each unit the channels that it reads, the channels that it writes and the place of
its weights (``pack_program.WeightedLayers``), so units of different sizes run side by side. One
Triton program works on one unit and one block of pixels of many images, with all channels of the
unit in registers; sums are float32, or float64 for maps in float64. The backward pass is one launch
for the maps and one for the weights, whose partial sums are then added, so that the result does not
depend on the order in which programs run.

Tested in Triton's interpreter (``TRITON_INTERPRET=1``), and compiled for NVIDIA's sm_90 without a
spilled register; it has not run on a GPU yet.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from unitsearch.packs.pack_program import WeightedLayers

BLOCK = 256  # pixels of one program
PARTS = 64  # at most so many partial sums of a weight's gradient


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    x, weight, bias, y, table, images, x_channels, y_channels, height, width, out_height, out_width,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr, HAS_BIAS: tl.constexpr,
    OUT: tl.constexpr, BLOCK: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    """Write y of one unit for BLOCK output pixels: y = bias + Σ over inputs and taps of w · x.

    The unit's output channels lie in a register block of OUT channels, a power of two.
    """
    row = table + tl.program_id(0) * 5
    first_in, inputs = tl.load(row), tl.load(row + 1)
    first_out, outputs, start = tl.load(row + 2), tl.load(row + 3), tl.load(row + 4)
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    pixels = out_height * out_width
    inside = place < images * pixels
    image = (place // pixels).to(tl.int64)
    down, across = place % pixels // out_width, place % out_width
    out = tl.arange(0, OUT)
    held = out < outputs
    total = tl.zeros([OUT, BLOCK], dtype=SUM)
    if HAS_BIAS:
        total += tl.load(bias + first_out + out, mask=held, other=0.0).to(SUM)[:, None]
    for i in range(inputs):
        plane = x + (image * x_channels + first_in + i) * height * width
        taps = weight + start + (out * inputs + i) * KERNEL * KERNEL
        for a in range(KERNEL):
            for b in range(KERNEL):
                v, u = down * STRIDE + a - PADDING, across * STRIDE + b - PADDING
                there = inside & (v >= 0) & (v < height) & (u >= 0) & (u < width)
                values = tl.load(plane + v * width + u, mask=there, other=0.0).to(SUM)
                w = tl.load(taps + a * KERNEL + b, mask=held, other=0.0).to(SUM)
                total += w[:, None] * values[None, :]
    into = y + (image[None, :] * y_channels + first_out + out[:, None]) * pixels
    into += (down * out_width + across)[None, :]
    tl.store(into, total.to(y.dtype.element_ty), mask=held[:, None] & inside[None, :])


@triton.jit
def _to_maps(  # type: ignore[no-untyped-def]
    g, weight, d, table, images, x_channels, y_channels, height, width, out_height, out_width,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr,
    IN: tl.constexpr, BLOCK: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    """Write the gradient of one unit's inputs for BLOCK input pixels: d = Σ w · g over outputs."""
    row = table + tl.program_id(0) * 5
    first_in, inputs = tl.load(row), tl.load(row + 1)
    first_out, outputs, start = tl.load(row + 2), tl.load(row + 3), tl.load(row + 4)
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    pixels = height * width
    inside = place < images * pixels
    image = (place // pixels).to(tl.int64)
    down, across = place % pixels // width, place % width
    i = tl.arange(0, IN)
    held = i < inputs
    total = tl.zeros([IN, BLOCK], dtype=SUM)
    for o in range(outputs):
        plane = g + (image * y_channels + first_out + o) * out_height * out_width
        taps = weight + start + (o * inputs + i) * KERNEL * KERNEL
        for a in range(KERNEL):
            for b in range(KERNEL):
                # input pixel v and tap a belong to the output v' with v' · STRIDE = v + PADDING - a
                v, u = down + PADDING - a, across + PADDING - b
                there = inside & (v >= 0) & (v % STRIDE == 0) & (v // STRIDE < out_height)
                there = there & (u >= 0) & (u % STRIDE == 0) & (u // STRIDE < out_width)
                at = v // STRIDE * out_width + u // STRIDE
                values = tl.load(plane + at, mask=there, other=0.0).to(SUM)
                w = tl.load(taps + a * KERNEL + b, mask=held, other=0.0).to(SUM)
                total += w[:, None] * values[None, :]
    into = d + (image[None, :] * x_channels + first_in + i[:, None]) * pixels
    into += (down * width + across)[None, :]
    tl.store(into, total.to(d.dtype.element_ty), mask=held[:, None] & inside[None, :])


@triton.jit
def _to_weights(  # type: ignore[no-untyped-def]
    x, g, partial, table, images, size, x_channels, y_channels, height, width, out_height,
    out_width, each,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr,
    OUT: tl.constexpr, BLOCK: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    """Write a partial sum of a unit's weight gradient: Σ g · x over ``each`` blocks of pixels."""
    row = table + tl.program_id(0) * 5
    first_in, inputs = tl.load(row), tl.load(row + 1)
    first_out, outputs, start = tl.load(row + 2), tl.load(row + 3), tl.load(row + 4)
    part = tl.program_id(1)
    pixels = out_height * out_width
    out = tl.arange(0, OUT)
    held = out < outputs
    for i in range(inputs):
        for a in range(KERNEL):
            for b in range(KERNEL):
                total = tl.zeros([OUT, BLOCK], dtype=SUM)  # added up once, behind the loop
                for block in range(each):
                    place = (part * each + block) * BLOCK + tl.arange(0, BLOCK)
                    inside = place < images * pixels
                    image = (place // pixels).to(tl.int64)
                    down, across = place % pixels // out_width, place % out_width
                    v, u = down * STRIDE + a - PADDING, across * STRIDE + b - PADDING
                    there = inside & (v >= 0) & (v < height) & (u >= 0) & (u < width)
                    plane = x + (image * x_channels + first_in + i) * height * width
                    values = tl.load(plane + v * width + u, mask=there, other=0.0).to(SUM)
                    of = g + (image[None, :] * y_channels + first_out + out[:, None]) * pixels
                    of += (down * out_width + across)[None, :]
                    slopes = tl.load(of, mask=held[:, None] & inside[None, :], other=0.0).to(SUM)
                    total += slopes * values[None, :]
                at = start + ((out * inputs + i) * KERNEL + a) * KERNEL + b
                tl.store(partial + part.to(tl.int64) * size + at, tl.sum(total, axis=1), mask=held)


class _Convolution(torch.autograd.Function):
    """The unit kernel as a function of torch, with its gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        table: Tensor,
        step: WeightedLayers,
    ) -> Tensor:
        x, weight = x.contiguous(), weight.contiguous()
        geometry = step.geometries[0][1]
        images, channels, height, width = x.shape
        out_height, out_width = (
            (side + 2 * geometry.padding - geometry.kernel) // geometry.stride + 1
            for side in (height, width)
        )
        outputs = sum(count * each.out for count, each in step.geometries)
        y = x.new_empty(images, outputs, out_height, out_width)
        _forward[len(table), triton.cdiv(images * out_height * out_width, BLOCK)](
            x, weight, weight if bias is None else bias, y, table, images, channels, outputs,
            height, width, out_height, out_width,
            KERNEL=geometry.kernel, STRIDE=geometry.stride, PADDING=geometry.padding,
            HAS_BIAS=bias is not None, OUT=_widest(step, "out"), BLOCK=BLOCK, SUM=_sum(x),
        )  # fmt: skip
        ctx.save_for_backward(x, weight, table)
        ctx.step, ctx.has_bias = step, bias is not None
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, table = ctx.saved_tensors
        g, step = gradients[0].contiguous(), ctx.step
        geometry = step.geometries[0][1]
        images, channels, height, width = x.shape
        _, outputs, out_height, out_width = g.shape
        windows = {
            "KERNEL": geometry.kernel,
            "STRIDE": geometry.stride,
            "PADDING": geometry.padding,
        }
        d = None
        if ctx.needs_input_grad[0]:
            d = torch.zeros_like(x)  # channels that no unit reads have no gradient
            _to_maps[len(table), triton.cdiv(images * height * width, BLOCK)](
                g, weight, d, table, images, channels, outputs, height, width, out_height,
                out_width, **windows, IN=_widest(step, "inputs"), BLOCK=BLOCK, SUM=_sum(x),
            )  # fmt: skip
        blocks = triton.cdiv(images * out_height * out_width, BLOCK)
        each = triton.cdiv(blocks, PARTS)
        parts = triton.cdiv(blocks, each)
        partial = weight.new_empty(parts, len(weight))
        _to_weights[len(table), parts](
            x, g, partial, table, images, len(weight), channels, outputs, height, width,
            out_height, out_width, each, **windows, OUT=_widest(step, "out"), BLOCK=BLOCK,
            SUM=_sum(x),
        )  # fmt: skip
        to_bias = None
        if ctx.has_bias:
            to_bias = g.sum((0, 2, 3), dtype=weight.dtype)
        return d, partial.sum(0), to_bias, None, None


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, table: Tensor, step: WeightedLayers
) -> Tensor:
    """Return the outputs of all units of a step, [images, channels, height, width].

    Args:
        x: Maps [images, channels, height, width], in bfloat16 under such an autocast.
        weight: The units' weights one after the other, flat.
        bias: One number for each output channel, flat; None if no unit has a bias.
        table: int32 [units, 5], see ``WeightedLayers.table``.
        step: The step, whose units share one kernel size, stride and padding.
    """
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    y: Tensor = _Convolution.apply(x, weight, bias, table, step)  # type: ignore[no-untyped-call]  # torch's stub
    return y


def _widest(step: WeightedLayers, of: str) -> int:
    """Return the smallest power of two that is no less than the widest unit's channels."""
    widest: int = max(getattr(geometry, of) for _, geometry in step.geometries)
    return 1 << (widest - 1).bit_length()


def _sum(x: Tensor) -> Any:
    return tl.float64 if x.dtype == torch.float64 else tl.float32
