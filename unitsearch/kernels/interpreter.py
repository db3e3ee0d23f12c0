"""The interpreter: a table of operations, row by row."""

from __future__ import annotations

from typing import Any

from unitsearch.kernels.records import operations_at
from unitsearch.kernels.vectors import call, get, integers, past


def run(job: Any, frame: Any, work: Any) -> None:
    """Do every operation of the frame's table in turn."""
    kernels = integers(frame.kernels)
    ops = operations_at(frame.ops)
    for i in range(frame.op_count):
        op = past(ops, i)
        call(get(kernels, op.kind), op, frame, work)
