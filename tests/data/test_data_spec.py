from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unitsearch.data import NAMES, DataSpec, Facts, available, data_spec, describe
from unitsearch.data.spec import root_of
from unitsearch.errors import DataError, SpecError, UsageError
from unitsearch.fields import declared, read, write_all
from unitsearch.resources import config_folder

SHIPPED = sorted((config_folder() / "data").glob("*.yaml"))


def test_every_name_has_its_shipped_file() -> None:
    assert {path.stem for path in SHIPPED} == set(NAMES)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_states_every_key_so_that_hydra_can_override_it(path: Path) -> None:
    keys = [line.split(":")[0] for line in path.read_text().splitlines() if line[:1].isalpha()]
    assert keys == [field.key for field in declared(DataSpec)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_hydra_composes_the_shipped_file_into_the_same_spec(path: Path) -> None:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose(overrides=[f"+data={path.stem}", "data.limit=1e3"])
    spec = read(DataSpec, OmegaConf.to_container(config)["data"], "data")
    assert spec == data_spec(path.stem, limit=1000)


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_written_and_read_again_is_the_same(name: str) -> None:
    spec = data_spec(name, mean=[0.5] if name.endswith("mnist") else None, limit=400)
    assert read(DataSpec, write_all(spec)) == spec


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="found 'cifar', expected the name of a data set"):
        data_spec("cifar")
    with pytest.raises(UsageError, match="did you mean 'fashion_mnist'"):
        data_spec("fashion-mnist")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("digits", {"limmit": 3}, r"data\.limmit: .* did you mean 'limit'\?"),
        ("digits", {"validation": 1.5}, r"data\.validation: found 1\.5, expected a whole number"),
        ("digits", {"validation": -1}, r"data\.validation: found -1"),
        ("digits", {"augment": "cropflip"}, r"data\.augment: .* did you mean 'crop_flip'\?"),
        (
            "digits",
            {"mean": [0.1, 0.2]},
            r"data\.mean: found \[0\.1, 0\.2\], expected 1, one for each",
        ),
        ("digits", {"std": [0]}, r"data\.std\[0\]: found 0, expected a number above 0"),
        ("digits", {"size": 0}, r"data\.size: found 0, expected a whole number from 1 to 8192"),
        ("digits", {"images": 0}, r"data\.images: found 0, expected a number above 0"),
        ("digits", {"images": 2.5}, r"data\.images: found 2\.5, expected a whole number of images"),
        ("digits", {"path": "x"}, r"data\.path: found 'x', expected nothing: path is for"),
        ("digits", {"input": None}, r"data\.input: found nothing, expected a value"),
        (
            "digits",
            {"input": [8, 8]},
            r"data\.input: found \[8, 8\], expected a list \[channels, height, width\]",
        ),
        ("cifar10", {"augment": "resized_crop_flip"}, r"data\.augment: .* none or crop_flip: resi"),
        ("imagenet", {"input": [1, 8, 8]}, r"data\.input: found \[1, 8, 8\], expected three chan"),
        ("imagenet", {"input": [3, 8, 9]}, r"data\.input: found \[3, 8, 9\], expected three chan"),
        ("image_folder", {"input": [1, 8, 8]}, r"data\.input: found \[1, 8, 8\], .* size"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(
    name: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        data_spec(name, **changes)


def test_describe_knows_the_published_sets_without_their_files() -> None:
    assert describe(data_spec("digits")) == Facts((1, 8, 8), 10, 1000, 450, 347)
    assert describe(data_spec("tiny_imagenet")) == Facts((3, 64, 64), 200, 90_000, 10_000, 10_000)
    imagenet = Facts((3, 224, 224), 1000, 1_231_167, 50_000, 50_000)
    assert describe(data_spec("imagenet", validation=50_000)) == imagenet
    small = data_spec("imagenet", input=[3, 32, 32], limit=20_000, validation=0.1)
    assert describe(small) == Facts((3, 32, 32), 1000, 18_000, 2000, 50_000)
    assert describe(data_spec("cifar100", limit=1000)) == Facts((3, 32, 32), 100, 900, 100, 10_000)


def test_describe_says_the_size_that_images_are_resized_to() -> None:
    assert describe(data_spec("cifar10", size=16)).input == (3, 16, 16)
    assert describe(data_spec("tiny_imagenet", size=32)).input == (3, 32, 32)


def test_describe_counts_the_images_that_are_left_to_train_on() -> None:
    share = describe(data_spec("mnist", images=0.1))
    assert (share.train_images, share.validation_images) == (5400, 6000)
    assert describe(data_spec("mnist", images=500)).train_images == 500


@pytest.mark.parametrize("images", [9, 0.009, 1001])
def test_images_must_be_one_a_class_and_no_more_than_are_left(images: float) -> None:
    message = rf"data\.images: found {images}, expected from 10 \(one a class\) to 1000 images"
    with pytest.raises(SpecError, match=message):
        describe(data_spec("digits", images=images))


def test_describe_counts_the_class_folders_of_an_image_folder(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    spec = data_spec("image_folder", path=tmp_path, size=24)
    assert describe(spec) == Facts((3, 24, 24), 3, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 19}, r"data\.limit: found 19, expected from 20 \(two a class\) to 1450"),
        ({"limit": 1451}, r"found 1451, .* to 1450, the training images it is published with"),
        (
            {"limit": 200},
            r"data\.validation: found 450, expected at most 190 of 200 .*validation=0\.3",
        ),
        ({"validation": 1441}, r"data\.validation: found 1441, expected at most 1440 of 1450"),
    ],
)
def test_limit_and_validation_must_leave_images_to_train_on(
    changes: dict[str, int], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        describe(data_spec("digits", **changes))


def test_digits_are_always_available() -> None:
    assert available(data_spec("digits")) is None


def test_a_missing_set_says_where_it_was_sought_and_three_ways_out(tmp_path: Path) -> None:
    missing = available(data_spec("cifar100", root=tmp_path))
    assert missing == (
        f"cifar100 is not in {tmp_path}/cifar-100-python: expected the files train, test, meta; "
        "put them there, name another root (data.root or UNITSEARCH_DATA) that holds "
        "cifar-100-python, or let data.download=true fetch them; data=digits needs no files"
    )


def test_only_the_missing_files_are_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"):
        (raw / name).touch()
    missing = available(data_spec("mnist", root=tmp_path))
    assert missing is not None
    assert "the files t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (or .gz);" in missing


def test_the_root_is_the_spec_s_then_the_environment_s_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("UNITSEARCH_DATA", raising=False)
    assert root_of(data_spec("mnist")) == tmp_path / "unitsearch" / "data"
    monkeypatch.setenv("UNITSEARCH_DATA", str(tmp_path / "mine"))
    assert root_of(data_spec("mnist")) == tmp_path / "mine"
    assert root_of(data_spec("mnist", root=tmp_path / "own")) == tmp_path / "own"


def test_an_image_folder_without_path_says_how_to_name_one() -> None:
    with pytest.raises(DataError, match=r"data\.path: found nothing, .*; name it with data\.path"):
        describe(data_spec("image_folder"))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["a"], "found ['a'], expected folders of images, one for each of at least two"),
        (["train/a", "train/b", "valid/a"], "found ['train', 'valid'], expected either"),
        (["test/a", "test/b"], "found ['test'], expected either"),
        (
            ["train/a", "train/b", "test/a"],
            "test: found ['a'], expected the classes of training: a, b",
        ),
    ],
)
def test_folders_that_could_be_misread_are_refused(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    missing = available(data_spec("image_folder", path=tmp_path))
    assert missing is not None
    assert message in missing


def test_a_path_that_is_no_folder_is_named(tmp_path: Path) -> None:
    missing = available(data_spec("image_folder", path=tmp_path / "none"))
    assert missing is not None
    assert missing.startswith(f"{tmp_path}/none: No such file or directory: expected a folder")


@pytest.mark.parametrize("heavy", ["torch", "numpy", "torchvision", "sklearn"])
def test_describing_a_set_loads_nothing_heavy(heavy: str) -> None:
    program = (
        "import sys; from unitsearch.data import available, data_spec, describe;"
        "describe(data_spec('digits')); available(data_spec('digits'));"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
