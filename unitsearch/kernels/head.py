"""Where images enter, linear layers, and the loss.

A linear layer is a convolution of single pixels; its row of pixels is the row of image blocks, so
that a weight that is read once serves all of them.
"""

from __future__ import annotations

import math
from typing import Any

from unitsearch.kernels import table as t
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
    octets,
    on,
    past,
    pointer,
    put,
    spread,
    store,
    times,
    total,
)


def enter(op: Any, frame: Any, work: Any) -> None:
    """Read the chosen images as they enter: normalised, cropped and flipped where asked for.

    Levels: for each channel the 256 numbers that pixels become. A pixel outside of its image is
    black. Lanes without an image hold zeros.
    """
    pixels, chosen = octets(get(frame, t.F_PIXELS)), integers(get(frame, t.F_CHOSEN))
    tops, lefts = integers(get(frame, t.F_TOPS)), integers(get(frame, t.F_LEFTS))
    flips = integers(get(frame, t.F_FLIPS))
    levels = pointer(work, get(frame, t.F_LEVELS))
    channels, height, width = get(op, t.OUTPUTS), get(op, t.Y_HEIGHT), get(op, t.Y_WIDTH)
    lanes, images = get(op, t.INPUTS), get(frame, t.F_IMAGES)
    is_augmented = get(frame, t.F_AUGMENTED) != 0
    for b in range(get(op, t.BLOCKS)):
        block = on(work, get(op, t.Y) + b * get(op, t.Y_BLOCK))
        for lane in range(lanes):
            image = b * lanes + lane
            to = past(block, lane)
            if image >= images:
                for i in range(channels * height * width):
                    put(to, i * lanes, number(work, 0.0))
                continue
            at = past(pixels, get(chosen, image) * channels * height * width)
            for c in range(channels):
                level = past(levels, c * 256)
                plane = past(at, c * height * width)
                out = past(to, c * height * width * lanes)
                if not is_augmented:
                    for i in range(height * width):
                        put(out, i * lanes, get(level, int(get(plane, i))))
                    continue
                top, left = get(tops, image), get(lefts, image)
                flip = get(flips, image)
                for y in range(height):
                    for x in range(width):
                        column = left + (width - 1 - x if flip else x)
                        value = 0
                        if 0 <= y + top < height and 0 <= column < width:
                            value = int(get(plane, (y + top) * width + column))
                        put(out, (y * width + x) * lanes, get(level, value))


@inlined
def stage_features(op: Any, frame: Any, work: Any) -> None:
    """Put features of all blocks side by side: [feature][block], norm and activation applied."""
    blocks, features = get(op, t.BLOCKS), get(op, t.COUNT) * get(op, t.INPUTS)
    share, act = get(op, t.X_SHARE), get(op, t.X_ACT)
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    coefs = past(pointer(work, get(frame, t.F_COEFS)), get(op, t.X_COEF) * t.COEF)
    s = on(work, get(op, t.S))
    for c in range(features // share):
        scale = spread(get(coefs, c * t.COEF + t.SCALE))
        shift = spread(get(coefs, c * t.COEF + t.SHIFT))
        for b in range(blocks):
            x = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + c * share)
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
    stage_features(op, frame, work)
    job = begin_job(op, frame, get(op, t.TAPS), inputs, outputs)
    put(job, t.J_W_CHANNEL, inputs)
    put(job, t.J_BIAS_STEP, 1 if bias >= 0 else 0)
    put(job, t.J_Y_COLUMN, y_block)
    put(job, t.J_TILE_CHANNELS, get(op, t.TILE_CHANNELS))
    put(job, t.J_TILE_COLUMNS, get(op, t.TILE_COLUMNS))
    for u in range(count):
        put(job, t.J_X, address(on(work, get(op, t.S) + u * inputs * blocks)))
        put(job, t.J_W, address(past(weights, get(op, t.WEIGHT) + u * outputs * inputs)))
        if bias >= 0:
            put(job, t.J_BIAS, address(past(weights, bias + u * outputs)))
        else:
            put(job, t.J_BIAS, get(frame, t.F_ZEROS))
        put(job, t.J_Y, address(on(work, y + u * outputs)))
        call(function, job, frame, work)
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
    weights = pointer(work, get(frame, t.F_WEIGHTS))
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
    stage_features(op, frame, work)
    s = on(work, get(op, t.S))
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
    put(job, t.J_SIDE, inputs)
    put(job, t.J_SIDE_STEP, blocks)
    put(job, t.J_SUMS, 0)
    put(job, t.J_OUT_SIDE, 1)
    put(job, t.J_WIDE, 1)
    put(job, t.J_TILE_CHANNELS, get(op, t.WEIGHT_OUTPUTS))
    put(job, t.J_TILE_ROWS, get(op, t.WEIGHT_ROWS))
    put(job, t.J_TILE_COLUMNS, 1)
    function = get(integers(get(frame, t.F_KERNELS)), t.CORRELATE)
    for u in range(count):
        put(job, t.J_X, address(on(s, u * inputs * blocks)))
        put(job, t.J_G, address(on(d, u * outputs * blocks)))
        put(job, t.J_OUT, address(past(gradients, get(op, t.WEIGHT) + u * outputs * inputs)))
        call(function, job, frame, work)
    if get(op, t.XG) < 0:
        return
    mode = get(op, t.XG_MODE)
    job = begin_job(op, frame, get(op, t.PHASES), outputs, inputs)
    put(job, t.J_W_CHANNEL, 1)
    put(job, t.J_BIAS, get(frame, t.F_ZEROS))
    put(job, t.J_BIAS_STEP, 0)
    function = get(integers(get(frame, t.F_KERNELS)), t.CONVOLVE)
    spare = pointer(work, get(frame, t.F_SPARE))
    raw = spare if mode & t.ADD else on(work, get(op, t.XG))
    raw_block = count * inputs if mode & t.ADD else get(op, t.XG_BLOCK)
    put(job, t.J_Y_COLUMN, raw_block)
    put(job, t.J_TILE_CHANNELS, get(op, t.BACK_CHANNELS))
    put(job, t.J_TILE_COLUMNS, get(op, t.BACK_COLUMNS))
    for u in range(count):
        put(job, t.J_X, address(on(d, u * outputs * blocks)))
        put(job, t.J_W, address(past(weights, get(op, t.WEIGHT) + u * outputs * inputs)))
        put(job, t.J_Y, address(on(raw, u * inputs)))
        call(function, job, frame, work)
    if mode:
        share, sums = get(op, t.X_SHARE), doubles(get(frame, t.F_SUMS))
        x_coefs = pointer(work, get(frame, t.F_COEFS))
        accumulators = pointer(work, get(frame, t.F_ACCUMULATORS))
        mask = mask_of(frame, work, False)  # gradients are 0 where no image is
        for c in range(count * inputs // share):
            coef = get(op, t.X_COEF) + c
            clear(accumulators, work)
            for b in range(blocks):
                at = c * share
                close_plane(
                    on(raw, b * raw_block + at),
                    on(work, get(op, t.XG) + b * get(op, t.XG_BLOCK) + at),
                    on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + at),
                    share, mode, past(x_coefs, coef * t.COEF), get(op, t.X_ACT), accumulators,
                )  # fmt: skip
                if mode & t.FINISH:
                    drain(accumulators, mask, past(sums, 2 * coef))
                    clear(accumulators, work)


