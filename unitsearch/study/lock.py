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
_PATIENCE = 0.5  # seconds; ``is_driven`` holds the lock for microseconds, if at all


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
    """Take the lock of ``file``; say False if it is held for longer than ``is_driven`` does."""
    deadline = time.monotonic() + _PATIENCE
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
    """Say whether a driver holds the study in ``folder``.

    The answer comes from the lock's file, into which the driver writes: a driver on another machine
    is believed, a process of this one has to be alive. Only then the lock itself is tried, because
    the number may belong to another process by now. So a reader takes no lock of a study that is
    not driven, and one that is driven refuses it: readers never keep a driver out.
    """
    path = folder / LOCK
    try:
        content = json.loads(path.read_text("utf-8"))
        pid, host = int(content["pid"]), str(content["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if host != socket.gethostname():
        return True
    return _is_alive(pid) and _is_locked(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # a process of another user
    return True


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            return False
    except OSError:
        return False


def _holder(text: str) -> str:
    """Return the driver that a lock's file names, for a message."""
    try:
        content = json.loads(text)
        return f"pid {content['pid']} on host {content['host']}"
    except (ValueError, KeyError, TypeError):
        return "by another process"
