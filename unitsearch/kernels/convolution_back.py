"""The way back through convolutions: gradients of weights, and of the input.

The gradient of z is staged one unit and one block of images at a time: from the gradient of the
outputs or, behind a max pooling, of the maxima alone.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.convolution import pad_inputs, stage_inputs
from unitsearch.kernels.maxima import gradient_of_maxima, sign_of
from unitsearch.kernels.norm import (
    clear,
    close_plane,
    drain,
    fill,
    gradient_row,
    inlined,
    mask_of,
    settle_back,
)
from unitsearch.kernels.tiles import weight_tile
from unitsearch.kernels.vectors import (
    address,
    call,
    doubles,
    get,
    integers,
    load,
    nothing,
    on,
    past,
    pointer,
    put,
    spread,
    times,
    total,
)


@inlined
def stage_gradients(
    op: Any, frame: Any, work: Any, block: int, unit: int, start: int, some: int
) -> Any:
    """Return where the gradients of some channels' z lie: staged unless they lie right."""
    y_channel, first = get(op, t.Y_CHANNEL), unit * get(op, t.OUTPUTS) + start
    kernel, stride = get(op, t.POOL_KERNEL), get(op, t.POOL_STRIDE)
    g_height, g_width = get(op, t.POOL_HEIGHT), get(op, t.POOL_WIDTH)
    g_channel = g_height * g_width if kernel else y_channel
    at = block * get(op, t.G_BLOCK) + first * g_channel
    g, kept = get(op, t.G) + at, get(op, t.POOLED) + at
    if get(op, t.IS_DIRECT_BACK):
        return on(work, g)
    scratch = on(work, get(op, t.S) + get(op, t.INPUTS) * get(op, t.S_CHANNEL))
    z = get(op, t.Y) + block * get(op, t.Y_BLOCK) + first * y_channel
    d, d_row, d_channel = get(op, t.D), get(op, t.D_ROW), get(op, t.D_CHANNEL)
    low, height, width = get(op, t.D_LOW), get(op, t.Y_HEIGHT), get(op, t.Y_WIDTH)
    coefs = past(pointer(work, get(frame, t.F_COEFS)), (get(op, t.Y_COEF) + first) * t.COEF)
    mask = mask_of(frame, work, block == get(op, t.BLOCKS) - 1)
    corner = d + low * d_row + low
    for o in range(some):
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
            at = o * y_channel + y * width
            to = on(work, corner + o * d_channel + y * d_row)
            gradient_row(on(work, g + at), on(work, z + at), to, width, c1, c2, c3)
    return on(work, corner)


def correlate(job: Any, frame: Any, work: Any) -> None:
    """Add the gradient of one block's weights, from one block of images.

    The sums of each lane are kept apart, tile by tile, until all images are through; then the last
    call of the job adds them up.
    """
    x, g = pointer(work, get(job, t.J_X)), pointer(work, get(job, t.J_G))
    g_channel, g_row = get(job, t.J_G_CHANNEL), get(job, t.J_G_ROW)
    x_row, x_column = get(job, t.J_X_ROW), get(job, t.J_X_COLUMN)
    out, out_channel = pointer(work, get(job, t.J_OUT)), get(job, t.J_OUT_CHANNEL)
    out_group, out_side = get(job, t.J_OUT_GROUP), get(job, t.J_OUT_SIDE)
    groups, group = get(job, t.J_GROUPS), get(job, t.J_GROUP)
    side, side_step = get(job, t.J_SIDE), get(job, t.J_SIDE_STEP)
    wide, channels = get(job, t.J_WIDE), get(job, t.J_CHANNELS)
    height, width = get(job, t.J_ROWS), get(job, t.J_COLUMNS)
    tile_channels, tile_rows = get(job, t.J_TILE_CHANNELS), get(job, t.J_TILE_ROWS)
    tile_columns = get(job, t.J_TILE_COLUMNS)
    keys = integers(get(frame, t.F_WEIGHT_KEYS))
    sums, step = pointer(work, get(job, t.J_SUMS)), get(job, t.J_SUMS_STEP)
    is_first, is_last = get(job, t.J_IS_FIRST), get(job, t.J_IS_LAST)
    for o in range(0, channels, tile_channels):
        some = min(tile_channels, channels - o)
        first = o * groups * side * wide * step
        if is_first:
            fill(on(sums, first), some * groups * side * wide, nothing(work))
        at = first
        for i in range(groups):
            for a in range(0, side, tile_rows):
                taps = min(tile_rows, side - a)
                for b in range(0, wide, tile_columns):
                    columns = min(tile_columns, wide - b)
                    weight_tile(
                        get(keys, (some * 8 + taps) * 8 + columns),
                        on(g, o * g_channel), g_channel, g_row,
                        on(x, i * group + a * side_step + b), side_step, x_row, x_column,
                        height, width, on(sums, at),
                    )  # fmt: skip
                    at += some * taps * columns
        if is_last:
            at = first
            for i in range(groups):
                for a in range(0, side, tile_rows):
                    taps = min(tile_rows, side - a)
                    for b in range(0, wide, tile_columns):
                        columns = min(tile_columns, wide - b)
                        for oo in range(some):
                            for aa in range(taps):
                                to = (o + oo) * out_channel + i * out_group + (a + aa) * out_side
                                for bb in range(b, b + columns):
                                    put(out, to + bb, get(out, to + bb) + total(load(sums, at)))
                                    at += 1


