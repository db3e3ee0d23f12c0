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
from unitsearch.kernels.records import convolve_job_at
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
    x = pointer(work, job.x)
    x_row, x_column = job.x_row, job.x_column
    taps, tap_count = shorts(job.taps), job.tap_count
    w, w_channel = pointer(work, job.w), job.w_channel
    bias, bias_step = pointer(work, job.bias), job.bias_step
    y, y_channel = pointer(work, job.y), job.y_channel
    y_row, y_column = job.y_row, job.y_column
    channels, rows, columns = job.channels, job.rows, job.columns
    tile_channels, tile_rows = job.tile_channels, job.tile_rows
    tile_columns, mode = job.tile_columns, job.mode
    z, into = pointer(work, job.z), pointer(work, job.into)
    coef, act = job.coef, job.act
    keys, run = integers(frame.output_keys), job.run
    coefs = past(pointer(work, frame.coefs), coef * t.COEF)
    sums = past(doubles(frame.sums), coef * 2)
    accumulators = pointer(work, frame.accumulators)
    mask = mask_of(frame, work, job.mask != 0)
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
    if not op.is_direct:
        fill(on(work, op.s), op.inputs * op.s_channel, nothing(work))


@inlined
def stage_inputs(op: Any, frame: Any, work: Any, block: int, unit: int) -> Any:
    """Return where the input planes of one block and one unit lie, staged unless they lie right."""
    inputs, x_channel = op.inputs, op.x_channel
    first = op.x + block * op.x_block + unit * inputs * x_channel
    if op.is_direct:
        return on(work, first)
    s, s_channel, act = op.s, op.s_channel, op.x_act
    side, width = op.padding, op.x_width
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    coefs = past(pointer(work, frame.coefs), (op.x_coef + unit * inputs) * t.COEF)
    for i in range(inputs):
        scale = spread(get(coefs, i * t.COEF + t.SCALE))
        shift = spread(get(coefs, i * t.COEF + t.SHIFT))
        stage(
            on(work, first + i * x_channel), op.x_height, width,
            on(work, s + i * s_channel + side * (op.s_row + 1)), op.s_row,
            scale, shift, low, high,
        )  # fmt: skip
    return on(work, s)


def convolution(op: Any, frame: Any, work: Any) -> None:
    """Convolve the whole batch; leave z and, with a norm, its coefficients."""
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    kernel, stride = op.kernel, op.stride
    y_block, y_channel = op.y_block, op.y_channel
    weights = pointer(work, frame.weights)
    pad_inputs(op, frame, work)
    has_norm, bias = op.norm, op.bias
    function = get(integers(frame.kernels), t.CONVOLVE)
    per_channel = inputs * kernel * kernel
    job = convolve_job_at(frame.convolve_job)
    job.x_row = op.s_row * stride
    job.x_column = stride
    job.taps = frame.taps + 8 * op.taps
    job.tap_count = op.tap_count
    job.w_channel = per_channel
    job.bias_step = 1 if bias >= 0 else 0
    job.y_channel = y_channel
    job.y_row = op.y_width
    job.y_column = 1
    job.channels = outputs
    job.rows = op.y_height
    job.columns = op.y_width
    job.tile_channels = op.tile_channels
    job.tile_rows = op.tile_rows
    job.tile_columns = op.tile_columns
    job.run = op.run
    job.mode = t.MOMENTS if has_norm and frame.is_training else 0
    for b in range(blocks):
        job.mask = 1 if b == blocks - 1 else 0
        for u in range(count):
            x = stage_inputs(op, frame, work, b, u)
            job.x = address(x)
            job.w = address(past(weights, op.weight + u * outputs * per_channel))
            if bias >= 0:
                job.bias = address(past(weights, bias + u * outputs))
            else:
                job.bias = frame.zeros
            y = op.y + b * y_block + u * outputs * y_channel
            job.y = address(on(work, y))
            job.coef = op.y_coef + u * outputs
            call(function, job, frame, work)
    if has_norm:
        settle(op, frame, work, op.y_height * op.y_width)
