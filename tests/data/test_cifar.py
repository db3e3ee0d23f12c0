from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unitsearch.data import data_spec
from unitsearch.data.cifar import read_pickle
from unitsearch.data.sets import load
from unitsearch.errors import DataError

BYTES = np.arange(12, dtype=np.uint8).reshape(3, 4)


class Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def by_python_2(values: np.ndarray) -> bytes:
    """Return a pickle as Python 2 and its numpy wrote the published files."""
    raw = values.tobytes()
    return (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
        b"\x87R(K\x01K" + bytes([values.shape[0]]) + b"K" + bytes([values.shape[1]]) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"
        b"\x00tb\x89T" + struct.pack("<i", len(raw)) + raw + b"tbs."
    )


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("values", [BYTES, np.asfortranarray(BYTES)], ids=["rows", "columns"])
def test_an_array_of_bytes_is_read_as_numpy_wrote_it(
    tmp_path: Path, values: np.ndarray, protocol: int
) -> None:
    file = tmp_path / "batch"
    file.write_bytes(pickle.dumps({"data": values}, protocol))
    assert np.array_equal(read_pickle(file)["data"].array, values)


def test_an_array_is_read_as_python_2_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "batch"
    file.write_bytes(by_python_2(BYTES))
    assert pickle.loads(by_python_2(BYTES), encoding="latin1")["data"].tolist() == BYTES.tolist()
    assert np.array_equal(read_pickle(file)["data"].array, BYTES)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_a_pickle_names_is_executed(tmp_path: Path, protocol: int) -> None:
    file, proof = tmp_path / "batch", tmp_path / "proof"
    file.write_bytes(pickle.dumps({"data": Calls(os.system, f"touch {proof}")}, protocol))
    with pytest.raises(DataError, match=rf"{file}: names (posix|nt)\.system, which is refused"):
        read_pickle(file)
    assert not proof.exists()


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(3, np.float32),
        np.array([os.getcwd], object),
        np.int64(3),
        Calls(np.fromfile, "x"),
        Calls(np.dtype, "O"),
        Calls(np.ndarray, (1 << 40,)),
        Calls(getattr, "", "join"),
        Path("x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_arrays_of_bytes_are_built(tmp_path: Path, value: Any) -> None:
    file = tmp_path / "batch"
    file.write_bytes(pickle.dumps({"data": value}, 2))
    with pytest.raises(DataError):
        read_pickle(file)


@pytest.mark.parametrize("cut", [0, 1, 40, 120, -1])
def test_a_cut_pickle_is_refused_by_name(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "batch"
    file.write_bytes(by_python_2(BYTES)[:cut])
    with pytest.raises(DataError, match=f"{file}: is a damaged pickle"):
        read_pickle(file)


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "batch"
    file.write_bytes(by_python_2(BYTES).replace(b"K\x03K\x04\x86", b"K\xffK\xff\x86"))
    with pytest.raises(DataError, match="is a damaged pickle"):
        read_pickle(file)


def test_a_file_too_large_to_be_a_batch_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "batch"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 30)
    with pytest.raises(DataError, match="found 1073741824, expected a file of at most"):
        read_pickle(file)


def _rewrite(file: Path, **changes: Any) -> None:
    entries = {**pickle.loads(file.read_bytes()), **changes}
    kept = {key: value for key, value in entries.items() if value is not None}
    file.write_bytes(pickle.dumps(kept, 2))


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        (
            "test_batch",
            {"labels": None},
            "found \\['data'\\], expected a mapping with the key 'labels'",
        ),
        ("test_batch", {"labels": [0] * 19}, "labels: found 19, expected a list of 20"),
        ("test_batch", {"labels": [10] * 20}, "labels: found 10, expected labels from 0 to 9"),
        ("test_batch", {"labels": ["a"] * 20}, "labels: found 'a', expected labels from 0 to 9"),
        ("data_batch_3", {"data": "text"}, "data: found 'text', expected an array of bytes"),
        ("data_batch_3", {"data": BYTES}, r"data: found \[3, 4\], expected an array of bytes"),
        ("batches.meta", {"label_names": ["a"]}, "found 1, expected 10 names"),
    ],
)
def test_a_batch_that_does_not_make_sense_is_refused_by_name(
    write_cifar: Callable[..., Path], file: str, changes: dict[str, Any], message: str
) -> None:
    root = write_cifar()
    _rewrite(root / "cifar-10-batches-py" / file, **changes)
    with pytest.raises(DataError, match=f"{file}.*{message}"):
        load(data_spec("cifar10", root=root))
