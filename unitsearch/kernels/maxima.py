"""Max pooling behind a convolution: its readers see z at the maxima, its gradient goes there.

The activation of ``SCALE · z + SHIFT`` never turns round, so a window's maximum lies where z is
largest (smallest, where the scale is negative). What is kept is z itself, with the coefficients of
the convolution's channels: the sums that a norm needs on the way back are then made over the few
pixels that were kept, and no gradient of the convolution's size is ever stored.

Ties go to the first element in reading order, as in torch. Where torch sees a tie that is only made
by the activation, the gradient is 0 whichever element has it.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table as t
from unitsearch.kernels.norm import inlined
from unitsearch.kernels.vectors import (
    add,
    get,
    load,
    nothing,
    number,
    on,
    past,
    pointer,
    spread,
    store,
    times,
    where_above,
    where_equal,
)


def maxima(op: Any, frame: Any, work: Any) -> None:
    """Keep z of the largest element of each window, and which of the elements it is."""
    x_channel, y_channel = get(op, t.X_CHANNEL), get(op, t.Y_CHANNEL)
    height, width = get(op, t.Y_HEIGHT), get(op, t.Y_WIDTH)
    kernel, stride, x_width = get(op, t.KERNEL), get(op, t.STRIDE), get(op, t.X_WIDTH)
    rows = (height - 1) * stride + kernel
    coefs = pointer(work, get(frame, t.F_COEFS))
    best = on(work, get(op, t.S))  # of each row, then which it is
    place = on(best, rows * width)
    for b in range(get(op, t.BLOCKS)):
        for c in range(get(op, t.COUNT)):
            scale = get(past(coefs, (get(op, t.X_COEF) + c) * t.COEF), t.SCALE)
            x = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + c * x_channel)
            y = on(work, get(op, t.Y) + b * get(op, t.Y_BLOCK) + c * y_channel)
            index = on(work, get(op, t.INDEX) + b * get(op, t.Y_BLOCK) + c * y_channel)
            if scale == number(work, 0.0):  # all are equal
                for oy in range(height):
                    for ox in range(width):
                        store(y, oy * width + ox, load(x, (oy * x_width + ox) * stride))
                        store(index, oy * width + ox, nothing(work))
                continue
            sign = spread(number(work, -1.0 if scale < number(work, 0.0) else 1.0))
            for r in range(rows):
                along_row(on(x, r * x_width), sign, width, kernel, stride, best, place, r * width)
            for oy in range(height):
                for ox in range(width):
                    at = oy * stride * width + ox
                    most, where = load(best, at), load(place, at)
                    for k in range(1, kernel):
                        here = load(best, at + k * width)
                        there = add(
                            load(place, at + k * width), spread(number(work, float(k * kernel)))
                        )
                        where = where_above(here, most, there, where)
                        most = where_above(here, most, here, most)
                    store(y, oy * width + ox, times(most, sign))
                    store(index, oy * width + ox, where)


@inlined
def along_row(
    x: Any, sign: Any, width: int, kernel: int, stride: int, best: Any, place: Any, to: int
) -> None:
    """Find the largest of ``sign`` · x in each window of one row, and its column."""
    one = spread(number(x, 1.0))
    for ox in range(width):
        most, where, column = times(load(x, ox * stride), sign), nothing(x), nothing(x)
        for k in range(1, kernel):
            column = add(column, one)
            here = times(load(x, ox * stride + k), sign)
            where = where_above(here, most, column, where)
            most = where_above(here, most, here, most)
        store(best, to + ox, most)
        store(place, to + ox, where)


@inlined
def add_to_maxima(
    g: Any, index: Any, height: int, width: int, kernel: int, stride: int,
    d: Any, d_row: int, factor: Any, numbers: Any,
) -> None:  # fmt: skip
    """Add ``factor`` · g of each window to the element of ``d`` that was its maximum."""
    for oy in range(height):
        for ox in range(width):
            value = times(load(g, oy * width + ox), factor)
            place = load(index, oy * width + ox)
            corner = on(d, oy * stride * d_row + ox * stride)
            for ky in range(kernel):
                row, at = on(corner, ky * d_row), on(numbers, ky * kernel)
                for kx in range(kernel):
                    old = load(row, kx)
                    store(row, kx, where_equal(place, load(at, kx), add(old, value), old))
