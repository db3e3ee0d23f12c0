"""The rows of the table: one function for each kind of operation, and the way back."""

from __future__ import annotations

import math
from dataclasses import replace

from unitsearch.architecture import Conv, Linear, Pool
from unitsearch.errors import UsageError
from unitsearch.kernels import table_layout as t
from unitsearch.kernels import tile_choice
from unitsearch.kernels.program_builder import (
    ChannelRange,
    FeatureMap,
    Operation,
    ParameterOffsets,
    ProgramBuilder,
)

LARGEST_SUMS = 1 << 14  # weights of a block whose sums are kept for each lane: half a near cache
NEAR = 2048  # registers that the second cache holds beside what passes through it
ACTS = {"none": 0, "relu": 1, "relu6": 2}


def unsupported_error(what: str) -> UsageError:
    """Return the error that says what lanes do not run."""
    return UsageError(f"lanes do not run {what}")


def input_columns(x: ChannelRange) -> dict[int, int]:
    """Return the columns of what an operation reads."""
    m = x.map
    return {
        t.X: m.at + x.first * m.pixels, t.X_BLOCK: m.block, t.X_CHANNEL: m.pixels,
        t.X_COEF: m.coef + x.first, t.X_ACT: m.act, t.X_HEIGHT: m.height, t.X_WIDTH: m.width,
        t.XG: m.g if m.g < 0 else m.g + x.first * m.pixels, t.XG_BLOCK: m.block,
    }  # fmt: skip


def output_columns(y: ChannelRange) -> dict[int, int]:
    """Return the columns of what an operation leaves."""
    m = y.map
    return {
        t.Y: m.at + y.first * m.pixels, t.Y_BLOCK: m.block, t.Y_CHANNEL: m.pixels,
        t.Y_COEF: m.coef + y.first, t.Y_ACT: m.act, t.Y_HEIGHT: m.height, t.Y_WIDTH: m.width,
        t.G: m.g if m.g < 0 else m.g + y.first * m.pixels, t.G_BLOCK: m.block,
    }  # fmt: skip


def pooled_gradient_columns(y: ChannelRange) -> dict[int, int]:
    """Return the columns of where the gradient of a pooled convolution is handed back."""
    m = y.map
    first = y.first * m.pixels
    return {t.G: m.g + first, t.G_BLOCK: m.block, t.POOLED: m.at + first}


