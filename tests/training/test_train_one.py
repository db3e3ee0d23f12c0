"""The command that trains one network at length, killed on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from unitsearch.api import train_one

WORDS = ["data=digits", "data.limit=300", "data.validation=100", "train=fast", "train.epochs=3"]


class Killed(BaseException):
    """Ends a training in the middle."""


def never(epoch: int, accuracy: float) -> None:
    """Let the training go on."""


def at_two(epoch: int, accuracy: float) -> None:
    if epoch == 2:
        raise Killed


def test_it_goes_on_where_it_was_killed_and_leaves_two_files(tmp_path: Path) -> None:
    named = "lenet_hybrid:hybrid"
    straight = train_one(named, WORDS, tmp_path / "straight", never)
    words = [*WORDS, "engine.checkpoint=0"]
    with pytest.raises(Killed):
        train_one(named, words, tmp_path / "killed", at_two)
    seen: list[int] = []
    resumed = train_one(named, words, tmp_path / "killed", lambda e, a: seen.append(e))
    assert seen == [2, 3]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "hybrid.safetensors",
        "hybrid.yaml",
    ]
    weights = [tmp_path / each / "hybrid.safetensors" for each in ("straight", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert resumed["accuracy"] == straight["accuracy"]