@inlined
def logit(op: Any, frame: Any, work: Any, image: int, lanes: int, k: int) -> Any:
    """Return one image's logit of one class."""
    at = get(op, t.X) + image // lanes * get(op, t.X_BLOCK) + k
    value = float(get(on(work, at), image % lanes))
    coef = past(pointer(work, get(frame, t.F_COEFS)), (get(op, t.X_COEF) + k) * t.COEF)
    value = value * get(coef, t.SCALE) + get(coef, t.SHIFT)
    act = get(op, t.X_ACT)
    return min(max(value, low_of(act)), high_of(act)) if act else value


def loss(op: Any, frame: Any, work: Any) -> None:
    """Make the mean cross-entropy of the batch, with label smoothing, and its gradient."""
    lanes, classes, blocks = get(op, t.INPUTS), get(op, t.OUTPUTS), get(op, t.BLOCKS)
    images = get(frame, t.F_IMAGES)
    labels, chosen = integers(get(frame, t.F_LABELS)), integers(get(frame, t.F_CHOSEN))
    scalars = doubles(get(frame, t.F_SCALARS))
    smoothing = get(scalars, t.SMOOTHING)
    coefs = pointer(work, get(frame, t.F_COEFS))
    accumulators = pointer(work, get(frame, t.F_ACCUMULATORS))
    sum_of_losses = 0.0
    xg, xg_block = get(op, t.XG), get(op, t.XG_BLOCK)
    for image in range(blocks * lanes):
        to = past(on(work, xg + image // lanes * xg_block), image % lanes)
        if image >= images:
            for k in range(classes):
                put(to, k * lanes, number(work, 0.0))
            continue
        highest = -math.inf
        for k in range(classes):
            highest = max(highest, logit(op, frame, work, image, lanes, k))
        exponentials, of_all = 0.0, 0.0
        for k in range(classes):
            value = logit(op, frame, work, image, lanes, k)
            exponentials += math.exp(value - highest)
            of_all += value
        norm = highest + math.log(exponentials)
        label = get(labels, get(chosen, image))
        right = logit(op, frame, work, image, lanes, label)
        sum_of_losses += (1.0 - smoothing) * (norm - right)
        sum_of_losses += smoothing * (norm - of_all / classes)
        for k in range(classes):
            aim = smoothing / classes + (1.0 - smoothing if k == label else 0.0)
            share = math.exp(logit(op, frame, work, image, lanes, k) - norm)
            put(to, k * lanes, number(work, (share - aim) / images))
    put(scalars, t.LOSS_SUM, sum_of_losses / images)
    if get(op, t.XG_MODE):
        for k in range(classes):
            coef = get(op, t.X_COEF) + k
            clear(accumulators, work)
            for b in range(blocks):
                g = on(work, xg + b * xg_block + k)
                z = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + k)
                close_plane(
                    g, g, z, 1, t.FINISH, past(coefs, coef * t.COEF), get(op, t.X_ACT), accumulators
                )
            drain(
                accumulators, mask_of(frame, work, False),
                past(doubles(get(frame, t.F_SUMS)), 2 * coef),
            )  # fmt: skip


def score(op: Any, frame: Any, work: Any) -> None:
    """Write the logits out, [image][class], and count the images put in their class."""
    lanes, classes = get(op, t.INPUTS), get(op, t.OUTPUTS)
    labels, chosen = integers(get(frame, t.F_LABELS)), integers(get(frame, t.F_CHOSEN))
    out = pointer(work, get(frame, t.F_LOGITS))
    has_labels = get(frame, t.F_LABELS) != 0
    right = 0.0
    for image in range(get(frame, t.F_IMAGES)):
        best, found = -math.inf, 0
        for k in range(classes):
            value = logit(op, frame, work, image, lanes, k)
            put(out, image * classes + k, number(work, float(value)))
            if value > best:
                best, found = value, k
        if has_labels and found == get(labels, get(chosen, image)):
            right += 1.0
    put(doubles(get(frame, t.F_SCALARS)), t.RIGHT, right)
