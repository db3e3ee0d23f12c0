"""The columns of the table of operations, of a convolution's job, and of the frame.

One row of the table is one operation on the whole batch. A kernel is called with a row, the frame
(addresses and numbers that all operations share) and the workspace. All offsets and strides of
activations count registers; those of weights and coefficients count numbers.
"""

from __future__ import annotations

# fmt: off
# The kinds of operations: the first column of a row, and the place of a kernel in the list of all.
KINDS = (
    "enter", "convolution", "linear", "pool", "maxima", "total", "loss", "score",
    "convolution_back", "linear_back", "pool_back", "total_back",
    "sgd", "adam", "convolve", "correlate",
)
(
    ENTER, CONVOLUTION, LINEAR, POOL, MAXIMA, TOTAL, LOSS, SCORE,
    CONVOLUTION_BACK, LINEAR_BACK, POOL_BACK, TOTAL_BACK,
    SGD, ADAM, CONVOLVE, CORRELATE,
) = range(len(KINDS))

# A row. X is what enters and Y what leaves; COEF is the first of their channels' coefficients, ACT
# the activation that is still to be applied when they are read. XG and G are their gradients.
(
    KIND, BLOCKS, COUNT, INPUTS, OUTPUTS,
    X, X_BLOCK, X_CHANNEL, X_COEF, X_SHARE, X_ACT, X_HEIGHT, X_WIDTH,
    Y, Y_BLOCK, Y_CHANNEL, Y_COEF, Y_ACT, Y_HEIGHT, Y_WIDTH,
    G, G_BLOCK, XG, XG_BLOCK, XG_MODE,
    KERNEL, KERNEL_WIDTH, STRIDE, PADDING, OPERATOR, INDEX,
    NORM, WEIGHT, BIAS, GAMMA, BETA, MEAN, VARIANCE,
    TAPS, TAP_COUNT, TILE_CHANNELS, TILE_ROWS, TILE_COLUMNS,
    S, S_ROW, S_CHANNEL, IS_DIRECT,
    D, D_ROW, D_CHANNEL, D_LOW, D_HIGH, IS_DIRECT_BACK,
    PHASES, PHASE_COUNT, BACK_CHANNELS, BACK_ROWS, BACK_COLUMNS,
    WEIGHT_OUTPUTS, WEIGHT_ROWS, WEIGHT_COLUMNS,
    Z, Z_BLOCK, Z_COEF, Z_ACT, ZG, ZG_BLOCK, ZG_MODE,
    POOLED, POOL_KERNEL, POOL_STRIDE, POOL_HEIGHT, POOL_WIDTH, SUMS, KEEPS_SUMS, PART,
    RUN, BACK_RUN,
) = range(78)
ROW = 80  # columns of the table

# How a gradient is handed on to X: stored or added, and finished (masked by the activation, with
# its sums) by the one that comes last.
ADD, FINISH, MOMENTS = 1, 2, 4

# One part of an input gradient where the stride is above 1: every STRIDE-th row and column.
PHASE_TAPS, PHASE_TAP_COUNT, PHASE_ROW, PHASE_COLUMN, PHASE_HEIGHT, PHASE_WIDTH = range(6)
PHASE = 6

# A job of ``convolve``.
(
    J_X, J_X_ROW, J_X_COLUMN, J_TAPS, J_TAP_COUNT, J_W, J_W_CHANNEL, J_BIAS, J_BIAS_STEP,
    J_Y, J_Y_CHANNEL, J_Y_ROW, J_Y_COLUMN, J_CHANNELS, J_ROWS, J_COLUMNS,
    J_TILE_CHANNELS, J_TILE_ROWS, J_TILE_COLUMNS, J_MODE,
    J_Z, J_COEF, J_ACT, J_INTO, J_MASK,
) = range(25)

# A job of ``correlate``, which shares what has the same name: X, its ROW and COLUMN, CHANNELS,
# ROWS, COLUMNS, and the tile. A kernel is GROUPS of SIDE times WIDE elements, with the registers
# from the input of one to that of the next, and the numbers from weight to weight. SUMS are kept
# for all tiles where their STEP is 1, and for one tile at a time where it is 0.
(
    J_G, J_G_CHANNEL, J_G_ROW, J_OUT, J_OUT_CHANNEL, J_GROUPS, J_GROUP, J_OUT_GROUP,
    J_SIDE, J_SIDE_STEP, J_OUT_SIDE, J_WIDE, J_SUMS, J_SUMS_STEP,
    J_IS_FIRST, J_IS_LAST, J_RUN,
) = range(25, 42)
JOB = 48

# The frame.
(
    F_OPS, F_OP_COUNT, F_KERNELS, F_JOB, F_TAPS, F_PHASES, F_OUTPUT_KEYS, F_WEIGHT_KEYS,
    F_WEIGHTS, F_GRADIENTS, F_WEIGHT_COUNT, F_RUNNING, F_COEFS, F_SUMS, F_FIRST, F_SECOND,
    F_NUMBERS, F_SCALARS, F_ACCUMULATORS, F_TRAINING, F_IMAGES, F_LANES_OF_LAST, F_BLOCKS,
    F_PIXELS, F_LABELS, F_CHOSEN, F_TOPS, F_LEFTS, F_FLIPS, F_LEVELS, F_SPARE, F_LOGITS, F_STEPS,
    F_DECOUPLED, F_ZEROS, F_AUGMENTED,
) = range(36)
FRAME = 40

# Numbers that a step is given or gives, float64.
RATE, MOMENTUM, DECAY, BETA_1, BETA_2, EPSILON, SMOOTHING, LOSS_SUM, RIGHT = range(9)
SCALARS = 16

# Coefficients of one channel: y = SCALE · z + SHIFT; mean and 1/σ of the batch; and of the gradient
# of z: C1 · g + C2 · z + C3.
SCALE, SHIFT, AVERAGE, INVERSE, C1, C2, C3 = range(7)
COEF = 8

KEY_ROWS, KEY_COLUMNS = 5, 32  # an output tile's key lies at (channels · 5 + rows) · 32 + columns
RUN_KEYS = 160  # and that of a tile of runs behind all of them, at (RUN_KEYS + run) · 32 + columns
LARGEST_WINDOW = 225  # numbers that the frame holds as registers: elements of a pooling window
# fmt: on
