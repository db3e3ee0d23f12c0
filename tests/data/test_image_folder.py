from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unitsearch.data import data_spec
from unitsearch.data.image_folder import counted, is_image
from unitsearch.data.sets import DataSet, load
from unitsearch.data.vision import torchvision
from unitsearch.errors import DataError


def sizes(data: DataSet) -> list[int]:
    return [len(part) for part in (data.train, data.validation, data.test)]


def test_class_folders_alone_are_cut_into_three_parts(write_images: Callable[..., Path]) -> None:
    data = load(data_spec("image_folder", path=write_images(), validation=0.2, size=16))
    assert sizes(data) == [14, 3, 3]
    assert data.classes == ("cat", "dog")
    assert data.input == (3, 16, 16)


def test_an_image_keeps_its_colour_and_its_label(write_images: Callable[..., Path]) -> None:
    data = load(data_spec("image_folder", path=write_images()))
    red, _, blue = data.train.pixels.unbind(1)
    assert (red == 40 * data.train.labels[:, None, None]).all()
    assert (blue == 255).all()


def test_given_parts_are_left_as_they_are(write_images: Callable[..., Path]) -> None:
    write_images("train", each=10)
    write_images("val", each=2)
    path = write_images("test", each=3)
    assert sizes(load(data_spec("image_folder", path=path))) == [20, 4, 6]


def test_without_a_test_folder_a_share_of_the_training_images_tests(
    write_images: Callable[..., Path],
) -> None:
    write_images("train", each=20)
    path = write_images("val", each=2)
    assert sizes(load(data_spec("image_folder", path=path))) == [34, 4, 6]


@pytest.mark.parametrize(
    "parts", [("",), ("train", "test"), ("train", "val"), ("train", "val", "test")]
)
@pytest.mark.parametrize("images", [None, 0.5])
def test_images_are_counted_as_they_are_read(
    write_images: Callable[..., Path], parts: tuple[str, ...], images: float | None
) -> None:
    for part in parts:
        path = write_images(part, each=20 if part in ("", "train") else 4)
    spec = data_spec("image_folder", path=path, images=images)
    facts, data = counted(spec), load(spec)
    assert facts.input == data.input
    assert [facts.train_images, facts.validation_images, facts.test_images] == sizes(data)


def test_the_split_is_the_same_each_time(write_images: Callable[..., Path]) -> None:
    spec = data_spec("image_folder", path=write_images())
    assert load(spec).split_hash == load(spec).split_hash


@pytest.mark.parametrize("keep", [0, 20, 45])
def test_an_unreadable_image_is_named(write_images: Callable[..., Path], keep: int) -> None:
    path = write_images()
    file = path / "dog" / "03.png"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match=f"{file}: is not an image that can be read"):
        load(data_spec("image_folder", path=path))


def test_a_class_without_images_is_named(write_images: Callable[..., Path]) -> None:
    path = write_images()
    (path / "emu").mkdir()
    with pytest.raises(DataError, match=r"Found no valid file for the classes emu"):
        load(data_spec("image_folder", path=path))


def test_too_few_images_to_test_with_are_refused(write_images: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="found 2, expected more images than one for each of 2"):
        load(data_spec("image_folder", path=write_images(each=1)))


def test_a_file_that_is_no_image_is_ignored_even_if_it_leads_nowhere(
    write_images: Callable[..., Path],
) -> None:
    path = write_images()
    (path / "dog" / "labels.txt").symlink_to(path / "gone")
    assert sizes(load(data_spec("image_folder", path=path, validation=0.2))) == [14, 3, 3]


def test_the_endings_that_are_taken_for_images_are_torchvisions() -> None:
    known = torchvision().datasets.folder.IMG_EXTENSIONS
    assert all(is_image(f"a{ending}") and is_image(f"A{ending.upper()}") for ending in known)
    assert not is_image("a.txt")
