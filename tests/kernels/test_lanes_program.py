"""A lowered program can be read: one operation a line, its columns by name."""

from __future__ import annotations

from tests.kernels.networks import of
from unitsearch.architecture import Conv
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.lane_program import lower_to_lanes
from unitsearch.kernels.records import OPERATION


def test_a_printed_program_names_each_operation_and_its_columns() -> None:
    program = lower_to_lanes(of((1, 6, 6), Conv(out=3)), 2, 16, 64)
    lines = str(program).splitlines()
    assert [line.split()[0] for line in lines] == [
        "read_images", "convolution", "linear", "loss", "linear_back", "convolution_back",
    ]  # fmt: skip
    convolution = dict(column.split("=") for column in lines[1].split()[1:])
    assert convolution["outputs"] == "3"
    assert convolution["kernel"] == "3"
    assert convolution["blocks"] == "2"


def test_kernels_read_the_columns_in_the_order_in_which_they_lie() -> None:
    assert OPERATION.fields == t.OPERATION.names
    assert t.OPERATION.itemsize == 8 * len(OPERATION.fields)
