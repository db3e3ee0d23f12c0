"""A cache for the tests; they share only machine code with the user's, which takes long to make."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from unitsearch.resources import cache_folder


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep sets and measurements of tests out of the user's cache, and remove them at the end."""
    folder, kernels = tmp_path_factory.mktemp("cache"), cache_folder() / "kernels"
    with contextlib.suppress(OSError):  # then they are compiled once a run
        kernels.mkdir(parents=True, exist_ok=True)
        (folder / "kernels").symlink_to(kernels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNITSEARCH_CACHE", str(folder))
        yield folder
    shutil.rmtree(folder)
