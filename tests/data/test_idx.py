from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from unitsearch.data.idx import read_idx
from unitsearch.errors import DataError


def idx_bytes(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes()


VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_an_idx_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "images"
    file.write_bytes(idx_bytes(VALUES))
    assert np.array_equal(read_idx(file, 3), VALUES)


def test_a_packed_idx_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "images.gz"
    file.write_bytes(gzip.compress(idx_bytes(VALUES)))
    assert np.array_equal(read_idx(file, 3), VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found '', expected 00000803"),
        (b"\0\0\x08\x01" + idx_bytes(VALUES)[4:], "found '00000801', expected 00000803"),
        (b"\0\0\x0d\x03" + idx_bytes(VALUES)[4:], "found '00000d03', expected 00000803"),
        (idx_bytes(VALUES)[:9], "expected 00000803 .* and the sizes"),
        (idx_bytes(VALUES)[:-1], "found 23, expected 24 values, as its header says"),
        (idx_bytes(VALUES) + b"x", "found '24 and more', expected 24 values"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "found 79228.*, expected a set of at most"),
    ],
    ids=["empty", "axes", "type", "header", "short", "long", "huge"],
)
def test_a_damaged_idx_file_is_refused_by_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "images"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file}: .*{message}"):
        read_idx(file, 3)


@pytest.mark.parametrize("cut", [5, 30, -9])
def test_a_cut_packed_file_is_refused_by_name(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "images.gz"
    file.write_bytes(gzip.compress(idx_bytes(VALUES))[:cut])
    with pytest.raises(DataError, match=f"{file}: cannot be read"):
        read_idx(file, 3)


def test_a_file_that_is_not_packed_at_all_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "images.gz"
    file.write_bytes(idx_bytes(VALUES))
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(file, 3)
