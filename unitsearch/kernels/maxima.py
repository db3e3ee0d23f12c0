"""Max pooling of a convolution's z, before norm and activation.

Norm and activation, clip(SCALE · z + SHIFT), are monotone, so the maximum of a window lies where z
is largest, or smallest if the scale is negative. The output holds z at the maxima, with the
coefficients of the convolution's channels; its readers apply norm and activation. So the sums that
the backward pass of a norm needs run over the few maxima only, and no gradient of the size of the
convolution's output is stored. The backward pass finds the places of the maxima anew, which costs
less than to store them.

Ties go to the first element in reading order, as in torch. Elements that are equal only after the
activation are at one of its bounds, where the gradient is 0 for all of them.
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
    number,
    on,
    past,
    pointer,
    spread,
    store,
    times,
    where_equal,
    zeros,
)


def maxima(op: Any, frame: Any, work: Any) -> None:
    """Write z at the maximum of each window: first the maxima of rows, then of columns."""
    pixels, width = op.x_height * op.x_width, op.x_width
    y_height, y_width = op.y_height, op.y_width
    kernel, stride = op.kernel, op.stride
    coefs = pointer(work, frame.coefs)
    highest = on(work, op.s)
    negated = on(highest, pixels)
    for b in range(op.blocks):
        for c in range(op.count):
            scale = get(past(coefs, (op.x_coef + c) * t.COEF), t.SCALE)
            z = on(work, op.x + b * op.x_block + c * pixels)
            y = on(work, op.y + b * op.y_block + c * y_height * y_width)
            x = signed_plane(z, pixels, sign_of(scale), negated)
            sign = spread(number(work, sign_of(scale)))
            highest_of_rows(x, width, y_height, y_width, kernel, stride, highest)
            for oy in range(y_height):
                for ox in range(y_width):
                    offset = oy * stride * y_width + ox
                    most = load(highest, offset)
                    for k in range(1, kernel):
                        most = higher(load(highest, offset + k * y_width), most)
                    store(y, oy * y_width + ox, times(most, sign))
            if scale == 0.0:  # all elements of a window are equal: take the first
                for oy in range(y_height):
                    for ox in range(y_width):
                        store(y, oy * y_width + ox, load(z, (oy * width + ox) * stride))


@inlined
def sign_of(scale: Any) -> float:
    """Return the sign of ``scale``: 1, 0 or -1, and 1 for NaN."""
    if scale < 0.0:
        return -1.0
    return 0.0 if scale == 0.0 else 1.0


@inlined
def signed_plane(z: Any, pixels: int, sign: float, to: Any) -> Any:
    """Return a plane that is highest where the activation of z is: ``z``, or sign · z in ``to``."""
    if sign == 1.0:
        return z
    for i in range(pixels):
        store(to, i, times(load(z, i), spread(number(z, sign))))
    return to


@inlined
def highest_of_rows(
    x: Any, width: int, y_height: int, y_width: int, kernel: int, stride: int, to: Any
) -> None:
    """Put the maximum of each window of one row into ``to``, [row][y_width]."""
    for row in range((y_height - 1) * stride + kernel):
        for ox in range(y_width):
            offset = row * width + ox * stride
            most = load(x, offset)
            for k in range(1, kernel):
                most = higher(load(x, offset + k), most)
            store(to, row * y_width + ox, most)


@inlined
def gradient_of_maxima(
    g: Any, y: Any, y_height: int, y_width: int, kernel: int, stride: int, sign: float,
    z: Any, height: int, width: int, d: Any, d_row: int, c1: Any, c2: Any, c3: Any, scratch: Any,
) -> None:  # fmt: skip
    """Call ``spread_gradient``, for windows of 5 × 5 with loops of a constant length: faster."""
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
    """Write the gradient of z into the plane ``d``: c2 · z + c3, plus c1 · g at each maximum.

    A window's gradient goes to the first row that holds the maximum, then to the first element of
    that row. [y_height][y_width] gradients become [height][d_row].
    """
    zero = zeros(z)
    rows = (y_height - 1) * stride + kernel
    highest = scratch
    of_rows = on(highest, rows * y_width)
    x = signed_plane(z, height * width, sign, on(of_rows, rows * y_width))
    highest_of_rows(x, width, y_height, y_width, kernel, stride, highest)
    fill(of_rows, rows * y_width, zero)
    for oy in range(y_height):
        for ox in range(y_width):
            most = times(load(y, oy * y_width + ox), spread(number(z, sign)))
            value = times(load(g, oy * y_width + ox), c1)
            offset = oy * stride * y_width + ox
            for k in range(kernel):
                here = load(highest, offset + k * y_width)
                old = load(of_rows, offset + k * y_width)
                # add a selected 0 or value: a masked store would be slow to read again
                store(of_rows, offset + k * y_width, add(old, where_equal(here, most, value, zero)))
                value = where_equal(here, most, zero, value)
    for row in range(height):
        x_row, to = on(x, row * width), on(d, row * d_row)
        for i in range(width):
            store(to, i, fma(load(z, row * width + i), c2, c3))
        if row < rows:
            for ox in range(y_width):
                most, value = load(highest, row * y_width + ox), load(of_rows, row * y_width + ox)
                for k in range(kernel):
                    offset = ox * stride + k
                    here, old = load(x_row, offset), load(to, offset)
                    store(to, offset, add(old, where_equal(here, most, value, zero)))
                    value = where_equal(here, most, zero, value)
