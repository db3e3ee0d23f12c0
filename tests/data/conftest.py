"""Small files in the formats of the published sets, written by the tests that read them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def idx_bytes(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes()


@pytest.fixture
def write_mnist(tmp_path: Path) -> Callable[..., Path]:
    """Write an MNIST-like set of 28 x 28 images below a root, which it returns."""

    def write(name: str = "MNIST", train: int = 60, test: int = 20) -> Path:
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        for part, count in (("train", train), ("t10k", test)):
            labels = np.arange(count, dtype=np.uint8) % 10
            (raw / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(_pixels(count, 28, 28)))
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
        return tmp_path

    return write


@pytest.fixture
def write_cifar(tmp_path: Path) -> Callable[..., Path]:
    """Write a small CIFAR-10 or CIFAR-100 below a root, and return the root."""

    def write(classes: int = 10, each: int = 2, protocol: int = 2) -> Path:
        ten = classes == 10
        folder = tmp_path / ("cifar-10-batches-py" if ten else "cifar-100-python")
        folder.mkdir()
        count = classes * each
        labels = [i % classes for i in range(count)]
        entries = {"labels" if ten else "fine_labels": labels, "data": _pixels(count, 3072)}
        if not ten:
            entries["coarse_labels"] = [label // 5 for label in labels]
        train = [f"data_batch_{i}" for i in range(1, 6)] if ten else ["train"]
        for name in (*train, "test_batch" if ten else "test"):
            (folder / name).write_bytes(pickle.dumps(entries, protocol))
        names = [f"class {i}" for i in range(classes)]
        meta = {"label_names" if ten else "fine_label_names": names}
        (folder / ("batches.meta" if ten else "meta")).write_bytes(pickle.dumps(meta, protocol))
        return tmp_path

    return write


@pytest.fixture
def write_images(tmp_path: Path) -> Callable[..., Path]:
    """Write class folders of PNGs of one colour a class, and return the folder around them."""
    from PIL import Image

    def write(part: str = "", classes: tuple[str, ...] = ("cat", "dog"), each: int = 10) -> Path:
        for label, name in enumerate(classes):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for i in range(each):
                Image.new("RGB", (20 + i, 30), (40 * label, i, 255)).save(folder / f"{i:02}.png")
        return tmp_path / "images"

    return write


def photo(seed: int, width: int, height: int, mode: str = "RGB") -> Any:
    """A picture of soft patches, which JPEG keeps, unlike noise."""
    from PIL import Image

    rough = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    soft = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
    return soft.convert(mode)


@pytest.fixture(name="photo")
def photo_fixture() -> Callable[..., Any]:
    return photo


WNIDS = ("n01443537", "n01629819", "n02124075")


@pytest.fixture
def write_tiny_imagenet(tmp_path: Path) -> Callable[..., Path]:
    """Write a small Tiny-ImageNet below a root, and return the root."""

    def write(each: int = 8, test: int = 9, root: str = "") -> Path:
        folder = tmp_path / root / "tiny-imagenet-200"
        (folder / "val" / "images").mkdir(parents=True)
        # as published, neither file is sorted
        (folder / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in reversed(WNIDS)))
        (folder / "words.txt").write_text("".join(f"{wnid}\tgoldfish, fish\n" for wnid in WNIDS))
        for label, wnid in enumerate(WNIDS):
            (folder / "train" / wnid / "images").mkdir(parents=True)
            (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t9\t9")
            for i in range(each):
                file = folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG"
                photo(100 * label + i, 64, 64).save(file)
        lines = []
        for i in reversed(range(test)):
            photo(1000 + i, 64, 64, "L" if i == 3 else "RGB").save(
                folder / "val" / "images" / f"val_{i}.JPEG"
            )
            lines.append(f"val_{i}.JPEG\t{WNIDS[i % 3]}\t0\t32\t44\t62\n")
        (folder / "val" / "val_annotations.txt").write_text("".join(lines))
        (folder / "test" / "images").mkdir(parents=True)
        (folder / "test" / "images" / "test_0.JPEG").write_text("never read")
        return folder.parent

    return write


@pytest.fixture
def write_imagenet(tmp_path: Path) -> Callable[..., Path]:
    """Write a small ImageNet of images of all sizes below a root, and return the root.

    ``val`` says how labels of the validation images are given: folders, kaggle or devkit.
    """

    def write(val: str = "folders", each: int = 6, root: str = "") -> Path:
        folder = tmp_path / root / "imagenet"
        for label, wnid in enumerate(WNIDS):
            (folder / "train" / wnid).mkdir(parents=True)
            for i in range(each):
                photo(100 * label + i, 60 + 9 * i, 90 - 8 * i).save(
                    folder / "train" / wnid / f"{wnid}_{i}.JPEG"
                )
        (folder / "val").mkdir()
        labels = [0, 2, 1, 1, 0, 2]
        for i, label in enumerate(labels, start=1):
            within = folder / "val" / WNIDS[label] if val == "folders" else folder / "val"
            within.mkdir(exist_ok=True)
            photo(1000 + i, 80, 50 + 10 * i).save(within / f"ILSVRC2012_val_{i:08}.JPEG")
        if val == "kaggle":
            lines = ["ImageId,PredictionString"]
            for i, label in reversed(list(enumerate(labels, start=1))):
                wnid = WNIDS[label]
                lines.append(f"ILSVRC2012_val_{i:08},{wnid} 1 2 30 40 {wnid} 5 6 7 8 ")
            (folder / "LOC_val_solution.csv").write_text("\n".join(lines) + "\n")
        if val == "devkit":
            _write_devkit(folder / "ILSVRC2012_devkit_t12" / "data", labels)
        return folder.parent

    return write


def _write_devkit(folder: Path, labels: list[int]) -> None:
    """Write the ground truth and a meta.mat whose numbers are in no order of wnids."""
    from scipy.io import savemat

    folder.mkdir(parents=True)
    numbers = {0: 2, 1: 3, 2: 1}
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    synsets = np.zeros((4, 1), kinds)
    for label, number in numbers.items():
        synsets[number - 1, 0] = (number, WNIDS[label], "goldfish, fish", 0)
    synsets[3, 0] = (4, "n00001740", "entity", 3)
    savemat(folder / "meta.mat", {"synsets": synsets}, do_compression=True)
    text = "".join(f"{numbers[label]}\n" for label in labels)
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text(text)
