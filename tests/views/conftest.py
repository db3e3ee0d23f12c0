from __future__ import annotations

from collections.abc import Callable

import pytest
from view_records import architecture, make_record

from unitsearch.architecture import Architecture
from unitsearch.study.record import Record


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record()


@pytest.fixture
def network() -> Callable[[str], Architecture]:
    return architecture
