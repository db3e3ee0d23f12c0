"""Max pooling behind a convolution: its readers see z at the maxima, its gradient goes there.

The activation of ``SCALE · z + SHIFT`` never turns round, so a window's maximum lies where z is
largest (smallest, where the scale is negative). What is kept is z itself, with the coefficients of
the convolution's channels: the sums that a norm needs on the way back are then made over the few
pixels that were kept, and no gradient of the convolution's size is ever stored. Where the maxima
were is found again on the way back: that costs less than to keep their places.

Ties go to the first element in reading order, as in torch. Where torch sees a tie that is only made
by the activation, the gradient is 0 whichever element has it.
"""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table as t
from unitsearch.kernels.norm import fill, inlined
from unitsearch.kernels.vectors import (
    add,
    get,
    higher,
    load,
    nothing,
    number,
    on,
    past,
    pointer,
    spread,
    store,
    times,
    where_equal,
)


def maxima(op: Any, frame: Any, work: Any) -> None:
    """Keep z of the largest element of each window."""
    pixels, width = get(op, t.X_HEIGHT) * get(op, t.X_WIDTH), get(op, t.X_WIDTH)
    y_height, y_width = get(op, t.Y_HEIGHT), get(op, t.Y_WIDTH)
    kernel, stride = get(op, t.KERNEL), get(op, t.STRIDE)
    coefs = pointer(work, get(frame, t.F_COEFS))
    highest = on(work, get(op, t.S))
    risen = on(highest, pixels)
    for b in range(get(op, t.BLOCKS)):
        for c in range(get(op, t.COUNT)):
            scale = get(past(coefs, (get(op, t.X_COEF) + c) * t.COEF), t.SCALE)
            z = on(work, get(op, t.X) + b * get(op, t.X_BLOCK) + c * pixels)
            y = on(work, get(op, t.Y) + b * get(op, t.Y_BLOCK) + c * y_height * y_width)
            x = rising(z, pixels, sign_of(scale), risen)
            sign = spread(number(work, sign_of(scale)))
            highest_of_rows(x, width, y_height, y_width, kernel, stride, highest)
            for oy in range(y_height):
                for ox in range(y_width):
                    at = oy * stride * y_width + ox
                    most = load(highest, at)
                    for k in range(1, kernel):
                        most = higher(load(highest, at + k * y_width), most)
                    store(y, oy * y_width + ox, times(most, sign))
            if scale == 0.0:  # all are equal: the first is the one
                for oy in range(y_height):
                    for ox in range(y_width):
                        store(y, oy * y_width + ox, load(z, (oy * width + ox) * stride))


@inlined
def sign_of(scale: Any) -> float:
    """Return 1, 0 or -1; 1 for what is no number."""
    if scale < 0.0:
        return -1.0
    return 0.0 if scale == 0.0 else 1.0


@inlined
def rising(z: Any, pixels: int, sign: float, to: Any) -> Any:
    """Return a plane that is highest where its activation is: ``z``, or its opposite in ``to``."""
    if sign == 1.0:
        return z
    for i in range(pixels):
        store(to, i, times(load(z, i), spread(number(z, sign))))
    return to


@inlined
def highest_of_rows(
    x: Any, width: int, y_height: int, y_width: int, kernel: int, stride: int, to: Any
) -> None:
    """Put the highest of each row's windows into ``to``, ``y_width`` a row."""
    for row in range((y_height - 1) * stride + kernel):
        for ox in range(y_width):
            at = row * width + ox * stride
            most = load(x, at)
            for k in range(1, kernel):
                most = higher(load(x, at + k), most)
            store(to, row * y_width + ox, most)


@inlined
def add_to_maxima(
    g: Any, y: Any, y_height: int, y_width: int, kernel: int, stride: int, scale: Any, factor: Any,
    z: Any, height: int, width: int, d: Any, d_row: int, scratch: Any,
) -> None:  # fmt: skip
    """Add ``factor`` · g of each window to the element of ``d`` whose z was the window's y."""
    zero = nothing(z)
    rows = (y_height - 1) * stride + kernel
    highest = scratch
    of_rows = on(highest, rows * y_width)
    x = rising(z, height * width, sign_of(scale), on(of_rows, rows * y_width))
    sign = spread(number(z, sign_of(scale)))
    highest_of_rows(x, width, y_height, y_width, kernel, stride, highest)
    fill(of_rows, rows * y_width, zero)
    for oy in range(y_height):
        for ox in range(y_width):
            most = times(load(y, oy * y_width + ox), sign)
            value = times(load(g, oy * y_width + ox), factor)
            at = oy * stride * y_width + ox
            for k in range(kernel):
                here = load(highest, at + k * y_width)
                old = load(of_rows, at + k * y_width)
                store(of_rows, at + k * y_width, where_equal(here, most, add(old, value), old))
                value = where_equal(here, most, zero, value)
    for row in range(rows):
        for ox in range(y_width):
            most, value = load(highest, row * y_width + ox), load(of_rows, row * y_width + ox)
            at = row * width + ox * stride
            to = row * d_row + ox * stride
            for k in range(kernel):
                here, old = load(x, at + k), load(d, to + k)
                store(d, to + k, where_equal(here, most, add(old, value), old))
                value = where_equal(here, most, zero, value)
