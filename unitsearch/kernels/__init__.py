"""Lanes: a training step on the CPU with one image in each SIMD lane, for all networks.

Takes and returns arrays; does not import torch. From top to bottom: ``lanes`` is the interface;
``lane_program`` and ``lane_lowering`` turn an architecture into a table of operations
(``table_layout``); ``interpreter`` runs the table with one kernel for each kind of operation
(``convolution``, ``linear``, ``pooling``, ``maxima``, ``norm``, ``head``, ``lane_optimisers``);
``tiles`` and ``vectors`` emit the LLVM of the innermost loops; ``machine_code`` compiles and
stores the kernels.

The layout of a map is [block][channel][row][column] registers, and a register holds one number of
each of ``lanes(dtype)`` images. A unit of a stack has one to four channels, too few to fill a
register, but a batch always has images enough, and no image needs numbers of another one. So every
kernel size, stride and width runs without shuffles and remainders, and one set of kernels serves
all networks.
"""
