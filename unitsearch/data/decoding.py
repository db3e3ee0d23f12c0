"""Image files to pixels, one at a time: opened, scaled, cut. Imports no torch.

Scaling is bilinear over all the pixels that a new one covers, as torchvision does it with pillow.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unitsearch.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG")  # ImageNet holds a PNG that is named .JPEG
AREA = (0.08, 1.0)  # shares of an image's area that a random crop may have
RATIO = (3 / 4, 4 / 3)  # of its width to its height
TRIES = 10
_GAP = 2  # a JPEG is decoded at 1/2, 1/4 or 1/8 only where this many times the wanted pixels remain
_SLENDER = 32  # an image longer than this many times its width is cut to it before it is scaled


_DAMAGE = (  # the errors that pillow's decoders raise for bytes that make no sense
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    SyntaxError,  # of a broken PNG
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """Turn any error of pillow's about a file that it cannot read into a ``DataError``.

    Raises:
        DataError: It names the file, and pillow's own words come last in it.
    """
    from PIL.Image import DecompressionBombError, DecompressionBombWarning

    try:
        yield
    except (*_DAMAGE, DecompressionBombError, DecompressionBombWarning) as error:
        message = f"is not an image that can be read ({error})"
        fix = "mend the file or take it away"
        raise DataError(message, place=str(path), fix=fix) from error


def decode(
    path: str, side: int, margin: float = 1.0, random: Random | None = None
) -> NDArray[np.uint8]:
    """Return the image at ``path`` as uint8 ``[side, side, 3]``.

    Args:
        path: The file.
        side: In pixels.
        margin: The shorter side is scaled to ``round(margin * side)`` before the middle is cut out.
        random: The generator that a random resized crop, mirrored with probability one half, is
            drawn from; None for the whole image.

    Raises:
        DataError: If the file is no image that can be read.
    """
    from PIL import Image

    with readable(path), Image.open(path, formats=FORMATS) as image:
        if random is None:
            return np.asarray(_middle(image, side, margin))
        pixels = np.asarray(_random_crop(image, side, random))
        return pixels[:, ::-1] if random.random() < 0.5 else pixels


def crop_box(width: int, height: int, random: Random) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a random part of an image.

    Its share of the area is drawn evenly from ``AREA``, its ratio of sides evenly by logarithm from
    ``RATIO``, its place evenly; after ten parts that do not fit it is the middle of the image, cut
    to the nearest such ratio.

    Source:
        C. Szegedy et al. 2015, "Going deeper with convolutions" (arXiv:1409.4842), sec. 6; as
        torchvision's RandomResizedCrop has it.
    """
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    for _ in range(TRIES):
        area = width * height * (AREA[0] + (AREA[1] - AREA[0]) * random.random())
        ratio = math.exp(low + (high - low) * random.random())
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left = int(random.random() * (width - w + 1))
            top = int(random.random() * (height - h + 1))
            return left, top, left + w, top + h
    w, h = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def _middle(image: Image, side: int, margin: float) -> Image:
    from PIL.Image import Resampling

    short = round(side * margin)
    image.draft(None, (_GAP * short, _GAP * short))
    pixels = image.convert("RGB")
    if max(pixels.size) > _SLENDER * min(pixels.size):
        pixels = _shortened(pixels)
    width, height = pixels.size
    if (width, height) != (short, short):
        scaled = (
            (short, int(short * height / width))
            if width <= height
            else (int(short * width / height), short)
        )
        pixels = pixels.resize(scaled, Resampling.BILINEAR)
    # round: half to even, as torchvision's CenterCrop
    left, top = (round((length - side) / 2) for length in pixels.size)
    return pixels.crop((left, top, left + side, top + side))


def _shortened(pixels: Image) -> Image:
    """Return the middle of a slender image: scaled whole, one of 1x3000 pixels took 824 MB."""
    width, height = pixels.size
    wide, high = (min(length, _SLENDER * min(pixels.size)) for length in pixels.size)
    left, top = (width - wide) // 2, (height - high) // 2
    return pixels.crop((left, top, left + wide, top + high))


def _random_crop(image: Image, side: int, random: Random) -> Image:
    from PIL.Image import Resampling

    width, height = image.size
    left, top, right, bottom = crop_box(width, height, random)
    across, down = width / (right - left), height / (bottom - top)
    image.draft(None, (math.ceil(_GAP * side * across), math.ceil(_GAP * side * down)))
    # the share of each side that is decoded; 1 unless the JPEG is decoded at a fraction
    x, y = image.size[0] / width, image.size[1] / height
    box = (round(left * x), round(top * y), round(right * x), round(bottom * y))
    return image.convert("RGB").crop(box).resize((side, side), Resampling.BILINEAR)
