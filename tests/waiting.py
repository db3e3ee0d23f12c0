"""Waiting for other processes and threads: a deadline that only guards against hanging.

No test asserts how long something takes: a busy machine would fail it. Speed is measured by the
files in ``benchmarks/``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

DEADLINE = 300.0  # seconds; far above what anything takes on a busy machine
_PAUSE = 0.02  # seconds between two looks


def wait_until(claim: Callable[[], bool], description: str = "") -> None:
    """Look until ``claim`` holds; a claim that does not within the deadline fails the test."""
    deadline = time.monotonic() + DEADLINE
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {DEADLINE:.0f} s in vain: {description or claim}")
        time.sleep(_PAUSE)
