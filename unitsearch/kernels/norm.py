"""Batch norm, and the loops over rows of pixels that other kernels share.

A convolution stores its output z before norm and activation. The kernels that read it apply both as
clip(SCALE · z + SHIFT), with coefficients for each channel that are known after the whole batch. So
each map is stored once. Sums over pixels are made in registers and added to float64 after each
block of images.

Source: Ioffe & Szegedy 2015, "Batch Normalization" (arXiv:1502.03167), alg. 1 and sec. 3.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.vectors import (
    add,
    clip,
    float64s,
    fma,
    get,
    load,
    number,
    past,
    pointer,
    put,
    spread,
    store,
    times,
    total,
    where_inside,
    zeros,
)

inlined = numba.njit(forceinline=True, error_model="numpy", boundscheck=False)


@inlined
def low_of(act: int) -> float:
    """Return the lower bound of an activation, coded 0 none, 1 relu, 2 relu6."""
    return -np.inf if act == 0 else 0.0


@inlined
def high_of(act: int) -> float:
    """Return the upper bound of an activation."""
    return 6.0 if act == 2 else np.inf


@inlined
def fill(x: Any, count: int, value: Any) -> None:
    """Store ``value`` in ``count`` registers from ``x`` on."""
    for i in range(count):
        store(x, i, value)


@inlined
def copy_row(x: Any, y: Any, count: int) -> None:
    """Copy ``count`` registers."""
    for i in range(count):
        store(y, i, load(x, i))


@inlined
def gradient_row(g: Any, z: Any, d: Any, count: int, c1: Any, c2: Any, c3: Any) -> None:
    """Store d = c1 · g + c2 · z + c3 for a row of ``count`` registers."""
    for i in range(count):
        store(d, i, fma(load(g, i), c1, fma(load(z, i), c2, c3)))


@inlined
def moments(x: Any, count: int, sums: Any) -> None:
    """Add Σ x and Σ x² of ``count`` registers to the two in ``sums``."""
    s0, q0 = load(sums, 0), load(sums, 1)
    s1 = s2 = s3 = q1 = q2 = q3 = zeros(x)
    whole = count // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = load(x, i), load(x, i + 1), load(x, i + 2), load(x, i + 3)
        s0, s1, s2, s3 = add(s0, a), add(s1, b), add(s2, c), add(s3, d)
        q0, q1, q2, q3 = fma(a, a, q0), fma(b, b, q1), fma(c, c, q2), fma(d, d, q3)
    for i in range(whole, count):
        a = load(x, i)
        s0, q0 = add(s0, a), fma(a, a, q0)
    store(sums, 0, add(add(s0, s1), add(s2, s3)))
    store(sums, 1, add(add(q0, q1), add(q2, q3)))


@inlined
def finish(g: Any, z: Any, count: int, coef: Any, act: int, sums: Any) -> None:
    """Mask a gradient by the activation, in place; add Σ g and Σ g · z to the two in ``sums``."""
    scale, shift = spread(get(coef, t.SCALE)), spread(get(coef, t.SHIFT))
    low, high = spread(number(g, low_of(act))), spread(number(g, high_of(act)))
    s0, q0 = load(sums, 0), load(sums, 1)
    s1 = q1 = zeros(g)
    whole = count // 2 * 2
    for i in range(0, whole, 2):
        za, zb = load(z, i), load(z, i + 1)
        ga = where_inside(fma(za, scale, shift), low, high, load(g, i))
        gb = where_inside(fma(zb, scale, shift), low, high, load(g, i + 1))
        store(g, i, ga)
        store(g, i + 1, gb)
        s0, s1 = add(s0, ga), add(s1, gb)
        q0, q1 = fma(ga, za, q0), fma(gb, zb, q1)
    for i in range(whole, count):
        za = load(z, i)
        ga = where_inside(fma(za, scale, shift), low, high, load(g, i))
        store(g, i, ga)
        s0, q0 = add(s0, ga), fma(ga, za, q0)
    store(sums, 0, add(s0, s1))
    store(sums, 1, add(q0, q1))


@inlined
def add_row(raw: Any, g: Any, count: int) -> None:
    """Add a row of ``count`` registers of ``raw`` to ``g``."""
    for i in range(count):
        store(g, i, add(load(g, i), load(raw, i)))


@inlined
def clear(sums: Any, x: Any) -> None:
    """Set the two registers in ``sums`` to 0."""
    store(sums, 0, zeros(x))
    store(sums, 1, zeros(x))


@inlined
def add_lane_sums(sums: Any, mask: Any, into: Any) -> None:
    """Add up the lanes that ``mask`` selects of the two ``sums``; add both to float64 ``into``."""
    put(into, 0, get(into, 0) + total(times(load(sums, 0), mask)))
    put(into, 1, get(into, 1) + total(times(load(sums, 1), mask)))


@inlined
def pass_gradient(
    raw: Any, g: Any, z: Any, count: int, mode: int, coef: Any, act: int, sums: Any
) -> None:
    """Pass the gradient ``raw`` of ``count`` pixels to the gradient ``g`` of the map that was read.

    ``ADD`` adds it to ``g``; otherwise ``raw`` is ``g`` itself. ``FINISH``, of the last reader to
    pass a gradient, masks ``g`` by the map's activation and sums it for the map's norm and bias.
    """
    if mode & t.ADD:
        add_row(raw, g, count)
    if mode & t.FINISH:
        finish(g, z, count, coef, act, sums)


@inlined
def zeros_of(frame: Any, work: Any) -> Any:
    """Return zeros that are no constant for LLVM, which would call ``memset`` for short fills."""
    return load(pointer(work, frame.numbers), 0)


@inlined
def mask_of(frame: Any, work: Any, is_last: bool) -> Any:
    """Return 1 in the lanes of a block that hold an image, else 0; only the last may be partial."""
    numbers = pointer(work, frame.numbers)
    if is_last:
        return load(numbers, t.LARGEST_WINDOW)
    return load(numbers, 1)


@inlined
def norm_coefficients(op: Any, frame: Any, work: Any, pixels: int) -> None:
    """Make the coefficients of an operation's channels from the batch or the running statistics.

    SCALE = gamma / √(variance + 1e-5), SHIFT = beta - mean · SCALE. In training, mean and variance
    are Σ z / n and Σ z² / n - mean², and move the running statistics by a momentum of 0.1; the
    running variance is unbiased, n / (n - 1) times as large, as in torch.
    """
    coefs = past(pointer(work, frame.coefs), op.y_coef * t.COEF)
    weights = pointer(work, frame.weights)
    running = pointer(work, frame.running)
    sums = past(float64s(frame.sums), op.y_coef * 2)
    gamma, beta = op.gamma, op.beta
    mean_at, variance_at = op.mean, op.variance
    count = frame.images * pixels
    is_training = frame.is_training
    for c in range(op.count * op.outputs):
        if is_training:
            mean = get(sums, 2 * c) / count
            variance = max(get(sums, 2 * c + 1) / count - mean * mean, 0.0)
            if get(sums, 2 * c) != get(sums, 2 * c):
                variance = mean  # NaN, which the maximum above has hidden
            put(sums, 2 * c, 0.0)
            put(sums, 2 * c + 1, 0.0)
            old = float(get(running, mean_at + c))
            put(running, mean_at + c, number(work, old + 0.1 * (mean - old)))
            old = float(get(running, variance_at + c))
            unbiased = variance * (count / (count - 1.0))
            put(running, variance_at + c, number(work, old + 0.1 * (unbiased - old)))
        else:
            mean = float(get(running, mean_at + c))
            variance = float(get(running, variance_at + c))
        inverse = 1.0 / math.sqrt(variance + 1e-5)
        scale = float(get(weights, gamma + c)) * inverse
        put(coefs, c * t.COEF + t.SCALE, number(work, scale))
        put(coefs, c * t.COEF + t.SHIFT, number(work, get(weights, beta + c) - mean * scale))
        put(coefs, c * t.COEF + t.AVERAGE, number(work, mean))
        put(coefs, c * t.COEF + t.INVERSE, number(work, inverse))


@inlined
def norm_gradients(op: Any, frame: Any, work: Any, pixels: int) -> None:
    """Make the gradients of gamma, beta and the bias, and the coefficients of the gradient of z.

    dz = gamma/σ · (g - Σg/n - ẑ · Σ(g ẑ)/n) = C1 · g + C2 · z + C3, with ẑ = (z - mean) / σ. A
    bias before a norm has gradient 0, as the norm subtracts the mean.
    """
    coefs = past(pointer(work, frame.coefs), op.y_coef * t.COEF)
    gradients = pointer(work, frame.gradients)
    sums = past(float64s(frame.sums), op.y_coef * 2)
    count = frame.images * pixels
    has_norm, bias = op.norm, op.bias
    for c in range(op.count * op.outputs):
        coef = past(coefs, c * t.COEF)
        g, gz = get(sums, 2 * c), get(sums, 2 * c + 1)
        put(sums, 2 * c, 0.0)
        put(sums, 2 * c + 1, 0.0)
        if has_norm:
            mean, inverse = float(get(coef, t.AVERAGE)), float(get(coef, t.INVERSE))
            scale = float(get(coef, t.SCALE))
            gz = inverse * (gz - mean * g)
            put(gradients, op.gamma + c, number(work, gz))
            put(gradients, op.beta + c, number(work, g))
            c2 = -scale * inverse * gz / count
            put(coef, t.C1, number(work, scale))
            put(coef, t.C2, number(work, c2))
            put(coef, t.C3, number(work, -scale * g / count - c2 * mean))
        elif bias >= 0:
            put(gradients, bias + c, number(work, g))


@inlined
def stage(
    x: Any,
    height: int,
    width: int,
    s: Any,
    s_row: int,
    scale: Any,
    shift: Any,
    low: Any,
    high: Any,
) -> None:
    """Copy one plane into the middle of a padded one, norm and activation applied."""
    for y in range(height):
        for i in range(width):
            value = clip(fma(load(x, y * width + i), scale, shift), low, high)
            store(s, y * s_row + i, value)