@inlined
def add_weight_gradients(
    op: Any, frame: Any, work: Any, g: Any, x: Any, start: int, some: int, out: Any,
    is_first: int, is_last: int,
) -> None:  # fmt: skip
    """Add one block's share of the gradient of some channels' weights to those of a unit."""
    inputs, kernel, stride = get(op, t.INPUTS), get(op, t.KERNEL), get(op, t.STRIDE)
    per_channel, keeps = inputs * kernel * kernel, get(op, t.KEEPS_SUMS)
    s_row, s_channel = get(op, t.S_ROW), get(op, t.S_CHANNEL)
    is_point = kernel == 1  # then the rows of a tile are input channels
    job = past(integers(get(frame, t.F_JOB)), t.JOB)
    put(job, t.J_X, address(x))
    put(job, t.J_G, address(g))
    put(job, t.J_OUT, address(past(out, start * per_channel)))
    put(job, t.J_SUMS, address(on(work, get(op, t.SUMS) + start * per_channel * keeps)))
    put(job, t.J_SUMS_STEP, keeps)
    put(job, t.J_IS_FIRST, is_first)
    put(job, t.J_IS_LAST, is_last)
    put(job, t.J_G_CHANNEL, get(op, t.D_CHANNEL))
    put(job, t.J_G_ROW, get(op, t.D_ROW))
    put(job, t.J_X_ROW, s_row * stride)
    put(job, t.J_X_COLUMN, stride)
    put(job, t.J_ROWS, get(op, t.Y_HEIGHT))
    put(job, t.J_COLUMNS, get(op, t.Y_WIDTH))
    put(job, t.J_CHANNELS, some)
    put(job, t.J_OUT_CHANNEL, per_channel)
    put(job, t.J_GROUPS, 1 if is_point else inputs)
    put(job, t.J_GROUP, s_channel)
    put(job, t.J_OUT_GROUP, kernel * kernel)
    put(job, t.J_SIDE, inputs if is_point else kernel)
    put(job, t.J_SIDE_STEP, s_channel if is_point else s_row)
    put(job, t.J_OUT_SIDE, kernel)
    put(job, t.J_WIDE, kernel)
    put(job, t.J_TILE_CHANNELS, get(op, t.WEIGHT_OUTPUTS))
    put(job, t.J_TILE_ROWS, get(op, t.WEIGHT_ROWS))
    put(job, t.J_TILE_COLUMNS, get(op, t.WEIGHT_COLUMNS))
    call(get(integers(get(frame, t.F_KERNELS)), t.CORRELATE), job, frame, work)


