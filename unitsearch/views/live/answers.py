"""The answers of the dashboard's server: pages, their parts, and single trials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from unitsearch.errors import StudyError, UnitSearchError
from unitsearch.study.folder import weights_path
from unitsearch.study.record import Record
from unitsearch.study.state import study_state
from unitsearch.study.tables import rows
from unitsearch.views.drawing import kind_colours
from unitsearch.views.live.bar import (
    address,
    bar_html,
    head_html,
    list_html,
    panels_html,
    problem_html,
)
from unitsearch.views.live.board_files import DEFAULT_BOARD, BoardFiles
from unitsearch.views.live.catalogue import Catalogue
from unitsearch.views.live.view_cache import View, ViewCache
from unitsearch.views.pages.details import columns, entry
from unitsearch.views.pages.document import figure_json
from unitsearch.views.pages.sections import Section, figure_of, text_of

_DRAWN_AHEAD = 2  # sections that are drawn before a page asks for them: the first on the screen


class Answers:
    """The answers of the dashboard; safe to use from several threads.

    Args:
        catalogue: The studies.
        boards: The file of each board, by its name.
        clock: The monotonic time in seconds.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        boards: Mapping[str, Path],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalogue = catalogue
        self.boards = BoardFiles(boards)
        self._cache = ViewCache(catalogue, self.boards, clock)

    def prepare(self) -> None:
        """Read every study for the list of studies; draw the first parts of a single study."""
        self.catalogue.read_all()
        names = list(self.catalogue.folders())
        if len(names) == 1:
            with suppress(UnitSearchError):  # the page itself shows the error
                self.trials(names, DEFAULT_BOARD)
                sections = self.view(names, DEFAULT_BOARD).sections
                for number in range(min(_DRAWN_AHEAD, len(sections))):
                    self.part(names, DEFAULT_BOARD, number)

    def view(self, names: Sequence[str], board_name: str) -> View:
        """Return studies on a board, as ``ViewCache.view`` does."""
        return self._cache.view(names, board_name)

    def page(self, names: Sequence[str], board_name: str) -> dict[str, Any]:
        """Return a page without the contents of its panels; without names the list of studies.

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
        panels = panels_html(view)
        return {
            "version": view.version,
            "layout": [*view.names, board_name, crc32(panels.encode())],
            "title": " · ".join(view.names),
            "running": any(study_state(record) == "running" for record in view.records),
            "bar": self._bar(view.names, board_name, view.records),
            "head": head_html(view),
            "panels": panels,
        }

    def look(self, names: Sequence[str], board_name: str, known: int, parts: Sequence[int]) -> str:
        """Return a page as JSON; if it changed since version ``known``, with its trials and parts.

        Returns:
            The value of ``page``; for a changed page that was known also ``trials`` and ``parts``:
            the parts whose numbers are in ``parts`` and exist, by number. The methods ``trials``
            and ``part`` return the same.
        """
        page = self.page(names, board_name)
        text = json.dumps(page)
        if not known or known == page["version"] or not page["layout"]:
            return text
        drawn = {}
        for number in parts:
            with suppress(StudyError):  # the board has changed; its page asks for the new parts
                drawn[number] = self.part(names, board_name, number)
        parts_json = ",".join(f'"{number}":{part}' for number, part in drawn.items())
        trials = self.trials(names, board_name)
        return f'{text[:-1]},"trials":{trials},"parts":{{{parts_json}}}}}'

    def part(self, names: Sequence[str], board_name: str, number: int) -> str:
        """Return the content of section ``number`` as JSON: ``figure``, or ``html``.

        Raises:
            StudyError: If there is no such section, or as ``view`` does.
        """
        view = self.view(names, board_name)
        if not 0 <= number < len(view.sections):
            raise StudyError(f"the board has no part {number}")
        return view.drawn.section(number, lambda: _drawn(view, view.sections[number]))

    def trials(self, names: Sequence[str], board_name: str) -> str:
        """Return the columns of all trials of the studies, as JSON."""
        view = self.view(names, board_name)

        def write() -> str:
            table = [columns(record) for record in view.records]
            return json.dumps(table, separators=(",", ":"), allow_nan=False)

        return view.drawn.columns(write)

    def trial(self, name: str, number: int) -> dict[str, Any]:
        """Return the details of one trial, which open at a click.

        Raises:
            StudyError: If there is no such trial.
        """
        record = self.catalogue.look(name)
        place = _place_of(record, number)
        trial = record.trials[place]
        colours = self._cache.colours(name) or kind_colours([trial.architecture])
        details = entry(record, trial, rows(record)[place], colours)
        if self.weights(name, number) is not None:
            query = urlencode({"study": name, "number": number})
            details["weights"] = f"/api/weights?{query}"
        return details

    def weights(self, name: str, number: int) -> Path | None:
        """Return the file of a trial's weights, None if they were not kept.

        Raises:
            StudyError: If there is no such trial.
        """
        record = self.catalogue.look(name)
        _place_of(record, number)
        folder = record.folder.resolve()
        path = weights_path(folder, number).resolve()
        return path if path.is_file() and path.is_relative_to(folder) else None

    def _list(self) -> dict[str, Any]:
        records: dict[str, Record | None] = {}
        for name, folder in self.catalogue.folders().items():
            record = self.catalogue.known(name, folder)
            if record is not None:
                with suppress(StudyError):  # it was readable a moment ago: show it as it was
                    record = self.catalogue.look(name)
            records[name] = record
        head = list_html(records)
        return {
            "version": crc32(head.encode()),
            "layout": [],
            "title": "Studies",
            "bar": self._bar((), DEFAULT_BOARD),
            "head": head,
            "panels": "",
        }

    def _problem(self, names: Sequence[str], board_name: str, message: str) -> dict[str, Any]:
        return {
            "version": crc32(message.encode()),
            "layout": [],
            "title": "unitsearch",
            "bar": self._bar(names, board_name),
            "head": problem_html(message),
            "panels": "",
        }

    def _bar(self, names: Sequence[str], board_name: str, records: Sequence[Record] = ()) -> str:
        offered = (list(self.catalogue.folders()), list(self.boards.paths))
        return bar_html(names, board_name, offered, records[0] if len(records) == 1 else None)


def _drawn(view: View, section: Section) -> str:
    if section.is_figure:
        return f'{{"figure":{figure_json(figure_of(section, view.records))}}}'
    links = [address([name], view.board_name) for name in view.names]
    return json.dumps({"html": text_of(section, view.records, links, view.colours)})


def _place_of(record: Record, number: int) -> int:
    """Return the index of trial ``number`` among the record's trials."""
    if 0 <= number < len(record.trials) and record.trials[number].number == number:
        return number
    for place, trial in enumerate(record.trials):
        if trial.number == number:
            return place
    raise StudyError(f"study {record.name} has no trial {number}")
