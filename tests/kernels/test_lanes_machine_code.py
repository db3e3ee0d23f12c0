"""The machine code of kernels is compiled once on a machine and read from disk afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unitsearch
from unitsearch.kernels import machine_code

ALL_KERNELS = """
from unitsearch.kernels.machine_code import kernels
compiled = kernels("float32").owners
"""
# two kernels that compile within a second, under the lock and in the folder of all kernels
TWO_KERNELS = """
from numba import types
from unitsearch.kernels import machine_code as code
from unitsearch.kernels import table_layout as t
with code._stored_in(code.folder()):
    compiled = [
        code._compiled(code._FUNCTIONS[kind], code._signature(kind, types.float32), kind)
        for kind in (t.LOSS, t.SGD)
    ]
"""


def hits_and_all(source: str, folder: Path | None = None) -> list[int]:
    """Return the number of kernels that another process reads from disk, and of all it has."""
    script = f"{source}print(sum(kernel.cache_hits for kernel in compiled), len(compiled))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_a_second_process_compiles_nothing() -> None:
    count = len(machine_code.kernels("float32").owners)
    assert count > 10
    assert hits_and_all(ALL_KERNELS) == [count, count]


@pytest.mark.slow
def test_in_an_empty_folder_the_first_process_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path))
    assert hits_and_all(TWO_KERNELS) == [0, 2]
    assert hits_and_all(TWO_KERNELS) == [2, 2]


@pytest.mark.slow
def test_a_copy_of_the_package_elsewhere_compiles_nothing(tmp_path: Path) -> None:
    count = len(machine_code.kernels("float32").owners)
    shutil.copytree(
        Path(unitsearch.__file__).parent, tmp_path / "unitsearch", copy_function=shutil.copy
    )
    here = f"import unitsearch; assert unitsearch.__file__.startswith({str(tmp_path)!r})"
    assert hits_and_all(here + ALL_KERNELS, tmp_path) == [count, count]


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path))
    assert machine_code.folder().parent == tmp_path / "kernels"
    monkeypatch.delenv("UNITSEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert machine_code.folder().parent == tmp_path / "xdg" / "unitsearch" / "kernels"