def convolution_back(op: Any, frame: Any, work: Any) -> None:
    """Make the gradients of a convolution's weights and, where it is asked for, of its input."""
    blocks, count = get(op, t.BLOCKS), get(op, t.COUNT)
    inputs, outputs = get(op, t.INPUTS), get(op, t.OUTPUTS)
    kernel, stride = get(op, t.KERNEL), get(op, t.STRIDE)
    weights = pointer(work, get(frame, t.F_WEIGHTS))
    gradients = pointer(work, get(frame, t.F_GRADIENTS))
    function = get(integers(get(frame, t.F_KERNELS)), t.CONVOLVE)
    width, x_channel = get(op, t.X_WIDTH), get(op, t.X_CHANNEL)
    mode, xg = get(op, t.XG_MODE), get(op, t.XG)
    spare = get(frame, t.F_SPARE)
    coefs = pointer(work, get(frame, t.F_COEFS))
    accumulators = pointer(work, get(frame, t.F_ACCUMULATORS))
    phases = integers(get(frame, t.F_PHASES))
    per_unit = outputs * inputs * kernel * kernel
    part = get(op, t.PART)
    settle_back(op, frame, work, get(op, t.Y_HEIGHT) * get(op, t.Y_WIDTH))
    pad_inputs(op, frame, work)
    if not get(op, t.IS_DIRECT_BACK):
        fill(on(work, get(op, t.D)), part * get(op, t.D_CHANNEL), nothing(work))
    job = integers(get(frame, t.F_JOB))
    put(job, t.J_X_ROW, get(op, t.D_ROW))
    put(job, t.J_X_COLUMN, 1)
    put(job, t.J_W_CHANNEL, kernel * kernel)
    put(job, t.J_BIAS, get(frame, t.F_ZEROS))
    put(job, t.J_BIAS_STEP, 0)
    put(job, t.J_Y_CHANNEL, x_channel)
    put(job, t.J_Y_ROW, width * stride)
    put(job, t.J_Y_COLUMN, stride)
    put(job, t.J_CHANNELS, inputs)
    put(job, t.J_TILE_CHANNELS, get(op, t.BACK_CHANNELS))
    put(job, t.J_TILE_ROWS, get(op, t.BACK_ROWS))
    put(job, t.J_TILE_COLUMNS, get(op, t.BACK_COLUMNS))
    put(job, t.J_RUN, get(op, t.BACK_RUN))
    put(job, t.J_ACT, get(op, t.X_ACT))
    put(job, t.J_MODE, mode if stride == 1 else 0)
    drains = 1 - get(op, t.KEEPS_SUMS)  # after each block of images
    for u in range(count):
        weight = get(op, t.WEIGHT) + u * per_unit
        for b in range(blocks):
            put(job, t.J_MASK, 1 if b == blocks - 1 else 0)
            x = stage_inputs(op, frame, work, b, u)
            g = x
            for o in range(0, outputs, part):  # all at once if the input wants its gradient
                some = min(part, outputs - o)
                g = stage_gradients(op, frame, work, b, u, o, some)
                add_weight_gradients(
                    op, frame, work, g, x, o, some, past(gradients, weight),
                    1 if b == 0 else drains, 1 if b == blocks - 1 else drains,
                )  # fmt: skip
            if xg < 0:
                continue
            first = u * inputs * x_channel
            into = on(work, xg + b * get(op, t.XG_BLOCK) + first)
            z = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + first)
            raw = pointer(work, spare) if mode & t.ADD else into
            put(job, t.J_Z, address(z))
            put(job, t.J_INTO, address(into))
            put(job, t.J_COEF, get(op, t.X_COEF) + u * inputs)
            put(job, t.J_W, address(past(weights, weight)))
            if stride > 1:
                fill(raw, inputs * x_channel, nothing(work))
            for p in range(get(op, t.PHASE_COUNT)):
                phase = past(phases, (get(op, t.PHASES) + p) * t.PHASE)
                at = get(phase, t.PHASE_ROW) * width + get(phase, t.PHASE_COLUMN)
                put(job, t.J_X, address(g))
                put(job, t.J_TAPS, get(frame, t.F_TAPS) + 8 * get(phase, t.PHASE_TAPS))
                put(job, t.J_TAP_COUNT, get(phase, t.PHASE_TAP_COUNT))
                put(job, t.J_Y, address(on(raw, at)))
                put(job, t.J_ROWS, get(phase, t.PHASE_HEIGHT))
                put(job, t.J_COLUMNS, get(phase, t.PHASE_WIDTH))
                call(function, job, frame, work)
            if stride > 1 and mode:
                mask = mask_of(frame, work, b == blocks - 1)
                for i in range(inputs):
                    coef = get(op, t.X_COEF) + u * inputs + i
                    at = i * x_channel
                    clear(accumulators, work)
                    close_plane(
                        on(raw, at), on(into, at), on(z, at), x_channel, mode,
                        past(coefs, coef * t.COEF), get(op, t.X_ACT), accumulators,
                    )  # fmt: skip
                    drain(accumulators, mask, past(doubles(get(frame, t.F_SUMS)), 2 * coef))