def add_maxima(
    builder: ProgramBuilder, pool: Pool, x: ChannelRange, y: ChannelRange
) -> ChannelRange:
    """Add the maxima of what the last operation, a convolution, left; return what they leave."""
    conv, z, m = builder.rows[-1], x.map, y.map
    m.act, m.has_bias = z.act, m.has_bias or z.has_bias
    m.is_plain = m.is_plain and z.is_plain
    row = {
        t.KIND: t.MAXIMA, t.COUNT: x.count, t.KERNEL: pool.kernel, t.STRIDE: pool.step,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    conv.pooled = y
    conv.values |= {
        t.POOL_KERNEL: pool.kernel, t.POOL_STRIDE: pool.step,
        t.POOL_HEIGHT: m.height, t.POOL_WIDTH: m.width,
    }  # fmt: skip
    scratch = z.pixels + 2 * z.height * m.width
    staged = conv.values[t.INPUTS] * conv.values[t.S_CHANNEL]
    builder.staged = max(builder.staged, staged + scratch)
    builder.rows.append(Operation(row, m))
    return y


def add_pool(
    builder: ProgramBuilder,
    pool: Pool,
    window: tuple[int, int],
    x: ChannelRange,
    y: ChannelRange,
    use: tuple[FeatureMap, int],
) -> ChannelRange:
    """Add a pooling by a window of rows and columns; return what it leaves."""
    if math.prod(window) > t.LARGEST_WINDOW and pool.op == "max":
        raise unsupported_error("maxima over more than 225 pixels")
    m = x.map
    side = pool.padding
    row = {
        t.KIND: t.POOL, t.COUNT: x.count, t.KERNEL: window[0], t.KERNEL_WIDTH: window[1],
        t.STRIDE: pool.step, t.PADDING: side, t.OPERATOR: 0 if pool.op == "max" else 1,
        t.S_ROW: m.width + 2 * side,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    if pool.op == "max":
        if y.map.index < 0:
            y.map.index = builder.take(y.map.block * builder.blocks)
        row[t.INDEX] = y.map.index + y.first * y.map.pixels
    builder.staged = max(builder.staged, (m.height + 2 * side) * (m.width + 2 * side))
    builder.spare = max(builder.spare, m.pixels)
    builder.rows.append(Operation(row, y.map, t.POOL_BACK, use))
    return y


def add_block(
    builder: ProgramBuilder, layer: Conv | Linear, x: ChannelRange, count: int, inputs: int,
    y: ChannelRange, held: ParameterOffsets, use: tuple[FeatureMap, int],
) -> ChannelRange:  # fmt: skip
    """Add ``count`` equal layers side by side; return what they leave."""
    if layer.act not in ACTS:
        raise unsupported_error(f"the activation {layer.act}")
    has_norm = layer.norm == "batch"
    y.map.act = ACTS[layer.act]
    y.map.is_plain = y.map.is_plain and not has_norm and y.map.act == 0
    y.map.has_bias = y.map.has_bias or layer.bias
    row = {
        t.NORM: int(has_norm), t.WEIGHT: held.weight, t.BIAS: held.bias, t.GAMMA: held.gamma,
        t.BETA: held.beta, t.MEAN: held.mean, t.VARIANCE: held.variance,
    }  # fmt: skip
    if isinstance(layer, Linear):
        row |= _linear(builder, layer, x, count, inputs, y)
        back = t.LINEAR_BACK
    else:
        row |= _convolution(builder, layer, x, count, inputs, y)
        back = t.CONVOLUTION_BACK
    builder.rows.append(Operation(row, y.map, back, use))
    return replace(y, is_flat=isinstance(layer, Linear))


def _convolution(
    builder: ProgramBuilder, conv: Conv, x: ChannelRange, count: int, inputs: int, y: ChannelRange
) -> dict[int, int]:
    k, stride, side = conv.kernel, conv.stride, conv.margin
    if side >= k:
        raise unsupported_error("padding as wide as the kernel")
    count, inputs, outputs = count * conv.groups, inputs // conv.groups, conv.out // conv.groups
    m, n = x.map, y.map
    row = {
        t.KIND: t.CONVOLUTION, t.COUNT: count, t.INPUTS: inputs, t.OUTPUTS: outputs,
        t.KERNEL: k, t.STRIDE: stride, t.PADDING: side, **input_columns(x), **output_columns(y),
    }  # fmt: skip
    is_direct = m.is_plain and side == 0
    s_row = m.width + 2 * side
    s_channel = m.pixels if is_direct else s_row * (m.height + 2 * side)
    taps = tile_choice.forward_taps(inputs, k, s_channel, s_row)
    size = tile_choice.output_size(outputs, n.height, n.width, len(taps), is_spaced=stride != 1)
    run = tile_choice.run_columns(n.width, k) if outputs == 1 and stride == 1 else 0
    if run:
        size, row[t.RUN] = (1, 1, run), k
    weight = tile_choice.weight_size(outputs, inputs, k)
    row |= {
        t.IS_DIRECT: int(is_direct), t.S_ROW: s_row, t.S_CHANNEL: s_channel,
        t.TAPS: builder.taps_of(taps), t.TAP_COUNT: len(taps),
        t.TILE_CHANNELS: size[0], t.TILE_ROWS: size[1], t.TILE_COLUMNS: size[2],
        t.WEIGHT_OUTPUTS: weight[0], t.WEIGHT_ROWS: weight[1], t.WEIGHT_COLUMNS: weight[2],
    }  # fmt: skip
    builder.staged = max(builder.staged, inputs * s_channel)
    return row


def settle_backward(builder: ProgramBuilder, row: dict[int, int]) -> None:
    """Settle how a convolution's gradients are staged, once it is known which are wanted."""
    k, stride, side = row[t.KERNEL], row[t.STRIDE], row[t.PADDING]
    inputs, outputs = row[t.INPUTS], row[t.OUTPUTS]
    height, width = row[t.X_HEIGHT], row[t.X_WIDTH]
    y_height, y_width = row[t.Y_HEIGHT], row[t.Y_WIDTH]
    low = high = 0
    if row[t.XG] >= 0:
        low, high = tile_choice.reach(height, y_height, k, stride, side)
        low_2, high_2 = tile_choice.reach(width, y_width, k, stride, side)
        low, high = max(low, low_2), max(high, high_2)
    is_direct = not row[t.NORM] and t.POOL_KERNEL not in row and low == high == 0
    d_row = y_width + low + high
    d_channel = y_width * y_height if is_direct else d_row * (y_height + low + high)
    row |= {
        t.IS_DIRECT_BACK: int(is_direct), t.D_ROW: d_row, t.D_CHANNEL: d_channel,
        t.D_LOW: low, t.D_HIGH: high, t.PHASES: len(builder.phases), t.PHASE_COUNT: 0,
    }  # fmt: skip
    weights = outputs * inputs * k * k
    keeps_sums = weights <= LARGEST_SUMS
    builder.sums = max(
        builder.sums, weights if keeps_sums else inputs * k * k * row[t.WEIGHT_OUTPUTS]
    )
    row |= {t.KEEPS_SUMS: int(keeps_sums), t.PART: outputs}
    if row[t.XG] < 0:
        row[t.PART] = row[t.WEIGHT_OUTPUTS]  # so that the near cache holds what is staged
    builder.gradients = max(builder.gradients, row[t.PART] * d_channel)
    if row[t.XG] < 0:
        return
    builder.spare = max(builder.spare, inputs * height * width)
    phases = tile_choice.backward_phases(
        outputs, inputs, height, width, k, stride, side, d_channel, d_row
    )
    row[t.PHASE_COUNT] = len(phases)
    for taps, *rest in phases:
        builder.phases.append((builder.taps_of(taps), len(taps), *rest))
    taps, _, _, rows, columns = phases[0]
    size = tile_choice.output_size(inputs, rows, columns, len(taps), is_spaced=False)
    run = tile_choice.run_columns(columns, k) if inputs == 1 and stride == 1 else 0
    if run:
        size, row[t.BACK_RUN] = (1, 1, run), k
    row |= {t.BACK_CHANNELS: size[0], t.BACK_ROWS: size[1], t.BACK_COLUMNS: size[2]}


def _linear(
    builder: ProgramBuilder,
    linear: Linear,
    x: ChannelRange,
    count: int,
    inputs: int,
    y: ChannelRange,
) -> dict[int, int]:
    m, features = x.map, count * inputs
    share = m.pixels
    coef, rest = divmod(x.first, share)
    row = {
        t.KIND: t.LINEAR, t.COUNT: count, t.INPUTS: inputs, t.OUTPUTS: linear.out,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    if rest or features % share:
        if not m.is_plain or m.has_bias:
            raise unsupported_error("linear units that cut the pixels of a channel apart")
        share = math.gcd(x.first, features)
        coef = 0  # all are 1 and 0
        assert m.block >= features
    row |= {t.X: m.at + x.first, t.X_COEF: m.coef + coef, t.X_SHARE: share}
    if m.g >= 0:
        row[t.XG] = m.g + x.first
    forward = tile_choice.forward_taps(inputs, 1, builder.blocks, 0)
    back = tuple((o * builder.blocks, o * inputs) for o in range(linear.out))
    size = tile_choice.output_size(linear.out, 1, builder.blocks, inputs, is_spaced=False)
    back_size = tile_choice.output_size(inputs, 1, builder.blocks, linear.out, is_spaced=False)
    weight = tile_choice.weight_size(linear.out, inputs, 1)
    row |= {
        t.TAPS: builder.taps_of(forward), t.TAP_COUNT: inputs, t.PHASES: builder.taps_of(back),
        t.TILE_CHANNELS: size[0], t.TILE_ROWS: 1, t.TILE_COLUMNS: size[2],
        t.BACK_CHANNELS: back_size[0], t.BACK_ROWS: 1, t.BACK_COLUMNS: back_size[2],
        t.WEIGHT_OUTPUTS: weight[0], t.WEIGHT_ROWS: weight[1], t.WEIGHT_COLUMNS: 1,
    }  # fmt: skip
    part = inputs if count > 1 else max(1, NEAR // (share * builder.blocks)) * share
    row[t.PART] = min(part, inputs)
    sums = max(weight[0] * row[t.PART], linear.out * builder.blocks)
    builder.sums = max(builder.sums, sums)
    builder.staged = max(builder.staged, count * row[t.PART] * builder.blocks)
    builder.gradients = max(builder.gradients, count * linear.out * builder.blocks)
    builder.spare = max(builder.spare, features * builder.blocks)
    return row
