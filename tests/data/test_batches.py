from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from unitsearch.data.batches import augment, batches, normalise
from unitsearch.data.sets import Images


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def numbered(count: int) -> Images:
    """Images whose pixels are their label."""
    labels = torch.arange(count)
    return Images(labels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2), labels)


def crop_and_flip_one(image: Tensor, top: int, left: int, is_flipped: bool) -> Tensor:
    channels, height, width = image.shape
    padded = torch.zeros(channels, height + 8, width + 8, dtype=torch.uint8)
    padded[:, 4 : 4 + height, 4 : 4 + width] = image
    cut = padded[:, top : top + height, left : left + width]
    return cut.flip(2) if is_flipped else cut


@pytest.mark.parametrize("shape", [(64, 3, 32, 32), (50, 1, 8, 8), (40, 2, 5, 9), (0, 3, 8, 8)])
def test_augment_equals_a_loop_over_the_images(shape: tuple[int, ...]) -> None:
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(1))
    drawn = seeded()
    top, left, flip = (torch.randint(n, (shape[0], 1), generator=drawn) for n in (9, 9, 2))
    looped = [
        crop_and_flip_one(image, int(top[i]), int(left[i]), bool(flip[i]))
        for i, image in enumerate(pixels)
    ]
    actual = augment(pixels, "crop_flip", seeded())
    assert actual.dtype == torch.uint8
    assert torch.equal(actual, torch.stack(looped) if looped else pixels)


def test_augment_reads_channels_last_pixels_alike() -> None:
    pixels = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    other = pixels.contiguous(memory_format=torch.channels_last)
    assert torch.equal(
        augment(other, "crop_flip", seeded()), augment(pixels, "crop_flip", seeded())
    )


def test_augment_none_changes_and_draws_nothing() -> None:
    generator = seeded()
    before = generator.get_state()
    pixels = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    assert augment(pixels, "none", generator) is pixels
    assert torch.equal(generator.get_state(), before)


def test_normalise_follows_its_formula() -> None:
    pixels = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    mean, std = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
    centre, spread = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (mean, std))
    actual = normalise(pixels, mean, std)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), (pixels / 255 - centre) / spread, rtol=0, atol=1e-6)


def test_normalise_keeps_the_memory_format() -> None:
    pixels = torch.zeros(2, 3, 4, 4, dtype=torch.uint8).to(memory_format=torch.channels_last)
    actual = normalise(pixels, (0.5,) * 3, (0.5,) * 3)
    assert actual.is_contiguous(memory_format=torch.channels_last)


def test_batches_keep_the_order_they_are_given() -> None:
    actual = list(batches(numbered(10), 4))
    assert [labels.tolist() for _, labels in actual] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_batches_in_a_drawn_order_hold_every_image_once_with_its_label() -> None:
    actual = list(batches(numbered(10), 4, seeded()))
    labels = torch.cat([labels for _, labels in actual])
    assert labels.tolist() != sorted(labels.tolist())
    assert sorted(labels.tolist()) == list(range(10))
    for pixels, own in actual:
        assert torch.equal(pixels[:, 0, 0, 0].long(), own)


def test_the_same_generator_draws_the_same_order() -> None:
    first, second = ([b for _, b in batches(numbered(9), 3, seeded(5))] for _ in range(2))
    assert torch.equal(torch.cat(first), torch.cat(second))


@pytest.mark.parametrize("order", [None, 0])
@pytest.mark.parametrize(("count", "expected"), [(10, [4, 4]), (8, [4, 4]), (3, []), (0, [])])
def test_a_smaller_last_batch_is_dropped_on_request(
    order: int | None, count: int, expected: list[int]
) -> None:
    generator = None if order is None else seeded(order)
    actual = batches(numbered(count), 4, generator, drop_last=True)
    assert [len(labels) for _, labels in actual] == expected
