"""Machine code is compiled once a machine, and found again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unitsearch.kernels import cache

SCRIPT = """
from unitsearch.kernels.cache import kernels
found = kernels("float32")
print(sum(kernel.cache_hits for kernel in found.owners), len(found.owners))
"""


def compiled(folder: Path) -> list[int]:
    environment = {**os.environ, "UNITSEARCH_CACHE": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    hits, all_of_them = compiled(tmp_path)
    assert hits == 0
    assert compiled(tmp_path) == [all_of_them, all_of_them]


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path))
    assert cache.folder().parent == tmp_path / "kernels"
    monkeypatch.delenv("UNITSEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder().parent == tmp_path / "xdg" / "unitsearch" / "kernels"
