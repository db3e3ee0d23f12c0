"""Convolutions, backward: gradients of the weights and of the input.

    dw[o, i, a, b] = Σ over images and pixels of dz[o] · x[i], x shifted by (a, b)
    dx[i] = Σ over outputs o and taps (a, b) of w[o, i, a, b] · dz[o], dz shifted by (-a, -b)

The gradient dz is staged one unit and one block of images at a time: from the gradient of the
outputs or, in front of a max pooling, of the maxima alone. The sums of dw keep all lanes apart
(one register for each weight) until the last block of images, so that lanes are added once.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.convolution import pad_inputs, stage_inputs
from unitsearch.kernels.maxima import gradient_of_maxima, sign_of
from unitsearch.kernels.norm import (
    add_lane_sums,
    clear,
    fill,
    gradient_row,
    inlined,
    mask_of,
    norm_gradients,
    pass_gradient,
)
from unitsearch.kernels.records import convolve_job_at, correlate_job_at, phases_at
from unitsearch.kernels.tiles import weight_tile
from unitsearch.kernels.vectors import (
    address,
    call,
    float64s,
    get,
    int64s,
    load,
    on,
    past,
    pointer,
    put,
    spread,
    times,
    total,
    zeros,
)


@inlined
def stage_gradients(
    op: Any, frame: Any, work: Any, block: int, unit: int, start: int, chunk: int
) -> Any:
    """Return a pointer to dz of ``chunk`` channels: staged, or the gradient where it lies.

    dz = C1 · g + C2 · z + C3: the gradient of batch norm, or g itself with C1 = 1. Lanes without an
    image hold 0, so that no sum needs a mask.
    """
    y_channel, first = op.y_channel, unit * op.outputs + start
    kernel, stride = op.pool_kernel, op.pool_stride
    g_height, g_width = op.pool_height, op.pool_width
    g_channel = g_height * g_width if kernel else y_channel
    offset = block * op.g_block + first * g_channel
    g, kept = op.g + offset, op.pooled + offset
    if op.is_direct_back:
        return on(work, g)
    scratch = on(work, op.s + op.inputs * op.s_channel)
    z = op.y + block * op.y_block + first * y_channel
    d, d_row, d_channel = op.d, op.d_row, op.d_channel
    low, height, width = op.d_low, op.y_height, op.y_width
    coefs = past(pointer(work, frame.coefs), (op.y_coef + first) * t.COEF)
    mask = mask_of(frame, work, block == op.blocks - 1)
    corner = d + low * d_row + low
    for o in range(chunk):
        c1 = times(spread(get(coefs, o * t.COEF + t.C1)), mask)
        c2 = times(spread(get(coefs, o * t.COEF + t.C2)), mask)
        c3 = times(spread(get(coefs, o * t.COEF + t.C3)), mask)
        if kernel:
            gradient_of_maxima(
                on(work, g + o * g_channel), on(work, kept + o * g_channel), g_height, g_width,
                kernel, stride, sign_of(get(coefs, o * t.COEF + t.SCALE)),
                on(work, z + o * y_channel), height, width,
                on(work, corner + o * d_channel), d_row, c1, c2, c3, scratch,
            )  # fmt: skip
            continue
        for y in range(height):
            offset = o * y_channel + y * width
            to = on(work, corner + o * d_channel + y * d_row)
            gradient_row(on(work, g + offset), on(work, z + offset), to, width, c1, c2, c3)
    return on(work, corner)


def correlate(job: Any, frame: Any, work: Any) -> None:
    """Add one block of images to the weight gradient of one unit: dw += Σ over pixels of g · x.

    The sums are kept for each lane, in the order of the tiles. The first call (``is_first``) sets
    them to 0; the last call (``is_last``) adds the lanes up into ``out``.
    """
    x, g = pointer(work, job.x), pointer(work, job.g)
    g_channel, g_row = job.g_channel, job.g_row
    x_row, x_column = job.x_row, job.x_column
    out, out_channel = pointer(work, job.out), job.out_channel
    out_group, out_side = job.out_group, job.out_side
    groups, group = job.groups, job.group
    side, side_step = job.side, job.side_step
    wide, channels = job.wide, job.channels
    height, width = job.rows, job.columns
    tile_channels, tile_rows = job.tile_channels, job.tile_rows
    tile_columns = job.tile_columns
    keys = int64s(frame.weight_keys)
    sums, step = pointer(work, job.sums), job.sums_step
    is_first, is_last = job.is_first, job.is_last
    for o in range(0, channels, tile_channels):
        chunk = min(tile_channels, channels - o)
        first = o * groups * side * wide * step
        if is_first:
            fill(on(sums, first), chunk * groups * side * wide, zeros(work))
        offset = first
        for i in range(groups):
            for a in range(0, side, tile_rows):
                taps = min(tile_rows, side - a)
                for b in range(0, wide, tile_columns):
                    columns = min(tile_columns, wide - b)
                    weight_tile(
                        get(keys, (chunk * 8 + taps) * 8 + columns),
                        on(g, o * g_channel), g_channel, g_row,
                        on(x, i * group + a * side_step + b), side_step, x_row, x_column,
                        height, width, on(sums, offset),
                    )  # fmt: skip
                    offset += chunk * taps * columns
        if is_last:
            offset = first
            for i in range(groups):
                for a in range(0, side, tile_rows):
                    taps = min(tile_rows, side - a)
                    for b in range(0, wide, tile_columns):
                        columns = min(tile_columns, wide - b)
                        for oo in range(chunk):
                            for aa in range(taps):
                                to = (o + oo) * out_channel + i * out_group + (a + aa) * out_side
                                for bb in range(b, b + columns):
                                    put(out, to + bb, get(out, to + bb) + total(load(sums, offset)))
                                    offset += 1


@inlined
def add_weight_gradients(
    op: Any, frame: Any, work: Any, g: Any, x: Any, start: int, chunk: int, out: Any,
    is_first: int, is_last: int,
) -> None:  # fmt: skip
    """Add one block of images to the weight gradient of ``chunk`` output channels of a unit."""
    inputs, kernel, stride = op.inputs, op.kernel, op.stride
    per_channel, keeps = inputs * kernel * kernel, op.keeps_sums
    s_row, s_channel = op.s_row, op.s_channel
    is_point = kernel == 1  # then the rows of a tile are input channels
    job = correlate_job_at(frame.correlate_job)
    job.x = address(x)
    job.g = address(g)
    job.out = address(past(out, start * per_channel))
    job.sums = address(on(work, op.sums + start * per_channel * keeps))
    job.sums_step = keeps
    job.is_first = is_first
    job.is_last = is_last
    job.g_channel = op.d_channel
    job.g_row = op.d_row
    job.x_row = s_row * stride
    job.x_column = stride
    job.rows = op.y_height
    job.columns = op.y_width
    job.channels = chunk
    job.out_channel = per_channel
    job.groups = 1 if is_point else inputs
    job.group = s_channel
    job.out_group = kernel * kernel
    job.side = inputs if is_point else kernel
    job.side_step = s_channel if is_point else s_row
    job.out_side = kernel
    job.wide = kernel
    job.tile_channels = op.weight_outputs
    job.tile_rows = op.weight_rows
    job.tile_columns = op.weight_columns
    call(get(int64s(frame.kernels), t.CORRELATE), job, frame, work)


def convolution_back(op: Any, frame: Any, work: Any) -> None:
    """Make the gradients of a convolution's weights and of its input, if that has a gradient."""
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    kernel, stride = op.kernel, op.stride
    weights = pointer(work, frame.weights)
    gradients = pointer(work, frame.gradients)
    function = get(int64s(frame.kernels), t.CONVOLVE)
    width, x_channel = op.x_width, op.x_channel
    mode, xg = op.xg_mode, op.xg
    spare = frame.spare
    coefs = pointer(work, frame.coefs)
    accumulators = pointer(work, frame.accumulators)
    phases = phases_at(frame.phases)
    per_unit = outputs * inputs * kernel * kernel
    part = op.part
    norm_gradients(op, frame, work, op.y_height * op.y_width)
    pad_inputs(op, frame, work)
    if not op.is_direct_back:
        fill(on(work, op.d), part * op.d_channel, zeros(work))
    job = convolve_job_at(frame.convolve_job)
    job.x_row = op.d_row
    job.x_column = 1
    job.w_channel = kernel * kernel
    job.bias = frame.zeros
    job.bias_step = 0
    job.y_channel = x_channel
    job.y_row = width * stride
    job.y_column = stride
    job.channels = inputs
    job.tile_channels = op.back_channels
    job.tile_rows = op.back_rows
    job.tile_columns = op.back_columns
    job.run = op.back_run
    job.act = op.x_act
    job.mode = mode if stride == 1 else 0
    is_single = 1 - op.keeps_sums  # the sums of each block of images are added up at once
    for u in range(count):
        weight = op.weight + u * per_unit
        for b in range(blocks):
            job.mask = 1 if b == blocks - 1 else 0
            x = stage_inputs(op, frame, work, b, u)
            g = x
            for o in range(0, outputs, part):  # all at once if the input has a gradient
                chunk = min(part, outputs - o)
                g = stage_gradients(op, frame, work, b, u, o, chunk)
                add_weight_gradients(
                    op, frame, work, g, x, o, chunk, past(gradients, weight),
                    1 if b == 0 else is_single, 1 if b == blocks - 1 else is_single,
                )  # fmt: skip
            if xg < 0:
                continue
            first = u * inputs * x_channel
            into = on(work, xg + b * op.xg_block + first)
            z = on(work, op.x + b * op.x_block + first)
            raw = pointer(work, spare) if mode & t.ADD else into
            job.z = address(z)
            job.into = address(into)
            job.coef = op.x_coef + u * inputs
            job.w = address(past(weights, weight))
            if stride > 1:
                fill(raw, inputs * x_channel, zeros(work))
            for p in range(op.phase_count):
                phase = past(phases, op.phases + p)
                offset = phase.row * width + phase.column
                job.x = address(g)
                job.taps = frame.taps + 8 * phase.taps
                job.tap_count = phase.tap_count
                job.y = address(on(raw, offset))
                job.rows = phase.height
                job.columns = phase.width
                call(function, job, frame, work)
            if stride > 1 and mode:
                mask = mask_of(frame, work, b == blocks - 1)
                for i in range(inputs):
                    coef = op.x_coef + u * inputs + i
                    offset = i * x_channel
                    clear(accumulators, work)
                    pass_gradient(
                        on(raw, offset), on(into, offset), on(z, offset), x_channel, mode,
                        past(coefs, coef * t.COEF), op.x_act, accumulators,
                    )  # fmt: skip
                    add_lane_sums(accumulators, mask, past(float64s(frame.sums), 2 * coef))
