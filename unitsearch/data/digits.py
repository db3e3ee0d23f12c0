"""The digits that come with scikit-learn: no file of ours, no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unitsearch.data.pools import ImagePool, Pools

TEST_IMAGES = 347  # leaves 1,450 of the 1,797: 1,000 to train on and 450 to validate


def read_digits() -> Pools:
    """Return scikit-learn's digits, 1,797 images of shape [1, 8, 8], their 0 .. 16 as 0 .. 255."""
    table = _table()
    pixels = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    classes = tuple(str(digit) for digit in range(10))
    return Pools(
        ImagePool(pixels, table[:, -1].astype(np.int64)), classes, cut_for_test=TEST_IMAGES
    )


def _table() -> NDArray[np.float64]:
    """Return 1,797 rows of 64 pixels and a label.

    Every worker needs them, and to import ``sklearn.datasets`` takes each of them 1.9 s, so the
    file that ``load_digits`` reads is read here (0.1 s); if it moves, ``load_digits`` reads it.
    """
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.column_stack([pixels, labels])
