from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from unitsearch.data import available, data_spec, describe
from unitsearch.data.digits import read_digits
from unitsearch.data.idx import read_idx
from unitsearch.data.sets import DataSet, Images, load, measured
from unitsearch.errors import DataError, SpecError


def holds(name: str) -> bool:
    return available(data_spec(name)) is None


def per_class(images: Images, classes: int) -> list[int]:
    return torch.bincount(images.labels, minlength=classes).tolist()


def as_rows(images: Images) -> set[bytes]:
    return {row.numpy().tobytes() for row in images.pixels}


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load(data_spec("digits"))


@pytest.mark.slow
def test_digits_are_scikit_learn_s() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    pool = read_digits().train
    assert np.array_equal(pool.labels, labels)
    assert np.abs(pool.pixels.reshape(-1, 64) - pixels * 255 / 16).max() <= 0.5
    assert (pool.pixels.min(), pool.pixels.max()) == (0, 255)


def test_digits_are_split_once_and_for_all(digits: DataSet) -> None:
    assert digits.split_hash == "db8a70e1b0ae18cf"
    assert [len(part) for part in (digits.train, digits.validation, digits.test)] == [
        1000,
        450,
        347,
    ]


def test_digits_are_uint8_and_their_labels_int64(digits: DataSet) -> None:
    assert digits.train.pixels.dtype == torch.uint8
    assert digits.train.labels.dtype == torch.int64
    assert digits.train.pixels.shape == (1000, 1, 8, 8)
    assert digits.input == (1, 8, 8)
    assert digits.classes == tuple("0123456789")


def test_no_image_is_in_two_parts(digits: DataSet) -> None:
    # the set holds no image twice, so pixels stand for indices
    rows = [as_rows(part) for part in (digits.train, digits.validation, digits.test)]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 1797


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_each_part_has_the_proportions_of_the_whole(digits: DataSet, part: str) -> None:
    images: Images = getattr(digits, part)
    whole = np.bincount(read_digits().train.labels)
    # a part of a part may be one off for each cut
    exact = whole * len(images) / 1797
    assert np.abs(per_class(images, 10) - exact).max() < 2


def test_a_limit_is_stratified_holds_the_validation_and_leaves_the_test_set(
    digits: DataSet,
) -> None:
    small = load(data_spec("digits", limit=100, validation=0.3))
    assert (len(small.train), len(small.validation)) == (70, 30)
    both = np.add(per_class(small.train, 10), per_class(small.validation, 10))
    pool = np.add(per_class(digits.train, 10), per_class(digits.validation, 10))
    assert np.abs(both - pool * 100 / 1450).max() < 1
    assert torch.equal(small.test.pixels, digits.test.pixels)
    assert small.split_hash != digits.split_hash


def test_fewer_images_to_train_on_leave_validation_and_test_as_they_are(digits: DataSet) -> None:
    small = load(data_spec("digits", images=0.1))
    assert len(small.train) == 100
    assert as_rows(small.train) < as_rows(digits.train)
    assert per_class(small.train, 10) == pytest.approx([10] * 10, abs=1)
    assert torch.equal(small.validation.pixels, digits.validation.pixels)
    assert torch.equal(small.test.pixels, digits.test.pixels)


def test_a_smaller_share_of_the_images_is_part_of_a_larger_one() -> None:
    shares = [as_rows(load(data_spec("digits", images=share)).train) for share in (0.1, 0.3, 0.6)]
    assert shares[0] < shares[1] < shares[2]


def test_resized_images_are_served_in_every_part_and_measured(digits: DataSet) -> None:
    small = load(data_spec("digits", size=4))
    assert small.input == (1, 4, 4)
    assert small.test.shape == (1, 4, 4)
    assert torch.equal(small.train.labels, digits.train.labels)
    whole = digits.train.pixels[:, :, :2, :2].double().mean((1, 2, 3))
    assert (small.train.pixels[:, 0, 0, 0].double() - whole).abs().max() <= 0.5
    assert small.mean == pytest.approx(digits.mean, abs=1e-3)
    assert small.std[0] < digits.std[0]


def test_a_limit_below_two_images_a_class_is_refused() -> None:
    with pytest.raises(SpecError, match=r"data\.limit: found 19, expected from 20"):
        load(data_spec("digits", limit=19))


def test_without_validation_all_training_images_train() -> None:
    data = load(data_spec("digits", validation=0))
    assert (len(data.train), len(data.validation)) == (1450, 0)


def test_mean_and_std_are_those_of_the_images_trained_on(digits: DataSet) -> None:
    pixels = digits.train.pixels.double() / 255
    assert digits.mean == pytest.approx([pixels.mean().item()], rel=1e-12)
    assert digits.std == pytest.approx([pixels.std(correction=0).item()], rel=1e-12)


def test_mean_and_std_are_per_channel_and_never_divide_by_zero() -> None:
    pixels = torch.randint(0, 256, (1100, 2, 3, 3), dtype=torch.uint8)
    pixels[:, 1] = 51
    mean, std = measured(Images(pixels, torch.zeros(1100, dtype=torch.int64)))
    assert mean == pytest.approx([pixels[:, 0].double().mean().item() / 255, 0.2])
    assert std == pytest.approx([pixels[:, 0].double().std(correction=0).item() / 255, 1.0])


