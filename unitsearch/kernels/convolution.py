"""Convolutions as blocks in -> out: a dense one is one block, a stack's layer one block a unit.

``convolve`` makes the outputs of one block for one block of images (and, with other taps, the
gradient of its input); the two operations around it stage planes and add weight gradients.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table as t
from unitsearch.kernels.norm import (
    clear,
    close_plane,
    drain,
    fill,
    gradient_row,
    high_of,
    inlined,
    low_of,
    mask_of,
    moments,
    settle,
    settle_back,
    stage,
)
from unitsearch.kernels.tiles import SPACED, output_tile, weight_tile
from unitsearch.kernels.vectors import (
    REGISTER_BYTES,
    address,
    call,
    doubles,
    get,
    integers,
    load,
    nothing,
    number,
    on,
    past,
    pointer,
    put,
    shorts,
    spread,
    store,
    times,
    total,
)

BAND_BYTES = 16_384  # outputs that are summed or masked while the nearest cache still holds them


def convolve(job: Any, frame: Any, work: Any) -> None:
    """Make the outputs of one block from one plane a channel, and what its mode asks for of them.

    Mode 0 stores; ``MOMENTS`` also adds Σ and Σ of squares to the channels' sums; ``FINISH`` and
    ``ADD`` hand a gradient on.
    """
    x = pointer(work, get(job, t.J_X))
    x_row, x_column = get(job, t.J_X_ROW), get(job, t.J_X_COLUMN)
    taps, tap_count = shorts(get(job, t.J_TAPS)), get(job, t.J_TAP_COUNT)
    w, w_channel = pointer(work, get(job, t.J_W)), get(job, t.J_W_CHANNEL)
    bias, bias_step = pointer(work, get(job, t.J_BIAS)), get(job, t.J_BIAS_STEP)
    y, y_channel = pointer(work, get(job, t.J_Y)), get(job, t.J_Y_CHANNEL)
    y_row, y_column = get(job, t.J_Y_ROW), get(job, t.J_Y_COLUMN)
    channels, rows, columns = get(job, t.J_CHANNELS), get(job, t.J_ROWS), get(job, t.J_COLUMNS)
    tile_channels, tile_rows = get(job, t.J_TILE_CHANNELS), get(job, t.J_TILE_ROWS)
    tile_columns, mode = get(job, t.J_TILE_COLUMNS), get(job, t.J_MODE)
    z, into = pointer(work, get(job, t.J_Z)), pointer(work, get(job, t.J_INTO))
    coef, act = get(job, t.J_COEF), get(job, t.J_ACT)
    keys = integers(get(frame, t.F_OUTPUT_KEYS))
    coefs = past(pointer(work, get(frame, t.F_COEFS)), coef * t.COEF)
    sums = past(doubles(get(frame, t.F_SUMS)), coef * 2)
    accumulators = pointer(work, get(frame, t.F_ACCUMULATORS))
    mask = mask_of(frame, work, get(job, t.J_MASK) != 0)
    spaced = SPACED if x_column != 1 else 0
    band = rows
    if mode:
        band = BAND_BYTES // (REGISTER_BYTES * columns * tile_channels) // tile_rows * tile_rows
        band = min(max(band, tile_rows), rows)
    for o in range(0, channels, tile_channels):
        some = min(tile_channels, channels - o)
        if mode & (t.MOMENTS | t.FINISH):
            for j in range(some):
                clear(on(accumulators, 2 * j), work)
        w_here = past(w, o * w_channel)
        bias_here = past(bias, o * bias_step)
        for start in range(0, rows, band):
            end = min(rows, start + band)
            for r in range(start, end, tile_rows):
                height = min(tile_rows, end - r)
                row_keys = past(keys, (some * t.KEY_ROWS + height) * t.KEY_COLUMNS)
                for c in range(0, columns, tile_columns):
                    width = min(tile_columns, columns - c)
                    to = on(y, o * y_channel + r * y_row + c * y_column)
                    output_tile(
                        get(row_keys, width) + spaced, on(x, r * x_row + c * x_column),
                        x_row, x_column, taps, tap_count, w_here, w_channel, bias_here, bias_step,
                        to if y_column == 1 else accumulators,
                        y_channel if y_column == 1 else height * width,
                        y_row if y_column == 1 else width,
                    )  # fmt: skip
                    if y_column != 1:  # a tile's columns lie side by side: take them apart
                        for j in range(some * height * width):
                            rest = j % (height * width)
                            at = j // (height * width) * y_channel + rest // width * y_row
                            store(to, at + rest % width * y_column, load(accumulators, j))
            if mode:
                at, count = start * y_row, (end - start) * y_row
                for j in range(some):
                    first = (o + j) * y_channel + at
                    if mode & t.MOMENTS:
                        moments(on(y, first), count, on(accumulators, 2 * j))
                    else:
                        close_plane(
                            on(y, first), on(into, first), on(z, first), count, mode,
                            past(coefs, (o + j) * t.COEF), act, on(accumulators, 2 * j),
                        )  # fmt: skip
        if mode & (t.MOMENTS | t.FINISH):
            for j in range(some):
                drain(on(accumulators, 2 * j), mask, past(sums, 2 * (o + j)))


@inlined
def pad_inputs(op: Any, frame: Any, work: Any) -> None:
    """Put zeros around where input planes will be staged: once, for all blocks and units."""
    if not get(op, t.IS_DIRECT):
        fill(on(work, get(op, t.S)), get(op, t.INPUTS) * get(op, t.S_CHANNEL), nothing(work))


@inlined
def stage_inputs(op: Any, frame: Any, work: Any, block: int, unit: int) -> Any:
    """Return where the input planes of one block and one unit lie, staged unless they lie right."""
    inputs, x_channel = get(op, t.INPUTS), get(op, t.X_CHANNEL)
    first = get(op, t.X) + block * get(op, t.X_BLOCK) + unit * inputs * x_channel
    if get(op, t.IS_DIRECT):
        return on(work, first)
    s, s_channel, act = get(op, t.S), get(op, t.S_CHANNEL), get(op, t.X_ACT)
    side, width = get(op, t.PADDING), get(op, t.X_WIDTH)
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    coefs = past(pointer(work, get(frame, t.F_COEFS)), (get(op, t.X_COEF) + unit * inputs) * t.COEF)
    for i in range(inputs):
        scale = spread(get(coefs, i * t.COEF + t.SCALE))
        shift = spread(get(coefs, i * t.COEF + t.SHIFT))
        stage(
            on(work, first + i * x_channel), get(op, t.X_HEIGHT), width,
            on(work, s + i * s_channel + side * (get(op, t.S_ROW) + 1)), get(op, t.S_ROW),
            scale, shift, low, high,
        )  # fmt: skip
    return on(work, s)


def convolution(op: Any, frame: Any, work: Any) -> None:
    """Convolve the whole batch; leave z and, with a norm, its coefficients."""
    blocks, count = get(op, t.BLOCKS), get(op, t.COUNT)
    inputs, outputs = get(op, t.INPUTS), get(op, t.OUTPUTS)
    kernel, stride = get(op, t.KERNEL), get(op, t.STRIDE)
    y_block, y_channel = get(op, t.Y_BLOCK), get(op, t.Y_CHANNEL)
    weights = pointer(work, get(frame, t.F_WEIGHTS))
    pad_inputs(op, frame, work)
    has_norm, bias = get(op, t.NORM), get(op, t.BIAS)
    function = get(integers(get(frame, t.F_KERNELS)), t.CONVOLVE)
    per_channel = inputs * kernel * kernel
    job = integers(get(frame, t.F_JOB))
    put(job, t.J_X_ROW, get(op, t.S_ROW) * stride)
    put(job, t.J_X_COLUMN, stride)
    put(job, t.J_TAPS, get(frame, t.F_TAPS) + 8 * get(op, t.TAPS))
    put(job, t.J_TAP_COUNT, get(op, t.TAP_COUNT))
    put(job, t.J_W_CHANNEL, per_channel)
    put(job, t.J_BIAS_STEP, 1 if bias >= 0 else 0)
    put(job, t.J_Y_CHANNEL, y_channel)
    put(job, t.J_Y_ROW, get(op, t.Y_WIDTH))
    put(job, t.J_Y_COLUMN, 1)
    put(job, t.J_CHANNELS, outputs)
    put(job, t.J_ROWS, get(op, t.Y_HEIGHT))
    put(job, t.J_COLUMNS, get(op, t.Y_WIDTH))
    put(job, t.J_TILE_CHANNELS, get(op, t.TILE_CHANNELS))
    put(job, t.J_TILE_ROWS, get(op, t.TILE_ROWS))
    put(job, t.J_TILE_COLUMNS, get(op, t.TILE_COLUMNS))
    put(job, t.J_MODE, t.MOMENTS if has_norm and get(frame, t.F_TRAINING) else 0)
    for b in range(blocks):
        put(job, t.J_MASK, 1 if b == blocks - 1 else 0)
        for u in range(count):
            x = stage_inputs(op, frame, work, b, u)
            put(job, t.J_X, address(x))
            put(job, t.J_W, address(past(weights, get(op, t.WEIGHT) + u * outputs * per_channel)))
            if bias >= 0:
                put(job, t.J_BIAS, address(past(weights, bias + u * outputs)))
            else:
                put(job, t.J_BIAS, get(frame, t.F_ZEROS))
            y = get(op, t.Y) + b * y_block + u * outputs * y_channel
            put(job, t.J_Y, address(on(work, y)))
            put(job, t.J_COEF, get(op, t.Y_COEF) + u * outputs)
            call(function, job, frame, work)
    if has_norm:
        settle(op, frame, work, get(op, t.Y_HEIGHT) * get(op, t.Y_WIDTH))


@inlined
def stage_gradients(op: Any, frame: Any, work: Any, block: int, unit: int) -> Any:
    """Return where the gradients of z lie, at the first pixel: staged unless they lie right."""
    outputs, y_channel = get(op, t.OUTPUTS), get(op, t.Y_CHANNEL)
    first = unit * outputs * y_channel
    g = get(op, t.G) + block * get(op, t.G_BLOCK) + first
    if get(op, t.IS_DIRECT_BACK):
        return on(work, g)
    z = get(op, t.Y) + block * get(op, t.Y_BLOCK) + first
    d, d_row, d_channel = get(op, t.D), get(op, t.D_ROW), get(op, t.D_CHANNEL)
    low, height, width = get(op, t.D_LOW), get(op, t.Y_HEIGHT), get(op, t.Y_WIDTH)
    coefs = past(
        pointer(work, get(frame, t.F_COEFS)), (get(op, t.Y_COEF) + unit * outputs) * t.COEF
    )
    mask = mask_of(frame, work, block == get(op, t.BLOCKS) - 1)
    corner = d + low * d_row + low
    for o in range(outputs):
        c1 = times(spread(get(coefs, o * t.COEF + t.C1)), mask)
        c2 = times(spread(get(coefs, o * t.COEF + t.C2)), mask)
        c3 = times(spread(get(coefs, o * t.COEF + t.C3)), mask)
        for y in range(height):
            at = o * y_channel + y * width
            to = on(work, corner + o * d_channel + y * d_row)
            gradient_row(on(work, g + at), on(work, z + at), to, width, c1, c2, c3)
    return on(work, corner)


def correlate(job: Any, frame: Any, work: Any) -> None:
    """Add the gradient of one block's weights, from one block of images."""
    x, g = pointer(work, get(job, t.J_X)), pointer(work, get(job, t.J_G))
    g_channel, g_row = get(job, t.J_G_CHANNEL), get(job, t.J_G_ROW)
    x_row, x_column = get(job, t.J_X_ROW), get(job, t.J_X_COLUMN)
    out, out_channel = pointer(work, get(job, t.J_OUT)), get(job, t.J_OUT_CHANNEL)
    out_group, out_side = get(job, t.J_OUT_GROUP), get(job, t.J_OUT_SIDE)
    group, side, side_step = get(job, t.J_GROUP), get(job, t.J_SIDE), get(job, t.J_SIDE_STEP)
    wide, channels = get(job, t.J_WIDE), get(job, t.J_CHANNELS)
    height, width = get(job, t.J_ROWS), get(job, t.J_COLUMNS)
    tile_channels, tile_rows = get(job, t.J_TILE_CHANNELS), get(job, t.J_TILE_ROWS)
    tile_columns = get(job, t.J_TILE_COLUMNS)
    keys = integers(get(frame, t.F_WEIGHT_KEYS))
    sums = pointer(work, get(frame, t.F_ACCUMULATORS))
    for o in range(0, channels, tile_channels):
        some = min(tile_channels, channels - o)
        for i in range(get(job, t.J_GROUPS)):
            for a in range(0, side, tile_rows):
                rows = min(tile_rows, side - a)
                for b in range(0, wide, tile_columns):
                    columns = min(tile_columns, wide - b)
                    weight_tile(
                        get(keys, (some * 8 + rows) * 8 + columns),
                        on(g, o * g_channel), g_channel, g_row,
                        on(x, i * group + a * side_step + b), side_step, x_row, x_column,
                        height, width, sums,
                    )  # fmt: skip
                    at = 0
                    for oo in range(some):
                        for aa in range(rows):
                            to = (o + oo) * out_channel + i * out_group + (a + aa) * out_side + b
                            for bb in range(columns):
                                value = get(out, to + bb) + total(load(sums, at))
                                put(out, to + bb, value)
                                at += 1


