"""Data sets: read, split, and held as uint8 tensors or, if large, as names of files.

Sets that are held as tensors are read once per machine: see ``shared``.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from unitsearch.data.cifar import read_cifar
from unitsearch.data.digits import read_digits
from unitsearch.data.download import make_available
from unitsearch.data.idx import FASHION_CLASSES, MNIST_CLASSES, read_idx_set
from unitsearch.data.image_folder import is_image, read_folder
from unitsearch.data.imagenet import read_imagenet, read_tiny_imagenet
from unitsearch.data.images import Images, Rows, Source, StreamedImages
from unitsearch.data.pools import FilePool, ImagePool, Pools
from unitsearch.data.resizing import resized
from unitsearch.data.shared import Content, shared
from unitsearch.data.spec import (
    STREAMED,
    DataSpec,
    files_of,
    folder_of,
    part_folders,
    shares,
    trained_on,
)
from unitsearch.data.split import Indices, Split, draw, hash_of
from unitsearch.errors import DataError

SAMPLE = 1000  # images in files that mean and standard deviation are measured on
_DECODED = 64  # images of the sample that are decoded together
_PARTS = ("train", "validation", "test")
# Digits are read faster than a shared file is opened; streamed sets hold only names.
_UNSHARED = ("digits", *STREAMED)
_CHUNK = 1024  # images counted together: one channel of them fits a processor cache


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set, split.

    Attributes:
        name: Its name, as in its specification.
        train: The images to train on.
        validation: The images that a search measures accuracy on; disjoint from the others.
        test: The images that are used once, at the end.
        classes: The names of the classes, in the order of their labels.
        mean: One per channel, of pixels scaled to 0 .. 1.
        std: One per channel, of pixels scaled to 0 .. 1, none of them 0.
        split_hash: 16 hex digits; equal hashes mean equal splits of equal labels.
    """

    name: str
    train: Source
    validation: Source
    test: Source
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    split_hash: str

    @property
    def input(self) -> tuple[int, int, int]:
        """The shape of one image, ``(channels, height, width)``."""
        return cast("tuple[int, int, int]", self.train.shape)

    def to(self, device: torch.device | str) -> DataSet:
        """Return this data set with its images served on ``device``; those in memory lie there."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
        )


def load(spec: DataSpec) -> DataSet:
    """Return the data set that ``spec`` describes, fetching it first if that is allowed and needed.

    Raises:
        DataError: If files are missing or damaged, or hold other shapes or classes than ``spec``.
        SpecError: If limit or validation do not suit the number of training images.
    """
    make_available(spec)
    if spec.name in _UNSHARED:
        return _loaded(spec)
    content = shared(*_version(spec), lambda: _taken_apart(_loaded(spec)))
    return _put_together(content, spec)


def _loaded(spec: DataSpec) -> DataSet:
    """Return the data set, read from its files into memory of this process."""
    pools = _read(spec)
    _check(pools, spec)
    split = _split(pools, spec)
    test = pools.test or pools.train
    validation = pools.validation or pools.train
    train = _images(pools.train, split.train, spec)
    mean, std = spec.mean, spec.std
    if mean is None or std is None:
        own_mean, own_std = measured(train)
        mean, std = mean or own_mean, std or own_std
    return DataSet(
        name=spec.name,
        train=train,
        validation=_images(validation, split.validation, spec),
        test=_images(test, split.test, spec),
        classes=pools.classes,
        mean=mean,
        std=std,
        split_hash=hash_of(
            split,
            [pools.train.labels, validation.labels, test.labels],
            [pool.fingerprint() for pool in _parts(pools) if isinstance(pool, FilePool)],
        ),
    )


def _version(spec: DataSpec) -> tuple[str, str]:
    """Return the name under which the set of ``spec`` is shared, and the hash of its version.

    The version changes with the files that the set is read from and with the sources of this
    folder, which read and split it.
    """
    if spec.name == "image_folder":
        folder = Path(spec.path or "").expanduser()
        walks = [os.walk(part, followlinks=True) for part in part_folders(spec).values()]
        entries = (
            Path(folder_name, name)
            for walk in walks
            for folder_name, _, names in walk
            for name in names
        )
        files = sorted(filter(is_image, entries))
        decoders = [metadata.version("pillow"), metadata.version("torchvision")]
    else:
        folder, files, decoders = folder_of(spec), list(files_of(spec).values()), []
    # neither the spelling of the folder nor the augmentation of its images changes the content
    own = replace(spec, root=None, path=None, download=False, augment="none")
    digest = hashlib.sha256(os.fsencode(folder.resolve()) + repr(own).encode())
    stamp = hashlib.sha256(repr(decoders).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        stamp.update(path.read_bytes())
    for path in files:
        try:
            state = path.stat()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"cannot be read ({reason})", place=str(path)) from error
        parts = (str(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        stamp.update(repr(parts).encode())
    return f"{spec.name}-{digest.hexdigest()[:12]}", stamp.hexdigest()[:12]


def _taken_apart(data: DataSet) -> Content:
    tensors: dict[str, Tensor] = {}
    for part in _PARTS:
        images = getattr(data, part)
        assert isinstance(images, Images)  # images left in files are not shared
        tensors |= {f"{part}.pixels": images.pixels, f"{part}.labels": images.labels}
    facts = {"classes": data.classes, "mean": data.mean, "std": data.std, "split": data.split_hash}
    return Content(tensors, facts)


def _put_together(content: Content, spec: DataSpec) -> DataSet:
    tensors, facts = content.tensors, content.facts
    parts = {p: Images(tensors[f"{p}.pixels"], tensors[f"{p}.labels"]) for p in _PARTS}
    return DataSet(
        name=spec.name,
        **parts,
        classes=tuple(facts["classes"]),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        split_hash=facts["split"],
    )


def measured(images: Source) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of images, scaled to 0 .. 1.

    Of images in files, a stratified sample of 1,000 stands for all. Sums are kept in whole numbers,
    so the result is the same on every machine. A channel of one value only has no spread to divide
    by and gets 1.
    """
    count, channels = len(images), images.shape[0]
    chosen: Iterable[Rows] = (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))
    if isinstance(images, StreamedImages):
        sample = draw(images.files.labels, min(SAMPLE, count), "mean and std")[0]
        rows = torch.from_numpy(sample)
        chosen = (rows[start : start + _DECODED] for start in range(0, len(rows), _DECODED))
    histogram = torch.zeros(channels, 256, dtype=torch.int64)
    with closing(images.serve(chosen)) as served:
        for chunk, _ in served:
            for channel in range(channels):
                # 0.15 s for CIFAR-10; widening the pixels and summing their squares took 0.7 to 2.7
                histogram[channel] += torch.bincount(chunk[:, channel].flatten(), minlength=256)
    value = torch.arange(256)
    pixels = int(histogram[0].sum())
    totals = (histogram * value).sum(1).tolist()
    squares = (histogram * value**2).sum(1).tolist()
    mean = tuple(t / pixels / 255 for t in totals)
    std = tuple(
        math.sqrt(s * pixels - t * t) / pixels / 255 or 1.0
        for t, s in zip(totals, squares, strict=True)
    )
    return mean, std


