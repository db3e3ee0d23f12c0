"""Register tiles: the innermost loops of convolutions, emitted as LLVM with named accumulators.

A tile is a small block of results that stay in registers while their sums are made. This module
alone defines the sizes that exist; ``tile_choice`` selects among them when a network is lowered, so
the kernels never ask for another size.

Tried: the same loops in plain Numba, left to the vectoriser (19 to 60 GFLOP/s of a peak of 115).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from unitsearch.kernels.vectors import (
    REGISTERS,
    Pair,
    emit_at,
    emit_fma,
    emit_load,
    emit_spread,
    emit_store,
    vector_type,
)

_I32, _I64 = ir.IntType(32), ir.IntType(64)
Size = tuple[int, int, int]

SUMS = REGISTERS - 8 if REGISTERS == 32 else REGISTERS - 4  # accumulators of a tile
SPACED_SUMS = SUMS // 2
SPACED = 1 << 10  # added to the key of a tile whose input columns do not lie side by side
RUNS = 1 << 11  # added to the key of a tile whose taps come in runs
RUN_COLUMNS = (7, 8, 11, 14, 16, 22, 24)


@lru_cache
def output_tiles() -> dict[Size, int]:
    """Return the keys of all output tiles, by (channels, rows, columns)."""
    # each size costs compile time: a size that another replaces nearly as well is left out
    sizes = [
        (channels, rows, columns)
        for channels in range(1, 5)
        for rows in range(1, 4 if channels < 3 else 3)
        for columns in range(1, min(SUMS // (channels * rows), 12 if channels > 1 else 16) + 1)
    ]
    sizes += [(channels, 1, 1) for channels in (5, 6, 8, 10, 12, 16, 20, 24) if channels <= SUMS]
    sizes += [(channels, 1, 2) for channels in (5, 6, 8, 10) if 2 * channels <= SUMS]
    return {size: i for i, size in enumerate(sizes)}


@lru_cache
def spaced_tiles() -> dict[Size, int]:
    """Return the keys of the output tiles whose input columns lie apart (a stride above 1)."""
    sizes = [
        (channels, 1, columns)
        for channels in range(1, 5)
        for columns in range(1, min(SPACED_SUMS // channels, 8) + 1)
    ]
    return {size: output_tiles()[size] for size in sizes}


@lru_cache
def run_tiles() -> dict[tuple[int, int], int]:
    """Return the keys of the tiles of runs, of one channel and row, by (taps of a run, columns).

    With a single output channel, each multiply-add would need a load of its own. The taps of one
    kernel row, a run, read adjacent inputs: an input that is loaded once serves all of them.
    """
    sizes = [(run, c) for run in (3, 5) for c in RUN_COLUMNS if c <= REGISTERS - run - 3]
    return {size: i for i, size in enumerate(sizes)}


@lru_cache
def weight_tiles() -> dict[Size, int]:
    """Return the keys of all weight-gradient tiles, by (outputs, kernel rows, kernel columns)."""
    most = SUMS + 3 if REGISTERS == 32 else SUMS
    sizes = {(1, 1, columns) for columns in range(1, 8)}
    for side in range(1, 8):
        # whole kernels of the common sizes, rows of the others
        for rows in range(1, {1: 4, 2: 2, 3: 3, 5: 5}.get(side, 1) + 1):
            for outputs in range(1, 5 if rows <= 2 or side == 1 else 4):
                if outputs * rows * side <= most:
                    sizes.add((outputs, rows, side))
    return {size: i for i, size in enumerate(sorted(sizes))}


def _number(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Loop:
    """A counted loop in LLVM whose accumulators are carried from round to round as phi nodes."""

    def __init__(self, builder: Any, count: Any, carried: list[Any]) -> None:
        self.builder, self.count = builder, count
        function = builder.function
        before = builder.block
        self.body = function.append_basic_block("body")
        self.after = function.append_basic_block("after")
        builder.branch(self.body)
        builder.position_at_end(self.body)
        self.index = builder.phi(_I64)
        self.index.add_incoming(_number(0), before)
        self.values = [builder.phi(value.type) for value in carried]
        for phi, value in zip(self.values, carried, strict=True):
            phi.add_incoming(value, before)

    def close(self, following: list[Any]) -> list[Any]:
        """End the body with the values of the next round; return those after the last round.

        The loop runs at least once.
        """
        builder = self.builder
        last = builder.block
        index = builder.add(self.index, _number(1))
        self.index.add_incoming(index, last)
        for phi, value in zip(self.values, following, strict=True):
            phi.add_incoming(value, last)
        builder.cbranch(builder.icmp_signed("<", index, self.count), self.body, self.after)
        builder.position_at_end(self.after)
        return following


def _switch(builder: Any, key: Any, keys: dict[int, Any]) -> None:
    """Emit a switch with one case for each key; each value of ``keys`` emits its case."""
    end = builder.function.append_basic_block("tiles.end")
    unknown = builder.function.append_basic_block("tiles.unknown")
    switch = builder.switch(key, unknown)
    for value, emit in keys.items():
        case = builder.function.append_basic_block(f"tile{value}")
        switch.add_case(_number(value), case)
        builder.position_at_end(case)
        emit()
        builder.branch(end)
    builder.position_at_end(unknown)
    builder.unreachable()
    builder.position_at_end(end)


@intrinsic
def output_tile(
    typingctx: Any,
    key: Any,
    x: Any,
    x_row: Any,
    x_column: Any,
    taps: Any,
    count: Any,
    w: Any,
    w_channel: Any,
    bias: Any,
    bias_step: Any,
    y: Any,
    y_channel: Any,
    y_row: Any,
) -> Pair:
    """Make one tile of outputs: y = bias + Σ over taps of w · x.

    Args:
        typingctx: The typing context that Numba passes.
        key: The key of the tile in ``output_tiles``, in ``spaced_tiles`` plus ``SPACED``, or in
            ``run_tiles`` plus ``RUNS``.
        x: The input at the tile's first output.
        x_row: Registers from one output row's input to the next one's.
        x_column: Registers from one output column's input to the next one's; 1 unless the tile is
            a spaced one.
        taps: int32 pairs: the registers from ``x`` to a tap's input, the numbers from ``w`` to its
            weight.
        count: The number of taps.
        w: The weights of the tile's first channel.
        w_channel: Numbers from one output channel's weights to the next one's.
        bias: The first value of the sums, one number for each channel.
        bias_step: Numbers from one channel's bias to the next one's: 1, or 0 for one bias for all.
        y: The tile's first output.
        y_channel: Registers from one output channel to the next.
        y_row: Registers from one output row to the next; columns lie side by side.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector_type(x.dtype)
        cases: dict[int, Any] = {}
        for size, i in output_tiles().items():
            cases[i] = lambda size=size: _emit_output(builder, kind, size, False, args[1:])
        for size, i in spaced_tiles().items():
            cases[i + SPACED] = lambda size=size: _emit_output(builder, kind, size, True, args[1:])
        for (run, columns), i in run_tiles().items():
            cases[i + RUNS] = lambda run=run, c=columns: _emit_run(builder, kind, run, c, args[1:])
        _switch(builder, args[0], cases)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, x, i, i, taps, i, w, i, bias, i, y, i, i), emit


