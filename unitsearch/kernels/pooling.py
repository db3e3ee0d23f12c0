"""Operations without weights: pooling, and the sum of two maps.

Ties in a maximum go to the first element in reading order, as in torch.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    add_lane_sums,
    clear,
    copy_row,
    fill,
    high_of,
    inlined,
    low_of,
    mask_of,
    pass_gradient,
    stage,
    zeros_of,
)
from unitsearch.kernels.vectors import (
    add,
    clip,
    float64s,
    fma,
    get,
    load,
    number,
    on,
    past,
    pointer,
    spread,
    store,
    times,
    where_above,
    where_equal,
    zeros,
)

MAXIMUM, AVERAGE = 0, 1


def pool(op: Any, frame: Any, work: Any) -> None:
    """Pool all planes by maximum or mean, norm and activation applied first.

    A maximum also stores in ``index`` which element of its window it was, in each lane.
    """
    x_channel, y_channel = op.x_channel, op.y_channel
    height, width = op.x_height, op.x_width
    y_height, y_width = op.y_height, op.y_width
    kernel, kernel_width = op.kernel, op.kernel_width
    stride, side, act = op.stride, op.padding, op.x_act
    s, s_row, operator = op.s, op.s_row, op.operator
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    lowest = spread(number(work, low_of(0)))
    one, zero = spread(number(work, 1.0)), zeros_of(frame, work)
    share = spread(number(work, 1.0 / (kernel * kernel_width)))
    coefs = pointer(work, frame.coefs)
    channels, plane = op.count, on(work, s)
    fill(plane, (height + 2 * side) * s_row, lowest if operator == MAXIMUM else zero)
    for b in range(op.blocks):
        for c in range(channels):
            coef = past(coefs, (op.x_coef + c) * t.COEF)
            stage(
                on(work, op.x + b * op.x_block + c * x_channel), height, width,
                on(plane, side * (s_row + 1)), s_row,
                spread(get(coef, t.SCALE)), spread(get(coef, t.SHIFT)), low, high,
            )  # fmt: skip
            y = op.y + b * op.y_block + c * y_channel
            index = op.index + b * op.y_block + c * y_channel
            for oy in range(y_height):
                row, to = on(plane, oy * stride * s_row), oy * y_width
                if operator == MAXIMUM:
                    whole = y_width // 3 * 3
                    for ox in range(0, whole, 3):  # three windows at a time hide the latency
                        three_maxima(
                            on(row, ox * stride), stride, s_row, kernel, kernel_width,
                            on(work, y + to + ox), on(work, index + to + ox), one,
                        )  # fmt: skip
                    for ox in range(whole, y_width):
                        maximum(
                            on(row, ox * stride), s_row, kernel, kernel_width,
                            on(work, y + to + ox), on(work, index + to + ox), one,
                        )  # fmt: skip
                    continue
                for ox in range(y_width):
                    sum_ = zero
                    for ky in range(kernel):
                        for kx in range(kernel_width):
                            sum_ = add(sum_, load(row, ky * s_row + ox * stride + kx))
                    store(work, y + to + ox, times(sum_, share))


@inlined
def maximum(x: Any, row: int, height: int, width: int, y: Any, index: Any, one: Any) -> None:
    """Store the maximum of one window and, in ``index``, the number of its first such element."""
    best, place, here = load(x, 0), zeros(x), zeros(x)
    for ky in range(height):
        for kx in range(width):
            value = load(x, ky * row + kx)
            place = where_above(value, best, here, place)
            best = where_above(value, best, value, best)
            here = add(here, one)
    store(y, 0, best)
    store(index, 0, place)


@inlined
def three_maxima(
    x: Any, stride: int, row: int, height: int, width: int, y: Any, index: Any, one: Any
) -> None:
    """Store the maxima and indices of three windows side by side, as ``maximum`` does for one."""
    here = zeros(x)
    a, b, c = load(x, 0), load(x, stride), load(x, 2 * stride)
    at_a = at_b = at_c = here
    for ky in range(height):
        for kx in range(width):
            offset = ky * row + kx
            p, q, r = load(x, offset), load(x, offset + stride), load(x, offset + 2 * stride)
            at_a, at_b = where_above(p, a, here, at_a), where_above(q, b, here, at_b)
            at_c = where_above(r, c, here, at_c)
            a, b, c = where_above(p, a, p, a), where_above(q, b, q, b), where_above(r, c, r, c)
            here = add(here, one)
    store(y, 0, a)
    store(y, 1, b)
    store(y, 2, c)
    store(index, 0, at_a)
    store(index, 1, at_b)
    store(index, 2, at_c)


def pool_back(op: Any, frame: Any, work: Any) -> None:
    """Pass the gradient of a pooling to its input: to each window's maximum, or its mean share."""
    x_channel, y_channel = op.x_channel, op.y_channel
    height, width = op.x_height, op.x_width
    y_height, y_width = op.y_height, op.y_width
    kernel, kernel_width = op.kernel, op.kernel_width
    stride, side, mode = op.stride, op.padding, op.xg_mode
    operator, s_row, padded = op.operator, op.s_row, on(work, op.s)
    share, zero = spread(number(work, 1.0 / (kernel * kernel_width))), zeros_of(frame, work)
    numbers = pointer(work, frame.numbers)
    spare = pointer(work, frame.spare)
    coefs = pointer(work, frame.coefs)
    accumulators = pointer(work, frame.accumulators)
    blocks = op.blocks
    for b in range(blocks):
        mask = mask_of(frame, work, b == blocks - 1)
        for c in range(op.count):
            g = op.g + b * op.g_block + c * y_channel
            index = op.index + b * op.y_block + c * y_channel
            into = on(work, op.xg + b * op.xg_block + c * x_channel)
            z = on(work, op.x + b * op.x_block + c * x_channel)
            coef = op.x_coef + c
            raw = spare if mode & t.ADD else into
            plane = padded if side else raw
            fill(plane, (height + 2 * side) * s_row, zero)
            for oy in range(y_height):
                for ox in range(y_width):
                    corner = on(plane, oy * stride * s_row + ox * stride)
                    value = load(work, g + oy * y_width + ox)
                    if operator == MAXIMUM:
                        place = load(work, index + oy * y_width + ox)
                        for ky in range(kernel):
                            row, offset = on(corner, ky * s_row), on(numbers, ky * kernel_width)
                            for kx in range(kernel_width):
                                kept = where_equal(place, load(offset, kx), value, zero)
                                store(row, kx, add(load(row, kx), kept))
                    else:
                        value = times(value, share)
                        for ky in range(kernel):
                            row = on(corner, ky * s_row)
                            for kx in range(kernel_width):
                                store(row, kx, add(load(row, kx), value))
            if side:
                for y in range(height):
                    copy_row(on(plane, (y + side) * s_row + side), on(raw, y * width), width)
            clear(accumulators, work)
            pass_gradient(
                raw, into, z, x_channel, mode, past(coefs, coef * t.COEF), op.x_act,
                accumulators,
            )  # fmt: skip
            if mode & t.FINISH:
                add_lane_sums(accumulators, mask, past(float64s(frame.sums), 2 * coef))


