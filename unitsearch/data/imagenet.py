"""Tiny-ImageNet and ImageNet as they are published: the class of each file. Opens no image.

Labels are the places of the WordNet ids (wnids) in alphabetical order, as torchvision has them.
Training images come class by class, test images in the order of their file names, so that both
forms of ImageNet's validation images make the same test set.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unitsearch.data.pools import FilePool, Pools
from unitsearch.data.spec import DataSpec, files_of, folder_of
from unitsearch.data.split import Indices
from unitsearch.errors import DataError

SUFFIXES = (".jpeg", ".jpg", ".png")
MARGIN = 256 / 224  # of ImageNet: the shorter side becomes 256 pixels where 224 are cut out
KAGGLE = "LOC_val_solution.csv"
TRUTH = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
META = "ILSVRC2012_devkit_t12/data/meta.mat"
# Of Tiny-ImageNet: most of the work on so small an image is Python's, which threads cannot share;
# two decoded 0.8 to 0.9 times as many as one (benchmarks/streaming.py).
_DECODERS = 1

Labelled = tuple[NDArray[np.bytes_], Indices]  # names below the set's folder; labels


def read_tiny_imagenet(spec: DataSpec) -> Pools:
    """Return the files of Tiny-ImageNet; the published validation images are its test set.

    Raises:
        DataError: If folders, wnids.txt and val_annotations.txt do not agree.
    """
    folder, files = folder_of(spec), files_of(spec)
    classes = _wnids(files["wnids.txt"])
    _agree(folder / "train", _folders_in(folder / "train"), classes, "wnids.txt")
    label_of = {wnid: label for label, wnid in enumerate(classes)}
    annotations = files["val/val_annotations.txt"]
    shown: dict[str, int] = {}
    for fail, line in _lines(annotations):
        name, *rest = line.split("\t")
        if not name or not rest or rest[0] not in label_of:
            raise fail(line, "a file, a tab and one of the wnids of wnids.txt")
        if name in shown:
            raise fail(name, "each file once")
        shown[name] = label_of[rest[0]]
    _agree(folder / "val" / "images", _images_in(folder / "val/images"), shown, annotations.name)
    val = _listed("val/images", list(shown), list(shown.values()))
    train = _in_folders(folder, [f"train/{wnid}/images" for wnid in classes])
    side = _side(spec)
    return Pools(
        FilePool(folder, *train, side, most_decoders=_DECODERS),
        classes,
        FilePool(folder, *_by_name(*val), side, most_decoders=_DECODERS),
    )


def read_imagenet(spec: DataSpec) -> Pools:
    """Return the files of ImageNet; the published validation images are its test set.

    They lie in class folders, or flat beside their labels: Kaggle's LOC_val_solution.csv, else the
    development kit's ground truth and meta.mat.

    Raises:
        DataError: If folders and labels do not agree, or labels are missing.
    """
    folder, side = folder_of(spec), _side(spec)
    classes = _folders_in(folder / "train")
    if not classes:
        expected = "folders of images, one for each class"
        raise DataError(place=str(folder / "train"), found=[], expected=expected)
    if _folders_in(folder / "val"):
        _agree(folder / "val", _folders_in(folder / "val"), classes, "train")
        val = _in_folders(folder, [f"val/{wnid}" for wnid in classes])
    else:
        val = _flat_val(folder, {wnid: label for label, wnid in enumerate(classes)})
    train = _in_folders(folder, [f"train/{wnid}" for wnid in classes])
    return Pools(
        FilePool(folder, *train, side, MARGIN),
        classes,
        FilePool(folder, *_by_name(*val), side, MARGIN),
    )


def read_meta(path: Path) -> dict[int, str]:
    """Return the wnid of each class by its number, out of the development kit's meta.mat.

    The file also holds the inner nodes of the tree; a class has no children.

    Raises:
        DataError: If the file is damaged or holds something else.
    """
    from scipy.io import loadmat, matlab  # with scikit-learn

    keys = ("ILSVRC2012_ID", "WNID", "num_children")
    try:
        synsets = loadmat(path, squeeze_me=True, variable_names=["synsets"])["synsets"]
        rows = zip(*(synsets[key].tolist() for key in keys), strict=True)
        return {int(number): str(wnid) for number, wnid, children in rows if not children}
    except (
        *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError),
        *(ArithmeticError, MemoryError, NotImplementedError, zlib.error, matlab.MatReadError),
    ) as error:
        message = f"is not the development kit's meta.mat ({error})"
        raise DataError(message, place=str(path)) from error


def _flat_val(folder: Path, label_of: dict[str, int]) -> Labelled:
    """Return the images of a val without class folders."""
    names = _images_in(folder / "val")
    if (folder / KAGGLE).is_file():
        shown = _read_kaggle(folder / KAGGLE, label_of)
        stems = [name.rpartition(".")[0] for name in names]
        _agree(folder / "val", stems, shown, KAGGLE)
        labels = [shown[stem] for stem in stems]
    else:
        missing = [name for name in (TRUTH, META) if not (folder / name).is_file()]
        if missing:
            raise DataError(
                "the classes of the images of val are not given",
                place=str(folder),
                expected=f"class folders in val, or {KAGGLE}, or {' and '.join(missing)}",
            )
        labels = _read_truth(folder, label_of)
        if len(labels) != len(names):
            expected = f"{len(names)} lines, one for each image of {folder / 'val'}"
            raise DataError(place=str(folder / TRUTH), found=len(labels), expected=expected)
    return _listed("val", names, labels)


def _read_kaggle(path: Path, label_of: dict[str, int]) -> dict[str, int]:
    """Return the label of each image by its name without suffix.

    A line is a name, a comma, and a wnid with a box for each object; all objects are of one class.
    """
    labels: dict[str, int] = {}
    for fail, line in _lines(path):
        name, _, objects = line.partition(",")
        if (name, objects) == ("ImageId", "PredictionString"):
            continue
        wnid = objects.partition(" ")[0]
        if not name or wnid not in label_of:
            raise fail(line, "an image, a comma and one of the wnids of train")
        if name in labels:
            raise fail(name, "each image once")
        labels[name] = label_of[wnid]
    return labels


def _read_truth(folder: Path, label_of: dict[str, int]) -> list[int]:
    """Return the labels of the images of val in the order of their names, which are numbers."""
    wnid_of = read_meta(folder / META)
    labels = []
    for fail, line in _lines(folder / TRUTH):
        wnid = wnid_of.get(int(line)) if line.isdecimal() else None
        if wnid is None:
            raise fail(line, f"the number of a class of {folder / META}")
        if wnid not in label_of:
            raise fail(wnid, "one of the wnids of train")
        labels.append(label_of[wnid])
    return labels


def _wnids(path: Path) -> tuple[str, ...]:
    wnids = set()
    for fail, line in _lines(path):
        if not line.isalnum() or line in wnids:
            raise fail(line, "a wnid that is on no other line")
        wnids.add(line)
    if not wnids:
        raise DataError("is empty", place=str(path), expected="a wnid on each line")
    return tuple(sorted(wnids))


def _lines(path: Path) -> Iterator[tuple[Callable[[str, str], DataError], str]]:
    """Yield each line that is not blank, with a function that makes an error with its place."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", place=str(path)) from error
    for number, line in enumerate(lines, start=1):

        def fail(found: str, expected: str, place: str = f"{path}:{number}") -> DataError:
            return DataError(place=place, found=found, expected=expected)

        if line.strip():
            yield fail, line


