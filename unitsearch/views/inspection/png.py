"""Small pictures as PNG: feature maps in a colour scale, images as they are.

Our own writer needs only zlib, and equal maps give equal bytes.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Viridis: its lightness rises evenly, so that it reads in grey and for colour-blind readers too.
_ANCHORS = (
    "440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b",
    "fde725",
)  # fmt: skip
LEVELS = 64
_GAP = LEVELS  # the palette's last entry, which lets the page through


def palette() -> NDArray[np.uint8]:
    """Return the colour scale from low to high: uint8 [levels, 3], red, green, blue."""
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _ANCHORS], float)
    positions = np.linspace(0, len(anchors) - 1, LEVELS)
    columns = [np.interp(positions, np.arange(len(anchors)), anchors[:, i]) for i in range(3)]
    return np.stack(columns, 1).round().astype(np.uint8)


def css_scale() -> str:
    """Return the colour scale as a CSS gradient from left to right."""
    return f"linear-gradient(90deg,{','.join(f'#{colour}' for colour in _ANCHORS)})"


def maps_png(maps: NDArray[np.float32], ranges: Sequence[tuple[float, float]]) -> bytes:
    """Return feature maps side by side, a pixel apart, in the colour scale.

    Args:
        maps: Float [maps, height, width].
        ranges: For each map the values of the lowest and the highest colour; a map of one value
            has the lowest colour.
    """
    count, height, width = maps.shape
    tiles = np.full((height, count * (width + 1) - 1), _GAP, np.uint8)
    for i, (values, (low, high)) in enumerate(zip(maps, ranges, strict=True)):
        spread = high - low
        scaled = (values.astype(float) - low) / spread if spread > 0 else np.zeros(values.shape)
        levels = np.nan_to_num(scaled).clip(0, 1) * (LEVELS - 1)
        tiles[:, i * (width + 1) : i * (width + 1) + width] = levels.round().astype(np.uint8)
    colours = palette().tobytes() + b"\0\0\0"
    clear = b"\xff" * LEVELS + b"\0"
    return _png(tiles[:, :, None], 3, [(b"PLTE", colours), (b"tRNS", clear)])


def image_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image, uint8 [channels, height, width]: one channel is grey, three are colours.

    Of any other number of channels the mean is shown.
    """
    if len(pixels) not in (1, 3):
        pixels = pixels.mean(0, keepdims=True).round().astype(np.uint8)
    return _png(pixels.transpose(1, 2, 0), 0 if len(pixels) == 1 else 2, [])


def data_uri(png: bytes) -> str:
    """Return a picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _png(rows: NDArray[np.uint8], colour: int, more: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of 8 bits a sample: uint8 [height, width, samples]."""
    height, width, _ = rows.shape
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    flat = np.ascontiguousarray(rows).reshape(height, -1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), flat], 1)  # filter 0 before each line
    body = zlib.compress(lines.tobytes(), 9)
    chunks = [(b"IHDR", head), *more, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
