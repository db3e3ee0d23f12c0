"""The command that trains one network, killed in the middle and run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.digits import Killed, killed_after
from unitsearch.api import train_one

WORDS = ["data=digits", "data.limit=300", "data.validation=100", "train=fast", "train.epochs=3"]


def test_it_continues_where_it_was_killed_and_leaves_two_files(tmp_path: Path) -> None:
    named = "lenet_hybrid:hybrid"
    straight = train_one(named, WORDS, tmp_path / "straight", killed_after(None))
    words = [*WORDS, "engine.checkpoint=0"]
    with pytest.raises(Killed):
        train_one(named, words, tmp_path / "killed", killed_after(2))
    epochs: list[int] = []
    resumed = train_one(named, words, tmp_path / "killed", killed_after(None, epochs))
    assert epochs == [2, 3]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "hybrid.safetensors",
        "hybrid.yaml",
    ]
    weights = [tmp_path / each / "hybrid.safetensors" for each in ("straight", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert resumed["accuracy"] == straight["accuracy"]