def _side(spec: DataSpec) -> int:
    return spec.shape[-1]


def _listed(within: str, names: Sequence[str], labels: Sequence[int]) -> Labelled:
    files = np.array([os.fsencode(f"{within}/{name}") for name in names])
    return files, np.array(labels, np.int64)


def _in_folders(folder: Path, class_folders: Sequence[str]) -> Labelled:
    """Return the images in the folders, each labelled by its folder's place."""
    names = [
        np.array([os.fsencode(f"{part}/{name}") for name in _images_in(folder / part)])
        for part in class_folders
    ]
    return np.concatenate(names), np.repeat(np.arange(len(names)), list(map(len, names)))


def _by_name(names: NDArray[np.bytes_], labels: Indices) -> Labelled:
    """Return the images in the order of their files' own names."""
    own = [(name.rpartition(b"/")[2], place) for place, name in enumerate(names.tolist())]
    order = np.array([place for _, place in sorted(own)])
    return names[order], labels[order]


def _images_in(folder: Path) -> list[str]:
    """Return the names of the images in a folder, sorted; there is at least one."""
    names = sorted(
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".")
    )
    if not names:
        raise DataError("holds no image", place=str(folder), expected=f"*{', *'.join(SUFFIXES)}")
    return names


def _folders_in(folder: Path) -> tuple[str, ...]:
    names = (entry.name for entry in _entries(folder) if entry.is_dir())
    return tuple(sorted(name for name in names if not name.startswith(".")))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(reason, place=str(folder), expected="a folder") from error


def _agree(place: Path, present: Collection[str], named: Collection[str], by: str) -> None:
    """Raise ``DataError`` unless ``present`` and ``named`` hold the same names."""
    for more, less, what in ((named, present, "lacks"), (present, named, "also holds")):
        if odd := sorted(set(more) - set(less)):
            others = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
            message = f"{what} {odd[0]}{others}"
            raise DataError(message, place=str(place), expected=f"exactly the names of {by}")
