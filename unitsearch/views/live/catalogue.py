"""The studies that the dashboard may show, by name; each has a looker that reads it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unitsearch.errors import StudyError
from unitsearch.study.folder import STUDIES, find_folder
from unitsearch.study.looking import Looker, no_collection
from unitsearch.study.manifest import MANIFEST
from unitsearch.study.record import Record


class Catalogue:
    """The studies that were named, or all of ``./studies``, new ones included.

    Args:
        studies: Names or folders; none for all.

    Raises:
        StudyError: If a name or folder is no study.
    """

    def __init__(self, studies: Sequence[str | Path] = ()) -> None:
        self._given = tuple(find_folder(study) for study in studies)
        self._lookers: dict[Path, Looker] = {}
        self._renamed: dict[str, tuple[Record, Record]] = {}
        self._lock = threading.Lock()

    def folders(self) -> dict[str, Path]:
        """Return the folder of each study by its name; a name that comes again gets a count."""
        by_name: dict[str, Path] = {}
        folders = self._given or sorted(path.parent for path in Path(STUDIES).glob(f"*/{MANIFEST}"))
        for folder in folders:
            name, count = folder.resolve().name, 1
            while name in by_name:
                count += 1
                name = f"{folder.resolve().name} ({count})"
            by_name[name] = folder
        return by_name

    def look(self, name: str) -> Record:
        """Return a study as it stands now, under its name in the catalogue.

        Raises:
            StudyError: If no study has that name, or it cannot be read.
        """
        folder = self.folders().get(name)
        if folder is None:
            raise StudyError(f"no study named {name!r}")
        looker = self._looker(folder)
        if looker.known is not None:
            return self._named(name, looker.look())
        with no_collection():
            record = looker.look()
            gc.freeze()  # the record stays: the collector need not search through it again
        return self._named(name, record)

    def known(self, name: str, folder: Path) -> Record | None:
        """Return a study as it was last read, None if it was not read yet."""
        looker = self._lookers.get(folder)
        record = looker.known if looker else None
        return None if record is None else self._named(name, record)

    def read_all(self) -> None:
        """Read every study once, so that the list shows all of them."""
        for name in self.folders():
            try:
                self.look(name)
            except StudyError:
                continue  # its own page shows the error

    def close(self) -> None:
        """Close all files and connections."""
        with self._lock:
            for looker in self._lookers.values():
                looker.close()
            self._lookers.clear()

    def _looker(self, folder: Path) -> Looker:
        with self._lock:
            if folder not in self._lookers:
                self._lookers[folder] = Looker(folder)
            return self._lookers[folder]

    def _named(self, name: str, record: Record) -> Record:
        if record.name == name:
            return record
        before = self._renamed.get(name)
        if before is None or before[0] is not record:
            before = self._renamed[name] = (record, replace(record, name=name))
        return before[1]
