"""The journal of a study, opened for reading alone: it is never written and never locked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from optuna.storages.journal import BaseJournalBackend


class ReadOnlyJournal(BaseJournalBackend):
    """The lines of a journal as Optuna asks for them, each read once.

    A last line without its end is being written, or a crash tore it: it is left for a later call.

    Raises:
        ValueError: While reading, if a line is not what Optuna writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0  # lines
        self._bytes = 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the lines from ``log_number_from`` on: the last call ended there."""
        if log_number_from != self._read:
            raise ValueError(f"asked for line {log_number_from} after {self._read} lines")
        with self._path.open("rb") as file:
            file.seek(self._bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += 1
                self._bytes += len(line)
                yield json.loads(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> NoReturn:
        """Refuse: a reader writes nothing."""
        raise AssertionError(f"{self._path} is open for reading alone")
