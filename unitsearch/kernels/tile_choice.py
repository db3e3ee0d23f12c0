"""The choice of register tiles for an operation, and the taps that the tiles sum over.

The sizes are chosen by an estimate of cycles, not by measurement: the estimate is exact enough as
the loops are fixed, and the choice is the same on each run.
"""

from __future__ import annotations

from functools import lru_cache

from unitsearch.kernels.tiles import (
    SPACED_SUMS,
    SUMS,
    Size,
    output_tiles,
    run_tiles,
    spaced_tiles,
    weight_tiles,
)


def _parts(size: int, step: int) -> dict[int, int]:
    """Return how often each width occurs if ``size`` is cut into pieces of ``step``."""
    whole, rest = divmod(size, step)
    return {width: times for width, times in ((step, whole), (rest, 1)) if width and times}


def _cycles(size: Size, taps: int) -> float:
    """Estimate the cycles of one output tile: two multiply-adds or 1.6 loads each, latency 4."""
    channels, rows, columns = size
    pixels = rows * columns
    each = max(4.0, channels * pixels / 2, (channels + pixels + 1) / 1.6)
    return taps * each + 10 + channels * pixels


@lru_cache(maxsize=4096)
def output_size(channels: int, rows: int, columns: int, taps: int, *, is_spaced: bool) -> Size:
    """Return the cheapest output tile for a map of this size."""
    menu = spaced_tiles() if is_spaced else output_tiles()
    most = SPACED_SUMS if is_spaced else SUMS
    best: tuple[float, Size] | None = None
    for o in range(1, min(channels, most) + 1):
        for r in range(1, min(rows, 4) + 1):
            widest = min(columns, most // (o * r))
            # equal shares of the columns: 32 is cut into 11, 11, 10 rather than 12, 12, 8
            for c in sorted({-(-columns // (-(-columns // w))) for w in range(1, widest + 1)}):
                parts = [
                    ((oo, rr, cc), a * b * d)
                    for oo, a in _parts(channels, o).items()
                    for rr, b in _parts(rows, r).items()
                    for cc, d in _parts(columns, c).items()
                ]
                if any(size not in menu for size, _ in parts):
                    continue
                cost = sum(_cycles(size, taps) * times for size, times in parts)
                if best is None or cost < best[0]:
                    best = cost, (o, r, c)
    assert best is not None, (channels, rows, columns)
    return best[1]


@lru_cache(maxsize=4096)
def run_columns(columns: int, run: int) -> int:
    """Return the columns of the cheapest tile of runs for a row of one channel; 0 if none fits."""
    menu = [size[1] for size in run_tiles() if size[0] == run and size[1] <= columns]

    def cost(tile: int) -> float:
        whole, rest = divmod(columns, tile)
        each = run * tile / 2 + 8
        last = run * max(4.0, (rest + 2) / 1.6) if rest and rest not in menu else run * rest / 2
        return whole * each + (last + 8 if rest else 0)

    return min(menu, key=cost, default=0)


@lru_cache(maxsize=4096)
def weight_size(outputs: int, inputs: int, kernel: int) -> Size:
    """Return the weight-gradient tile: outputs, kernel rows (input channels at 1 × 1), columns."""
    menu = weight_tiles()
    rows_of = inputs if kernel == 1 else kernel
    columns = min(kernel, 7)
    best: tuple[float, Size] | None = None
    for o in range(1, min(outputs, 4) + 1):
        for r in range(1, min(rows_of, 7) + 1):
            parts = [
                ((oo, rr, cc), a * b * d)
                for oo, a in _parts(outputs, o).items()
                for rr, b in _parts(rows_of, r).items()
                for cc, d in _parts(kernel, columns).items()
            ]
            if any(size not in menu for size, _ in parts):
                continue
            cost = sum(
                times
                * max(4.0, size[0] * size[1] * size[2] / 2, (size[0] + size[1] * size[2]) / 1.6)
                for size, times in parts
            )
            if best is None or cost < best[0] - 1e-9:
                best = cost, (o, r, columns)
    assert best is not None, (outputs, inputs, kernel)
    return best[1]


Taps = tuple[tuple[int, int], ...]
"""Offsets of the inputs, in registers, and of the weights, in numbers, that one sum runs over."""


@lru_cache(maxsize=1024)
def forward_taps(inputs: int, kernel: int, s_channel: int, s_row: int) -> Taps:
    """Return the taps of one output channel: for each weight, offset of its input and its own."""
    return tuple(
        (i * s_channel + a * s_row + b, (i * kernel + a) * kernel + b)
        for i in range(inputs)
        for a in range(kernel)
        for b in range(kernel)
    )


@lru_cache(maxsize=1024)
def reach(side: int, out: int, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """Return the zeros that the output gradient needs before and after each row (and column)."""
    low = high = 0
    for first in range(min(stride, side)):
        count = -(-(side - first) // stride)
        for a in range(kernel):
            offset, rest = divmod(first + padding - a, stride)
            if rest == 0:
                low, high = max(low, -offset), max(high, offset + count - out)
    return low, high


@lru_cache(maxsize=1024)
def backward_phases(
    outputs: int, inputs: int, height: int, width: int, kernel: int, stride: int, padding: int,
    d_channel: int, d_row: int,
) -> tuple[tuple[Taps, int, int, int, int], ...]:  # fmt: skip
    """Return the parts of an input gradient: taps, first row and column, rows, columns.

    Every ``stride``-th row and column of the input is reached by the same elements of the kernel.
    """
    phases = []
    for y in range(min(stride, height)):
        for x in range(min(stride, width)):
            taps = tuple(
                (
                    o * d_channel
                    + (y + padding - a) // stride * d_row
                    + (x + padding - b) // stride,
                    (o * inputs * kernel + a) * kernel + b,
                )
                for o in range(outputs)
                for a in range(kernel)
                if (y + padding - a) % stride == 0
                for b in reversed(range(kernel))  # so that the inputs of a run are ascending
                if (x + padding - b) % stride == 0
            )
            if taps:
                rows, columns = -(-(height - y) // stride), -(-(width - x) // stride)
                phases.append((taps, y, x, rows, columns))
    return tuple(phases)
