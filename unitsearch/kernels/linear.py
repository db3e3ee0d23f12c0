"""Linear layers.

A linear layer is a convolution of single pixels; its row of pixels is the row of image blocks, so
that a weight that is read once serves all of them. A wide one is worked through in parts of its
inputs, each of which the near cache holds.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    clear,
    close_plane,
    drain,
    high_of,
    inlined,
    low_of,
    mask_of,
    settle,
    settle_back,
)
from unitsearch.kernels.vectors import (
    add,
    address,
    call,
    clip,
    doubles,
    fma,
    get,
    integers,
    load,
    nothing,
    number,
    on,
    past,
    pointer,
    put,
    spread,
    store,
    times,
    total,
)


@inlined
def stage_features(op: Any, frame: Any, work: Any, first: int, features: int) -> None:
    """Put features of all blocks side by side: [feature][block], norm and activation applied."""
    blocks, share, act = get(op, t.BLOCKS), get(op, t.X_SHARE), get(op, t.X_ACT)
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    coef = get(op, t.X_COEF) + first // share
    coefs = past(pointer(work, get(frame, t.F_COEFS)), coef * t.COEF)
    s = on(work, get(op, t.S))
    for c in range(features // share):
        scale = spread(get(coefs, c * t.COEF + t.SCALE))
        shift = spread(get(coefs, c * t.COEF + t.SHIFT))
        for b in range(blocks):
            x = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + first + c * share)
            to = on(s, c * share * blocks + b)
            for i in range(share):
                store(to, i * blocks, clip(fma(load(x, i), scale, shift), low, high))


@inlined
def begin_job(op: Any, frame: Any, taps: int, tap_count: int, channels: int) -> Any:
    """Return a job of ``convolve`` whose row of pixels is the row of blocks."""
    job = integers(get(frame, t.F_JOB))
    put(job, t.J_X_ROW, 0)
    put(job, t.J_X_COLUMN, 1)
    put(job, t.J_TAPS, get(frame, t.F_TAPS) + 8 * taps)
    put(job, t.J_TAP_COUNT, tap_count)
    put(job, t.J_Y_CHANNEL, 1)
    put(job, t.J_Y_ROW, 0)
    put(job, t.J_CHANNELS, channels)
    put(job, t.J_ROWS, 1)
    put(job, t.J_COLUMNS, get(op, t.BLOCKS))
    put(job, t.J_TILE_ROWS, 1)
    put(job, t.J_RUN, 0)
    put(job, t.J_MODE, 0)
    put(job, t.J_MASK, 0)
    return job


def linear(op: Any, frame: Any, work: Any) -> None:
    """Apply linear layers side by side to the whole batch."""
    blocks, count = get(op, t.BLOCKS), get(op, t.COUNT)
    inputs, outputs = get(op, t.INPUTS), get(op, t.OUTPUTS)
    y, y_block, bias = get(op, t.Y), get(op, t.Y_BLOCK), get(op, t.BIAS)
    weights = pointer(work, get(frame, t.F_WEIGHTS))
    function = get(integers(get(frame, t.F_KERNELS)), t.CONVOLVE)
    part, sums = get(op, t.PART), on(work, get(op, t.SUMS))
    for start in range(0, inputs, part):
        some = min(part, inputs - start)
        stage_features(op, frame, work, start, count * some)
        job = begin_job(op, frame, get(op, t.TAPS), some, outputs)
        put(job, t.J_W_CHANNEL, inputs)
        put(job, t.J_Y_CHANNEL, blocks)
        put(job, t.J_Y_COLUMN, 1)
        put(job, t.J_Y, address(sums))
        put(job, t.J_TILE_CHANNELS, get(op, t.TILE_CHANNELS))
        put(job, t.J_TILE_COLUMNS, get(op, t.TILE_COLUMNS))
        has_bias = bias >= 0 and start == 0
        put(job, t.J_BIAS_STEP, 1 if has_bias else 0)
        for u in range(count):
            weight = get(op, t.WEIGHT) + u * outputs * inputs + start
            put(job, t.J_X, address(on(work, get(op, t.S) + u * inputs * blocks)))
            put(job, t.J_W, address(past(weights, weight)))
            if has_bias:
                put(job, t.J_BIAS, address(past(weights, bias + u * outputs)))
            else:
                put(job, t.J_BIAS, get(frame, t.F_ZEROS))
            call(function, job, frame, work)
            for b in range(blocks):
                to = y + b * y_block + u * outputs
                for o in range(outputs):
                    sum_ = load(sums, o * blocks + b)
                    store(work, to + o, sum_ if start == 0 else add(load(work, to + o), sum_))
    if get(op, t.NORM):
        if get(frame, t.F_TRAINING):
            sums = past(doubles(get(frame, t.F_SUMS)), get(op, t.Y_COEF) * 2)
            for o in range(count * outputs):
                for b in range(blocks):
                    mask = mask_of(frame, work, b == blocks - 1)
                    value = load(work, y + b * y_block + o)
                    kept = times(value, mask)
                    put(sums, 2 * o, get(sums, 2 * o) + total(kept))
                    put(sums, 2 * o + 1, get(sums, 2 * o + 1) + total(times(value, kept)))
        settle(op, frame, work, 1)


def linear_back(op: Any, frame: Any, work: Any) -> None:
    """Make the gradients of linear layers side by side."""
    blocks, count = get(op, t.BLOCKS), get(op, t.COUNT)
    inputs, outputs = get(op, t.INPUTS), get(op, t.OUTPUTS)
    y, y_block, bias = get(op, t.Y), get(op, t.Y_BLOCK), get(op, t.BIAS)
    gradients = pointer(work, get(frame, t.F_GRADIENTS))
    coefs = past(pointer(work, get(frame, t.F_COEFS)), get(op, t.Y_COEF) * t.COEF)
    settle_back(op, frame, work, 1)
    d = on(work, get(op, t.D))
    for o in range(count * outputs):
        c1 = spread(get(coefs, o * t.COEF + t.C1))
        c2, c3 = spread(get(coefs, o * t.COEF + t.C2)), spread(get(coefs, o * t.COEF + t.C3))
        sum_ = nothing(work)
        for b in range(blocks):
            g = load(work, get(op, t.G) + b * get(op, t.G_BLOCK) + o)
            z = load(work, y + b * y_block + o)
            mask = mask_of(frame, work, b == blocks - 1)
            value = times(fma(g, c1, fma(z, c2, c3)), mask)
            sum_ = add(sum_, value)
            store(d, o * blocks + b, value)
        if bias >= 0 and not get(op, t.NORM):
            put(gradients, bias + o, total(sum_))
    part = get(op, t.PART)
    for start in range(0, inputs, part):
        some = min(part, inputs - start)
        stage_features(op, frame, work, start, count * some)
        add_weight_gradients(op, frame, work, start, some)
        if get(op, t.XG) >= 0:
            hand_back(op, frame, work, start, some)


@inlined
def add_weight_gradients(op: Any, frame: Any, work: Any, start: int, some: int) -> None:
    """Add the gradients of the weights of ``some`` inputs of each layer."""
    blocks, inputs, outputs = get(op, t.BLOCKS), get(op, t.INPUTS), get(op, t.OUTPUTS)
    gradients = pointer(work, get(frame, t.F_GRADIENTS))
    job = past(integers(get(frame, t.F_JOB)), t.JOB)
    put(job, t.J_G_CHANNEL, blocks)
    put(job, t.J_G_ROW, 0)
    put(job, t.J_X_ROW, 0)
    put(job, t.J_X_COLUMN, 1)
    put(job, t.J_ROWS, 1)
    put(job, t.J_COLUMNS, blocks)
    put(job, t.J_CHANNELS, outputs)
    put(job, t.J_OUT_CHANNEL, inputs)
    put(job, t.J_GROUPS, 1)
    put(job, t.J_SIDE, some)
    put(job, t.J_SIDE_STEP, blocks)
    put(job, t.J_OUT_SIDE, 1)
    put(job, t.J_WIDE, 1)
    put(job, t.J_SUMS, address(on(work, get(op, t.SUMS))))
    put(job, t.J_SUMS_STEP, 0)
    put(job, t.J_IS_FIRST, 1)
    put(job, t.J_IS_LAST, 1)
    put(job, t.J_TILE_CHANNELS, get(op, t.WEIGHT_OUTPUTS))
    put(job, t.J_TILE_ROWS, get(op, t.WEIGHT_ROWS))
    put(job, t.J_TILE_COLUMNS, 1)
    function = get(integers(get(frame, t.F_KERNELS)), t.CORRELATE)
    for u in range(get(op, t.COUNT)):
        weight = get(op, t.WEIGHT) + u * outputs * inputs + start
        put(job, t.J_X, address(on(work, get(op, t.S) + u * inputs * blocks)))
        put(job, t.J_G, address(on(work, get(op, t.D) + u * outputs * blocks)))
        put(job, t.J_OUT, address(past(gradients, weight)))
        call(function, job, frame, work)


@inlined
def hand_back(op: Any, frame: Any, work: Any, start: int, some: int) -> None:
    """Hand the gradient of ``some`` inputs of each layer back."""
    blocks, count = get(op, t.BLOCKS), get(op, t.COUNT)
    inputs, outputs = get(op, t.INPUTS), get(op, t.OUTPUTS)
    weights = pointer(work, get(frame, t.F_WEIGHTS))
    mode = get(op, t.XG_MODE)
    job = begin_job(op, frame, get(op, t.PHASES), outputs, some)
    put(job, t.J_W_CHANNEL, 1)
    put(job, t.J_BIAS, get(frame, t.F_ZEROS))
    put(job, t.J_BIAS_STEP, 0)
    function = get(integers(get(frame, t.F_KERNELS)), t.CONVOLVE)
    raw = pointer(work, get(frame, t.F_SPARE)) if mode & t.ADD else on(work, get(op, t.XG))
    raw_block = count * inputs if mode & t.ADD else get(op, t.XG_BLOCK)
    put(job, t.J_Y_COLUMN, raw_block)
    put(job, t.J_TILE_CHANNELS, get(op, t.BACK_CHANNELS))
    put(job, t.J_TILE_COLUMNS, get(op, t.BACK_COLUMNS))
    for u in range(count):
        weight = get(op, t.WEIGHT) + u * outputs * inputs + start
        put(job, t.J_X, address(on(work, get(op, t.D) + u * outputs * blocks)))
        put(job, t.J_W, address(past(weights, weight)))
        put(job, t.J_Y, address(on(raw, u * inputs + start)))
        call(function, job, frame, work)
    if mode:
        share, sums = get(op, t.X_SHARE), doubles(get(frame, t.F_SUMS))
        coefs = pointer(work, get(frame, t.F_COEFS))
        accumulators = pointer(work, get(frame, t.F_ACCUMULATORS))
        mask = mask_of(frame, work, False)  # gradients are 0 where no image is
        for at in range(start, start + count * some, share):
            coef = get(op, t.X_COEF) + at // share
            for b in range(blocks):
                clear(accumulators, work)
                close_plane(
                    on(raw, b * raw_block + at),
                    on(work, get(op, t.XG) + b * get(op, t.XG_BLOCK) + at),
                    on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + at),
                    share, mode, past(coefs, coef * t.COEF), get(op, t.X_ACT), accumulators,
                )  # fmt: skip
                if mode & t.FINISH:
                    drain(accumulators, mask, past(sums, 2 * coef))
