from __future__ import annotations

import pytest

from tests.records import make_record
from unitsearch.study.record import Record


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record()