@inlined
def add_weight_gradients(op: Any, frame: Any, work: Any, g: Any, x: Any, out: Any) -> None:
    """Add one block's share of the gradient of one unit's weights to ``out``."""
    inputs, kernel, stride = get(op, t.INPUTS), get(op, t.KERNEL), get(op, t.STRIDE)
    s_row, s_channel = get(op, t.S_ROW), get(op, t.S_CHANNEL)
    is_point = kernel == 1  # then the rows of a tile are input channels
    job = past(integers(get(frame, t.F_JOB)), t.JOB)
    put(job, t.J_X, address(x))
    put(job, t.J_G, address(g))
    put(job, t.J_OUT, address(out))
    put(job, t.J_G_CHANNEL, get(op, t.D_CHANNEL))
    put(job, t.J_G_ROW, get(op, t.D_ROW))
    put(job, t.J_X_ROW, s_row * stride)
    put(job, t.J_X_COLUMN, stride)
    put(job, t.J_ROWS, get(op, t.Y_HEIGHT))
    put(job, t.J_COLUMNS, get(op, t.Y_WIDTH))
    put(job, t.J_CHANNELS, get(op, t.OUTPUTS))
    put(job, t.J_OUT_CHANNEL, inputs * kernel * kernel)
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
    settle_back(op, frame, work, get(op, t.Y_HEIGHT) * get(op, t.Y_WIDTH))
    pad_inputs(op, frame, work)
    if not get(op, t.IS_DIRECT_BACK):
        fill(on(work, get(op, t.D)), outputs * get(op, t.D_CHANNEL), nothing(work))
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
    put(job, t.J_ACT, get(op, t.X_ACT))
    put(job, t.J_MODE, mode if stride == 1 else 0)
    for b in range(blocks):
        put(job, t.J_MASK, 1 if b == blocks - 1 else 0)
        for u in range(count):
            g = stage_gradients(op, frame, work, b, u)
            x = stage_inputs(op, frame, work, b, u)
            weight = get(op, t.WEIGHT) + u * per_unit
            add_weight_gradients(op, frame, work, g, x, past(gradients, weight))
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
