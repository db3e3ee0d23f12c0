"""Files that are written whole or not at all, and locks that processes share."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside ``path``, flush it to the disk, and move it to ``path``; make folders.

    A process that reads ``path`` meanwhile, or after a crash, gets the old content or the new.

    Raises:
        OSError: If it cannot be written; nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on the file ``path`` of this machine, waiting for other holders.

    The file and its folders are made. The lock ends with its process, however that dies.

    Yields:
        Whether the lock is held: not where the file cannot be made or its file system has no locks;
        the caller then continues without a lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            is_held = False
        else:
            is_held = True
        yield is_held
