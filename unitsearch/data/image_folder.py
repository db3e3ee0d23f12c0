"""Folders of images, one folder per class, read once into memory at one size."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unitsearch.data.decoding import readable
from unitsearch.data.pools import ImagePool, Pools
from unitsearch.data.spec import (
    FOLDER_SIZE,
    DataSpec,
    Facts,
    class_folders,
    part_folders,
    shares,
    trained_on,
)
from unitsearch.data.vision import torchvision
from unitsearch.errors import DataError

TEST_SHARE = 0.15  # of the training images, where there is no test folder
_ENDINGS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def is_image(path: str | Path) -> bool:
    """Return whether a file is an image by the ending of its name, as torchvision does."""
    return str(path).lower().endswith(_ENDINGS)


def counted(spec: DataSpec) -> Facts:
    """Return the facts about an image_folder with its images counted, none of them opened.

    Raises:
        DataError: If a folder is missing, or cannot be read.
        SpecError: If limit, validation or images do not suit the number of training images.
    """
    classes = len(class_folders(spec)["train"])
    numbers = {
        part: sum(is_image(name) for _, _, names in os.walk(folder) for name in names)
        for part, folder in part_folders(spec).items()
    }
    test = numbers.get("test", max(int(TEST_SHARE * numbers["train"] + 0.5), 1))
    left = numbers["train"] - (0 if "test" in numbers else test)
    left, validation = shares(spec, left, classes)
    if "val" in numbers:
        validation = numbers["val"]
    else:
        left -= validation
    return Facts(spec.shape, classes, trained_on(spec, left, classes), validation, test)


def read_folder(spec: DataSpec) -> Pools:
    """Return the images of an image_folder, each [3, size, size], in the order of their names.

    Raises:
        DataError: If a folder is missing or empty, or an image cannot be read; it names the file.
    """
    classes = class_folders(spec)["train"]
    size = spec.size or FOLDER_SIZE
    pools = {part: _read_pool(folder, size) for part, folder in part_folders(spec).items()}
    test = pools.get("test")
    cut = 0 if test else max(int(TEST_SHARE * len(pools["train"]) + 0.5), 1)
    if cut > len(pools["train"]) - len(classes):
        raise DataError(
            place=str(spec.path),
            found=len(pools["train"]),
            expected=f"more images than one for each of {len(classes)} classes, to test with some",
        )
    return Pools(pools["train"], classes, test, pools.get("val"), cut_for_test=cut)


def _read_pool(folder: Path, size: int) -> ImagePool:
    try:
        files = torchvision().datasets.ImageFolder(folder, is_valid_file=is_image).samples
    except OSError as error:  # a class without an image, or a folder that may not be read
        raise DataError(str(error), place=str(folder)) from error
    pixels = np.empty((len(files), 3, size, size), np.uint8)
    for row, (file, _) in zip(pixels, files, strict=True):
        _read_image(Path(file), row)
    return ImagePool(pixels, np.array([label for _, label in files], np.int64))


def _read_image(path: Path, into: NDArray[np.uint8]) -> None:
    """Write the image at ``path`` into ``into``, uint8 [3, size, size]."""
    from PIL import Image

    size = into.shape[-1]
    with readable(path), Image.open(path) as image:
        small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    into[:] = np.asarray(small).transpose(2, 0, 1)
