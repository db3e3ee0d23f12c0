"""The boards that the dashboard offers, by name: the shipped ones and files of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unitsearch import resources
from unitsearch.errors import SpecError, UsageError
from unitsearch.views.pages.boards import Board, board

DEFAULT_BOARD = "report"  # shown unless another one is chosen


class BoardFiles:
    """Boards by name; a file is read again when it has changed.

    Attributes:
        paths: The file of each board.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = dict(paths)
        self._read: dict[str, tuple[int, Board]] = {}  # time of the file's last change, content

    def board(self, name: str) -> Board:
        """Return the board called ``name``.

        Raises:
            UsageError: If there is no such board.
            SpecError: If its file is not a valid board.
        """
        path = self.paths.get(name)
        if path is None:
            raise UsageError(found=name, expected=f"one of {', '.join(self.paths)}")
        changed = path.stat().st_mtime_ns if path.is_file() else 0
        read = self._read.get(name)
        if read is None or read[0] != changed:
            read = self._read[name] = (changed, board(str(path)))
        return read[1]


def shipped_boards() -> dict[str, Path]:
    """Return the files of the boards that come with unitsearch and show studies, by name."""
    folder = resources.folder("dashboards")
    names = [name for name in resources.names("dashboards") if name != "index"]
    names.sort(key=lambda name: (name != DEFAULT_BOARD, name))
    return {name: folder / f"{name}.yaml" for name in names}


def own_boards(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the user's own boards, by the names of their files.

    Raises:
        SpecError: If a file is not a valid board.
    """
    boards = {}
    for path in paths:
        board(str(path))
        if path.suffix not in (".yaml", ".yml", ".json"):
            raise SpecError(place=str(path), found=path.suffix, expected="a board (*.yaml)")
        boards[path.stem] = path
    return boards
