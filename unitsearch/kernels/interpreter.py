"""The interpreter: a table of operations, row by row."""

from __future__ import annotations

from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.vectors import call, get, integers, past


def run(job: Any, frame: Any, work: Any) -> None:
    """Do every operation of the frame's table in turn."""
    kernels = integers(get(frame, t.F_KERNELS))
    ops = integers(get(frame, t.F_OPS))
    for i in range(get(frame, t.F_OP_COUNT)):
        op = past(ops, i * t.ROW)
        call(get(kernels, get(op, t.KIND)), op, frame, work)
