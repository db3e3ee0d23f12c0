"""Programs: from an architecture to a table of operations and the sizes of all buffers.

Plain Python: nothing here is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Architecture, Linear, Stack, canonical
from unitsearch.errors import UsageError
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.lane_lowering import LaneLowering
from unitsearch.kernels.operations import (
    choose_backward,
    input_columns,
    output_columns,
    pooled_gradient_columns,
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

ACCUMULATORS = 64  # registers for two sums for each channel of an output tile, or one tile's sums


@dataclass(frozen=True, eq=False)
class LaneProgram:
    """A table of operations, the tables that its columns point into, and the sizes of all buffers.

    ``print(program)`` shows one operation a line.

    Attributes:
        forward: ``table_layout.OPERATION`` [operations], the forward pass without the loss.
        loss: One row, the loss.
        backward: The backward pass, in the order in which it runs.
        taps: int32 [taps, 2]: offset of the input, offset of the weight.
        phases: ``table_layout.PHASE`` [phases].
        entries: The tensors of the network's state, in their order.
        weights: The number of parameters.
        running: The number of running statistics.
        coefs: The number of channels that have coefficients.
        registers: The size of the workspace in registers.
        numbers: Offset in the workspace of the registers that hold 0, 1, 2 … in all lanes.
        accumulators: Offset in the workspace of the registers that sums over pixels are made in.
        spare: Offset in the workspace of a gradient that is then added to another one.
        classes: The number of logits of an image.
        blocks: The number of blocks of images in a batch.
    """

    forward: NDArray[np.void]
    loss: NDArray[np.void]
    backward: NDArray[np.void]
    taps: NDArray[np.int32]
    phases: NDArray[np.void]
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

    def __str__(self) -> str:
        return "\n".join(map(listing, (self.forward, self.loss, self.backward)))


def listing(rows: NDArray[np.void]) -> str:
    """Return operations as text: one line each, its kind and the columns that are not 0."""
    names = t.OPERATION.names or ()
    lines = []
    for row in rows:
        columns = [f"{name}={row[name]}" for name in names if name != "kind" and row[name]]
        lines.append(" ".join([f"{t.KINDS[row['kind']]:16}", *columns]))
    return "\n".join(lines)


def unsupported(architecture: Architecture) -> str:
    """Return the reason why lanes cannot run ``architecture``; empty if they can."""
    try:
        lower_to_lanes(architecture, 1, 16, 64)
    except UsageError as error:
        return error.message
    return ""


def workspace_bytes(architecture: Architecture, batch: int) -> int:
    """Return the bytes of the workspace, maps and gradients, for ``batch`` images in float32.

    Raises:
        UsageError: If lanes cannot run ``architecture``.
    """
    lanes = REGISTER_BYTES // 4
    program = lower_to_lanes(architecture, -(-batch // lanes), lanes, REGISTER_BYTES)
    return program.registers * REGISTER_BYTES


def lower_to_lanes(
    architecture: Architecture, blocks: int, lanes: int, register_bytes: int
) -> LaneProgram:
    """Return the program of ``architecture`` for a batch of some blocks of ``lanes`` images.

    Raises:
        UsageError: If lanes cannot run one of its layers.
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
    read: t.OperationColumns = {
        "kind": t.READ_IMAGES,
        "inputs": lanes,
        "outputs": channels,
        **output_columns(images),
    }
    builder.rows.append(Operation(read, images.map))
    x = lowering.sequence(architecture.layers, images, "layers")
    if not x.is_flat or x.map.pixels != 1 or x.map is images.map:
        raise unsupported_error("networks that do not end in a linear layer")
    loss = Operation(
        {"kind": t.LOSS, "inputs": lanes, "outputs": x.count, **input_columns(x)}, x.map
    )
    loss.x = x.map.use()
    return _assembled(builder, loss)


def _assembled(builder: ProgramBuilder, loss: Operation) -> LaneProgram:
    """Return the program of a builder that holds all operations of the forward pass."""
    shared = {depth: builder.take(size) for depth, size in builder.shared.items()}
    for feature_map, depth in builder.hidden:
        feature_map.g = shared[depth]
    _assign_gradients([loss, *reversed(builder.rows)])
    for row in builder.rows:
        if row.values["kind"] == t.CONVOLUTION:
            choose_backward(builder, row.values)
    staged, gradients = builder.take(builder.staged), builder.take(builder.gradients)
    sums = builder.take(builder.sums)
    for row in builder.rows:
        row.values |= {"s": staged, "d": gradients, "sums": sums}
    back = []
    for row in reversed(builder.rows):
        # images have no gradient, so a pooling of them has no backward pass
        if row.back is not None and not (row.back == t.POOL_BACK and row.values["xg"] < 0):
            values = row.values.copy()
            values["kind"] = row.back
            back.append(values)
    return LaneProgram(
        forward=_table([row.values for row in builder.rows], builder.blocks),
        loss=_table([loss.values], builder.blocks),
        backward=_table(back, builder.blocks),
        taps=np.array([tap for taps in builder.taps for tap in taps], np.int32).reshape(-1, 2),
        phases=np.array(builder.phases, t.PHASE),
        entries=tuple(builder.entries),
        weights=builder.weights,
        running=builder.running,
        coefs=builder.coefs,
        spare=builder.take(builder.spare),
        numbers=builder.take(t.LARGEST_WINDOW + 1),
        accumulators=builder.take(ACCUMULATORS),
        registers=builder.registers,
        classes=loss.values["outputs"],
        blocks=builder.blocks,
    )


def _assign_gradients(back: list[Operation]) -> None:
    """Fill in the gradients' offsets and modes, for operations in the order of the backward pass.

    A map's gradient gets one part from each layer that reads the map. The first part in the order
    of the backward pass is stored, the others are added, and the last one finishes the gradient.
    """
    order: dict[FeatureMap, list[int]] = {}
    for row in back:
        for use in (row.z, row.x):
            if use is not None and use[1] not in order.setdefault(use[0], []):
                order[use[0]].append(use[1])
    for row in back:
        values = row.values
        if row.pooled is not None:
            values |= pooled_gradient_columns(row.pooled)
        elif "y" in values:
            values["g"] = -1 if row.y.g < 0 else row.y.g + values["y"] - row.y.offset
        if row.x is not None:
            values["xg"] = _gradient_offset(row.x, values["x"])
            values["xg_mode"] = _gradient_mode(row.x, order)
        if row.z is not None:
            values["zg"] = _gradient_offset(row.z, values["z"])
            values["zg_mode"] = _gradient_mode(row.z, order)


def _gradient_offset(use: tuple[FeatureMap, int], offset: int) -> int:
    """Return the offset of the gradient of what lies at ``offset`` in a map; -1 if it has none."""
    feature_map, _ = use
    return -1 if feature_map.g < 0 else feature_map.g + offset - feature_map.offset


def _gradient_mode(use: tuple[FeatureMap, int], order: dict[FeatureMap, list[int]]) -> int:
    """Return the mode of a gradient: the first use of a map stores it, the last one finishes it."""
    feature_map, number = use
    uses = order[feature_map]
    mode = 0 if number == uses[0] else t.ADD
    if number == uses[-1] and (not feature_map.is_plain or feature_map.has_bias):
        mode |= t.FINISH
    return mode


def _table(rows: list[t.OperationColumns], blocks: int) -> NDArray[np.void]:
    table = np.zeros(len(rows), t.OPERATION)
    for i, row in enumerate(rows):
        for name, value in {"blocks": blocks, **row}.items():
            table[name][i] = value
    return table
