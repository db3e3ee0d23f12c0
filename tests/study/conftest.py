"""The fixtures of ``real_studies``, whose helpers the tests import by that name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.study.real_studies import copy, driver, killed, killed_copy, straight

__all__ = ["copy", "driver", "killed", "killed_copy", "straight"]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Commands that train in this process do so as in one of their own, which has one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
