"""From an architecture to a table of operations: buffers, parameters, rows. Plain Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Architecture, Linear, Stack, canonical
from unitsearch.errors import UsageError
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.lane_lowering import LaneLowering
from unitsearch.kernels.operations import (
    input_columns,
    output_columns,
    pooled_gradient_columns,
    settle_backward,
    unsupported_error,
)
from unitsearch.kernels.program_builder import (
    ChannelRange,
    FeatureMap,
    Operation,
    ProgramBuilder,
    StateEntry,
)
from unitsearch.kernels.vectors import REGISTER_BYTES
from unitsearch.shapes import output

ACCUMULATORS = 64  # registers: two sums for each channel of an output tile, or a weight tile


@dataclass(frozen=True, eq=False)
class LaneProgram:
    """A table of operations and all that it speaks of.

    Attributes:
        forward: int64 [operations, ROW], without the loss.
        loss: Its row.
        backward: Likewise, in the order of the way back.
        taps: int32 [taps, 2].
        phases: int64 [phases, PHASE].
        entries: The network's state, in order.
        weights: How many parameters.
        running: How many running statistics.
        coefs: How many channels have coefficients.
        registers: Size of the workspace.
        numbers: Offsets in it: the numbers from 0 on, the accumulators, the spare plane.
        accumulators: Likewise.
        spare: Likewise.
        classes: Logits of an image.
        blocks: Blocks of images.
    """

    forward: NDArray[np.int64]
    loss: NDArray[np.int64]
    backward: NDArray[np.int64]
    taps: NDArray[np.int32]
    phases: NDArray[np.int64]
    entries: tuple[StateEntry, ...]
    weights: int
    running: int
    coefs: int
    registers: int
    numbers: int
    accumulators: int
    spare: int
    classes: int
    blocks: int


def unsupported(architecture: Architecture) -> str:
    """Return why lanes cannot run ``architecture``: one sentence, or nothing if they can."""
    try:
        lower_to_lanes(architecture, 1, 16, 64)
    except UsageError as error:
        return error.message
    return ""


def workspace_bytes(architecture: Architecture, batch: int) -> int:
    """Return the bytes of maps and gradients that lanes hold for ``batch`` images, in float32.

    Raises:
        UsageError: If lanes cannot run ``architecture``.
    """
    lanes = REGISTER_BYTES // 4
    return (
        lower_to_lanes(architecture, -(-batch // lanes), lanes, REGISTER_BYTES).registers
        * REGISTER_BYTES
    )


def lower_to_lanes(
    architecture: Architecture, blocks: int, lanes: int, register_bytes: int
) -> LaneProgram:
    """Return the program of ``architecture`` for a batch of some blocks of ``lanes`` images.

    Raises:
        UsageError: If there is something in it that lanes cannot run.
        ShapeError: If a layer cannot take what enters it.
    """
    output(architecture)
    architecture = canonical(architecture)
    builder = ProgramBuilder(blocks)
    has_flat_units = any(
        isinstance(layer, Stack)
        and any(isinstance(run.unit.layers[0], Linear) for run in layer.units)
        for layer in architecture.layers
    )
    lowering = LaneLowering(builder, register_bytes, keeps_maxima=not has_flat_units)
    channels = architecture.input[0]
    images = ChannelRange(builder.map(*architecture.input, has_gradient=False), 0, channels)
    row = {t.KIND: t.ENTER, t.INPUTS: lanes, t.OUTPUTS: channels, **output_columns(images)}
    builder.rows.append(Operation(row, images.map))
    x = lowering.sequence(architecture.layers, images, "layers")
    if not x.is_flat or x.map.pixels != 1 or x.map is images.map:
        raise unsupported_error("networks that do not end in a linear layer")
    loss = Operation(
        {t.KIND: t.LOSS, t.INPUTS: lanes, t.OUTPUTS: x.count, **input_columns(x)}, x.map
    )
    loss.x = x.map.use()
    return _assembled(builder, loss)


def _assembled(builder: ProgramBuilder, loss: Operation) -> LaneProgram:
    """Return the program of a builder whose rows are all there."""
    shared = {depth: builder.take(size) for depth, size in builder.shared.items()}
    for made, depth in builder.hidden:
        made.g = shared[depth]
    _hand_gradients_on([loss, *reversed(builder.rows)])
    for row in builder.rows:
        if row.values[t.KIND] == t.CONVOLUTION:
            settle_backward(builder, row.values)
    staged, gradients = builder.take(builder.staged), builder.take(builder.gradients)
    sums = builder.take(builder.sums)
    for row in builder.rows:
        row.values |= {t.S: staged, t.D: gradients, t.SUMS: sums}
    back = [
        row.values | {t.KIND: row.back}
        for row in reversed(builder.rows)
        if row.back is not None and not (row.back == t.POOL_BACK and row.values[t.XG] < 0)
    ]
    return LaneProgram(
        forward=_table([row.values for row in builder.rows], builder.blocks),
        loss=_table([loss.values], builder.blocks)[0],
        backward=_table(back, builder.blocks),
        taps=np.array([tap for taps in builder.taps for tap in taps], np.int32).reshape(-1, 2),
        phases=np.array(builder.phases, np.int64).reshape(-1, t.PHASE),
        entries=tuple(builder.entries),
        weights=builder.weights,
        running=builder.running,
        coefs=builder.coefs,
        spare=builder.take(builder.spare),
        numbers=builder.take(t.LARGEST_WINDOW + 1),
        accumulators=builder.take(ACCUMULATORS),
        registers=builder.registers,
        classes=loss.values[t.OUTPUTS],
        blocks=builder.blocks,
    )


def _hand_gradients_on(back: list[Operation]) -> None:
    """Fill in where gradients lie; and, in the way back's order, who stores, adds and finishes."""
    order: dict[FeatureMap, list[int]] = {}
    for row in back:
        for use in (row.z, row.x):
            if use is not None and use[1] not in order.setdefault(use[0], []):
                order[use[0]].append(use[1])
    for row in back:
        values = row.values
        if row.pooled is not None:
            values |= pooled_gradient_columns(row.pooled)
        elif t.Y in values:
            values[t.G] = -1 if row.y.g < 0 else row.y.g + values[t.Y] - row.y.at
        for use, x, xg, mode in (
            (row.x, t.X, t.XG, t.XG_MODE),
            (row.z, t.Z, t.ZG, t.ZG_MODE),
        ):
            if use is None:
                continue
            made, number = use
            values[xg] = -1 if made.g < 0 else made.g + values[x] - made.at
            uses = order[made]
            values[mode] = 0 if number == uses[0] else t.ADD
            if number == uses[-1] and (not made.is_plain or made.has_bias):
                values[mode] |= t.FINISH


def _table(rows: list[dict[int, int]], blocks: int) -> NDArray[np.int64]:
    found = np.zeros((len(rows), t.ROW), np.int64)
    for i, row in enumerate(rows):
        found[i, t.BLOCKS] = blocks
        found[i, list(row)] = list(row.values())
    return found
