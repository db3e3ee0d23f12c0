"""Tensors that all processes of a machine share: one file in the cache, mapped by each of them.

The first process that needs them writes the file, the others wait for it. A mapped page is in
memory once, however many processes read it, and is copied only for a process that writes to it. The
file can be made anew at any time, so a damaged file or folder costs time and never a result: a file
with a wrong checksum is written again, and where none can be written, each process keeps the
tensors in memory of its own. This module does not interpret the tensors.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unitsearch.resources import cache_folder

MAX_BYTES = 4 << 30  # of all files together; the files unused for longest are removed first
_SUFFIX = ".safetensors"
_ABANDONED = 3600.0  # seconds after which an unfinished file counts as abandoned
_UNUSED = 30 * 86400.0  # seconds after which an unused file is removed


@dataclass(frozen=True, eq=False)
class Content:
    """The content of a shared file.

    Attributes:
        tensors: By name; contiguous, on the CPU.
        facts: Facts about the tensors, as JSON can hold them.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


def folder() -> Path:
    """Return the folder in which the files lie."""
    return cache_folder() / "sets"


def shared(name: str, version: str, make: Callable[[], Content]) -> Content:
    """Return the content that ``make`` returns, mapped from a file if there is or can be one.

    Args:
        name: A file name for the content; a new version replaces older ones.
        version: A file name that differs wherever ``make`` would return anything else.
        make: Called at most once, by one process at a time; its errors are passed on.
    """
    path = folder() / f"{name}-{version}{_SUFFIX}"
    if content := _mapped(path):
        return content
    made: Content | None = None
    try:
        with _locked(path.with_name(f"{name}.lock")):
            if content := _mapped(path):  # another process has made it meanwhile
                return content
            made = make()
            if _write(path, made):
                _tidy(path, name)
    except _NoLockError:
        pass
    if made is None:
        return make()
    return _mapped(path) or made


def _mapped(path: Path) -> Content | None:
    """Return the content of ``path``; None if it is not there or not as it was written."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            # torch maps the file privately: pages are shared until somebody writes to them
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content = Content(tensors, json.loads(metadata["facts"]))
        if metadata["crc"] != _crc(content):  # 0.08 s for CIFAR-10's 184 MB
            return None
        with contextlib.suppress(OSError):  # the file may belong to another user
            os.utime(path)  # marks it as in use
    except (OSError, SafetensorError, LookupError, RuntimeError, TypeError, ValueError):
        return None
    return content


def _write(path: Path, content: Content) -> bool:
    """Write the file whole or not at all, and return whether it is there."""
    size = sum(tensor.nbytes for tensor in content.tensors.values())
    if size > MAX_BYTES:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=_SUFFIX)
    os.close(handle)
    metadata = {"facts": json.dumps(content.facts), "crc": _crc(content)}
    try:
        save_file(dict(content.tensors), name, metadata)
        # not flushed to the disk: after a crash the file may be torn, which its checksum shows
        Path(name).replace(path)
    except (OSError, SafetensorError) as error:
        Path(name).unlink(missing_ok=True)
        _complain(path, error)
        return False
    return True


def _tidy(newest: Path, name: str) -> None:
    """Remove older versions of ``name``, unused files, and the oldest if all exceed the bound."""
    for path in newest.parent.glob(f"{name}-*{_SUFFIX}"):
        if path != newest:
            path.unlink(missing_ok=True)
    entries = []
    for path in newest.parent.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            state = path.stat()
            entries.append((path != newest, time.time() - state.st_mtime, state.st_size, path))
    total = 0
    for _, unused, size, path in sorted(entries):
        total += size
        longest = _ABANDONED if path.name.startswith(".") else _UNUSED
        if total > MAX_BYTES or unused > longest:
            path.unlink(missing_ok=True)
    for lock in newest.parent.glob("*.lock"):
        if not any(newest.parent.glob(f"{lock.stem}-*")):
            lock.unlink(missing_ok=True)  # at worst two processes make the same file


def _crc(content: Content) -> str:
    crc = zlib.crc32(json.dumps(content.facts).encode())
    for name in sorted(content.tensors):
        tensor = content.tensors[name]
        crc = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.contiguous().numpy().data, crc)
    return f"{crc:08x}"


class _NoLockError(Exception):
    """The folder cannot be written."""


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock at ``path``; raise ``_NoLockError`` where there can be none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        _complain(path, error)
        raise _NoLockError from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            _complain(path, error)
            raise _NoLockError from error
        yield


def _complain(path: Path, error: Exception) -> None:
    reason = str(error).strip().splitlines()[0]
    logging.getLogger(__name__).warning(
        "%s: cannot be written (%s); the data are read into this process alone", path.parent, reason
    )
