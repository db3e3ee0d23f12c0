"""Small files in the formats of the published sets, written by the tests that read them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def idx_bytes(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes()


@pytest.fixture
def write_mnist(tmp_path: Path) -> Callable[..., Path]:
    """Writes an MNIST-like set of 28 x 28 images below a root, which it returns."""

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
    """Writes a small CIFAR-10 or CIFAR-100 below a root, which it returns."""

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
    """Writes class folders of PNGs of one colour a class, and returns the folder around them."""
    from PIL import Image

    def write(part: str = "", classes: tuple[str, ...] = ("cat", "dog"), each: int = 10) -> Path:
        for label, name in enumerate(classes):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for i in range(each):
                Image.new("RGB", (20 + i, 30), (40 * label, i, 255)).save(folder / f"{i:02}.png")
        return tmp_path / "images"

    return write
