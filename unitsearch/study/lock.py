"""One driver a study: a lock on a file that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from unitsearch.errors import StudyError

LOCK = "driver.lock"
_LOOKS = 0.5  # seconds; ``is_driven`` holds the lock for microseconds


@contextlib.contextmanager
def driving(folder: Path) -> Iterator[None]:
    """Hold the study in ``folder`` while its driver runs.

    Raises:
        StudyError: If another driver holds it; the message gives its pid and host.
    """
    path = folder / LOCK
    try:
        file = path.open("a+")
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written ({error.strerror})") from None
    with file:
        if not _taken(file):
            file.seek(0)
            raise StudyError(
                f"study {folder.name} is running already: {_holder(file.read())}",
                fix=f"wait for it, stop it, or look on: unitsearch status {folder.name}",
            )
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _taken(file: TextIO) -> bool:
    """Take the lock of ``file``, or say that it is held longer than by one who looks at it."""
    deadline = time.monotonic() + _LOOKS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def is_driven(folder: Path) -> bool:
    """Say whether a driver holds the study in ``folder``."""
    try:
        with (folder / LOCK).open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            return False
    except OSError:
        return False


def _holder(text: str) -> str:
    try:
        said = json.loads(text)
        return f"pid {said['pid']} on host {said['host']}"
    except (ValueError, KeyError, TypeError):
        return "by another process"
