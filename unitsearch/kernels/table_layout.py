"""The layout of what kernels read: the table of operations, convolution jobs, the frame.

One row of the table is one operation on the whole batch. A kernel is called with a row, the frame
(addresses and numbers that all operations share) and the workspace. All offsets and strides of
activations count registers; those of weights and coefficients count numbers. Kernels read the
fields as attributes (``records``): ``op.x_block``, ``frame.images``.
"""

from __future__ import annotations

import ctypes
from typing import TypedDict

import numpy as np

KINDS = (
    "read_images", "convolution", "linear", "pool", "maxima", "add_maps", "loss", "score",
    "convolution_back", "linear_back", "pool_back", "add_maps_back",
    "sgd", "adam", "convolve", "correlate",
)  # fmt: skip
"""The kinds of operations, in the order of the kernels' addresses; the last two run jobs."""
(
    READ_IMAGES, CONVOLUTION, LINEAR, POOL, MAXIMA, ADD_MAPS, LOSS, SCORE,
    CONVOLUTION_BACK, LINEAR_BACK, POOL_BACK, ADD_MAPS_BACK,
    SGD, ADAM, CONVOLVE, CORRELATE,
) = range(len(KINDS))  # fmt: skip

# The mode of a gradient that is added to a map's: bits. Without ADD it is stored. The operation
# that comes last in the backward pass has FINISH: it masks the gradient by the activation and sums
# it. MOMENTS sums the outputs of a convolution in front of a batch norm.
ADD, FINISH, MOMENTS = 1, 2, 4


class OperationColumns(TypedDict, total=False):
    """The columns of one operation; a column that is not given is 0.

    ``x`` is the input and ``y`` the output. ``coef`` is the first of their channels' coefficients,
    ``act`` the activation that a reader still has to apply. ``xg`` and ``g`` are the gradients of
    ``x`` and ``y``; an offset of -1 means that there is none.
    """

    kind: int
    blocks: int  # blocks of images, one image in each lane
    count: int  # equal units (or groups) side by side
    inputs: int  # input channels of one unit
    outputs: int  # output channels of one unit

    x: int
    x_block: int  # registers from one block of images to the next
    x_channel: int  # registers from one channel to the next
    x_coef: int
    x_share: int  # features in a row that share coefficients, of a linear layer's input
    x_act: int
    x_height: int
    x_width: int

    y: int
    y_block: int
    y_channel: int
    y_coef: int
    y_height: int
    y_width: int

    g: int
    g_block: int
    xg: int
    xg_block: int
    xg_mode: int  # ADD, FINISH

    kernel: int  # side of a window; of a pooling the rows
    kernel_width: int  # columns of a pooling's window
    stride: int
    padding: int
    operator: int  # of a pooling: 0 maximum, 1 average
    index: int  # for each output of a max pooling: which element of its window was the maximum

    norm: int  # 1 if a batch norm follows
    weight: int
    bias: int
    gamma: int
    beta: int
    mean: int
    variance: int

    taps: int  # first row of the table of taps
    tap_count: int
    back_taps: int  # of a linear layer's input gradient
    tile_channels: int
    tile_rows: int
    tile_columns: int
    run: int  # taps in a row that one input serves, in a tile of runs; 0 for other tiles

    s: int  # staged input: padded, norm and activation applied
    s_row: int
    s_channel: int
    is_direct: int  # 1 if the input can be read where it lies

    d: int  # staged gradient of z, padded by d_low before and d_high after
    d_row: int
    d_channel: int
    d_low: int
    d_high: int
    is_direct_back: int  # 1 if the gradient can be read where it lies

    phases: int  # first row of the table of phases
    phase_count: int
    back_channels: int
    back_rows: int
    back_columns: int
    back_run: int

    weight_outputs: int  # the weight-gradient tile
    weight_rows: int
    weight_columns: int
    sums: int  # sums of weight gradients, for each weight and lane
    keeps_sums: int  # 1 if there is room for the sums of all tiles at once
    part: int  # channels or features that are staged at a time

    z: int  # the second operand of a sum, with what belongs to it
    z_block: int
    z_coef: int
    z_act: int
    zg: int
    zg_block: int
    zg_mode: int

    pooled: int  # the maxima that are kept of a convolution
    pool_kernel: int
    pool_stride: int
    pool_height: int
    pool_width: int


OPERATION = np.dtype([(name, np.int64) for name in OperationColumns.__annotations__])

PHASE = np.dtype(
    [(name, np.int64) for name in ("taps", "tap_count", "row", "column", "height", "width")]
)
"""One part of an input gradient where the stride is above 1: every stride-th row and column."""

CONVOLVE_JOB = np.dtype([
    (name, np.int64)
    for name in (
        "x", "x_row", "x_column", "taps", "tap_count", "w", "w_channel", "bias", "bias_step",
        "y", "y_channel", "y_row", "y_column", "channels", "rows", "columns",
        "tile_channels", "tile_rows", "tile_columns", "run", "mode", "z", "coef", "act", "into",
        "mask",
    )
])  # fmt: skip
"""The argument of ``convolve``: addresses of x, taps, w, bias, y, z and into; strides; the tile."""

CORRELATE_JOB = np.dtype([
    (name, np.int64)
    for name in (
        "x", "x_row", "x_column", "g", "g_channel", "g_row", "rows", "columns", "channels",
        "tile_channels", "tile_rows", "tile_columns", "out", "out_channel", "out_group",
        "out_side", "groups", "group", "side", "side_step", "wide", "sums", "sums_step",
        "is_first", "is_last",
    )
])  # fmt: skip
"""The argument of ``correlate``: addresses of x, g, out and sums; strides; the tile.

A kernel has ``groups`` of ``side`` times ``wide`` elements; ``group`` and ``side_step`` are the
registers from the input of one to that of the next, ``out_group`` and ``out_side`` the numbers from
weight to weight. Sums are kept for all tiles where ``sums_step`` is 1, and for one tile at a time
where it is 0.
"""


class Frame(ctypes.Structure):
    """The addresses and numbers that all operations of a network share."""

    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in (
            "ops", "op_count", "kernels", "convolve_job", "correlate_job", "taps", "phases",
            "output_keys", "weight_keys",
            "weights", "gradients", "weight_count", "running", "coefs", "sums",
            "first", "second",  # the optimiser's two buffers
            "numbers",  # registers that hold 0, 1, 2 … and, last, the mask of the last block
            "scalars", "accumulators", "is_training", "images",
            "pixels", "labels", "chosen", "tops", "lefts", "flips", "levels", "spare", "logits",
            "steps", "is_decoupled", "zeros", "is_augmented",
        )
    )  # fmt: skip


class Scalars(ctypes.Structure):
    """The numbers that a step reads; it writes ``loss`` and ``right``, the right predictions."""

    _fields_ = tuple(
        (name, ctypes.c_double)
        for name in (
            "rate", "momentum", "decay", "beta_1", "beta_2", "epsilon", "smoothing", "loss",
            "right",
        )
    )  # fmt: skip


# Coefficients of one channel: y = SCALE · z + SHIFT; mean and 1/σ of the batch; and of the gradient
# of z: C1 · g + C2 · z + C3.
SCALE, SHIFT, AVERAGE, INVERSE, C1, C2, C3 = range(7)
COEF = 8

KEY_ROWS, KEY_COLUMNS = 5, 32  # an output tile's key lies at (channels · 5 + rows) · 32 + columns
RUN_KEYS = 160  # and that of a tile of runs behind all of them, at (RUN_KEYS + run) · 32 + columns
LARGEST_WINDOW = 225  # numbers that the frame holds as registers: elements of a pooling window