def _emit_output(builder: Any, kind: Any, size: Size, is_spaced: bool, args: Any) -> None:
    """Emit one output tile: per tap, rows · columns loads and one weight a channel."""
    channels, rows, columns = size
    (
        x,
        x_row,
        x_column,
        taps,
        count,
        w,
        w_channel,
        bias,
        bias_step,
        y,
        y_channel,
        y_row,
    ) = args
    scalar = kind.element
    begin = []
    for o in range(channels):
        number = builder.load(emit_at(builder, bias, scalar, builder.mul(bias_step, _number(o))))
        begin += [emit_spread(builder, number, kind)] * (rows * columns)
    loop = _Loop(builder, count, begin)
    pair = builder.mul(loop.index, _number(2))
    x_tap = builder.sext(builder.load(emit_at(builder, taps, _I32, pair)), _I64)
    second = builder.add(pair, _number(1))
    w_tap = builder.sext(builder.load(emit_at(builder, taps, _I32, second)), _I64)
    x_at = emit_at(builder, x, kind, x_tap)
    w_at = emit_at(builder, w, scalar, w_tap)
    weights = []
    for o in range(channels):
        step = builder.mul(w_channel, _number(o))
        weights.append(
            emit_spread(builder, builder.load(emit_at(builder, w_at, scalar, step)), kind)
        )
    sums = list(loop.values)
    for r in range(rows):
        row = emit_at(builder, x_at, kind, builder.mul(x_row, _number(r)))
        for c in range(columns):
            column = builder.mul(x_column, _number(c)) if is_spaced else _number(c)
            value = emit_load(builder, row, kind, column)
            for o in range(channels):
                offset = (o * rows + r) * columns + c
                sums[offset] = emit_fma(builder, value, weights[o], sums[offset])
    sums = loop.close(sums)
    for o in range(channels):
        for r in range(rows):
            row = builder.add(builder.mul(y_channel, _number(o)), builder.mul(y_row, _number(r)))
            line = emit_at(builder, y, kind, row)
            for c in range(columns):
                emit_store(builder, line, kind, _number(c), sums[(o * rows + r) * columns + c])


