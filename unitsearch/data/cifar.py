"""The batches of CIFAR-10 and CIFAR-100: pickles, read without executing anything from them.

A pickle may name any function and have it called. These pickles may name only four, which CIFAR's
arrays of bytes need, and for each this module has a substitute that uses nothing of numpy.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unitsearch.data.pools import ImagePool, Pools
from unitsearch.errors import DataError

MAX_BYTES = 1 << 29  # of one file; the largest published one has 155 million
_PIXELS = 3 * 32 * 32


def read_cifar(files: Mapping[str, Path], *, label_key: str, classes: int) -> Pools:
    """Return the training and test images of CIFAR-10 or CIFAR-100, each [3, 32, 32].

    Args:
        files: The paths by name: ``data_batch_1`` … or ``train``; ``test_batch`` or ``test``;
            ``batches.meta`` or ``meta``.
        label_key: The key of the labels, ``labels`` or ``fine_labels``.
        classes: The number of classes.

    Raises:
        DataError: If a file is damaged, or is a pickle of anything but lists, text, numbers and
            arrays of bytes.
    """
    meta = files["batches.meta" if "batches.meta" in files else "meta"]
    test = files["test_batch" if "test_batch" in files else "test"]
    batches = [path for path in files.values() if path not in (meta, test)]
    # label_names in CIFAR-10's meta, fine_label_names in CIFAR-100's
    name_key = label_key.removesuffix("labels") + "label_names"
    names = _entry(read_pickle(meta), name_key, meta)
    if not isinstance(names, list) or len(names) != classes:
        found = len(names) if isinstance(names, list) else names
        raise DataError(place=f"{meta}: {name_key}", found=found, expected=f"{classes} names")
    return Pools(
        train=_read_pool(batches, label_key, classes),
        test=_read_pool([test], label_key, classes),
        classes=tuple(str(name) for name in names),
    )


def _read_pool(paths: Iterable[Path], label_key: str, classes: int) -> ImagePool:
    pools = [_read_batch(path, label_key, classes) for path in paths]
    pixels = np.concatenate([pool.pixels for pool in pools])
    return ImagePool(pixels, np.concatenate([pool.labels for pool in pools]))


def _read_batch(path: Path, label_key: str, classes: int) -> ImagePool:
    batch = read_pickle(path)
    data, labels = _entry(batch, "data", path), _entry(batch, label_key, path)
    pixels = data.array if isinstance(data, _Array) else None
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        found = data if pixels is None else list(pixels.shape)
        expected = f"an array of bytes, [images, {_PIXELS}]"
        raise DataError(place=f"{path}: data", found=found, expected=expected)
    place = f"{path}: {label_key}"
    if not isinstance(labels, list) or len(labels) != len(pixels):
        found = len(labels) if isinstance(labels, list) else labels
        expected = f"a list of {len(pixels)} labels, one for each image"
        raise DataError(place=place, found=found, expected=expected)
    for label in labels:
        if not isinstance(label, int) or not 0 <= label < classes:
            expected = f"labels from 0 to {classes - 1}"
            raise DataError(place=place, found=label, expected=expected)
    return ImagePool(pixels.reshape(-1, 3, 32, 32), np.array(labels, np.int64))


def _entry(batch: Any, key: str, path: Path) -> Any:
    if not isinstance(batch, dict) or key not in batch:
        found = list(batch) if isinstance(batch, dict) else batch
        raise DataError(place=str(path), found=found, expected=f"a mapping with the key {key!r}")
    return batch[key]


def read_pickle(path: Path) -> Any:
    """Return the content of the pickle at ``path``, arrays of bytes as ``_Array``.

    Raises:
        DataError: If it is too large, damaged, or names anything but the parts of such an array.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            expected = f"a file of at most {MAX_BYTES} bytes"
            raise DataError(place=str(path), found=size, expected=expected)
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"cannot be read ({reason})", place=str(path)) from error
    try:
        # latin1 maps bytes to characters one to one: Python 2, which wrote these, had no bytes
        return _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except DataError as error:
        raise error.within(str(path)) from None
    except _DAMAGE as error:
        fix = "delete it and fetch it again"
        raise DataError(f"is a damaged pickle ({error})", place=str(path), fix=fix) from error


_DAMAGE = (  # the errors that the standard unpickler raises for bytes that make no sense
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Array:
    """The stand-in for ``numpy.ndarray``: an array of bytes, once its state is set."""

    array: NDArray[np.uint8] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, data = state
        if not isinstance(kind, _Bytes):
            raise DataError(found=kind, expected="an array of bytes")
        values = data.encode("latin1") if isinstance(data, str) else data
        # reshape fails where the shape does not fit the bytes, so nothing grows beyond the file
        flat = np.frombuffer(values, np.uint8)
        self.array = flat.reshape(shape, order="F") if by_columns else flat.reshape(shape)


class _Bytes:
    """The stand-in for ``numpy.dtype``: one unsigned byte a value, and no other type."""

    def __init__(self, code: object, *_: object) -> None:
        if code != "u1":
            raise DataError(found=code, expected="the type of bytes, 'u1'")

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and alignment: a byte has neither."""


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise DataError(found=encoding, expected="bytes written as latin1")
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that builds plain values and arrays of bytes and refuses all other names."""

    _STAND_INS: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,  # numpy 1 and Python 2
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Bytes,
        ("_codecs", "encode"): _encode,  # protocol 2 writes bytes in this way
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._STAND_INS:
            raise DataError(
                f"names {module}.{name}, which is refused without being called",
                expected="only the parts of an array of bytes",
                fix="do not trust this file: delete it and fetch it again",
            )
        return self._STAND_INS[module, name]
