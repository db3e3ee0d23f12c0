"""Images resized by the mean over areas, exactly: in whole numbers until the last rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024  # images resized together: in float64 they take eight times their bytes


def resized(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return images of ``side`` x ``side`` pixels, each the mean over its area of the old image.

    The result is the same on every machine: sums of whole numbers below 2^53 are exact in float64.

    Args:
        pixels: uint8 ``[images, channels, height, width]``.
        side: Height and width to come, in pixels.
    """
    height, width = pixels.shape[2:]
    if (height, width) == (side, side):
        return pixels
    rows, columns = _overlaps(height, side), _overlaps(width, side).T
    made = np.empty((*pixels.shape[:2], side, side), np.uint8)
    for start in range(0, len(pixels), _CHUNK):
        sums = rows @ pixels[start : start + _CHUNK].astype(np.float64) @ columns
        made[start : start + _CHUNK] = np.floor(sums / (height * width) + 0.5)
    return made


def _overlaps(old: int, new: int) -> NDArray[np.float64]:
    """Return the overlap of each new pixel with each old one along an axis, ``[new, old]``.

    It is in units of 1 / (``old`` times ``new``), so whole; each row sums to ``old``.
    """
    low_new, low_old = np.arange(new)[:, None] * old, np.arange(old)[None, :] * new
    overlap = np.minimum(low_new + old, low_old + new) - np.maximum(low_new, low_old)
    return np.asarray(np.maximum(overlap, 0), np.float64)
