"""Measure the images a second that are decoded from their files, with one thread and with two.

Command:  python -m benchmarks.streaming --rounds 7
Prints:   one row a kind of image: median images a second with 1 and 2 threads, and the ratio of the
          two with its bootstrap 95 % interval; then the same as one JSON line
Method:   JPEGs in a temporary folder (and so in the page cache), served in batches of 128 by
          StreamedImages without any training; all in one process, in turns, after 1 warm-up round
Noise:    1 thread / 1 thread from the same run; a ratio inside its interval means "no difference"
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from unitsearch.data.batches import batches
from unitsearch.data.imagenet import MARGIN
from unitsearch.data.images import StreamedImages
from unitsearch.data.pools import FilePool

# of the images served: width and height of the files, side, margin, augmentation, number
KINDS = {
    "64x64 as they are": (64, 64, 64, 1.0, "none", 1024),
    "500x375 to 224, middle": (500, 375, 224, MARGIN, "none", 256),
    "500x375 to 224, random crop": (500, 375, 224, MARGIN, "resized_crop_flip", 256),
    "500x375 to 32, middle": (500, 375, 32, MARGIN, "none", 256),
}
ARMS = {"1 thread": 1, "1 thread again (noise)": 1, "2 threads": 2}


def write(folder: Path, width: int, height: int, count: int) -> list[str]:
    """Write different JPEGs with as much detail as photographs have: patches and some noise."""
    drawn = np.random.default_rng(0)
    names = [f"{i}.JPEG" for i in range(count)]
    for name in names:
        rough = drawn.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        soft = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
        noisy = np.asarray(soft) + drawn.normal(0, 8, (height, width, 3))
        image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        image.save(folder / name, quality=90)
    return names


def images_a_second(images: StreamedImages, augmentation: str) -> float:
    order = torch.Generator().manual_seed(0)
    start = time.perf_counter()
    for _ in batches(images, 128, order, augmentation=augmentation):
        pass
    return len(images) / (time.perf_counter() - start)


def interval(ratios: list[float]) -> tuple[float, float]:
    generator = random.Random(0)
    medians = sorted(median(generator.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    images_per_second: dict[str, dict[str, float]] = {}
    for kind, (width, height, side, margin, augmentation, count) in KINDS.items():
        with TemporaryDirectory() as folder:
            names = write(Path(folder), width, height, count)
            kilobytes = sum((Path(folder) / name).stat().st_size for name in names) / count / 1000
            labels = np.zeros(count, np.int64)
            pool = FilePool(
                Path(folder), np.array([n.encode() for n in names]), labels, side, margin
            )
            speeds: dict[str, list[float]] = {arm: [] for arm in ARMS}
            for turn in range(-1, rounds):
                for arm, threads in ARMS.items():
                    images = StreamedImages(pool, torch.from_numpy(labels), threads)
                    speed = images_a_second(images, augmentation)
                    if turn >= 0:
                        speeds[arm].append(speed)
        print(f"{kind}  ({kilobytes:.1f} kB each)")
        first = speeds["1 thread"]
        for arm, own in speeds.items():
            ratios = [b / a for a, b in zip(first, own, strict=True)]
            low, high = interval(ratios)
            print(f"  {arm:24}{median(own):8.0f}/s  {median(ratios):.2f}x [{low:.2f}, {high:.2f}]")
        images_per_second[kind] = {arm: round(median(own), 1) for arm, own in speeds.items()}
    host = {"cores": os.cpu_count(), "machine": platform.machine(), "torch": torch.__version__}
    print(json.dumps({"images_per_second": images_per_second, "rounds": rounds, **host}))


if __name__ == "__main__":
    main()