def _emit_run(builder: Any, kind: Any, run: int, columns: int, args: Any) -> None:
    """Emit a tile of runs: per run of taps, columns + run - 1 loads serve columns · run sums."""
    x, _, _, taps, count, w, _, bias, _, y, _, _ = args
    scalar = kind.element
    begin = emit_spread(builder, builder.load(emit_at(builder, bias, scalar, _number(0))), kind)
    loop = _Loop(builder, builder.sdiv(count, _number(run)), [begin] * columns)
    first = builder.mul(loop.index, _number(2 * run))
    x_tap = builder.sext(builder.load(emit_at(builder, taps, _I32, first)), _I64)
    x_at = emit_at(builder, x, kind, x_tap)
    weights = []
    for j in range(run):
        place = emit_at(builder, taps, _I32, builder.add(first, _number(2 * j + 1)))
        w_tap = builder.sext(builder.load(place), _I64)
        weights.append(emit_spread(builder, builder.load(emit_at(builder, w, scalar, w_tap)), kind))
    sums = list(loop.values)
    for c in range(columns + run - 1):
        value = emit_load(builder, x_at, kind, _number(c))
        for j in range(run):
            if 0 <= c - j < columns:
                sums[c - j] = emit_fma(builder, value, weights[j], sums[c - j])
    for c, value in enumerate(loop.close(sums)):
        emit_store(builder, y, kind, _number(c), value)


@intrinsic
def weight_tile(
    typingctx: Any,
    key: Any,
    g: Any,
    g_channel: Any,
    g_row: Any,
    x: Any,
    x_tap: Any,
    x_row: Any,
    x_column: Any,
    rows: Any,
    columns: Any,
    out: Any,
) -> Pair:
    """Add one tile of weight gradients, Σ over rows and columns of g · x, for each lane.

    Args:
        typingctx: The typing context that Numba passes.
        key: The key of the tile in ``weight_tiles``.
        g: Gradient of the tile's first output channel.
        g_channel: Registers from output channel to output channel.
        g_row: Registers from row to row; columns lie side by side.
        x: The input of the first output at the tile's first kernel element.
        x_tap: Registers from one kernel row's input to the next one's.
        x_row: Registers from one output row's input to the next one's.
        x_column: Registers from one output column's input to the next one's.
        rows: Output rows.
        columns: Output columns.
        out: The sums so far, one register for each weight; they are read and written back.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector_type(x.dtype)
        cases: dict[int, Any] = {}
        for size, i in weight_tiles().items():
            cases[i] = lambda size=size: _emit_weight(builder, kind, size, args[1:])
        _switch(builder, args[0], cases)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, g, i, i, x, i, i, i, i, i, out), emit


def _emit_weight(builder: Any, kind: Any, size: Size, args: Any) -> None:
    """Emit one weight-gradient tile: per pixel, one gradient an output and one input a tap."""
    outputs, taps, columns = size
    g, g_channel, g_row, x, x_tap, x_row, x_column, rows, width, out = args
    begin = [emit_load(builder, out, kind, _number(i)) for i in range(outputs * taps * columns)]
    outer = _Loop(builder, rows, begin)
    g_at = emit_at(builder, g, kind, builder.mul(outer.index, g_row))
    x_at = emit_at(builder, x, kind, builder.mul(outer.index, x_row))
    inner = _Loop(builder, width, list(outer.values))
    g_here = emit_at(builder, g_at, kind, inner.index)
    x_here = emit_at(builder, x_at, kind, builder.mul(inner.index, x_column))
    sums = list(inner.values)
    gradients = [
        emit_load(builder, g_here, kind, builder.mul(g_channel, _number(o))) for o in range(outputs)
    ]
    for a in range(taps):
        row = emit_at(builder, x_here, kind, builder.mul(x_tap, _number(a)))
        for b in range(columns):
            value = emit_load(builder, row, kind, _number(b))
            for o in range(outputs):
                offset = (o * taps + a) * columns + b
                sums[offset] = emit_fma(builder, value, gradients[o], sums[offset])
    sums = outer.close(inner.close(sums))
    for offset, value in enumerate(sums):
        emit_store(builder, out, kind, _number(offset), value)
