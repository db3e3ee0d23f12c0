"""Convolutions, forward.

    y[o] = bias[o] + Σ over input channels i and taps (a, b) of w[o, i, a, b] · x[i], shifted

A layer is ``count`` independent units of ``inputs`` -> ``outputs`` channels: a dense convolution is
one unit, a grouped one has a unit for each group, and a layer of a stack one for each unit.
``convolve`` makes the outputs of one unit for one block of images; with other taps it makes the
gradient of the unit's input. ``convolution`` calls it for all units and blocks, and stages its
input: a copy with padding, norm and activation applied, small enough for the nearest cache.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    add_lane_sums,
    clear,
    fill,
    high_of,
    inlined,
    low_of,
    mask_of,
    moments,
    norm_coefficients,
    pass_gradient,
    stage,
)
from unitsearch.kernels.records import convolve_job_at
from unitsearch.kernels.tiles import SPACED, output_tile
from unitsearch.kernels.vectors import (
    REGISTER_BYTES,
    address,
    call,
    float64s,
    get,
    int32s,
    int64s,
    load,
    number,
    on,
    past,
    pointer,
    spread,
    store,
    zeros,
)

BAND_BYTES = 16_384  # outputs that are summed or masked while the nearest cache holds them


def convolve(job: Any, frame: Any, work: Any) -> None:
    """Make the output planes of one unit, tile by tile, from one plane for each input channel.

    y[o] = bias[o] + Σ over taps of w[o, tap] · x[tap]. Mode 0 only stores. ``MOMENTS`` also adds
    Σ y and Σ y² to the channels' sums, for a batch norm. ``FINISH`` and ``ADD`` take y for a
    gradient and pass it to ``into``: see ``norm.pass_gradient``.
    """
    x = pointer(work, job.x)
    x_row, x_column = job.x_row, job.x_column
    taps, tap_count = int32s(job.taps), job.tap_count
    w, w_channel = pointer(work, job.w), job.w_channel
    bias, bias_step = pointer(work, job.bias), job.bias_step
    y, y_channel = pointer(work, job.y), job.y_channel
    y_row, y_column = job.y_row, job.y_column
    channels, rows, columns = job.channels, job.rows, job.columns
    tile_channels, tile_rows = job.tile_channels, job.tile_rows
    tile_columns, mode = job.tile_columns, job.mode
    z, into = pointer(work, job.z), pointer(work, job.into)
    coef, act = job.coef, job.act
    keys, run = int64s(frame.output_keys), job.run
    coefs = past(pointer(work, frame.coefs), coef * t.COEF)
    sums = past(float64s(frame.sums), coef * 2)
    accumulators = pointer(work, frame.accumulators)
    mask = mask_of(frame, work, job.mask != 0)
    spaced = SPACED if x_column != 1 else 0
    band = rows
    if mode:
        band = BAND_BYTES // (REGISTER_BYTES * columns * tile_channels) // tile_rows * tile_rows
        band = min(max(band, tile_rows), rows)
    for o in range(0, channels, tile_channels):
        chunk = min(tile_channels, channels - o)
        if mode & (t.MOMENTS | t.FINISH):
            for j in range(chunk):
                clear(on(accumulators, 2 * j), work)
        w_here = past(w, o * w_channel)
        bias_here = past(bias, o * bias_step)
        for start in range(0, rows, band):
            end = min(rows, start + band)
            for r in range(start, end, tile_rows):
                height = min(tile_rows, end - r)
                row_keys = past(
                    keys, (t.RUN_KEYS + run if run else chunk * t.KEY_ROWS + height) * t.KEY_COLUMNS
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
                    if y_column != 1:  # the tile wrote its columns side by side: space them
                        for j in range(chunk * height * width):
                            rest = j % (height * width)
                            offset = j // (height * width) * y_channel + rest // width * y_row
                            store(to, offset + rest % width * y_column, load(accumulators, j))
            if mode:
                offset, count = start * y_row, (end - start) * y_row
                for j in range(chunk):
                    first = (o + j) * y_channel + offset
                    if mode & t.MOMENTS:
                        moments(on(y, first), count, on(accumulators, 2 * j))
                    else:
                        pass_gradient(
                            on(y, first), on(into, first), on(z, first), count, mode,
                            past(coefs, (o + j) * t.COEF), act, on(accumulators, 2 * j),
                        )  # fmt: skip
        if mode & (t.MOMENTS | t.FINISH):
            for j in range(chunk):
                add_lane_sums(on(accumulators, 2 * j), mask, past(sums, 2 * (o + j)))


@inlined
def pad_inputs(op: Any, frame: Any, work: Any) -> None:
    """Fill the staging buffer with zeros: once, as staging never writes its padding."""
    if not op.is_direct:
        fill(on(work, op.s), op.inputs * op.s_channel, zeros(work))


@inlined
def stage_inputs(op: Any, frame: Any, work: Any, block: int, unit: int) -> Any:
    """Return a pointer to the input planes of one block and unit, staged if they need it."""
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
    """Convolve the whole batch: z, [block][channel][row][column], and the norm's coefficients."""
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    kernel, stride = op.kernel, op.stride
    y_block, y_channel = op.y_block, op.y_channel
    weights = pointer(work, frame.weights)
    pad_inputs(op, frame, work)
    has_norm, bias = op.norm, op.bias
    function = get(int64s(frame.kernels), t.CONVOLVE)
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
        norm_coefficients(op, frame, work, op.y_height * op.y_width)