def _read(spec: DataSpec) -> Pools:
    match spec.name:
        case "digits":
            return read_digits()
        case "mnist":
            return read_idx_set(files_of(spec), MNIST_CLASSES)
        case "fashion_mnist":
            return read_idx_set(files_of(spec), FASHION_CLASSES)
        case "cifar10":
            return read_cifar(files_of(spec), label_key="labels", classes=10)
        case "cifar100":
            return read_cifar(files_of(spec), label_key="fine_labels", classes=100)
        case "tiny_imagenet":
            return read_tiny_imagenet(spec)
        case "imagenet":
            return read_imagenet(spec)
        case "image_folder":
            return read_folder(spec)
        case _:
            raise AssertionError(f"{spec.name} is in NAMES and has no reader")


def _check(pools: Pools, spec: DataSpec) -> None:
    """Raise ``DataError`` unless images and classes are those of ``spec``."""
    for pool in _parts(pools):
        shape = pool.shape
        stated = spec.shape if isinstance(pool, FilePool) else spec.input
        if stated is not None and shape != stated:
            expected = f"images of {list(stated)}, as data.input says"
            raise DataError(place=f"data={spec.name}", found=list(shape), expected=expected)
        if not len(pool):
            raise DataError("a part of the set holds no images", place=f"data={spec.name}")
    if spec.classes is not None and len(pools.classes) != spec.classes:
        expected = f"{spec.classes} classes, as data.classes says"
        raise DataError(place=f"data={spec.name}", found=len(pools.classes), expected=expected)


def _parts(pools: Pools) -> list[ImagePool | FilePool]:
    parts = (pools.train, pools.validation, pools.test)
    return [pool for pool in parts if pool is not None]


def _split(pools: Pools, spec: DataSpec) -> Split:
    labels = pools.train.labels
    rest: Indices = np.arange(len(labels))
    if pools.test is None:
        test, rest = draw(labels, pools.cut_for_test, "test", keep=1)
    else:
        test = np.arange(len(pools.test))
    used, count = shares(spec, len(rest), len(pools.classes))
    rest = rest[draw(labels[rest], used, "limit")[0]]
    if pools.validation is not None:
        validation, left = np.arange(len(pools.validation)), rest
    else:
        chosen, kept = draw(labels[rest], count, "validation", keep=1)
        validation, left = rest[chosen], rest[kept]
    if spec.images is not None:
        number = trained_on(spec, len(left), len(pools.classes))
        left = left[draw(labels[left], number, "images")[0]]
    return Split(left, validation, test)


def _images(pool: ImagePool | FilePool, chosen: Indices, spec: DataSpec) -> Source:
    labels = torch.from_numpy(pool.labels[chosen])
    if isinstance(pool, FilePool):
        return StreamedImages(pool.only(chosen), labels)
    pixels = pool.pixels[chosen]
    if spec.size is not None:
        pixels = resized(pixels, spec.size)
    return Images(torch.from_numpy(pixels), labels)
