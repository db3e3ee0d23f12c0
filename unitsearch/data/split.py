"""The split of images into training, validation and test: stratified, equal on every machine.

A split depends on the labels alone, not on a study's seed nor on any library's version: networks
from different studies can then be compared, and the test set never leaks into a later search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """The chosen images, as ascending indices.

    Attributes:
        train: int64, into the training images as the files hold them.
        validation: int64, into the training images, or into the validation set if the files have
            one.
        test: int64, into the training images, or into the test set if the files have one.
    """

    train: Indices
    validation: Indices
    test: Indices


def order(purpose: str, count: int) -> Indices:
    """Return the numbers below ``count`` in an order that depends on nothing but ``purpose``.

    Made of the raw stream of PCG64, which numpy promises to keep; ``Generator.permutation`` may
    change with a version (NEP 19).
    """
    seed = int.from_bytes(hashlib.sha256(f"unitsearch split {purpose}".encode()).digest())
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable").astype(np.int64)


def allot(sizes: Sequence[int], total: int, keep: int = 0) -> list[int]:
    """Return the number of ``total`` images from each class, as near to its share as possible.

    A class gives at least one image where ``total`` suffices for that, and never its last ``keep``.
    Where neither of these bounds interferes, each count is its exact share rounded up or down.

    Args:
        sizes: Images of each class.
        total: Images wanted, at most ``sum(max(size - keep, 0))``.
        keep: Images of each class that must stay.
    """
    whole = sum(sizes)
    most = [max(size - keep, 0) for size in sizes]
    least = 1 if total >= sum(1 for limit in most if limit) else 0
    counts = [
        min(max(size * total // max(whole, 1), least), limit)
        for size, limit in zip(sizes, most, strict=True)
    ]

    def owed(k: int) -> int:
        return sizes[k] * total - counts[k] * whole

    classes = range(len(sizes))
    while (short := total - sum(counts)) != 0:
        if short > 0:
            counts[max((k for k in classes if counts[k] < most[k]), key=owed)] += 1
        else:
            counts[min((k for k in classes if counts[k] > least), key=owed)] -= 1
    return counts


def draw(labels: Indices, total: int, purpose: str, keep: int = 0) -> tuple[Indices, Indices]:
    """Return ``total`` stratified indices into ``labels``, and all the others; both ascending."""
    sizes = np.unique(labels, return_counts=True)[1]
    shuffled = order(purpose, len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    of_class = np.split(by_class, np.cumsum(sizes)[:-1])
    counts = allot(sizes.tolist(), total, keep)
    is_chosen = np.zeros(len(labels), bool)
    for indices, count in zip(of_class, counts, strict=True):
        is_chosen[indices[:count]] = True
    return np.flatnonzero(is_chosen), np.flatnonzero(~is_chosen)


def hash_of(split: Split, labels: Sequence[Indices], fingerprints: Sequence[bytes] = ()) -> str:
    """Return 16 hex digits that differ where the split, the labels or the fingerprints differ."""
    digest = hashlib.sha256()
    for indices in (split.train, split.validation, split.test, *labels):
        digest.update(len(indices).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(indices, "<i8").tobytes())
    for fingerprint in fingerprints:
        digest.update(fingerprint)
    return digest.hexdigest()[:16]
