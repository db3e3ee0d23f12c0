"""Tiny-ImageNet and ImageNet in the layouts they are published in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unitsearch.data import available, data_spec
from unitsearch.data.imagenet import read_meta
from unitsearch.data.sets import DataSet, load
from unitsearch.errors import DataError, SpecError, UnitSearchError

WNIDS = ("n01443537", "n01629819", "n02124075")
Write = Callable[..., Path]


def tiny(root: Path, **changes: Any) -> DataSet:
    return load(data_spec("tiny_imagenet", root=root, **{"classes": 3, **changes}))


def imagenet(root: Path, **changes: Any) -> DataSet:
    changes = {"classes": 3, "input": [3, 28, 28], "validation": 3, **changes}
    return load(data_spec("imagenet", root=root, **changes))


def names(part: Any) -> list[str]:
    return [name.decode() for name in part.files.names]


def test_tiny_imagenet_is_split_and_tested_on_its_published_validation_images(
    write_tiny_imagenet: Write,
) -> None:
    data = tiny(write_tiny_imagenet(each=8), validation=0.25)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [18, 6, 9]
    assert data.classes == WNIDS
    assert data.input == (3, 64, 64)
    assert not set(names(data.train)) & set(names(data.validation))


def test_a_training_image_has_the_class_of_its_folder(write_tiny_imagenet: Write) -> None:
    data = tiny(write_tiny_imagenet())
    folders = [name.split("/")[1] for name in names(data.train)]
    assert [WNIDS[label] for label in data.train.labels] == folders


def test_a_test_image_has_the_class_of_its_annotation(write_tiny_imagenet: Write) -> None:
    data = tiny(write_tiny_imagenet(test=12))
    numbers = [int(name.rpartition("_")[2].removesuffix(".JPEG")) for name in names(data.test)]
    assert sorted(numbers) == list(range(12))
    assert data.test.labels.tolist() == [i % 3 for i in numbers]


@pytest.mark.parametrize("val", ["folders", "kaggle", "devkit"])
def test_imagenet_is_read_however_its_validation_images_are_labelled(
    write_imagenet: Write, val: str
) -> None:
    data = imagenet(write_imagenet(val))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [15, 3, 6]
    assert data.classes == WNIDS
    assert data.test.labels.tolist() == [0, 2, 1, 1, 0, 2]
    assert [name.rpartition("_")[2] for name in names(data.test)] == [
        f"{i:08}.JPEG" for i in range(1, 7)
    ]


def test_all_layouts_of_imagenet_are_the_same_split(write_imagenet: Write) -> None:
    hashes = {imagenet(write_imagenet(val, root=val)).split_hash for val in ("folders", "kaggle")}
    assert hashes == {imagenet(write_imagenet("devkit", root="devkit")).split_hash}


def test_the_split_depends_on_the_names_of_the_files_but_not_on_where_they_are(
    write_tiny_imagenet: Write, tmp_path: Path
) -> None:
    root = write_tiny_imagenet()
    before = tiny(root).split_hash
    shutil.copytree(root / "tiny-imagenet-200", tmp_path / "other" / "tiny-imagenet-200")
    assert tiny(tmp_path / "other").split_hash == before
    images = root / "tiny-imagenet-200" / "train" / WNIDS[0] / "images"
    (images / f"{WNIDS[0]}_7.JPEG").rename(images / f"{WNIDS[0]}_70.JPEG")
    assert tiny(root).split_hash != before


def test_a_limit_is_stratified_and_opens_no_other_image(write_tiny_imagenet: Write) -> None:
    root = write_tiny_imagenet(each=8)
    changes = {"limit": 12, "validation": 0.25, "mean": None, "std": None}
    data = tiny(root, **changes)
    used = {*names(data.train), *names(data.validation)}
    assert sorted(name.split("/")[1] for name in used) == sorted(WNIDS * 4)
    folder = root / "tiny-imagenet-200"
    for file in folder.glob("train/*/images/*.JPEG"):
        if str(file.relative_to(folder)) not in used:
            file.write_text("broken")
    again = tiny(root, **changes)
    assert again.mean == data.mean
    for part in (again.train, again.validation):
        assert sum(len(labels) for _, labels in part.serve([slice(None)])) == len(part)


def test_the_error_of_a_limit_that_is_too_high_gives_the_number_of_images(
    write_tiny_imagenet: Write,
) -> None:
    root = write_tiny_imagenet(each=8)
    with pytest.raises(SpecError, match=r"found 25, expected .* to 24, the training images there"):
        tiny(root, limit=25)


def test_hidden_files_and_files_that_are_no_images_are_left_out(
    write_tiny_imagenet: Write,
) -> None:
    root = write_tiny_imagenet(each=8)
    images = root / "tiny-imagenet-200" / "train" / WNIDS[0] / "images"
    for name in ("._a.JPEG", "notes.txt", ".DS_Store"):
        (images / name).write_text("no image")
    assert len(tiny(root, validation=0).train) == 24


def test_another_number_of_classes_than_stated_is_refused(write_tiny_imagenet: Write) -> None:
    with pytest.raises(DataError, match=r"found 3, expected 200 classes, as data\.classes says"):
        tiny(write_tiny_imagenet(), classes=200)


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize(
    ("name", "missing", "where"),
    [
        (
            "tiny_imagenet",
            "tiny-imagenet-200: expected the files wnids.txt, val/val_annotations.txt and the "
            "folders train, val/images; unpack tiny-imagenet-200.zip",
            "CS231n",
        ),
        ("imagenet", "imagenet: expected the folders train, val; unpack the images", "Kaggle"),
    ],
)
def test_a_missing_set_says_who_hands_it_out_and_that_it_is_not_downloaded(
    tmp_path: Path, name: str, missing: str, where: str, download: bool
) -> None:
    spec = data_spec(name, root=tmp_path, download=download)
    with pytest.raises(DataError) as caught:
        load(spec)
    message = str(caught.value)
    assert message == available(spec)
    assert caught.value.exit_code == 3
    assert f"{name} is not in {tmp_path}/{missing}" in message
    assert "\n" not in message
    for part in (where, "data.root or UNITSEARCH_DATA", "data.download does not", "data=digits"):
        assert part in message


def break_annotations(folder: Path, line: str) -> None:
    with (folder / "val" / "val_annotations.txt").open("a") as file:
        file.write(line)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: break_annotations(f, "val_0.JPEG\n"),
            r"val_annotations\.txt:10: found 'val_0\.JPEG', expected a file, a tab and one of",
        ),
        (
            lambda f: break_annotations(f, "val_9.JPEG\tn99999999\t0\t0\t9\t9\n"),
            r"val_annotations\.txt:10: found 'val_9.*n99999999.*', expected .* wnids of wnids\.txt",
        ),
        (
            lambda f: break_annotations(f, f"val_0.JPEG\t{WNIDS[0]}\n"),
            r"val_annotations\.txt:10: found 'val_0\.JPEG', expected each file once",
        ),
        (
            lambda f: break_annotations(f, f"val_9.JPEG\t{WNIDS[0]}\n"),
            r"val/images: lacks val_9\.JPEG: expected exactly the names of val_annotations\.txt",
        ),
        (
            lambda f: (f / "val/images/val_0.JPEG").rename(f / "val/images/other.JPEG"),
            r"val/images: lacks val_0\.JPEG",
        ),
        (
            lambda f: shutil.copy(f / "val/images/val_0.JPEG", f / "val/images/other.JPEG"),
            r"val/images: also holds other\.JPEG: expected exactly the names of val_\w+\.txt",
        ),
        (
            lambda f: (f / "val/val_annotations.txt").write_bytes(b"\xff\xfe\x00"),
            r"val_annotations\.txt: cannot be read \('utf-8' codec",
        ),
        (
            lambda f: (f / "train/n00000000").mkdir(),
            r"train: also holds n00000000: expected exactly the names of wnids\.txt",
        ),
        (
            lambda f: shutil.rmtree(f / "train" / WNIDS[1]),
            rf"train: lacks {WNIDS[1]}: expected exactly the names of wnids\.txt",
        ),
        (
            lambda f: shutil.rmtree(f / "train" / WNIDS[1] / "images"),
            rf"train/{WNIDS[1]}/images: No such file or directory",
        ),
        (
            lambda f: [file.unlink() for file in (f / "train" / WNIDS[1]).glob("images/*")],
            rf"train/{WNIDS[1]}/images: holds no image: expected \*\.jpeg",
        ),
        (
            lambda f: (f / "wnids.txt").write_text(f"{WNIDS[0]}\n../up\n"),
            r"wnids\.txt:2: found '\.\./up', expected a wnid that is on no other line",
        ),
        (
            lambda f: (f / "wnids.txt").write_text(f"{WNIDS[0]}\n\n{WNIDS[0]}\n"),
            r"wnids\.txt:3: found 'n01443537', expected a wnid that is on no other line",
        ),
        (lambda f: (f / "wnids.txt").write_text("\n"), r"wnids\.txt: is empty: expected a wnid"),
    ],
)
def test_a_tiny_imagenet_that_contradicts_itself_is_refused_by_name(
    write_tiny_imagenet: Write, damage: Callable[[Path], object], message: str
) -> None:
    root = write_tiny_imagenet()
    damage(root / "tiny-imagenet-200")
    with pytest.raises(DataError, match=message):
        tiny(root)


DATA = "ILSVRC2012_devkit_t12/data"
TRUTH = f"{DATA}/ILSVRC2012_validation_ground_truth.txt"
CSV = "LOC_val_solution.csv"


@pytest.mark.parametrize(
    ("val", "damage", "message"),
    [
        (
            "folders",
            lambda f: shutil.rmtree(f / "val" / WNIDS[1]),
            rf"val: lacks {WNIDS[1]}: expected exactly the names of train",
        ),
        ("folders", lambda f: (f / "train/empty").mkdir(), "val: lacks empty"),
        (
            "devkit",
            lambda f: [shutil.rmtree(f / "train" / wnid) for wnid in WNIDS],
            r"train: found \[\], expected folders of images, one for each class",
        ),
        (
            "kaggle",
            lambda f: (f / CSV).unlink(),
            rf"the classes of .* are not given: expected class folders in val, or {CSV}, or .*meta",
        ),
        (
            "kaggle",
            lambda f: (f / CSV).write_text("ImageId,PredictionString\nval_1,n00000000 1 2 3 4\n"),
            rf"{CSV}:2: found 'val_1,n00000000 1 2 3 4', expected an image, a comma and one of",
        ),
        (
            "kaggle",
            lambda f: (f / CSV).write_text(f"val_1,{WNIDS[0]}\nval_1,{WNIDS[0]}\n"),
            rf"{CSV}:2: found 'val_1', expected each image once",
        ),
        (
            "kaggle",
            lambda f: (f / "val/ILSVRC2012_val_00000002.JPEG").unlink(),
            rf"val: lacks ILSVRC2012_val_00000002: expected exactly the names of {CSV}",
        ),
        ("devkit", lambda f: (f / TRUTH).write_text("1\n2\n"), r"truth\.txt: found 2, expected 6"),
        (
            "devkit",
            lambda f: (f / TRUTH).write_text("1\ntwo\n"),
            r"truth\.txt:2: found 'two', expected the number of a class of .*meta\.mat",
        ),
        ("devkit", lambda f: (f / TRUTH).write_text("4\n"), r"truth\.txt:1: found '4', expected"),
        (
            "devkit",
            lambda f: shutil.rmtree(f / "train" / WNIDS[2]),
            rf"truth\.txt:2: found '{WNIDS[2]}', expected one of the wnids of train",
        ),
        (
            "devkit",
            lambda f: (f / DATA / "meta.mat").write_bytes(b"MATLAB"),
            r"meta\.mat: is not the development kit's meta\.mat",
        ),
    ],
)
def test_an_imagenet_that_contradicts_itself_is_refused_by_name(
    write_imagenet: Write, val: str, damage: Callable[[Path], object], message: str
) -> None:
    root = write_imagenet(val)
    damage(root / "imagenet")
    with pytest.raises(DataError, match=message):
        imagenet(root, classes=2 if WNIDS[2] in message else 3)


def test_inner_nodes_of_the_development_kit_are_no_classes(write_imagenet: Write) -> None:
    root = write_imagenet("devkit")
    wnid_of = read_meta(root / "imagenet" / DATA / "meta.mat")
    assert wnid_of == {2: WNIDS[0], 3: WNIDS[1], 1: WNIDS[2]}


def test_a_damaged_meta_mat_is_never_more_than_one_error(write_imagenet: Write) -> None:
    root = write_imagenet("devkit")
    file = root / "imagenet" / DATA / "meta.mat"
    whole = file.read_bytes()
    for start in range(0, len(whole), 7):
        for damaged in (
            whole[:start],
            whole[:start] + bytes([whole[start] ^ 0x55]) + whole[start + 1 :],
        ):
            file.write_bytes(damaged)
            try:
                read_meta(file)
            except UnitSearchError as error:
                assert str(file) in str(error)  # noqa: PT017  # some damage is harmless
