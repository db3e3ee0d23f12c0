"""The rows of the table: one function for each kind of operation, and for the backward pass."""

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

LARGEST_SUMS = 1 << 14  # weights of a unit whose sums are kept for each lane: half a cache
NEAR = 2048  # registers that stay in the second cache while others pass through it
ACTS = {"none": 0, "relu": 1, "relu6": 2}


def unsupported_error(what: str) -> UsageError:
    """Return the error that lanes do not support ``what``."""
    return UsageError(f"lanes do not run {what}")


def input_columns(x: ChannelRange) -> t.OperationColumns:
    """Return the columns of the map that an operation reads."""
    m = x.map
    return {
        "x": m.offset + x.first * m.pixels, "x_block": m.block, "x_channel": m.pixels,
        "x_coef": m.coef + x.first, "x_act": m.act, "x_height": m.height, "x_width": m.width,
        "xg": m.g if m.g < 0 else m.g + x.first * m.pixels, "xg_block": m.block,
    }  # fmt: skip


def output_columns(y: ChannelRange) -> t.OperationColumns:
    """Return the columns of the map that an operation writes."""
    m = y.map
    return {
        "y": m.offset + y.first * m.pixels, "y_block": m.block, "y_channel": m.pixels,
        "y_coef": m.coef + y.first, "y_height": m.height, "y_width": m.width,
        "g": m.g if m.g < 0 else m.g + y.first * m.pixels, "g_block": m.block,
    }  # fmt: skip


def pooled_gradient_columns(y: ChannelRange) -> t.OperationColumns:
    """Return the columns of the gradient of a pooled convolution: that of its maxima."""
    m = y.map
    first = y.first * m.pixels
    return {"g": m.g + first, "g_block": m.block, "pooled": m.offset + first}


