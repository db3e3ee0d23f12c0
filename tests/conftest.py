"""Fixtures of all tests: a cache of their own, and work on one thread as workers do."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from unitsearch.resources import cache_folder

# Hypothesis fails an example that takes 200 ms, and slow strategies: on a busy machine any is slow.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep data sets and measurements of tests out of the user's cache; remove them at the end.

    Only machine code is shared with the user's cache: it takes long to compile.
    """
    folder, kernels = tmp_path_factory.mktemp("cache"), cache_folder() / "kernels"
    with contextlib.suppress(OSError):  # then kernels are compiled once a run
        kernels.mkdir(parents=True, exist_ok=True)
        (folder / "kernels").symlink_to(kernels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNITSEARCH_CACHE", str(folder))
        yield folder
    shutil.rmtree(folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Work on one thread, as a worker does: sums depend on how many threads share them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
