"""Every YAML file of ours, and spaces bound to data or written in a test."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

from unitsearch.architecture import Architecture, read_text
from unitsearch.space import Space, at_random, bind, draw, load_space, space_from
from unitsearch.space.members import Values

ROOT = Path(__file__).parents[2]
DATA = {
    "digits": ((1, 8, 8), 10),
    "mnist": ((1, 28, 28), 10),
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "tiny_imagenet": ((3, 64, 64), 200),
    "imagenet": ((3, 224, 224), 1000),
}
END = "- {kind: flatten}\n- {kind: linear, out: classes}\n"
BASELINE = "baseline: {layers: [{kind: flatten}, {kind: linear, out: classes}]}\n"


def _yaml_files() -> list[Path]:
    return sorted([*ROOT.glob("search_spaces/*.yaml"), *ROOT.glob("tests/**/*.yaml")])


def _holds(path: Path, *keys: str) -> bool:
    data = yaml.safe_load(path.read_text())
    if not isinstance(data, dict) or not {"layers", "backbone"} & set(data):
        return False
    return all(key in data for key in ("unitsearch", *keys))


SPACES = {
    path.relative_to(ROOT).as_posix(): path for path in _yaml_files() if _holds(path, "baseline")
}
ARCHITECTURES = {
    path.relative_to(ROOT).as_posix(): path
    for path in _yaml_files()
    if _holds(path, "input") and not _holds(path, "baseline")
}  # fmt: skip


def bound(path: Path | str, point: str = "") -> Space:
    """The space at ``path``, or shipped under that name, bound to the data that it names.

    With a point, to the data that the point is about.
    """
    file = load_space(path)
    image, classes = DATA[file.points[point].get("data", file.data) if point else file.data]
    return bind(file, file.input or image, classes)


def written(text: str, image: tuple[int, int, int] = (1, 8, 8)) -> Space:
    """A space given as text, without its first line and its baseline."""
    known = "" if "baseline:" in text else BASELINE
    return bind(space_from(read_text(f"unitsearch: 1\n{known}{text}", "s.yaml"), "s"), image, 10)


def some(space: Space, count: int, seed: int = 0) -> list[tuple[Values, Architecture]]:
    """Random members with the values that made them."""
    choose = at_random(random.Random(seed))
    return [draw(space, choose) for _ in range(count)]
