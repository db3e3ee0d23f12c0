"""One image out of its file, compared with torchvision's transforms."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitsearch.data.decoding import AREA, RATIO, crop_box, decode
from unitsearch.data.imagenet import MARGIN
from unitsearch.data.vision import torchvision
from unitsearch.errors import DataError

Photo = Callable[..., Any]


def opened(file: Path) -> Any:
    from PIL import Image

    with Image.open(file) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("size", [(64, 64), (500, 375), (375, 500), (301, 300), (20, 33), (8, 3)])
@pytest.mark.parametrize(("side", "margin"), [(224, MARGIN), (64, 1.0)])
def test_a_whole_image_is_resized_and_cut_as_torchvision_does_it(
    tmp_path: Path, photo: Photo, size: tuple[int, int], side: int, margin: float
) -> None:
    file = tmp_path / "image.png"  # a large JPEG would be decoded at a fraction
    photo(1, *size).save(file)
    transforms = torchvision().transforms
    short = round(side * margin)
    expected = transforms.CenterCrop(side)(transforms.Resize(short)(opened(file)))
    assert np.array_equal(decode(str(file), side, margin), np.asarray(expected))


def test_of_a_slender_image_only_the_middle_is_scaled(tmp_path: Path) -> None:
    from PIL import Image

    file = tmp_path / "line.png"  # scaled whole it would be 128,000,000 x 64, which pillow refuses
    Image.new("L", (2_000_000, 1), 7).save(file)
    assert (decode(str(file), 64) == 7).all()


@pytest.mark.parametrize("size", [(3, 120), (120, 3)])
def test_a_slender_image_is_served_as_torchvision_does_it(
    tmp_path: Path, photo: Photo, size: tuple[int, int]
) -> None:
    file = tmp_path / "image.png"
    photo(1, *size).save(file)
    transforms = torchvision().transforms
    expected = transforms.CenterCrop(64)(transforms.Resize(64)(opened(file)))
    assert np.array_equal(decode(str(file), 64), np.asarray(expected))


def test_an_image_of_the_wanted_size_keeps_every_pixel(tmp_path: Path, photo: Photo) -> None:
    file = tmp_path / "image.JPEG"
    photo(1, 64, 64).save(file)
    assert np.array_equal(decode(str(file), 64), np.asarray(opened(file)))


@pytest.mark.parametrize("seed", range(8))
def test_a_random_crop_is_resized_and_mirrored_as_torchvision_does_it(
    tmp_path: Path, photo: Photo, seed: int
) -> None:
    file = tmp_path / "image.JPEG"
    photo(1, 150, 100).save(file)
    random = Random(seed)
    left, top, right, bottom = crop_box(150, 100, random)
    functional = torchvision().transforms.functional
    box = (top, left, bottom - top, right - left)
    expected = functional.resized_crop(opened(file), *box, [64, 64])
    if random.random() < 0.5:
        expected = functional.hflip(expected)
    assert np.array_equal(decode(str(file), 64, random=Random(seed)), np.asarray(expected))


def test_half_of_the_random_crops_are_mirrored(tmp_path: Path) -> None:
    from PIL import Image

    file = tmp_path / "ramp.png"
    ramp = np.arange(0, 200, 2, dtype=np.uint8)
    Image.fromarray(np.tile(ramp, (100, 1))).save(file)
    crops = [decode(str(file), 16, random=Random(seed)).astype(int) for seed in range(400)]
    mirrored = sum(crop[0, 0, 0] > crop[0, -1, 0] for crop in crops)
    assert 160 <= mirrored <= 240  # four standard deviations


@given(width=st.integers(1, 600), height=st.integers(1, 600), seed=st.integers(0, 2**40))
def test_a_random_part_lies_in_the_image_and_is_not_empty(
    width: int, height: int, seed: int
) -> None:
    left, top, right, bottom = crop_box(width, height, Random(seed))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(seed=st.integers(0, 2**40))
def test_a_random_part_has_an_area_and_a_ratio_within_bounds(seed: int) -> None:
    left, top, right, bottom = crop_box(5000, 4000, Random(seed))
    width, height = right - left, bottom - top
    assert AREA[0] - 0.001 <= width * height / (5000 * 4000) <= AREA[1]
    assert RATIO[0] - 0.001 <= width / height <= RATIO[1] + 0.001


@pytest.mark.parametrize(
    ("size", "expected"), [((1000, 30), (480, 0, 520, 30)), ((30, 1000), (0, 480, 30, 520))]
)
def test_an_image_too_narrow_for_any_part_gives_its_middle(
    size: tuple[int, int], expected: tuple[int, ...]
) -> None:
    class Largest(Random):
        """Draw the largest area, which fits with no ratio."""

        def random(self) -> float:
            return 0.999

    assert crop_box(*size, Largest()) == expected


@pytest.mark.parametrize("seed", [None, 3])
def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same(
    tmp_path: Path, photo: Photo, seed: int | None
) -> None:
    jpeg, png = tmp_path / "image.JPEG", tmp_path / "image.png"
    photo(1, 1300, 1000).save(jpeg, quality=95)
    opened(jpeg).save(png)  # which cannot be decoded at a fraction
    fast, whole = (
        decode(str(file), 32, MARGIN, None if seed is None else Random(seed)).astype(int)
        for file in (jpeg, png)
    )
    assert np.abs(fast - whole).mean() <= 1
    assert np.abs(fast - whole).max() <= 10


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_images_of_other_colours_are_served_as_rgb(tmp_path: Path, photo: Photo, mode: str) -> None:
    file = tmp_path / "image.JPEG"
    photo(1, 40, 40, mode).save(file)
    pixels = decode(str(file), 40)
    assert pixels.shape == (40, 40, 3)
    assert np.array_equal(pixels, np.asarray(opened(file)))


def test_a_png_that_is_named_jpeg_is_read(tmp_path: Path, photo: Photo) -> None:
    file = tmp_path / "image.JPEG"
    image = photo(1, 40, 40)
    image.save(file, format="PNG")
    assert np.array_equal(decode(str(file), 40), np.asarray(image))


@pytest.mark.parametrize("random", [None, Random(0)])
def test_a_file_that_is_gone_or_a_folder_is_named(tmp_path: Path, random: Random | None) -> None:
    for path in (tmp_path, tmp_path / "gone.JPEG"):
        with pytest.raises(DataError, match=f"{path}: is not an image that can be read"):
            decode(str(path), 8, random=random)


@pytest.mark.parametrize("suffix", ["JPEG", "PNG"])
def test_a_cut_file_is_named(tmp_path: Path, photo: Photo, suffix: str) -> None:
    file, whole = tmp_path / "image", BytesIO()
    photo(1, 64, 64).save(whole, format=suffix)
    size = len(whole.getvalue())
    for keep in range(0, size - 40, 37):
        file.write_bytes(whole.getvalue()[:keep])
        with pytest.raises(DataError, match=f"{file}: is not an image that can be read"):
            decode(str(file), 64)


@pytest.mark.parametrize("suffix", ["JPEG", "PNG"])
def test_no_damage_is_more_than_one_error(tmp_path: Path, photo: Photo, suffix: str) -> None:
    file, whole = tmp_path / "image", BytesIO()
    photo(1, 64, 64).save(whole, format=suffix)
    refused = 0
    for seed in range(300):
        random = Random(seed)
        damaged = bytearray(whole.getvalue())
        for _ in range(3):
            damaged[random.randrange(min(len(damaged), 700))] = random.randrange(256)
        file.write_bytes(damaged)
        try:
            assert decode(str(file), 64).shape == (64, 64, 3)
        except DataError as error:
            assert str(file) in str(error)  # noqa: PT017  # some damage is only seen by eye
            refused += 1
    assert refused > 0
