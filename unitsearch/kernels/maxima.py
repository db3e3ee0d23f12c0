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

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import fill, inlined
from unitsearch.kernels.vectors import (
    add,
    fma,
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
    pixels, width = op.x_height * op.x_width, op.x_width
    y_height, y_width = op.y_height, op.y_width
    kernel, stride = op.kernel, op.stride
    coefs = pointer(work, frame.coefs)
    highest = on(work, op.s)
    risen = on(highest, pixels)
    for b in range(op.blocks):
        for c in range(op.count):
            scale = get(past(coefs, (op.x_coef + c) * t.COEF), t.SCALE)
            z = on(work, op.x + b * op.x_block + c * pixels)
            y = on(work, op.y + b * op.y_block + c * y_height * y_width)
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
def gradient_of_maxima(
    g: Any, y: Any, y_height: int, y_width: int, kernel: int, stride: int, sign: float,
    z: Any, height: int, width: int, d: Any, d_row: int, c1: Any, c2: Any, c3: Any, scratch: Any,
) -> None:  # fmt: skip
    """Do ``spread_gradient``: where there is most to do, with loops of a known length."""
    if kernel == 5:
        spread_gradient(
            g, y, y_height, y_width, 5, stride, sign, z, height, width, d, d_row, c1, c2, c3,
            scratch,
        )  # fmt: skip
    else:
        spread_gradient(
            g, y, y_height, y_width, kernel, stride, sign, z, height, width, d, d_row, c1, c2, c3,
            scratch,
        )  # fmt: skip


@inlined
def spread_gradient(
    g: Any, y: Any, y_height: int, y_width: int, kernel: int, stride: int, sign: float,
    z: Any, height: int, width: int, d: Any, d_row: int, c1: Any, c2: Any, c3: Any, scratch: Any,
) -> None:  # fmt: skip
    """Put c2 · z + c3, and c1 · g of a window where its maximum was, into the plane ``d``."""
    zero = nothing(z)
    rows = (y_height - 1) * stride + kernel
    highest = scratch
    of_rows = on(highest, rows * y_width)
    x = rising(z, height * width, sign, on(of_rows, rows * y_width))
    highest_of_rows(x, width, y_height, y_width, kernel, stride, highest)
    fill(of_rows, rows * y_width, zero)
    for oy in range(y_height):
        for ox in range(y_width):
            most = times(load(y, oy * y_width + ox), spread(number(z, sign)))
            value = times(load(g, oy * y_width + ox), c1)
            at = oy * stride * y_width + ox
            for k in range(kernel):
                here = load(highest, at + k * y_width)
                old = load(of_rows, at + k * y_width)
                # not a choice between old and sum: a masked store is slow to be read again
                store(of_rows, at + k * y_width, add(old, where_equal(here, most, value, zero)))
                value = where_equal(here, most, zero, value)
    for row in range(height):
        x_row, to = on(x, row * width), on(d, row * d_row)
        for i in range(width):
            store(to, i, fma(load(z, row * width + i), c2, c3))
        if row < rows:
            for ox in range(y_width):
                most, value = load(highest, row * y_width + ox), load(of_rows, row * y_width + ox)
                for k in range(kernel):
                    at = ox * stride + k
                    here, old = load(x_row, at), load(to, at)
                    store(to, at, add(old, where_equal(here, most, value, zero)))
                    value = where_equal(here, most, zero, value)