def add_maps(op: Any, frame: Any, work: Any) -> None:
    """Add two maps, y = x + z, norm and activation of each applied first."""
    size = op.x_channel
    coefs = pointer(work, frame.coefs)
    act, z_act = op.x_act, op.z_act
    low, high = spread(number(work, low_of(act))), spread(number(work, high_of(act)))
    z_low, z_high = spread(number(work, low_of(z_act))), spread(number(work, high_of(z_act)))
    for b in range(op.blocks):
        for c in range(op.count):
            coef = past(coefs, (op.x_coef + c) * t.COEF)
            z_coef = past(coefs, (op.z_coef + c) * t.COEF)
            scale, shift = spread(get(coef, t.SCALE)), spread(get(coef, t.SHIFT))
            z_scale, z_shift = spread(get(z_coef, t.SCALE)), spread(get(z_coef, t.SHIFT))
            x = on(work, op.x + b * op.x_block + c * size)
            z = on(work, op.z + b * op.z_block + c * size)
            y = on(work, op.y + b * op.y_block + c * size)
            for i in range(size):
                one = clip(fma(load(x, i), scale, shift), low, high)
                other = clip(fma(load(z, i), z_scale, z_shift), z_low, z_high)
                store(y, i, add(one, other))


@inlined
def pass_to_operand(
    op: Any, frame: Any, work: Any, x: int, x_block: int, x_coef: int, act: int,
    xg: int, xg_block: int, mode: int,
) -> None:  # fmt: skip
    """Pass the gradient of a sum to one of its operands."""
    size, blocks = op.x_channel, op.blocks
    coefs = pointer(work, frame.coefs)
    accumulators = pointer(work, frame.accumulators)
    for b in range(blocks):
        mask = mask_of(frame, work, b == blocks - 1)
        for c in range(op.count):
            coef = x_coef + c
            raw = on(work, op.g + b * op.g_block + c * size)
            into = on(work, xg + b * xg_block + c * size)
            z = on(work, x + b * x_block + c * size)
            if mode & t.ADD == 0:
                copy_row(raw, into, size)
            clear(accumulators, work)
            pass_gradient(raw, into, z, size, mode, past(coefs, coef * t.COEF), act, accumulators)
            if mode & t.FINISH:
                add_lane_sums(accumulators, mask, past(float64s(frame.sums), 2 * coef))


def add_maps_back(op: Any, frame: Any, work: Any) -> None:
    """Pass the gradient of a sum to its operands: first to the shortcut, which was made last."""
    if op.zg >= 0:
        pass_to_operand(
            op, frame, work, op.z, op.z_block, op.z_coef,
            op.z_act, op.zg, op.zg_block, op.zg_mode,
        )  # fmt: skip
    if op.xg >= 0:
        pass_to_operand(
            op, frame, work, op.x, op.x_block, op.x_coef,
            op.x_act, op.xg, op.xg_block, op.xg_mode,
        )  # fmt: skip
