"""The IDX files of MNIST and Fashion-MNIST, plain or as ``.gz``."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unitsearch.data.pools import ImagePool, Pools
from unitsearch.errors import DataError

MAX_BYTES = 1 << 30  # of pixels, checked before they are allocated; MNIST has 47 million
_UBYTE = 0x08

MNIST_CLASSES = tuple(str(digit) for digit in range(10))
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_idx_set(files: Mapping[str, Path], classes: tuple[str, ...]) -> Pools:
    """Return the training and test images of an MNIST-like set.

    Args:
        files: The paths of ``train-images-idx3-ubyte`` and its three siblings, by those names.
        classes: The names of the classes.

    Raises:
        DataError: If a file is damaged or the files do not fit each other.
    """
    return Pools(
        train=_read_pool(files, "train", len(classes)),
        test=_read_pool(files, "t10k", len(classes)),
        classes=classes,
    )


def _read_pool(files: Mapping[str, Path], part: str, classes: int) -> ImagePool:
    images, labels = files[f"{part}-images-idx3-ubyte"], files[f"{part}-labels-idx1-ubyte"]
    pixels, targets = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(targets):
        expected = f"{len(pixels)} labels, one for each image of {images.name}"
        raise DataError(place=str(labels), found=len(targets), expected=expected)
    if len(targets) and targets.max() >= classes:
        expected = f"labels from 0 to {classes - 1}"
        raise DataError(place=str(labels), found=int(targets.max()), expected=expected)
    return ImagePool(pixels[:, None], targets.astype(np.int64))


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file as an array of ``axes`` axes.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes, the length of each
    axis as a big-endian uint32, then the values.

    Raises:
        DataError: If it cannot be read, is no such file, or ends too early or too late.

    Source:
        LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * axes)
            if header[:4] != bytes((0, 0, _UBYTE, axes)) or len(header) < 4 + 4 * axes:
                expected = f"0000{_UBYTE:02x}{axes:02x} (unsigned bytes, {axes} axes) and the sizes"
                raise DataError(place=str(path), found=header[:4].hex(), expected=expected)
            shape = [int(size) for size in np.frombuffer(header, ">u4", offset=4)]
            size = math.prod(shape)
            if size > MAX_BYTES:
                expected = f"a set of at most {MAX_BYTES} values"
                raise DataError(place=str(path), found=size, expected=expected)
            values = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        fix = "delete it and fetch it again"
        raise DataError(f"cannot be read ({error})", place=str(path), fix=fix) from error
    if len(values) != size:
        count = len(values) if len(values) < size else f"{size} and more"
        expected = f"{size} values, as its header says"
        fix = "delete it and fetch it again"
        raise DataError(place=str(path), found=count, expected=expected, fix=fix)
    return np.frombuffer(values, np.uint8).reshape(shape)