def test_mean_and_std_of_the_spec_come_first() -> None:
    data = load(data_spec("digits", mean=[0.25], std=[0.5]))
    assert (data.mean, data.std) == ((0.25,), (0.5,))


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")]
)
def test_a_set_in_idx_files_is_read_and_split(
    write_mnist: Callable[..., Path], name: str, folder: str
) -> None:
    root = write_mnist(folder)
    data = load(data_spec(name, root=root, validation=10))
    raw = root / folder / "raw"
    assert [len(part) for part in (data.train, data.validation, data.test)] == [50, 10, 20]
    assert np.array_equal(data.test.pixels[:, 0], read_idx(raw / "t10k-images-idx3-ubyte", 3))
    assert data.test.labels.tolist() == [i % 10 for i in range(20)]
    assert len(data.classes) == 10


def test_packed_files_give_the_same_set(write_mnist: Callable[..., Path]) -> None:
    root = write_mnist()
    plain = load(data_spec("mnist", root=root))
    for file in (root / "MNIST" / "raw").iterdir():
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    packed = load(data_spec("mnist", root=root))
    assert packed.split_hash == plain.split_hash
    assert torch.equal(packed.train.pixels, plain.train.pixels)


def test_a_truncated_idx_file_is_named(write_mnist: Callable[..., Path]) -> None:
    root = write_mnist()
    file = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=f"{file}: found 46940, expected 47040 values"):
        load(data_spec("mnist", root=root))


def test_labels_that_do_not_fit_the_images_are_named(write_mnist: Callable[..., Path]) -> None:
    root = write_mnist()
    raw = root / "MNIST" / "raw"
    (raw / "train-labels-idx1-ubyte").write_bytes((raw / "t10k-labels-idx1-ubyte").read_bytes())
    with pytest.raises(DataError, match=r"train-labels.*found 20, expected 60 labels, one"):
        load(data_spec("mnist", root=root))


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("name", "classes", "train"), [("cifar10", 10, 90), ("cifar100", 100, 180)]
)
def test_a_set_in_pickles_is_read_and_split(
    write_cifar: Callable[..., Path], name: str, classes: int, train: int, protocol: int
) -> None:
    data = load(data_spec(name, root=write_cifar(classes, protocol=protocol)))
    assert len(data.train) == train
    assert data.input == (3, 32, 32)
    assert data.classes[3] == "class 3"
    assert data.test.labels.tolist() == [i % classes for i in range(2 * classes)]
    pixels = np.random.default_rng(0).integers(0, 256, (2 * classes, 3072), dtype=np.uint8)
    assert np.array_equal(data.test.pixels.flatten(1), pixels)


def test_a_missing_set_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(data_spec("mnist", root=tmp_path))
    for part in (str(tmp_path), "t10k-images-idx3-ubyte", "data=digits", "data.download=true"):
        assert part in str(caught.value)


def test_files_of_another_shape_than_stated_are_refused(write_mnist: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"found \[1, 28, 28\], expected images of \[1, 32"):
        load(data_spec("mnist", root=write_mnist(), input=[1, 32, 32]))


def test_another_number_of_classes_than_stated_is_refused() -> None:
    with pytest.raises(DataError, match=r"found 10, expected 12 classes, as data\.classes says"):
        load(data_spec("digits", classes=12))


@pytest.mark.parametrize("name", ["digits", "mnist", "cifar100"])
def test_describe_agrees_with_the_loaded_set(name: str) -> None:
    if not holds(name):
        pytest.skip(f"{name} is not in UNITSEARCH_DATA")
    spec = data_spec(name)
    data, facts = load(spec), describe(spec)
    assert (data.input, len(data.classes), len(data.train)) == (
        facts.input,
        facts.classes,
        facts.train_images,
    )


@pytest.mark.skipif(not holds("mnist"), reason="MNIST is not in UNITSEARCH_DATA")
def test_the_real_mnist_has_its_well_known_mean_and_std() -> None:
    data = load(data_spec("mnist", validation=0))
    assert data.mean == pytest.approx([0.1307], abs=5e-5)
    assert data.std == pytest.approx([0.3081], abs=5e-5)
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.skipif(not holds("mnist"), reason="MNIST is not in UNITSEARCH_DATA")
def test_the_real_mnist_is_split_once_and_for_all() -> None:
    assert load(data_spec("mnist")).split_hash == "e07c80674b87d34e"


@pytest.mark.slow
@pytest.mark.skipif(not holds("cifar10"), reason="CIFAR-10 is not in UNITSEARCH_DATA")
def test_the_real_cifar_10_has_its_well_known_mean_and_std() -> None:
    data = load(data_spec("cifar10", validation=0))
    assert data.mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
    assert data.std == pytest.approx([0.2470, 0.2435, 0.2616], abs=5e-5)
    assert data.classes[:2] == ("airplane", "automobile")
    assert per_class(data.test, 10) == [1000] * 10


@pytest.mark.slow
@pytest.mark.skipif(not holds("cifar10"), reason="CIFAR-10 is not in UNITSEARCH_DATA")
def test_the_real_cifar_10_is_split_once_and_for_all() -> None:
    data = load(data_spec("cifar10"))
    assert data.split_hash == "8a33e80828a1bff2"
    assert per_class(data.validation, 10) == [500] * 10