def add_maxima(
    builder: ProgramBuilder, pool: Pool, x: ChannelRange, y: ChannelRange
) -> ChannelRange:
    """Add the max pooling of the last operation, a convolution; return its output."""
    conv, z, m = builder.rows[-1], x.map, y.map
    m.act, m.has_bias = z.act, m.has_bias or z.has_bias
    m.is_plain = m.is_plain and z.is_plain
    row: t.OperationColumns = {
        "kind": t.MAXIMA, "count": x.count, "kernel": pool.kernel, "stride": pool.step,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    conv.pooled = y
    conv.values |= {
        "pool_kernel": pool.kernel, "pool_stride": pool.step,
        "pool_height": m.height, "pool_width": m.width,
    }  # fmt: skip
    scratch = z.pixels + 2 * z.height * m.width
    staged = conv.values["inputs"] * conv.values["s_channel"]
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
    """Add a pooling by windows of rows and columns; return its output."""
    if math.prod(window) > t.LARGEST_WINDOW and pool.op == "max":
        raise unsupported_error("maxima over more than 225 pixels")
    m = x.map
    side = pool.padding
    row: t.OperationColumns = {
        "kind": t.POOL, "count": x.count, "kernel": window[0], "kernel_width": window[1],
        "stride": pool.step, "padding": side, "operator": 0 if pool.op == "max" else 1,
        "s_row": m.width + 2 * side,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    if pool.op == "max":
        if y.map.index < 0:
            y.map.index = builder.take(y.map.block * builder.blocks)
        row["index"] = y.map.index + y.first * y.map.pixels
    builder.staged = max(builder.staged, (m.height + 2 * side) * (m.width + 2 * side))
    builder.spare = max(builder.spare, m.pixels)
    builder.rows.append(Operation(row, y.map, t.POOL_BACK, use))
    return y


def add_block(
    builder: ProgramBuilder, layer: Conv | Linear, x: ChannelRange, count: int, inputs: int,
    y: ChannelRange, offsets: ParameterOffsets, use: tuple[FeatureMap, int],
) -> ChannelRange:  # fmt: skip
    """Add ``count`` equal layers side by side; return their output."""
    if layer.act not in ACTS:
        raise unsupported_error(f"the activation {layer.act}")
    has_norm = layer.norm == "batch"
    y.map.act = ACTS[layer.act]
    y.map.is_plain = y.map.is_plain and not has_norm and y.map.act == 0
    y.map.has_bias = y.map.has_bias or layer.bias
    row: t.OperationColumns = {
        "norm": int(has_norm), "weight": offsets.weight, "bias": offsets.bias,
        "gamma": offsets.gamma, "beta": offsets.beta,
        "mean": offsets.mean, "variance": offsets.variance,
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
) -> t.OperationColumns:
    k, stride, side = conv.kernel, conv.stride, conv.margin
    if side >= k:
        raise unsupported_error("padding as wide as the kernel")
    count, inputs, outputs = count * conv.groups, inputs // conv.groups, conv.out // conv.groups
    m, n = x.map, y.map
    row: t.OperationColumns = {
        "kind": t.CONVOLUTION, "count": count, "inputs": inputs, "outputs": outputs,
        "kernel": k, "stride": stride, "padding": side, **input_columns(x), **output_columns(y),
    }  # fmt: skip
    is_direct = m.is_plain and side == 0
    s_row = m.width + 2 * side
    s_channel = m.pixels if is_direct else s_row * (m.height + 2 * side)
    taps = tile_choice.forward_taps(inputs, k, s_channel, s_row)
    size = tile_choice.output_size(outputs, n.height, n.width, len(taps), is_spaced=stride != 1)
    run = tile_choice.run_columns(n.width, k) if outputs == 1 and stride == 1 else 0
    if run:
        size, row["run"] = (1, 1, run), k
    weight = tile_choice.weight_size(outputs, inputs, k)
    row |= {
        "is_direct": int(is_direct), "s_row": s_row, "s_channel": s_channel,
        "taps": builder.taps_of(taps), "tap_count": len(taps),
        "tile_channels": size[0], "tile_rows": size[1], "tile_columns": size[2],
        "weight_outputs": weight[0], "weight_rows": weight[1], "weight_columns": weight[2],
    }  # fmt: skip
    builder.staged = max(builder.staged, inputs * s_channel)
    return row


def choose_backward(builder: ProgramBuilder, row: t.OperationColumns) -> None:
    """Choose staging and tiles of a convolution's backward pass, once its gradients are known."""
    k, stride, side = row["kernel"], row["stride"], row["padding"]
    inputs, outputs = row["inputs"], row["outputs"]
    height, width = row["x_height"], row["x_width"]
    y_height, y_width = row["y_height"], row["y_width"]
    low = high = 0
    if row["xg"] >= 0:
        low, high = tile_choice.reach(height, y_height, k, stride, side)
        low_2, high_2 = tile_choice.reach(width, y_width, k, stride, side)
        low, high = max(low, low_2), max(high, high_2)
    is_direct = not row["norm"] and "pool_kernel" not in row and low == high == 0
    d_row = y_width + low + high
    d_channel = y_width * y_height if is_direct else d_row * (y_height + low + high)
    row |= {
        "is_direct_back": int(is_direct), "d_row": d_row, "d_channel": d_channel,
        "d_low": low, "d_high": high, "phases": len(builder.phases), "phase_count": 0,
    }  # fmt: skip
    weights = outputs * inputs * k * k
    keeps_sums = weights <= LARGEST_SUMS
    builder.sums = max(
        builder.sums, weights if keeps_sums else inputs * k * k * row["weight_outputs"]
    )
    row |= {"keeps_sums": int(keeps_sums), "part": outputs}
    if row["xg"] < 0:
        row["part"] = row["weight_outputs"]  # so that the nearest cache holds the staged gradients
    builder.gradients = max(builder.gradients, row["part"] * d_channel)
    if row["xg"] < 0:
        return
    builder.spare = max(builder.spare, inputs * height * width)
    phases = tile_choice.backward_phases(
        outputs, inputs, height, width, k, stride, side, d_channel, d_row
    )
    row["phase_count"] = len(phases)
    for taps, *rest in phases:
        builder.phases.append((builder.taps_of(taps), len(taps), *rest))
    taps, _, _, rows, columns = phases[0]
    size = tile_choice.output_size(inputs, rows, columns, len(taps), is_spaced=False)
    run = tile_choice.run_columns(columns, k) if inputs == 1 and stride == 1 else 0
    if run:
        size, row["back_run"] = (1, 1, run), k
    row |= {"back_channels": size[0], "back_rows": size[1], "back_columns": size[2]}


def _linear(
    builder: ProgramBuilder,
    linear: Linear,
    x: ChannelRange,
    count: int,
    inputs: int,
    y: ChannelRange,
) -> t.OperationColumns:
    m, features = x.map, count * inputs
    share = m.pixels
    coef, rest = divmod(x.first, share)
    row: t.OperationColumns = {
        "kind": t.LINEAR, "count": count, "inputs": inputs, "outputs": linear.out,
        **input_columns(x), **output_columns(y),
    }  # fmt: skip
    if rest or features % share:
        if not m.is_plain or m.has_bias:
            raise unsupported_error("linear units that cut the pixels of a channel apart")
        share = math.gcd(x.first, features)
        coef = 0  # all coefficients of a plain map are 1 and 0
        assert m.block >= features
    row |= {"x": m.offset + x.first, "x_coef": m.coef + coef, "x_share": share}
    if m.g >= 0:
        row["xg"] = m.g + x.first
    forward = tile_choice.forward_taps(inputs, 1, builder.blocks, 0)
    back = tuple((o * builder.blocks, o * inputs) for o in range(linear.out))
    size = tile_choice.output_size(linear.out, 1, builder.blocks, inputs, is_spaced=False)
    back_size = tile_choice.output_size(inputs, 1, builder.blocks, linear.out, is_spaced=False)
    weight = tile_choice.weight_size(linear.out, inputs, 1)
    row |= {
        "taps": builder.taps_of(forward), "tap_count": inputs, "back_taps": builder.taps_of(back),
        "tile_channels": size[0], "tile_rows": 1, "tile_columns": size[2],
        "back_channels": back_size[0], "back_rows": 1, "back_columns": back_size[2],
        "weight_outputs": weight[0], "weight_rows": weight[1], "weight_columns": 1,
    }  # fmt: skip
    part = inputs if count > 1 else max(1, NEAR // (share * builder.blocks)) * share
    row["part"] = min(part, inputs)
    sums = max(weight[0] * row["part"], linear.out * builder.blocks)
    builder.sums = max(builder.sums, sums)
    builder.staged = max(builder.staged, count * row["part"] * builder.blocks)
    builder.gradients = max(builder.gradients, count * linear.out * builder.blocks)
    builder.spare = max(builder.spare, features * builder.blocks)
    return row
