"""Silence for libraries that print below Python, and what they print, as text."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], str]]:
    """Keep standard output and error away from the terminal; the value returns what was written."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as file:

        def printed() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield printed
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, handle in zip((1, 2), kept, strict=True):
                os.dup2(handle, target)
                os.close(handle)
