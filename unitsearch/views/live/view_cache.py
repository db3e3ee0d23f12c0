"""The cache of views: studies on a board as last read, with the panels that are drawn already."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from unitsearch.study.record import Record, Trial
from unitsearch.views.drawing import Kind, colours_of, kinds_in
from unitsearch.views.live.board_files import BoardFiles
from unitsearch.views.live.catalogue import Catalogue
from unitsearch.views.pages.boards import Board
from unitsearch.views.pages.sections import Section, sections

_KEPT_VIEWS = 8
# A view is kept unread for this many times the seconds that its last reading and drawing took, so
# that a page on a large study takes little of the cores that its own search uses.
_PAUSE_PER_SECOND_OF_WORK = 20.0
_LONGEST_PAUSE = 2.0  # seconds

_Key = tuple[tuple[str, ...], str]  # names of studies, name of a board


class DrawnParts:
    """The parts of a view that are drawn already, as JSON; safe to use from several threads.

    One thread draws at a time: a second one at the same view would only slow the first.

    Attributes:
        seconds: The time that drawing the sections took.
        sections: The JSON of each drawn section, by its number.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.seconds = 0.0
        self.sections: dict[int, str] = {}
        self._columns = ""
        self._clock = clock
        self._lock = threading.Lock()

    def section(self, number: int, draw: Callable[[], str]) -> str:
        """Return the JSON of section ``number``; ``draw`` makes it the first time."""
        with self._lock:
            if number not in self.sections:
                began = self._clock()
                self.sections[number] = draw()
                self.seconds += self._clock() - began
        return self.sections[number]

    def columns(self, write: Callable[[], str]) -> str:
        """Return the JSON of the trials' columns; ``write`` makes it the first time."""
        with self._lock:
            if not self._columns:
                self._columns = write()
        return self._columns


@dataclass(frozen=True)
class View:
    """Studies on a board, as they stood when one of them or the board last changed.

    Attributes:
        names: The studies' names.
        board_name: The board's name.
        board: The board.
        records: The studies, in the order of their names.
        kinds: The kinds of units of all trials.
        version: A number that no other view has.
        drawn: The parts that are drawn already.
    """

    names: tuple[str, ...]
    board_name: str
    board: Board
    records: tuple[Record, ...]
    kinds: frozenset[Kind]
    version: int
    drawn: DrawnParts

    @cached_property
    def sections(self) -> list[Section]:
        """The sections of the page."""
        return sections(self.board, self.records)

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each kind of unit."""
        return colours_of(self.kinds)


@dataclass(frozen=True)
class _CachedView:
    """A view in the cache.

    Attributes:
        view: The view.
        read_at: The time when its studies were read.
        read_seconds: The time that reading them took.
    """

    view: View
    read_at: float
    read_seconds: float

    def is_fresh(self, now: float) -> bool:
        """Return whether the view is used without another look at its studies."""
        work = self.read_seconds + self.view.drawn.seconds
        return now - self.read_at < min(_PAUSE_PER_SECOND_OF_WORK * work, _LONGEST_PAUSE)


class ViewCache:
    """The views that were last asked for; safe to use from several threads.

    Args:
        catalogue: The studies.
        boards: The boards.
        clock: The monotonic time in seconds.
    """

    def __init__(
        self, catalogue: Catalogue, boards: BoardFiles, clock: Callable[[], float]
    ) -> None:
        self._catalogue = catalogue
        self._boards = boards
        self._clock = clock
        self._entries: dict[_Key, _CachedView] = {}
        self._locks: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
        # Versions start from the time, because a page may outlive its server: it must not take a
        # view of the next server for the one that it knows.
        self._versions = count(time.time_ns() // 1000)

    def view(self, names: Sequence[str], board_name: str) -> View:
        """Return studies on a board as they stand, or stood a moment ago.

        Raises:
            StudyError: If a study does not exist or cannot be read.
            UsageError: If there is no such board.
            SpecError: If the board's file is not a valid board.
        """
        unique_names = tuple(dict.fromkeys(names))
        key = (unique_names, board_name)
        with self._locks[key]:
            began = self._clock()
            entry = self._entries.get(key)
            if entry is not None and entry.is_fresh(began):
                return entry.view
            board = self._boards.board(board_name)
            records = tuple(self._catalogue.look(name) for name in unique_names)
            before = entry.view if entry else None
            if before is not None and before.board == board and _same(before.records, records):
                return before
            view = View(
                unique_names,
                board_name,
                board,
                records,
                kinds=_kinds(records, before),
                version=next(self._versions),
                drawn=DrawnParts(self._clock),
            )
            self._entries.pop(key, None)
            self._entries[key] = _CachedView(view, began, self._clock() - began)
            for old in list(self._entries)[:-_KEPT_VIEWS]:
                self._entries.pop(old, None)
            return view

    def colours(self, name: str) -> Mapping[str, str] | None:
        """Return the colours of units on a page that shows study ``name``, None without a page."""
        views = [entry.view for entry in list(self._entries.values())]
        return next((view.colours for view in views if name in view.names), None)


def _same(before: Sequence[Record], now: Sequence[Record]) -> bool:
    return all(a is b for a, b in zip(before, now, strict=True))


def _kinds(records: Sequence[Record], before: View | None) -> frozenset[Kind]:
    """Return the kinds of units of all trials; of studies that grew, only new trials are read."""
    known = [record.trials for record in before.records] if before else [()] * len(records)
    grown = list(zip(known, (record.trials for record in records), strict=True))
    if before is None or not all(_has_grown(old, new) for old, new in grown):
        return frozenset(kinds_in(trial.architecture for _, new in grown for trial in new))
    added = (trial.architecture for old, new in grown for trial in new[len(old) :])
    return before.kinds | kinds_in(added)


def _has_grown(old: Sequence[Trial], new: Sequence[Trial]) -> bool:
    """Return whether ``new`` begins with the trials of ``old``, whatever their states are now."""
    last = len(old) - 1
    return last < 0 or (len(new) > last and new[last].key == old[last].key)
