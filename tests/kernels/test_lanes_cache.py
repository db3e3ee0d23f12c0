"""Machine code is compiled once a machine, and found again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unitsearch.kernels import cache

ALL = """
from unitsearch.kernels.cache import kernels
found = kernels("float32").owners
"""
# two that are compiled within a second, under the lock and in the folder of all
TWO = """
from numba import types
from unitsearch.kernels import cache
from unitsearch.kernels import table_layout as t
with cache._kept_in(cache.folder()):
    found = [
        cache._compiled(cache._FUNCTIONS[kind], cache._signature(kind, types.float32), kind)
        for kind in (t.LOSS, t.SGD)
    ]
"""


def compiled(which: str) -> list[int]:
    """How many kernels another process found on the disk, and how many it has."""
    script = f"{which}print(sum(kernel.cache_hits for kernel in found), len(found))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_a_second_process_compiles_nothing() -> None:
    count = len(cache.kernels("float32").owners)
    assert count > 10
    assert compiled(ALL) == [count, count]


@pytest.mark.slow
def test_in_an_empty_folder_the_first_process_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path))
    assert compiled(TWO) == [0, 2]
    assert compiled(TWO) == [2, 2]


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path))
    assert cache.folder().parent == tmp_path / "kernels"
    monkeypatch.delenv("UNITSEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder().parent == tmp_path / "xdg" / "unitsearch" / "kernels"
