"""Linear layers, forward and backward: y[o] = bias[o] + Σ over inputs i of w[o, i] · x[i].

A linear layer runs as a convolution of 1 × 1 whose columns are the blocks of images, so that each
weight is read once for all blocks. Its input is staged as [feature][block]. A wide layer is run in
parts of its inputs, each of which fits in the nearest cache.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    add_lane_sums,
    clear,
    high_of,
    inlined,
    low_of,
    mask_of,
    norm_coefficients,
    norm_gradients,
    pass_gradient,
)
from unitsearch.kernels.records import convolve_job_at, correlate_job_at
from unitsearch.kernels.vectors import (
    add,
    address,
    call,
    clip,
    float64s,
    fma,
    get,
    int64s,
    load,
    number,
    on,
    past,
    pointer,
    put,
    spread,
    store,
    times,
    total,
    zeros,
)


@inlined
def stage_features(op: Any, frame: Any, work: Any, first: int, features: int) -> None:
    """Stage features of all blocks as [feature][block], norm and activation applied."""
    blocks, share, act = op.blocks, op.x_share, op.x_act
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    coef = op.x_coef + first // share
    coefs = past(pointer(work, frame.coefs), coef * t.COEF)
    s = on(work, op.s)
    for c in range(features // share):
        scale = spread(get(coefs, c * t.COEF + t.SCALE))
        shift = spread(get(coefs, c * t.COEF + t.SHIFT))
        for b in range(blocks):
            x = on(work, op.x + b * op.x_block + first + c * share)
            to = on(s, c * share * blocks + b)
            for i in range(share):
                store(to, i * blocks, clip(fma(load(x, i), scale, shift), low, high))


@inlined
def begin_job(op: Any, frame: Any, taps: int, tap_count: int, channels: int) -> Any:
    """Return a job of ``convolve`` whose columns are the blocks of images."""
    job = convolve_job_at(frame.convolve_job)
    job.x_row = 0
    job.x_column = 1
    job.taps = frame.taps + 8 * taps
    job.tap_count = tap_count
    job.y_channel = 1
    job.y_row = 0
    job.channels = channels
    job.rows = 1
    job.columns = op.blocks
    job.tile_rows = 1
    job.run = 0
    job.mode = 0
    job.mask = 0
    return job


def linear(op: Any, frame: Any, work: Any) -> None:
    """Apply ``count`` linear layers side by side to the whole batch: z, [block][output]."""
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    y, y_block, bias = op.y, op.y_block, op.bias
    weights = pointer(work, frame.weights)
    function = get(int64s(frame.kernels), t.CONVOLVE)
    part, sums = op.part, on(work, op.sums)
    for start in range(0, inputs, part):
        chunk = min(part, inputs - start)
        stage_features(op, frame, work, start, count * chunk)
        job = begin_job(op, frame, op.taps, chunk, outputs)
        job.w_channel = inputs
        job.y_channel = blocks
        job.y_column = 1
        job.y = address(sums)
        job.tile_channels = op.tile_channels
        job.tile_columns = op.tile_columns
        has_bias = bias >= 0 and start == 0
        job.bias_step = 1 if has_bias else 0
        for u in range(count):
            weight = op.weight + u * outputs * inputs + start
            job.x = address(on(work, op.s + u * inputs * blocks))
            job.w = address(past(weights, weight))
            if has_bias:
                job.bias = address(past(weights, bias + u * outputs))
            else:
                job.bias = frame.zeros
            call(function, job, frame, work)
            for b in range(blocks):
                to = y + b * y_block + u * outputs
                for o in range(outputs):
                    sum_ = load(sums, o * blocks + b)
                    store(work, to + o, sum_ if start == 0 else add(load(work, to + o), sum_))
    if op.norm:
        if frame.is_training:
            sums = past(float64s(frame.sums), op.y_coef * 2)
            for o in range(count * outputs):
                for b in range(blocks):
                    mask = mask_of(frame, work, b == blocks - 1)
                    value = load(work, y + b * y_block + o)
                    kept = times(value, mask)
                    put(sums, 2 * o, get(sums, 2 * o) + total(kept))
                    put(sums, 2 * o + 1, get(sums, 2 * o + 1) + total(times(value, kept)))
        norm_coefficients(op, frame, work, 1)


def linear_back(op: Any, frame: Any, work: Any) -> None:
    """Make the gradients of ``count`` linear layers side by side.

    dw[o, i] = Σ over images of dz[o] · x[i]; dx[i] = Σ over outputs of w[o, i] · dz[o].
    """
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    y, y_block, bias = op.y, op.y_block, op.bias
    gradients = pointer(work, frame.gradients)
    coefs = past(pointer(work, frame.coefs), op.y_coef * t.COEF)
    norm_gradients(op, frame, work, 1)
    d = on(work, op.d)
    for o in range(count * outputs):
        c1 = spread(get(coefs, o * t.COEF + t.C1))
        c2, c3 = spread(get(coefs, o * t.COEF + t.C2)), spread(get(coefs, o * t.COEF + t.C3))
        sum_ = zeros(work)
        for b in range(blocks):
            g = load(work, op.g + b * op.g_block + o)
            z = load(work, y + b * y_block + o)
            mask = mask_of(frame, work, b == blocks - 1)
            value = times(fma(g, c1, fma(z, c2, c3)), mask)
            sum_ = add(sum_, value)
            store(d, o * blocks + b, value)
        if bias >= 0 and not op.norm:
            put(gradients, bias + o, total(sum_))
    part = op.part
    for start in range(0, inputs, part):
        chunk = min(part, inputs - start)
        stage_features(op, frame, work, start, count * chunk)
        add_weight_gradients(op, frame, work, start, chunk)
        if op.xg >= 0:
            pass_to_input(op, frame, work, start, chunk)


@inlined
def add_weight_gradients(op: Any, frame: Any, work: Any, start: int, chunk: int) -> None:
    """Add the weight gradients of ``chunk`` inputs of each layer, from input ``start`` on."""
    blocks, inputs, outputs = op.blocks, op.inputs, op.outputs
    gradients = pointer(work, frame.gradients)
    job = correlate_job_at(frame.correlate_job)
    job.g_channel = blocks
    job.g_row = 0
    job.x_row = 0
    job.x_column = 1
    job.rows = 1
    job.columns = blocks
    job.channels = outputs
    job.out_channel = inputs
    job.groups = 1
    job.side = chunk
    job.side_step = blocks
    job.out_side = 1
    job.wide = 1
    job.sums = address(on(work, op.sums))
    job.sums_step = 0
    job.is_first = 1
    job.is_last = 1
    job.tile_channels = op.weight_outputs
    job.tile_rows = op.weight_rows
    job.tile_columns = 1
    function = get(int64s(frame.kernels), t.CORRELATE)
    for u in range(op.count):
        weight = op.weight + u * outputs * inputs + start
        job.x = address(on(work, op.s + u * inputs * blocks))
        job.g = address(on(work, op.d + u * outputs * blocks))
        job.out = address(past(gradients, weight))
        call(function, job, frame, work)


@inlined
def pass_to_input(op: Any, frame: Any, work: Any, start: int, chunk: int) -> None:
    """Pass the gradient to ``chunk`` inputs of each layer, from input ``start`` on."""
    blocks, count = op.blocks, op.count
    inputs, outputs = op.inputs, op.outputs
    weights = pointer(work, frame.weights)
    mode = op.xg_mode
    job = begin_job(op, frame, op.back_taps, outputs, chunk)
    job.w_channel = 1
    job.bias = frame.zeros
    job.bias_step = 0
    function = get(int64s(frame.kernels), t.CONVOLVE)
    raw = pointer(work, frame.spare) if mode & t.ADD else on(work, op.xg)
    raw_block = count * inputs if mode & t.ADD else op.xg_block
    job.y_column = raw_block
    job.tile_channels = op.back_channels
    job.tile_columns = op.back_columns
    for u in range(count):
        weight = op.weight + u * outputs * inputs + start
        job.x = address(on(work, op.d + u * outputs * blocks))
        job.w = address(past(weights, weight))
        job.y = address(on(raw, u * inputs + start))
        call(function, job, frame, work)
    if mode:
        share, sums = op.x_share, float64s(frame.sums)
        coefs = pointer(work, frame.coefs)
        accumulators = pointer(work, frame.accumulators)
        mask = mask_of(frame, work, False)  # gradients are 0 in lanes without an image
        for offset in range(start, start + count * chunk, share):
            coef = op.x_coef + offset // share
            for b in range(blocks):
                clear(accumulators, work)
                pass_gradient(
                    on(raw, b * raw_block + offset),
                    on(work, op.xg + b * op.xg_block + offset),
                    on(work, op.x + b * op.x_block + offset),
                    share, mode, past(coefs, coef * t.COEF), op.x_act, accumulators,
                )  # fmt: skip
                if mode & t.FINISH:
                    add_lane_sums(accumulators, mask, past(sums, 2 * coef))
