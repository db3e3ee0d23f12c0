"""What the dashboard answers, from the studies as they stand: the same panels as a report's."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from unitsearch import resources
from unitsearch.errors import SpecError, StudyError, UnitSearchError, UsageError
from unitsearch.study.folder import weights_path
from unitsearch.study.record import Record, Trial
from unitsearch.study.state import study_state
from unitsearch.study.tables import rows
from unitsearch.views import words
from unitsearch.views.drawing import Kind, colours_of, kind_colours, kinds_in
from unitsearch.views.live.catalogue import Catalogue
from unitsearch.views.pages import panels
from unitsearch.views.pages.boards import Board, board
from unitsearch.views.pages.details import columns, entry
from unitsearch.views.pages.page import figure_json
from unitsearch.views.pages.sections import (
    Section,
    figure_of,
    plot_html,
    section_html,
    sections,
    text_of,
)

_BOARD = "report"  # shown unless another is chosen
_AHEAD = 2  # sections that are drawn before they are asked for: the first that a reader sees
_KEPT = 8  # views that are kept drawn
# A study that changes is looked at again after this many times what the last look and its drawing
# took, so that a large one takes little from its own search; at most so many seconds later.
_REST, _LONGEST_REST = 20.0, 2.0


@dataclass
class View:
    """Studies on a board, as they stood when one of them last changed.

    Attributes:
        names: The studies.
        board: What is shown.
        records: Of the studies, in their order.
        sections: Of the page.
        version: Another one after each change.
        seen: When it was looked at, on the monotonic clock.
        cost: Seconds that reading and drawing it have taken.
        kinds: Of the units of all trials.
        colours: Of each kind.
        drawing: Held by whoever draws: a second thread at it would only slow the first.
    """

    names: tuple[str, ...]
    board: Board
    records: tuple[Record, ...]
    sections: list[Section]
    version: int
    seen: float
    cost: float = 0.0
    kinds: set[Kind] = field(default_factory=set)
    colours: dict[str, str] = field(default_factory=dict)
    drawn: dict[int, str] = field(default_factory=dict)
    table: str = ""
    drawing: threading.Lock = field(default_factory=threading.Lock)


class Pages:
    """Answers of the dashboard; safe to ask from several threads."""

    def __init__(self, catalogue: Catalogue, boards: Mapping[str, Path]) -> None:
        self.catalogue = catalogue
        self.boards = dict(boards)
        self._views: dict[tuple[tuple[str, ...], str], View] = {}
        self._locks: defaultdict[tuple[tuple[str, ...], str], threading.Lock] = defaultdict(
            threading.Lock
        )
        self._read: dict[str, tuple[int, Board]] = {}
        # a page that outlives its server must not take another one's version for what it knows
        self._versions = count(time.time_ns() // 1000)

    def prepare(self) -> None:
        """Read every study once, so that a list has them all; draw what one alone begins with."""
        self.catalogue.read_all()
        names = list(self.catalogue.folders())
        if len(names) == 1:
            with suppress(UnitSearchError):  # whoever opens the page is told
                self.trials(names, _BOARD)
                for number in range(min(_AHEAD, len(self.view(names, _BOARD).sections))):
                    self.part(names, _BOARD, number)

    def page(self, names: Sequence[str], board_name: str) -> dict[str, Any]:
        """Return everything of a page but what its panels show; without names the list of studies.

        Returns:
            ``version``, ``layout`` (changes if the sections do), ``title``, whether a study is
            ``running``, and as HTML ``bar``, ``head`` and ``panels``.
        """
        if not names:
            return self._list()
        try:
            view = self.view(names, board_name)
        except UnitSearchError as error:
            return self._problem(names, board_name, str(error))
        parts = "".join(
            section_html(section, view.records, _place(number, section))
            for number, section in enumerate(view.sections)
        )
        return {
            "version": view.version,
            "layout": [*view.names, board_name, crc32(parts.encode())],
            "title": " · ".join(view.names),
            "running": any(study_state(record) == "running" for record in view.records),
            "bar": self._bar(view.names, board_name, view.records),
            "head": self._head(view),
            "panels": parts,
        }

    def look(self, names: Sequence[str], board_name: str, known: int, parts: Sequence[int]) -> str:
        """Return a page as JSON; if it changed since version ``known`` with what it then asks for.

        Returns:
            What ``page`` returns, and for a changed page that was known ``trials`` and ``parts``
            (by their numbers, those that are given and there), as the methods of these names.
        """
        page = self.page(names, board_name)
        said = json.dumps(page)
        if not known or known == page["version"] or not page["layout"]:
            return said
        drawn = {}
        for number in parts:
            with suppress(StudyError):  # the board has changed; its page asks for what it has
                drawn[number] = self.part(names, board_name, number)
        shown = ",".join(f'"{number}":{part}' for number, part in drawn.items())
        trials = self.trials(names, board_name)
        return f'{said[:-1]},"trials":{trials},"parts":{{{shown}}}}}'

    def view(self, names: Sequence[str], board_name: str) -> View:
        """Return studies on a board as they stand, or stood a moment ago.

        Raises:
            StudyError: If a study is not there, or cannot be read.
            UsageError: If there is no such board.
            SpecError: If its file is not what a board should be.
        """
        wanted = tuple(dict.fromkeys(names))
        place = (wanted, board_name)
        with self._locks[place]:
            began = time.monotonic()
            known = self._views.get(place)
            if known is not None and began - known.seen < min(_REST * known.cost, _LONGEST_REST):
                return known
            shown = self._board(board_name)
            records = tuple(self.catalogue.look(name) for name in wanted)
            if (
                known is not None
                and known.board == shown
                and all(a is b for a, b in zip(known.records, records, strict=True))
            ):
                return known
            found = View(
                wanted, shown, records, sections(shown, records), next(self._versions), began
            )
            found.kinds = _kinds(records, known)
            found.colours = colours_of(found.kinds)
            found.cost = time.monotonic() - began
            self._views.pop(place, None)
            self._views[place] = found
            for old in list(self._views)[:-_KEPT]:
                self._views.pop(old, None)
            return found

    def part(self, names: Sequence[str], board_name: str, number: int) -> str:
        """Return what section ``number`` shows, as JSON: ``figure``, or ``html``.

        Raises:
            StudyError: If there is no such section, or as ``view`` does.
        """
        view = self.view(names, board_name)
        if not 0 <= number < len(view.sections):
            raise StudyError(f"the board has no part {number}")
        with view.drawing:
            if number not in view.drawn:
                began = time.monotonic()
                view.drawn[number] = self._drawn(view, board_name, view.sections[number])
                view.cost += time.monotonic() - began
        return view.drawn[number]

    def _drawn(self, view: View, board_name: str, section: Section) -> str:
        if section.is_figure:
            return f'{{"figure":{figure_json(figure_of(section, view.records))}}}'
        links = [address([name], board_name) for name in view.names]
        return json.dumps({"html": text_of(section, view.records, links, view.colours)})

    def trials(self, names: Sequence[str], board_name: str) -> str:
        """Return the columns of all trials of the studies, as JSON."""
        view = self.view(names, board_name)
        with view.drawing:
            if not view.table:
                found = [columns(record) for record in view.records]
                view.table = json.dumps(found, separators=(",", ":"), allow_nan=False)
        return view.table

    def trial(self, name: str, number: int) -> dict[str, Any]:
        """Return what opens at a click on one trial.

        Raises:
            StudyError: If there is no such trial.
        """
        record = self.catalogue.look(name)
        at = self._at(record, number)
        trial = record.trials[at]
        colours = next(
            (view.colours for view in self._views.values() if name in view.names), None
        ) or kind_colours([trial.architecture])
        found = entry(record, trial, rows(record)[at], colours)
        if self.weights(name, number) is not None:
            query = urlencode({"study": name, "number": number})
            found["weights"] = f"/api/weights?{query}"
        return found

    def weights(self, name: str, number: int) -> Path | None:
        """Return the file of a trial's weights, None if they were not kept.

        Raises:
            StudyError: If there is no such trial.
        """
        record = self.catalogue.look(name)
        self._at(record, number)
        folder = record.folder.resolve()
        path = weights_path(folder, number).resolve()
        return path if path.is_file() and path.is_relative_to(folder) else None

    def _at(self, record: Record, number: int) -> int:
        if 0 <= number < len(record.trials) and record.trials[number].number == number:
            return number
        for at, trial in enumerate(record.trials):
            if trial.number == number:
                return at
        raise StudyError(f"study {record.name} has no trial {number}")

    def _board(self, name: str) -> Board:
        path = self.boards.get(name)
        if path is None:
            raise UsageError(found=name, expected=f"one of {', '.join(self.boards)}")
        changed = path.stat().st_mtime_ns if path.is_file() else 0
        known = self._read.get(name)
        if known is None or known[0] != changed:
            known = self._read[name] = (changed, board(str(path)))
        return known[1]

    def _head(self, view: View) -> str:
        if len(view.records) == 1:
            record = view.records[0]
            head = panels.header(record, view.board.title, view.board.intro)
            return f'<div data-study="{escape(record.name, quote=True)}">{head}</div>'
        links = [address([name]) for name in view.names]
        states = [study_state(record) for record in view.records]
        return (
            f"{panels.header_of_several(view.records, view.board.title, '')}"
            f'<section class="panel">{panels.studies(view.records, links, states)}</section>'
        )

    def _list(self) -> dict[str, Any]:
        shown: list[Record] = []
        states, links, rest = [], [], []
        for name, folder in self.catalogue.folders().items():
            record = self.catalogue.known(name, folder)
            if record is None:
                rest.append((name, address([name])))
                continue
            shown.append(self._again(name, record))
            states.append(study_state(record))
            links.append(address([name]))
        head = (
            '<header><p class="over">unitsearch</p><h1>Studies</h1><p class="note">Accuracies are'
            " on validation images, one seed each, ± one standard error.</p></header>"
            f'<section class="panel">{panels.studies(shown, links, states, rest)}</section>'
        )
        return {
            "version": crc32(head.encode()),
            "layout": [],
            "title": "Studies",
            "bar": self._bar((), _BOARD, ()),
            "head": head,
            "panels": "",
        }

    def _again(self, name: str, record: Record) -> Record:
        try:
            return self.catalogue.look(name)
        except StudyError:
            return record  # it was readable a moment ago

    def _problem(self, names: Sequence[str], board_name: str, said: str) -> dict[str, Any]:
        return {
            "version": crc32(said.encode()),
            "layout": [],
            "title": "unitsearch",
            "bar": self._bar(tuple(names), board_name, ()),
            "head": f'<p class="problem" role="alert">{escape(said)}</p>',
            "panels": "",
        }

    def _bar(self, names: tuple[str, ...], board_name: str, records: Sequence[Record]) -> str:
        chips = []
        for name in names:
            rest = [other for other in names if other != name]
            chips.append(
                f'<span class="study">{escape(name)}<a href="{escape(address(rest, board_name))}"'
                f' aria-label="Show no longer {escape(name, quote=True)}">×</a></span>'
            )
        said = "compare with…" if names else "open a study…"
        more = "".join(
            _option(other, address([*names, other], board_name))
            for other in self.catalogue.folders()
            if other not in names
        )
        added = f'<option value="">{said}</option>{more}'
        choosers = f'<select class="jump" aria-label="{said}">{added}</select>' if more else ""
        if names:
            boards = "".join(
                _option(name, address(names, name), chosen=name == board_name)
                for name in self.boards
            )
            choosers += f'<label>board <select class="jump">{boards}</select></label>'
        told = "".join(
            f'<span class="state {study_state(r)}">{study_state(r)}</span>{_progress(r)}'
            for r in (records if len(records) == 1 else ())
        )
        return (
            '<a class="home" href="/">unitsearch</a>'
            f'{"".join(chips)}{choosers}<span class="told">{told}</span>'
        )


def address(names: Sequence[str], board_name: str = _BOARD) -> str:
    """Return where studies on a board are shown."""
    query = [("study", name) for name in names]
    if names and board_name != _BOARD:
        query.append(("board", board_name))
    return f"/?{urlencode(query)}" if query else "/"


def shipped_boards() -> dict[str, Path]:
    """Return the boards that come with unitsearch and show studies, by name."""
    folder = resources.folder("dashboards")
    names = [name for name in resources.names("dashboards") if name != "index"]
    names.sort(key=lambda name: (name != _BOARD, name))
    return {name: folder / f"{name}.yaml" for name in names}


def own_boards(paths: Sequence[Path]) -> dict[str, Path]:
    """Return boards from files of one's own, by the names of the files.

    Raises:
        SpecError: If one is not what a board should be.
    """
    found = {}
    for path in paths:
        board(str(path))
        if path.suffix not in (".yaml", ".yml", ".json"):
            raise SpecError(place=str(path), found=path.suffix, expected="a board (*.yaml)")
        found[path.stem] = path
    return found


def _place(number: int, section: Section) -> str:
    inner = plot_html(f"figure-{number}") if section.is_figure else '<div class="text"></div>'
    return f'<div data-part="{number}">{inner}</div>'


def _option(text: str, value: str, *, chosen: bool = False) -> str:
    mark = " selected" if chosen else ""
    return f'<option value="{escape(value, quote=True)}"{mark}>{escape(text)}</option>'


def _progress(record: Record) -> str:
    wanted = record.manifest.config.budget.trials
    running = sum(trial.state == "running" for trial in record.trials)
    said = f"{record.counted:,} of {words.count(wanted, 'trial')}"
    return f"{said}, {running} training" if running else said


def _kinds(records: Sequence[Record], known: View | None) -> set[Kind]:
    """Return the kinds of units of all trials; of studies that grew, only the new ones are read."""
    seen = [record.trials for record in known.records] if known else [()] * len(records)
    grown = list(zip(seen, (record.trials for record in records), strict=True))
    if known is None or not all(_has_grown(before, now) for before, now in grown):
        return kinds_in(trial.architecture for _, now in grown for trial in now)
    new = (trial.architecture for before, now in grown for trial in now[len(before) :])
    return known.kinds | kinds_in(new)


def _has_grown(before: Sequence[Trial], now: Sequence[Trial]) -> bool:
    """Say whether ``now`` are the trials of before, or what became of them, and perhaps more."""
    last = len(before) - 1
    return last < 0 or (len(now) > last and now[last].key == before[last].key)
