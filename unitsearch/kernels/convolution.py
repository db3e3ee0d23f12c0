"""Convolutions as blocks in -> out: a dense one is one block, a stack's layer one block a unit.

``convolve`` makes the outputs of one block for one block of images (and, with other taps, the
gradient of its input); the two operations around it stage planes and add weight gradients.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    clear,
    close_plane,
    drain,
    fill,
    high_of,
    inlined,
    low_of,
    mask_of,
    moments,
    settle,
    stage,
)
from unitsearch.kernels.tiles import SPACED, output_tile
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
    keys, run = integers(get(frame, t.F_OUTPUT_KEYS)), get(job, t.J_RUN)
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
                row_keys = past(
                    keys, (t.RUN_KEYS + run if run else some * t.KEY_ROWS + height) * t.KEY_COLUMNS
                )
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
    put(job, t.J_RUN, get(op, t.RUN))
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
