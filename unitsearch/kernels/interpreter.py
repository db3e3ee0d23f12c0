"""The interpreter of a table of operations: it calls the kernel of each row in turn."""

from __future__ import annotations

from typing import Any

from unitsearch.kernels.records import operations_at
from unitsearch.kernels.vectors import call, get, int64s, past


def run(job: Any, frame: Any, work: Any) -> None:
    """Run all operations of the frame's table; ``job`` is not used."""
    kernels = int64s(frame.kernels)
    ops = operations_at(frame.ops)
    for i in range(frame.op_count):
        op = past(ops, i)
        call(get(kernels, op.kind), op, frame, work)
