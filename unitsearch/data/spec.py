"""The specification of a data set and its files. Opens no image and imports no torch.

``DataSpec`` holds the values of a configuration under the key ``data``; from it, ``describe`` and
``available`` give the facts that a search space and a command need before anything is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitsearch.architecture.documents import read_file
from unitsearch.errors import DataError, SpecError, UsageError, did_you_mean
from unitsearch.fields import Bool, Enum, Float, Int, ListOf, Nullable, Text, field_, read
from unitsearch.resources import config_folder, home_cache

STREAMED = ("tiny_imagenet", "imagenet")  # left on disk, decoded batch by batch
AUGMENTATIONS = ("none", "crop_flip", "resized_crop_flip")
FOLDER_SIZE = 32
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class _Published:
    """A published set: its training and test images, its files below the root, and its source."""

    train_images: int
    test_images: int = 0
    folder: str = ""
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    may_be_gz: bool = False
    by_hand: str = ""  # advice for a set that is not downloaded, with {root} and {folder} filled in


_IDX = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
_PUBLISHED = {
    "digits": _Published(1450, 347),
    "mnist": _Published(60_000, 10_000, "MNIST/raw", _IDX, may_be_gz=True),
    "fashion_mnist": _Published(60_000, 10_000, "FashionMNIST/raw", _IDX, may_be_gz=True),
    "cifar10": _Published(50_000, 10_000, "cifar-10-batches-py", _BATCHES),
    "cifar100": _Published(50_000, 10_000, "cifar-100-python", ("train", "test", "meta")),
    "tiny_imagenet": _Published(
        100_000,
        10_000,
        "tiny-imagenet-200",
        ("wnids.txt", "val/val_annotations.txt"),
        ("train", "val/images"),
        by_hand="unpack tiny-imagenet-200.zip, which Stanford's CS231n hands out, into {root}",
    ),
    "imagenet": _Published(
        1_281_167,
        50_000,
        "imagenet",
        folders=("train", "val"),
        by_hand="unpack the images of ILSVRC 2012, which image-net.org and Kaggle hand out, into "
        "{folder}",
    ),
}
NAMES = (*_PUBLISHED, "image_folder")

_SHAPE = ListOf(Int(1, 8192), 3, 3, what="a list [channels, height, width]")
_LEVELS = ListOf(Float(0.0, 1.0), 1, 8192, what="a list, one number per channel")
_SPREADS = ListOf(Float(0.0, above=True), 1, 8192, what="a list, one number per channel")


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A data set, its split and its augmentation.

    Attributes:
        name: One of ``NAMES``.
        input: Shape of one image, ``(channels, height, width)``; None only for image_folder. The
            images of tiny_imagenet and imagenet are brought to it, a square, unless ``size`` is
            given.
        classes: Number of classes; None only for image_folder.
        root: Folder of the downloaded sets; None for the one ``root_of`` finds.
        download: Whether missing files may be fetched into the root.
        limit: Size of a stratified sample of the training images, validation included.
        validation: Images taken out of the training images: their number if 1 or more, else
            their share.
        images: Stratified sample of the images that are left to train on: their number if 1 or
            more, else their share; None for all. The validation images stay the same.
        augment: ``none``, ``crop_flip`` or, of tiny_imagenet and imagenet, ``resized_crop_flip``.
        mean: One per channel, of pixels scaled to 0 .. 1; None for that of the images trained on,
            or of a stratified 1,000 of them where they are left on disk.
        std: One per channel, of pixels scaled to 0 .. 1; None for that of the same images.
        size: Side in pixels to which images are resized; None for ``input``, and for 32 in an
            image_folder.
        path: The folder of an image_folder.

    Raises:
        SpecError: If the values contradict each other.
    """

    name: str = field_(Enum(NAMES))
    input: tuple[int, int, int] | None = field_(Nullable(_SHAPE), None)
    classes: int | None = field_(Nullable(Int(2)), None)
    root: str | None = field_(Nullable(Text(what="the name of a folder")), None)
    download: bool = field_(Bool(), False)
    limit: int | None = field_(Nullable(Int(1)), None)
    validation: float = field_(Float(), 0.1)
    images: float | None = field_(Nullable(Float(0, above=True)), None)
    augment: str = field_(Enum(AUGMENTATIONS), "none")
    mean: tuple[float, ...] | None = field_(Nullable(_LEVELS), None)
    std: tuple[float, ...] | None = field_(Nullable(_SPREADS), None)
    size: int | None = field_(Nullable(Int(1, 8192)), None)
    path: str | None = field_(Nullable(Text(what="the name of a folder")), None)

    def __post_init__(self) -> None:
        if self.name == "image_folder":
            shape = (3, self.size or FOLDER_SIZE, self.size or FOLDER_SIZE)
            if self.input not in (None, shape):
                expected = f"{list(shape)}, which follows from size"
                raise SpecError(place="input", found=list(self.input), expected=expected)
        else:
            for key in ("input", "classes"):
                if getattr(self, key) is None:
                    expected = "a value: only for image_folder it is read from the files"
                    raise SpecError(place=key, found=None, expected=expected)
            if self.path is not None:
                expected = "nothing: path is for data=image_folder"
                raise SpecError(place="path", found=self.path, expected=expected)
        if self.name in STREAMED:
            if self.input is not None and self.input != (3, self.input[1], self.input[1]):
                expected = "three channels and a square, such as [3, 64, 64]"
                raise SpecError(place="input", found=list(self.input), expected=expected)
        elif self.augment == "resized_crop_flip":
            expected = f"none or crop_flip: {self.augment} is for {' and '.join(STREAMED)}"
            raise SpecError(place="augment", found=self.augment, expected=expected)
        for key in ("validation", "images"):
            if (number := getattr(self, key) or 0) >= 1 and number != int(number):
                expected = "a whole number of images, or a share below 1"
                raise SpecError(place=key, found=number, expected=expected)
        channels = self.input[0] if self.input else 3
        for key, levels in (("mean", self.mean), ("std", self.std)):
            if levels is not None and len(levels) != channels:
                expected = f"{channels}, one for each channel"
                raise SpecError(place=key, found=list(levels), expected=expected)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image as networks get it, ``(channels, height, width)``."""
        if self.input is None:  # an image_folder
            return (3, self.size or FOLDER_SIZE, self.size or FOLDER_SIZE)
        return self.input if self.size is None else (self.input[0], self.size, self.size)


@dataclass(frozen=True)
class Facts:
    """The facts about a data set that are known without opening it.

    Attributes:
        input: Shape of one image, ``(channels, height, width)``.
        classes: Number of classes.
        train_images: The number of images trained on, validation taken off; None if it is known
            only after opening the set.
        validation_images: The number of validation images; None as above.
        test_images: The number of test images; None as above.
    """

    input: tuple[int, int, int]
    classes: int
    train_images: int | None
    validation_images: int | None = None
    test_images: int | None = None


def data_spec(name: str, **changes: Any) -> DataSpec:
    """Return the shipped configuration of the data set ``name`` with some values changed.

    Raises:
        UsageError: If no data set has that name.
        SpecError: If a change is no key of a data set or breaks its rule.
    """
    if name not in NAMES:
        fix = did_you_mean(name, NAMES)
        raise UsageError(place="data", found=name, expected="the name of a data set", fix=fix)
    shipped = read_file(config_folder() / "data" / f"{name}.yaml").data
    changes = {
        key: os.fspath(value) if isinstance(value, os.PathLike) else value
        for key, value in changes.items()
    }
    return read(DataSpec, {**shipped, **changes}, "data", title="a data set")


def root_of(spec: DataSpec) -> Path:
    """Return the folder below which the files of published sets lie.

    It is ``spec.root``, else the environment's UNITSEARCH_DATA, else ``unitsearch/data`` in the
    user's cache folder (XDG_CACHE_HOME, else ``~/.cache``).
    """
    named = spec.root or os.environ.get("UNITSEARCH_DATA")
    if named:
        return Path(named).expanduser()
    return home_cache() / "data"


def folder_of(spec: DataSpec) -> Path:
    """Return the folder of a published set, whether or not it exists."""
    return root_of(spec) / _PUBLISHED[spec.name].folder


def files_of(spec: DataSpec) -> dict[str, Path]:
    """Return the files of a published set by their names, whether or not they exist.

    A file that is there only as ``.gz``, where its reader takes that, is named as such.
    """
    published, folder = _PUBLISHED[spec.name], folder_of(spec)
    paths = {}
    for name in published.files:
        plain, packed = folder / name, folder / f"{name}.gz"
        use_packed = published.may_be_gz and packed.is_file() and not plain.is_file()
        paths[name] = packed if use_packed else plain
    return paths


def require(spec: DataSpec) -> None:
    """Do nothing if the files of the set are there.

    Raises:
        DataError: If some are missing; the message names the folder and the ways to get them.
    """
    if spec.name == "image_folder":
        class_folders(spec)
        return
    published, folder = _PUBLISHED[spec.name], folder_of(spec)
    files = [name for name, path in files_of(spec).items() if not path.is_file()]
    folders = [name for name in published.folders if not (folder / name).is_dir()]
    if not files and not folders:
        return
    packed = " (or .gz)" if published.may_be_gz else ""
    wanted = [f"the files {_listed(files)}{packed}"] if files else []
    wanted += [f"the folders {_listed(folders)}"] if folders else []
    root = f"name another root (data.root or UNITSEARCH_DATA) that holds {published.folder}"
    if published.by_hand:
        unpack = published.by_hand.format(root=root_of(spec), folder=folder)
        ways = f"{unpack}, or {root}; data.download does not fetch it"
    else:
        ways = f"put them there, {root}, or let data.download=true fetch them"
    raise DataError(
        f"{spec.name} is not in {folder}",
        expected=" and ".join(wanted),
        fix=f"{ways}; data=digits needs no files",
    )


def is_downloadable(spec: DataSpec) -> bool:
    """Return whether ``data.download=true`` can fetch the set."""
    return spec.name in _PUBLISHED and not _PUBLISHED[spec.name].by_hand


def available(spec: DataSpec) -> str | None:
    """Return None if the files of the set are there, else a text that names the missing ones."""
    try:
        require(spec)
    except DataError as error:
        return str(error)
    return None


def describe(spec: DataSpec) -> Facts:
    """Return the facts about the set that are known without opening it.

    Raises:
        DataError: If it is an image_folder and the folder or its class folders are missing.
        SpecError: If limit or validation do not suit the number of training images.
    """
    if spec.input is not None and spec.classes is not None and spec.name in _PUBLISHED:
        published = _PUBLISHED[spec.name]
        used, validation = shares(
            spec, published.train_images, spec.classes, "the training images it is published with"
        )
        trained = trained_on(spec, used - validation, spec.classes)
        return Facts(spec.shape, spec.classes, trained, validation, published.test_images)
    return Facts(spec.shape, len(class_folders(spec)["train"]), None)


def shares(
    spec: DataSpec, pool: int, classes: int, counted: str = "the training images there are"
) -> tuple[int, int]:
    """Return the number of ``pool`` training images that are used, and of those that validate.

    ``counted`` describes ``pool`` in messages: a set on the disk may hold less than is published.

    Raises:
        SpecError: If the limit leaves less than two images a class or is more than there are, or
            if validation leaves less than one image a class to train on.
    """
    used = pool if spec.limit is None else spec.limit
    if used > pool or (spec.limit is not None and used < 2 * classes):
        expected = f"from {2 * classes} (two a class) to {pool}, {counted}"
        raise SpecError(place="data.limit", found=used, expected=expected)
    wanted = spec.validation
    validation = int(wanted) if wanted >= 1 else int(wanted * used + 0.5)
    if wanted > 0:
        validation = max(validation, 1)
    if validation > used - classes:
        raise SpecError(
            place="data.validation",
            found=validation,
            expected=f"at most {max(used - classes, 0)} of {used} training images, "
            "so that one a class is left to train on",
            fix="try a share, as in data.validation=0.3",
        )
    return used, validation


def trained_on(spec: DataSpec, left: int, classes: int) -> int:
    """Return the number of images that are trained on of ``left`` that do not validate.

    Raises:
        SpecError: If ``images`` leaves less than one image a class, or is more than are left.
    """
    wanted = spec.images
    if wanted is None:
        return left
    number = int(wanted) if wanted >= 1 else int(wanted * left + 0.5)
    if not classes <= number <= left:
        raise SpecError(
            place="data.images",
            found=number if wanted >= 1 else wanted,
            expected=f"from {classes} (one a class) to {left} images, or a share of the {left}",
        )
    return number


def class_folders(spec: DataSpec) -> dict[str, tuple[str, ...]]:
    """Return the class folders of an image_folder, sorted, by part: ``train``, ``val``, ``test``.

    A folder without parts has its classes under ``train``. The class folders are not opened.

    Raises:
        DataError: If there is no path, no such folder, less than two classes, or if the parts
            have different classes.
    """
    if spec.path is None:
        fix = "name it with data.path=DIR"
        raise DataError(place="data.path", found=None, expected="a folder of images", fix=fix)
    parts = part_folders(spec)
    classes = {part: _folders_in(folder) for part, folder in parts.items()}
    first = classes["train"]
    if len(first) < 2:
        raise DataError(
            place=str(parts["train"]),
            found=list(first),
            expected="folders of images, one for each of at least two classes",
        )
    for part, names in classes.items():
        if names != first:
            raise DataError(
                place=str(parts[part]),
                found=list(names),
                expected=f"the classes of training: {_listed(first)}",
            )
    return classes


def part_folders(spec: DataSpec) -> dict[str, Path]:
    """Return the folders of an image_folder that hold class folders, by part (train, val, test).

    Raises:
        DataError: If the folder cannot be read, or holds some part and also anything else.
    """
    folder = Path(spec.path or "").expanduser()
    names = [name for name in _folders_in(folder) if not name.startswith(".")]
    if not set(names) & set(PARTS):
        return {"train": folder}
    if "train" not in names or not set(names) <= set(PARTS):
        # half a layout would otherwise make classes of its parts, or lose a misspelt one
        raise DataError(
            place=str(folder),
            found=names,
            expected="either a folder per class, or train and, if wanted, val and test",
        )
    return {part: folder / part for part in PARTS if part in names}


def _folders_in(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
    except OSError as error:
        reason = error.strerror or error
        expected = "a folder with one folder of images per class"
        raise DataError(f"{reason}", place=str(folder), expected=expected) from error


def _listed(names: tuple[str, ...] | list[str], most: int = 8) -> str:
    """Return the first few names as one line."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
