from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.records import architecture, make_record
from tests.views.browser import CHROMIUM, Browser
from unitsearch.architecture import Architecture
from unitsearch.study.record import Record


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record()


@pytest.fixture
def network() -> Callable[[str], Architecture]:
    return architecture


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    chromium = Browser(tmp_path_factory.mktemp("browser"))
    yield chromium
    chromium.close()
