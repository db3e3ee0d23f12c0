"""A study looked at while it may run: nothing of it is written, and no lock of its store is taken.

Nothing is read twice: of a journal the lines that are new are read, of a database the trials that
were not finished. An SQLite database is read from a copy, because a reader that takes long keeps
the writer from committing.
"""

from __future__ import annotations

import gc
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from unitsearch.errors import StudyError
from unitsearch.study.folder import record_of, study_store
from unitsearch.study.lock import is_driven
from unitsearch.study.manifest import MANIFEST, Manifest, read_manifest, storage_url
from unitsearch.study.record import Record
from unitsearch.study.store import JOURNAL, Store, open_store, sqlite_file

_PAGES = 512  # of a database that are copied at a time: 2 MB, in milliseconds


class Looker:
    """Reads the study in ``folder`` again and again; safe to use from several threads.

    Raises:
        StudyError: If it is no study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._journal: tuple[int, int] = (0, 0)
        self._seen: tuple[Any, ...] = ()
        self._record: Record | None = None

    @property
    def known(self) -> Record | None:
        """The study as it was last read, None before the first ``look``."""
        return self._record

    @property
    def is_driven(self) -> bool:
        """Whether the study runs."""
        return is_driven(self.folder)

    def look(self) -> Record:
        """Return the study as it stands: the same object as long as nothing changes.

        Raises:
            StudyError: If it cannot be read.
        """
        with self._lock:
            stamp = _stamp(self.folder / MANIFEST)
            if not self._seen or self._seen[0] != stamp:
                self.manifest = read_manifest(self.folder)
            driven = self.is_driven
            seen = (stamp, driven, self._stamp_of_store())
            if self._record is None or seen != self._seen:
                with no_collection():
                    self._record = self._read(driven=driven)
                self._seen = seen
            return self._record

    def close(self) -> None:
        """Let go of files and connections."""
        with self._lock:
            self._close()

    def _stamp_of_store(self) -> tuple[int, ...]:
        """Numbers that differ once the store has changed."""
        url = storage_url(self.manifest)
        if url is None:
            inode, size, changed = _stamp(self.folder / JOURNAL)
            was_inode, was_size = self._journal
            if inode != was_inode or size < was_size:  # another journal, or one that was mended
                self._close()
            self._journal = (inode, size)
            return inode, size, changed
        file = sqlite_file(url)
        if file is not None:
            return _stamp(file) + _stamp(file.with_name(f"{file.name}-wal"))
        if self._store is None:
            self._store = study_store(self.folder, self.manifest)
        return self._store.counts()

    def _read(self, *, driven: bool) -> Record:
        url = storage_url(self.manifest)
        file = None if url is None else sqlite_file(url)
        if file is not None:
            return self._read_copy(file, driven=driven)
        if self._store is None:
            self._store = study_store(self.folder, self.manifest)
        return record_of(self.folder, self.manifest, self._store, driven=driven)

    def _read_copy(self, file: Path, *, driven: bool) -> Record:
        with tempfile.TemporaryDirectory(prefix="unitsearch-") as place:
            copy = Path(place) / "copy.db"
            _copy_database(file, copy)
            store = open_store(self.folder, self.manifest.name, f"sqlite:///{copy}")
            try:
                return record_of(self.folder, self.manifest, store, driven=driven)
            finally:
                store.close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        self._seen = ()


@contextmanager
def no_collection() -> Iterator[None]:
    """Switch the garbage collector off while trials are read: it takes half the time of that."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stamp(path: Path) -> tuple[int, int, int]:
    """Inode, size and time of the last change of a file; zeros if there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database in small steps, between which its writer may commit."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written, pages=_PAGES, sleep=0.001)
    except sqlite3.Error as error:
        raise StudyError(f"{source}: cannot be read ({error})") from None
